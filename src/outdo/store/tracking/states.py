"""How things are, for the audit trail: what a change of theirs can touch, and nothing that may be large."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, select

from outdo.core.access import Thing
from outdo.store.tracking.prepared import Prepared
from outdo.store.tracking.projects import experiment_id
from outdo.store.tracking.tables import (
    aliases,
    experiment_tags,
    experiments,
    files,
    logged_model_tags,
    logged_models,
    logged_runs,
    model_tags,
    model_versions,
    registered_models,
    run_tags,
    version_tags,
)
from outdo.store.tracking.trace_tables import trace_tags, traces
from outdo.store.tracking.webhook_tables import webhooks

State = Mapping[str, Any]


def state_of(connection: Connection, thing: Thing) -> State:
    """What is known of a thing by name; nothing where it is not there."""
    match thing.kind:
        case "experiment":
            return _read(connection, experiments.c.id, experiment_id(thing.name), experiment_tags)
        case "run":
            return _read(connection, logged_runs.c.id, thing.name, run_tags)
        case "logged model":
            return _read(connection, logged_models.c.id, thing.name, logged_model_tags)
        case "model":
            return _model(connection, thing.name)
        case "version":
            return _version(connection, thing.name)
        case "artifact":
            return _file(connection, thing.name)
        case "webhook":
            return _webhook(connection, thing.name)
        case "trace":
            return _read(connection, traces.c.id, thing.name, trace_tags)
    return {}


_TOLD: Mapping[Table, tuple[str, ...]] = {
    experiments: ("name", "active"),
    logged_runs: ("name", "status", "ended", "active"),
    logged_models: ("name", "status", "active"),
    registered_models: ("name", "description"),
    traces: ("state",),
    model_versions: ("description", "stage", "source", "digest", "run"),
}


def _read(connection: Connection, column: Column[Any], value: object, tags: Table) -> State:
    row, tagged = _questions(column, tags)
    found = row.row(connection, {"value": value})
    if found is None:
        return {}
    told = dict(zip(_TOLD[column.table], found[1:], strict=True))
    for name in told.keys() & {"active"}:
        told[name] = bool(told[name])  # SQLite has numbers for it
    return {**told, **{f"tags.{key}": text for key, text in tagged.rows(connection, {"owner": found[0]})}}


@cache
def _questions(column: Column[Any], tags: Table) -> tuple[Prepared, Prepared]:
    """What is asked of a thing, and of its tags."""
    table = column.table
    number = next(iter(table.primary_key))
    names = [table.c[name] for name in _TOLD[table]]
    row = Prepared(lambda _: select(number, *names).where(column == bindparam("value")))
    tagged = Prepared(lambda _: select(tags.c.key, tags.c.value).where(tags.c[0] == bindparam("owner")))
    return row, tagged


def _model(connection: Connection, name: str) -> State:
    state = _read(connection, registered_models.c.name, name, model_tags)
    if not state:
        return {}
    pointed = (
        select(aliases.c.alias, model_versions.c.version)
        .join(model_versions, model_versions.c.number == aliases.c.version)
        .join(registered_models, registered_models.c.number == aliases.c.model)
        .where(registered_models.c.name == name)
    )
    pointers = {f"aliases.{row.alias}": row.version for row in connection.execute(pointed)}
    return {**state, **pointers}


def _version(connection: Connection, name: str) -> State:
    model, _, number = name.rpartition("/")
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        return {}
    here = (model_versions.c.name == model) & (model_versions.c.version == int(number))
    found = connection.scalar(select(model_versions.c.number).where(here))
    return _read(connection, model_versions.c.number, found, version_tags)


def _webhook(connection: Connection, id_: str) -> State:
    names = ("name", "url", "events", "status")  # its secret is told to nobody
    row = connection.execute(
        select(*(webhooks.c[name] for name in names)).where(webhooks.c.id == id_)
    ).first()
    return {} if row is None else dict(zip(names, row, strict=True))


def _file(connection: Connection, path: str) -> State:
    row = connection.execute(select(files.c.digest, files.c.size).where(files.c.path == path)).first()
    return {} if row is None else {"digest": row.digest, "size": row.size}
