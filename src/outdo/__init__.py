"""Outdo: CI/CD for machine learning. A model ships only when it outdoes the one in production, and can prove it."""

from outdo.core.version import VERSION as __version__

__all__ = ["__version__"]
