"""The code of a run, put back into the workspace."""

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from outdo.app.history import runs_named
from outdo.app.project import STATE, Project
from outdo.app.sides import Held, held, of_run, pipeline_of, written
from outdo.core.compare import LineChange
from outdo.core.errors import UnknownRun
from outdo.core.model import Path, Pipeline
from outdo.core.record import Run
from outdo.run.git import Refused, in_repository
from outdo.run.revisions import Revision, check_out, edited, line_changes, tracked_among
from outdo.store.atomic import write_atomic
from outdo.store.files import remove
from outdo.store.lock import NAME as LOCK

NOTE = "applied"
"""In the folder for state: the run whose code was put back last, so that it is known to be on record."""


class Code(Struct, frozen=True):
    """What has to be done to have the code of a run, all of it ready."""

    changes: tuple[LineChange, ...]
    left: tuple[Path, ...]
    """Files that the run did not have and Git does not track: they stay."""
    lost: tuple[Path, ...]
    """Files whose content now is on no record."""
    pipeline: Pipeline
    """As the run had it."""
    folder: str
    """Where the files are that come."""


@contextmanager
def code_of(project: Project, run: Run) -> Iterator[Code | None]:
    """The code of a run beside that of the workspace; None where it is not on record, or Git has lost it."""
    then = of_run(project, run).code
    if then is None or not in_repository(project.root):
        yield None
        return
    now = held(project, "workspace")
    if now.code is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="apply-", dir=project.state) as folder:
        try:
            found = _compared(project, now, now.code, then, folder)
        except Refused:
            yield None
            return
        yield found


def put(project: Project, code: Code, run: Run) -> None:
    """Puts the code of a run in place, each file whole."""
    for change in code.changes:  # first, as a folder may come where a file was
        if change.kind == "removed":
            place = os.path.join(project.root, change.path)
            os.unlink(place)
            _drop_empty(os.path.dirname(place), project.root)
    for change in code.changes:
        if change.kind != "removed":
            for obstacle in _obstacles(project.root, change.path, ()):
                remove(os.path.join(project.root, obstacle))
            place = os.path.join(project.root, change.path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if os.path.isdir(place) and not os.path.islink(place):
                remove(place)
            os.replace(os.path.join(code.folder, change.path), place)
    write_atomic(os.path.join(project.state, NOTE), run.id.encode())


def _compared(project: Project, now: Held, here: Revision, then: Revision, folder: str) -> Code:
    root = project.root
    without = [*written(project.pipeline), *now.side.outs, LOCK, STATE]
    found = line_changes(root, here, then, without)
    gone = [change.path for change in found if change.kind == "removed"]
    put_back = _code_of_run(project, _noted(project))
    left = set(gone) - tracked_among(root, gone)
    if left and put_back is not None:  # what came with a run goes with it
        left &= {change.path for change in line_changes(root, put_back, here, without)}
    changes = [change for change in found if change.path not in left]
    place = check_out(root, then, [one.path for one in changes if one.kind != "removed"], folder)
    pipeline = _pipeline(project, changes, place)
    outs = set(written(pipeline))
    changes = [change for change in changes if change.path not in outs]
    lost = _lost(project, here, changes, without)
    return Code(tuple(changes), tuple(sorted(left)), lost, pipeline, place)


def _pipeline(project: Project, changes: Sequence[LineChange], folder: str) -> Pipeline:
    kinds = {change.path: change.kind for change in changes}
    sources = {source.path for source in project.pipeline.sources} | {project.file}
    if not sources.intersection(kinds):
        return project.pipeline

    def read(path: Path) -> bytes | None:
        base = folder if path in kinds else project.root
        try:
            with open(os.path.join(base, path), "rb") as file:
                return file.read()
        except OSError:
            return None

    return pipeline_of(project, project.file, read, "the run")


def _lost(
    project: Project, here: Revision, changes: Sequence[LineChange], without: Sequence[Path]
) -> tuple[Path, ...]:
    """What would be overwritten and is neither in the last commit, nor what the last run had, nor what was put back."""
    root = project.root
    mine = edited(root)
    ignored = {
        one.path
        for one in changes
        if one.kind == "added" and one.path not in mine and _is_file(os.path.join(root, one.path))
    }
    gone = [one.path for one in changes if one.kind == "removed"]
    coming = [one.path for one in changes if one.kind != "removed"]
    in_the_way = {each for path in coming for each in _obstacles(root, path, gone)}
    risk = {one.path for one in changes if one.path in mine}
    for name in (_noted(project), "last"):
        known = _code_of_run(project, name) if risk else None
        if known is not None:
            risk &= {change.path for change in line_changes(root, known, here, without)}
    return tuple(sorted(risk | ignored | in_the_way))


def _obstacles(root: str, path: Path, gone: Collection[Path]) -> list[Path]:
    """What is of another kind than it takes to put a file at `path`: a file where a folder has to be, or a folder with
    something else in it than the files that are `gone` by then."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    found = [each for each in above if each not in gone and _is_file(os.path.join(root, each))]
    place = os.path.join(root, path)
    if os.path.isdir(place) and not os.path.islink(place):
        inside = (
            os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(place) for name in names
        )
        if any(name not in gone for name in inside):
            found.append(path)
    return found


def _is_file(place: str) -> bool:
    return os.path.lexists(place) and not os.path.isdir(place)


def _code_of_run(project: Project, name: str) -> Revision | None:
    try:
        (run,) = runs_named(project.root, [name]) if name else [None]
    except UnknownRun:
        return None
    return of_run(project, run).code if run else None


def _noted(project: Project) -> str:
    try:
        with open(os.path.join(project.state, NOTE), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def _drop_empty(folder: str, root: str) -> None:
    """Git knows no empty folders, so none is left where its last file went."""
    while folder != root:
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)
