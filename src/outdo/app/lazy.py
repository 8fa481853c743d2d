"""Loads a module of ours only when it is needed, so that a run with nothing to do starts in milliseconds.

The one way to import late. `tests/core/test_architecture.py` reads these calls like imports.
"""

import sys
from types import ModuleType


def lazy(name: str) -> ModuleType:
    """The module of this full name."""
    __import__(name)
    return sys.modules[name]
