"""Reports of reproductions, as they were written down."""

import os
from collections.abc import Iterator

from msgspec import DecodeError, Struct, json

from outdo.core.model import RunId

FOLDER = "reproductions"
REPORT = "report.json"


class Reproduced(Struct, frozen=True):
    """One time that a run was made again."""

    id: str
    """Its folder; begins with the time, as a run's id does."""
    verdict: str
    run: RunId | None = None
    """None: a commit, of which no run is on record."""


class _Report(Struct, frozen=True):
    run: RunId | None
    verdict: str


def reproductions(state: str, run: RunId) -> tuple[Reproduced, ...]:
    """The reproductions of a run that are on record here, oldest first; those of commits by their run."""
    return tuple(one for one in ended(state) if one.run == run)


def ended(state: str) -> tuple[Reproduced, ...]:
    """All reproductions that came to an end, oldest first."""
    return tuple(_in(os.path.join(state, FOLDER)))


def _in(folder: str) -> Iterator[Reproduced]:
    try:
        names = sorted(os.listdir(folder), key=lambda name: (_written(os.path.join(folder, name)), name))
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name, REPORT), "rb") as file:
                report = json.decode(file.read(), type=_Report)
        except (OSError, DecodeError):
            continue  # it did not come to an end
        yield Reproduced(name, report.verdict, report.run)


def _written(folder: str) -> int:
    """When a report was written: an id tells seconds, in which two may end."""
    try:
        return os.stat(os.path.join(folder, REPORT)).st_mtime_ns
    except OSError:
        return 0
