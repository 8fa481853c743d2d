"""MLflow's REST protocol as its 3.x clients speak it, over the store's tracking tables."""
