"""What was brought here from elsewhere: noted once it is here whole, and counted where it is now."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import json
from sqlalchemy import ColumnElement, Connection, Table, func, select

from outdo.core.places import inside
from outdo.store.tracking.tables import (
    aliases,
    files,
    imported,
    inputs,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    logged_runs,
    model_tags,
    model_versions,
    points,
    registered_models,
    run_params,
    run_tags,
    version_tags,
)
from outdo.store.tracking.writing import upsert

Kind = Literal["experiment", "run", "model", "registered", "version"]
Counts = Mapping[str, int]
_counts = json.Decoder(dict[str, int]).decode


class Note(NamedTuple):
    """One thing that is here whole."""

    name: str
    """What it is called here."""
    counts: Counts
    """How much the source had of it."""


def notes(connection: Connection, source: str, kind: Kind) -> dict[str, Note]:
    """What was brought of a kind, by its id there."""
    query = select(imported).where(imported.c.source == source, imported.c.kind == kind)
    return {row.id: Note(row.name, _counts(row.counts)) for row in connection.execute(query)}


def note(connection: Connection, source: str, kind: Kind, id_: str, made: Note) -> None:
    """This is here whole."""
    counts = json.encode(made.counts).decode()
    row = {"source": source, "kind": kind, "id": id_, "name": made.name, "counts": counts}
    upsert(connection, imported, [row], ["name", "counts"])


def run_counts(connection: Connection, id_: str) -> dict[str, int]:
    """How much is here of a run; nothing where it is not."""
    found = connection.execute(
        select(logged_runs.c.number, logged_runs.c.location).where(logged_runs.c.id == id_)
    ).first()
    if found is None:
        return {}
    tables = {"params": run_params, "tags": run_tags, "points": points, "datasets": inputs}
    counts = {name: _count(connection, table, table.c.run == found.number) for name, table in tables.items()}
    return {"runs": 1, **counts, **_files(connection, found.location)}


def model_counts(connection: Connection, id_: str) -> dict[str, int]:
    """How much is here of a logged model."""
    found = connection.execute(
        select(logged_models.c.number, logged_models.c.location).where(logged_models.c.id == id_)
    ).first()
    if found is None:
        return {}
    tables = {"params": logged_model_params, "tags": logged_model_tags, "model metrics": logged_model_metrics}
    counts = {
        name: _count(connection, table, table.c.model == found.number) for name, table in tables.items()
    }
    return {"logged models": 1, **counts, **_files(connection, found.location)}


def registered_counts(connection: Connection, name: str) -> dict[str, int]:
    """How much is here of a registered model, without its versions."""
    number = connection.scalar(select(registered_models.c.number).where(registered_models.c.name == name))
    if number is None:
        return {}
    return {
        "registered models": 1,
        "tags": _count(connection, model_tags, model_tags.c.model == number),
        "aliases": _count(connection, aliases, aliases.c.model == number),
    }


def version_counts(connection: Connection, name: str, version: int) -> dict[str, int]:
    """How much is here of a version."""
    here = (model_versions.c.name == name) & (model_versions.c.version == version)
    number = connection.scalar(select(model_versions.c.number).where(here))
    if number is None:
        return {}
    return {"versions": 1, "tags": _count(connection, version_tags, version_tags.c.version == number)}


def added(parts: Sequence[Counts]) -> dict[str, int]:
    """All of these together."""
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total


def _files(connection: Connection, location: str) -> dict[str, int]:
    folder = inside(location)
    if folder is None:
        return {}
    here = (files.c.path > f"{folder}/") & (files.c.path < f"{folder}0")
    count, size = connection.execute(select(func.count(), func.sum(files.c.size)).where(here)).one()
    return {"artifacts": count, "bytes": size or 0}


def _count(connection: Connection, table: Table, these: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(these)) or 0
