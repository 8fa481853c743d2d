"""Checks of data: what the file says, carried out on what is there."""

import os
import time
from collections.abc import Mapping, Sequence
from posixpath import normpath

from msgspec import Struct

from outdo.app.judged import JudgedModel, judged
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


def check(start: str = ".", words: Sequence[str] = ()) -> list[Checked | JudgedModel]:
    """The verdicts on data and on models, on all that the file speaks of or on the paths and models named; raises
    `NothingToCheck` for one without checks or gates."""
    project = open_project(start)
    file = declaration(project)
    models = [name for name, model in file.models.items() if model.gates]
    if not words and not file.checks and not models:
        what = "the file has neither checks nor gates"
        raise NothingToCheck(
            what, where=Place(project.file), fix="add 'checks:' with a path, or gates to a model"
        )
    paths = [word for word in words if word not in file.models]
    found: list[Checked | JudgedModel] = []
    if paths or (file.checks and not words):
        found += _data(project, file.checks, paths)
    found += [
        judged(project, name) for name in (models if not words else file.models) if not words or name in words
    ]
    return found


def _data(
    project: Project, declared: Mapping[Path, tuple[Asserted, ...]], paths: Sequence[str]
) -> list[Checked]:
    """A path that is not there was not evaluated, which is not passed."""
    wanted = [normpath(os.path.relpath(os.path.abspath(path), project.root)) for path in paths] or list(
        declared
    )
    for path in wanted:
        if path not in declared:
            what = f"there are no checks of '{path}'"
            raise NothingToCheck(what, where=Place(project.file), fix=did_you_mean(path, declared))
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
