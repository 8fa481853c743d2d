"""Stages as clients of MLflow: what they are told of the line that they log on, and what they have logged on it."""

import os
from collections.abc import Callable, Mapping, MutableMapping
from itertools import islice
from typing import Protocol

from outdo.core.model import Key, Stage, StageName
from outdo.run.ports import Reached

ADDRESS = "MLFLOW_TRACKING_URI"
"""Who sets this variable says where stages log, and is left alone."""
CONTRADICTS = "MLFLOW_EXPERIMENT_ID"
"""Must not be set where `MLFLOW_EXPERIMENT_NAME` is."""
MOST_LOGGED = 1000
"""Metrics of a stage that are taken over, the first by name."""
CALL = b"set_tracking_uri"
MOST_BYTES = 256 * 1024
MOST_FILES = 200
MOST_ENTRIES = 2000
_CODE = (".py", ".ipynb")


class Line(Protocol):
    """Where a stage's command logs to."""

    def admit(self, stage: StageName, key: Key | None, *, named: bool) -> Reached:
        """A stage may log from now on; it is told the id of its run if `named`. Raises OSError."""
        ...

    def values(self, stage: StageName) -> tuple[Mapping[str, float], str]:
        """The last values that a stage has logged; and, once in a run, why nothing could be logged, if so."""
        ...


class Clients:
    """The stages of a run on its line."""

    def __init__(self, root: str, line: Line) -> None:
        self._root = root
        self._line: Line | None = line

    def enter(
        self, stage: Stage, key: Key | None, env: MutableMapping[str, str], tell: Callable[[str], None]
    ) -> Reached | None:
        """How a stage that begins reaches the line, which its environment says too then; None where it, or who started
        the run, says where else it logs."""
        if self._line is None or env.get(ADDRESS):
            return None
        try:
            reached = self._line.admit(stage.name, key, named=not chooses_server(self._root, stage))
        except OSError as error:
            self._line = None
            tell(f"stages can't log here: {error.strerror}")
            return None
        env.update({name: value for name, value in reached.env.items() if name not in stage.env})
        if CONTRADICTS not in stage.env:
            env.pop(CONTRADICTS, None)
        return reached

    def values(self, stage: Stage, tell: Callable[[str], None]) -> Mapping[str, float]:
        """The last values of what a stage's command has logged."""
        found, trouble = self._line.values(stage.name) if self._line else ({}, "")
        if trouble:
            tell(trouble)
        if len(found) > MOST_LOGGED:
            tell(f"it logged {len(found):,} metrics; the first {MOST_LOGGED:,} by name are on record")
        return {name: found[name] for name in sorted(found)[:MOST_LOGGED]}


def chooses_server(root: str, stage: Stage) -> bool:
    """Whether code that the stage runs or reads says where to log. A client that goes to another server must not be
    told of a run that is not there."""
    words = [os.path.join(stage.wdir, word) for command in stage.cmd for word in command.split()]
    files = [path for path in dict.fromkeys((*words, *stage.deps)) if path.endswith(_CODE)]
    folders = [path for path in stage.deps if os.path.isdir(os.path.join(root, path))]
    for folder in folders:
        files += _code_in(root, folder)
    return any(CALL in _start(os.path.join(root, path)) for path in files[:MOST_FILES])


def _code_in(root: str, folder: str) -> list[str]:
    """Code in a folder and those in it, as far as that is quickly found."""
    found: list[str] = []
    folders = [os.path.join(root, folder)]
    left = MOST_ENTRIES
    while folders and left > 0:
        with os.scandir(folders.pop()) as entries:
            for entry in islice(entries, left):
                left -= 1
                if entry.name.endswith(_CODE):
                    found.append(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return found


def _start(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return b""
