"""Checks of data: what the file says, carried out on what is there."""

import os
import time
from collections.abc import Sequence
from posixpath import normpath

from msgspec import Struct

from outdo.app.project import Project, open_project
from outdo.app.project import declared as declaration
from outdo.core.checks import others
from outdo.core.errors import NothingToCheck
from outdo.core.hints import did_you_mean
from outdo.core.model import Path, Place
from outdo.core.rules import Asserted
from outdo.core.verdict import Outcome, Verdict, overall
from outdo.run.checking import check_table


class Checked(Struct, frozen=True):
    """A path with its verdicts."""

    path: Path
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    seconds: float


def check(start: str = ".", paths: Sequence[str] = ()) -> list[Checked]:
    """The verdicts of the checks of the file, of all paths or of those named; raises `NothingToCheck` for one without.

    A path that is not there was not evaluated, which is not passed."""
    project = open_project(start)
    declared = declaration(project).checks
    wanted = [normpath(os.path.relpath(os.path.abspath(path), project.root)) for path in paths] or list(
        declared
    )
    for path in wanted:
        if path not in declared:
            what = f"there are no checks of '{path}'"
            raise NothingToCheck(what, where=Place(project.file), fix=did_you_mean(path, declared))
    if not wanted:
        raise NothingToCheck(
            "the file has no checks",
            where=Place(project.file),
            fix="add 'checks:' with a path and what it has to pass",
        )
    return [_checked(project, path, declared[path]) for path in wanted]


def _checked(project: Project, path: Path, asserted: Sequence[Asserted]) -> Checked:
    began = time.perf_counter()
    absolute = os.path.join(project.root, path)
    if os.path.isfile(absolute):
        named = {other for each in asserted if (other := others(each.check))}
        beside = {other: os.path.join(project.root, other) for other in named}
        verdicts = check_table(absolute, asserted, now=time.time(), beside=beside)
    else:
        reason = "it is not here" if not os.path.isdir(absolute) else "it is a folder"
        verdicts = [Verdict("file", "not_evaluated", reason)]
    return Checked(path, overall(verdicts), tuple(verdicts), time.perf_counter() - began)
