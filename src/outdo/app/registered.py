"""Which outputs are registered as versions of models: a note beside the database, so that a run with nothing to do
need not open it."""

import os
from collections.abc import Collection, Mapping

from msgspec import DecodeError, Struct, ValidationError, msgpack

from outdo.app.project import Project
from outdo.core.model import ModelOutput, Plan, Record, StageName
from outdo.store.atomic import write_atomic

DATABASE = "tracking.db"
_NOTE = "registered"


class Output(Struct, frozen=True):
    """What a model of the file is now."""

    model: ModelOutput
    record: Record
    """Of the stage that wrote it."""

    @property
    def stamp(self) -> str:
        """Stands for the bytes."""
        return f"{self.record.outs[self.model.output].digest} {self.model.path}"


class _Note(Struct, frozen=True):
    database: int
    """The inode of the database that it speaks of."""
    models: Mapping[str, str]
    """The stamp of what is registered, by name."""


def outputs(
    project: Project, records: Mapping[StageName, Record], ended: Collection[StageName]
) -> dict[str, Output]:
    """What the models are now whose stages `ended` well, by name."""
    return {
        name: Output(model, record)
        for name, model in project.pipeline.models.items()
        if model.stage in ended
        and (record := records.get(model.stage)) is not None
        and model.output in record.outs
    }


def unregistered(project: Project, found: Mapping[str, Output]) -> dict[str, Output]:
    """Those of the models that are not noted as registered."""
    if not found:
        return {}
    noted = _read(project)
    return {name: one for name, one in found.items() if noted.get(name) != one.stamp}


def behind(project: Project, made: Plan) -> dict[str, Output]:
    """The models that a plan with nothing to do finds not registered."""
    if not project.pipeline.models or not registers(project):
        return {}
    records = {one.stage: one.record for one in made.actions if one.record is not None}
    return unregistered(project, outputs(project, records, records))


def registers(project: Project) -> bool:
    """Whether what runs in this project is registered: not in one that only tries something."""
    return project.home == project.state


def note(project: Project, found: Mapping[str, Output]) -> None:
    """These are registered."""
    noted = {**_read(project), **{name: one.stamp for name, one in found.items()}}
    content = msgpack.encode(_Note(_inode(project), noted))
    write_atomic(os.path.join(project.home, _NOTE), content)


def _read(project: Project) -> Mapping[str, str]:
    try:
        with open(os.path.join(project.home, _NOTE), "rb") as file:
            noted = msgpack.decode(file.read(), type=_Note)
    except (OSError, DecodeError, ValidationError):
        return {}
    return noted.models if noted.database == _inode(project) else {}


def _inode(project: Project) -> int:
    try:
        return os.stat(os.path.join(project.home, DATABASE)).st_ino
    except OSError:
        return 0
