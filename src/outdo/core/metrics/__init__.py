"""Labels and scores to metrics."""
