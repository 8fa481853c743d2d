"""Which models are known to have passed their gates: a note, so that a run with nothing to do need not ask the database
who the champion is."""

import os
from collections.abc import Collection, Mapping

from msgspec import DecodeError, Struct, ValidationError, msgpack

from outdo.app.project import Project
from outdo.app.registered import DATABASE, registers
from outdo.core.digest import digest
from outdo.core.model import Plan, Record, StageName
from outdo.store.atomic import write_atomic

_NOTE = "passed"


class _Note(Struct, frozen=True):
    stamp: str
    """Of all that gates may look at."""
    models: frozenset[str]


def judged_by(project: Project, ended: Collection[StageName]) -> list[str]:
    """The models that are to be judged once these stages have ended well: those that were made and scored."""
    if not registers(project):
        return []
    return [
        name
        for name, model in project.pipeline.models.items()
        if model.gates and model.stage in ended and (not model.scored_by or model.scored_by in ended)
    ]


def unjudged(project: Project, made: Plan) -> list[str]:
    """The models of a plan with nothing to do that are not noted to have passed."""
    ended = {action.stage for action in made.actions}
    names = judged_by(project, ended)
    if not names:
        return []
    note = _read(project)
    if note is None or note.stamp != _stamp(project, project.lock.records):
        return names
    return [name for name in names if name not in note.models]


def note(project: Project, models: Collection[str]) -> None:
    """These models passed, as all is now."""
    stamp, former = _stamp(project, project.lock.records), _read(project)
    kept = former.models if former is not None and former.stamp == stamp else frozenset()
    content = msgpack.encode(_Note(stamp, kept | frozenset(models)))
    write_atomic(os.path.join(project.home, _NOTE), content)


def _read(project: Project) -> _Note | None:
    try:
        with open(os.path.join(project.home, _NOTE), "rb") as file:
            return msgpack.decode(file.read(), type=_Note)
    except (OSError, DecodeError, ValidationError):
        return None


def _stamp(project: Project, records: Mapping[StageName, Record]) -> str:
    """Stands for the gates, for what stages made, and for what is registered."""
    rules = {name: model.rules for name, model in project.pipeline.models.items()}
    made = {
        name: (record.key, {path: entry.digest for path, entry in record.outs.items()})
        for name, record in records.items()
    }
    named = {path for model in project.pipeline.models.values() for path in model.tests}
    tests = {path: entry.digest for path, entry in project.workspace.look(named).items()}
    database = [_mark(os.path.join(project.home, f"{DATABASE}{part}")) for part in ("", "-wal")]
    return digest("passed/1", rules, made, tests, database)


def _mark(path: str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)
