"""Outdo: CI/CD for machine learning. A model ships only when it outdoes the one in production."""

__version__ = "0.1.0"
