"""Outdo: CI/CD for machine learning. A model ships only when it outdoes the one in production, and can prove it.

import outdo

project = outdo.load(".")
print(project.plan())
result = project.run()
print(result.metrics["auc"])
"""

from typing import TYPE_CHECKING, Any

from outdo.core import version

__version__ = version.VERSION

if TYPE_CHECKING:
    from outdo.app.library import Finished, Pipeline, Planned, load
    from outdo.app.run import Options
    from outdo.core.errors import Mistakes, UserError
    from outdo.core.events import StageFinished
    from outdo.core.model import Action, Entry, Plan, Reason, Record
    from outdo.core.plan import Request

_HOMES = {
    "load": "outdo.app.library", "Pipeline": "outdo.app.library",
    "Planned": "outdo.app.library", "Finished": "outdo.app.library",
    "Options": "outdo.app.run", "Request": "outdo.core.plan",
    "UserError": "outdo.core.errors", "Mistakes": "outdo.core.errors",
    "Action": "outdo.core.model", "Plan": "outdo.core.model", "Reason": "outdo.core.model",
    "Entry": "outdo.core.model", "Record": "outdo.core.model", "StageFinished": "outdo.core.events",
}  # fmt: skip
"""Names are fetched when they are first used, so that `import outdo` costs nothing."""

__all__ = [
    "Action", "Entry", "Finished", "Mistakes", "Options", "Pipeline", "Plan", "Planned", "Reason", "Record",
    "Request", "StageFinished", "UserError", "__version__", "load",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'outdo' has no attribute {name!r}")
    __import__(_HOMES[name])
    import sys

    value = getattr(sys.modules[_HOMES[name]], name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
