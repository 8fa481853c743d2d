"""What was judged in one call, for those who want it told, and files of it."""

import os
from collections.abc import Sequence

from outdo.app.check import check
from outdo.app.checked import Checked, JudgedModel
from outdo.app.project import open_project
from outdo.core.errors import CantWrite
from outdo.core.report.told import Judged, Report


def report(start: str = ".", words: Sequence[str] = (), *, force: bool = False) -> Report:
    """The verdicts on all that the file speaks of, or on the paths and models named; with `force` also on what was
    judged before. Raises `NothingToCheck`."""
    found = tuple(map(_judged, check(start, words, force=force)))
    return Report(open_project(start).pipeline.project, found)


def _judged(one: Checked | JudgedModel) -> Judged:
    if isinstance(one, Checked):
        return Judged("data", one.path, one.outcome, one.seconds, one.verdicts, kept=one.kept)
    return Judged("model", one.model, one.outcome, one.seconds, one.verdicts, one.champion, one.kept)


def write(path: str, text: str) -> None:
    """Writes a file, and its folder if need be; raises `CantWrite`."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise CantWrite(f"'{path}' can't be written: {error.strerror}", fix="name another file") from None
