"""Data outside the pipeline: paths that a pointer stands for in Git."""
