"""Checks of data and gates of models: what the file says, carried out on what is there."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from posixpath import normpath

from outdo.app.checked import Checked, JudgedModel
from outdo.app.inspected import inspected
from outdo.app.lazy import lazy
from outdo.app.project import Project, open_project
from outdo.app.project import declared as declaration
from outdo.core.errors import NothingToCheck, UserError
from outdo.core.hints import did_you_mean
from outdo.core.model import Path, Place
from outdo.core.rules import Asserted
from outdo.core.verdict import overall


def check(start: str = ".", words: Sequence[str] = (), *, force: bool = False) -> list[Checked | JudgedModel]:
    """The verdicts on data and on models, on all that the file speaks of or on the paths and models named; with `force`
    also on what was judged before. Raises `NothingToCheck` for one without checks or gates."""
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
        found += _data(project, file.checks, paths, force=force)
    for name in [word for word in words if word in file.models] or (models if not words else []):
        found.append(lazy("outdo.app.gated").gated(project, name, force=force, score=_scoring(project)))
    with suppress(UserError, OSError):  # in a project that can't be written to, it is read anew each time
        project.remember()
    return found


def _scoring(project: Project) -> Callable[[object], str]:
    """What has a champion scored where that is needed."""
    return lambda wanted: lazy("outdo.app.gating").score_now(project, wanted)


def _data(
    project: Project, declared: Mapping[Path, tuple[Asserted, ...]], paths: Sequence[str], *, force: bool
) -> list[Checked]:
    wanted = [normpath(os.path.relpath(os.path.abspath(path), project.root)) for path in paths] or list(
        declared
    )
    for path in wanted:
        if path not in declared:
            what = f"there are no checks of '{path}'"
            raise NothingToCheck(what, where=Place(project.file), fix=did_you_mean(path, declared))
    return [_checked(project, path, declared[path], force=force) for path in wanted]


def _checked(project: Project, path: Path, asserted: Sequence[Asserted], *, force: bool) -> Checked:
    began = time.perf_counter()
    found = inspected(project, path, asserted, force=force)
    return Checked(path, overall(found.verdicts), found.verdicts, time.perf_counter() - began, found.kept)
