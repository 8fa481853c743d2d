"""What is asked of a place that MLflow has logged to, whether a server or a folder."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, Protocol, get_args

from msgspec import Struct

from outdo.core.tracking import (
    Experiment,
    LoggedModel,
    LoggedRun,
    ModelState,
    ModelVersion,
    Point,
    RegisteredModel,
    RunState,
    Stage,
)

DEEPEST = 64
MOST_FILES = 1_000_000
_DRIVE = re.compile(r"[A-Za-z]:")


RUN_STATES: Mapping[object, RunState] = {one: one for one in get_args(RunState)}
MODEL_STATES: Mapping[object, ModelState] = {one: one for one in get_args(ModelState)}
VERSION_STAGES: Mapping[object, Stage] = {one: one for one in get_args(Stage)}


class Owner(Struct, frozen=True):
    """A run, or a logged model, whose files are asked for."""

    kind: Literal["run", "model"]
    id: str
    experiment: int
    """Its id there."""
    location: str
    """Where it says that its files are."""


class Found(NamedTuple):
    """A file of an owner, by its path from there."""

    path: str
    size: int | None


class Left(Exception):
    """Something that can't be taken, or must not be; its text says why."""


class Source(Protocol):
    """What was logged. Ids, names and times are those of the source; locations too."""

    def experiments(self) -> Iterator[Experiment]:
        """All of them, the deleted ones too."""
        ...

    def runs(self, experiment: int) -> Iterator[LoggedRun]:
        """All of its runs, the deleted ones too; of metrics at least their names."""
        ...

    def history(self, run: LoggedRun) -> Iterator[Point]:
        """All points of all metrics of a run, those of one metric together."""
        ...

    def models(self, experiment: int) -> Iterator[LoggedModel]:
        """Its logged models."""
        ...

    def registered(self) -> Iterator[tuple[RegisteredModel, list[ModelVersion]]]:
        """The registered models, with their versions from the first to the last."""
        ...


class Files(Protocol):
    """The files of runs and logged models."""

    def listing(self, owner: Owner) -> Iterator[Found]:
        """All files of an owner; raises `Left`."""
        ...

    def read(self, owner: Owner, path: str) -> Iterable[bytes]:
        """The bytes of a file, piece by piece; raises `Left`."""
        ...


def check_path(path: str) -> str:
    """The path of a file, from the folder of its owner; raises `Left` for one that leads elsewhere."""
    parts = path.split("/")
    if (
        not path
        or any(part in ("", ".", "..") for part in parts)
        or "\\" in path
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in path)
        or _DRIVE.match(path)
        or len(parts) > DEEPEST
        or len(path) > 4096
    ):
        raise Left(f"'{path[:200]}' is no path of a file, or leads elsewhere")
    return path
