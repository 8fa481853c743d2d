"""What teams have logged with MLflow so far, read from its server or its folder, and kept here."""
