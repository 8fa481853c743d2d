"""Registered models as rows: names, versions that are never renumbered, aliases that move."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from outdo.core.refusals import Invalid, NameTaken, Unknown
from outdo.core.tracking import Milliseconds, ModelVersion, RegisteredModel, Stage
from outdo.store.tracking.tables import aliases, model_tags, model_versions, registered_models, version_tags
from outdo.store.tracking.writing import new_number, upsert

# ------------------------------------------------------------------ models


def create(connection: Connection, made: RegisteredModel) -> None:
    """The model is there, without a version; raises `NameTaken`."""
    if connection.scalar(select(registered_models.c.number).where(registered_models.c.name == made.name)):
        raise NameTaken(f"Registered Model (name={made.name}) already exists.")
    row = {
        "name": made.name,
        "description": made.description,
        "created": made.created,
        "updated": made.updated,
        "newest": 0,
    }
    number = new_number(connection, registered_models, row)
    _put_tags(connection, number, made.tags)


def find(connection: Connection, name: str) -> RegisteredModel:
    """The model of this name; raises `Unknown`."""
    return read(connection, [number_of(connection, name)])[0]


def read(connection: Connection, numbers: Sequence[int]) -> list[RegisteredModel]:
    """The models of these numbers, in this order."""
    query = select(registered_models).where(registered_models.c.number.in_(numbers))
    rows = {row.number: row for row in connection.execute(query)}
    tags = _texts(connection, numbers, select(model_tags).where(model_tags.c.model.in_(numbers)))
    pointers: dict[int, dict[str, int]] = defaultdict(dict)
    pointed = (
        select(aliases.c.model, aliases.c.alias, model_versions.c.version)
        .join(model_versions, model_versions.c.number == aliases.c.version)
        .where(aliases.c.model.in_(numbers))
        .order_by(aliases.c.alias)
    )
    for model, alias, version in connection.execute(pointed):
        pointers[model][alias] = version
    last = (
        select(func.max(model_versions.c.number))
        .where(model_versions.c.name.in_([row.name for row in rows.values()]))
        .group_by(model_versions.c.name, model_versions.c.stage)
    )
    latest: dict[str, list[ModelVersion]] = defaultdict(list)
    for one in read_versions(connection, list(connection.scalars(last)), with_aliases=False):
        latest[one.name].append(one)
    return [
        RegisteredModel(
            row.name,
            row.created,
            row.updated,
            row.description,
            tags.get(number, {}),
            pointers.get(number, {}),
            tuple(latest.get(row.name, ())),
        )
        for number in numbers
        if (row := rows.get(number)) is not None
    ]


def describe(connection: Connection, name: str, description: str, now: Milliseconds) -> None:
    """The model has another description; raises `Unknown`."""
    number = number_of(connection, name)
    _update(connection, number, now, description=description)


def rename(connection: Connection, name: str, new: str, now: Milliseconds) -> None:
    """The model has another name, and so have its versions; raises `Unknown` or `NameTaken`."""
    number = number_of(connection, name)
    there = select(registered_models.c.number).where(registered_models.c.name == new)
    if connection.scalar(there) not in (None, number):
        raise NameTaken(f"Registered Model (name={new}) already exists.")
    _update(connection, number, now, name=new)


def remove(connection: Connection, name: str) -> None:
    """The model and all its versions are gone; raises `Unknown`."""
    number = number_of(connection, name)
    connection.execute(delete(registered_models).where(registered_models.c.number == number))


def set_tag(connection: Connection, name: str, key: str, value: str) -> None:
    """The model has this tag; raises `Unknown`."""
    _put_tags(connection, number_of(connection, name), {key: value})


def remove_tag(connection: Connection, name: str, key: str) -> None:
    """The model has no such tag; raises `Unknown` for the model alone."""
    here = (model_tags.c.model == number_of(connection, name)) & (model_tags.c.key == key)
    connection.execute(delete(model_tags).where(here))


def tags_of(connection: Connection, name: str) -> Mapping[str, str]:
    """The tags of a model; none where there is no such model."""
    query = (
        select(model_tags.c.key, model_tags.c.value)
        .join(registered_models, registered_models.c.number == model_tags.c.model)
        .where(registered_models.c.name == name)
    )
    return {row.key: row.value for row in connection.execute(query)}


def number_of(connection: Connection, name: str) -> int:
    """The number of a model; raises `Unknown`."""
    found: int | None = connection.scalar(
        select(registered_models.c.number).where(registered_models.c.name == name)
    )
    if found is None:
        raise Unknown(f"Registered Model with name={name} not found")
    return found


# ------------------------------------------------------------------ versions


def add_version(connection: Connection, made: ModelVersion) -> ModelVersion:
    """The version as it is kept, with its number; raises `Unknown` for the model."""
    model = number_of(connection, made.name)
    _update(connection, model, made.updated, newest=registered_models.c.newest + 1)
    version = connection.scalar(select(registered_models.c.newest).where(registered_models.c.number == model))
    row = {
        "name": made.name,
        "version": version,
        "description": made.description,
        "source": made.source,
        "location": made.location,
        "digest": made.digest,
        "run": made.run,
        "run_link": made.run_link,
        "model": made.model,
        "stage": made.stage,
        "user": made.user,
        "created": made.created,
        "updated": made.updated,
    }
    number = new_number(connection, model_versions, row)
    rows = [{"version": number, "key": key, "value": value} for key, value in made.tags.items()]
    upsert(connection, version_tags, rows, ["value"])
    return read_versions(connection, [number])[0]


def find_version(connection: Connection, name: str, version: int) -> ModelVersion:
    """The version of this number; raises `Unknown`."""
    return read_versions(connection, [version_number(connection, name, version)])[0]


def read_versions(
    connection: Connection, numbers: Sequence[int], *, with_aliases: bool = True
) -> list[ModelVersion]:
    """The versions of these numbers of rows, in this order."""
    query = select(model_versions).where(model_versions.c.number.in_(numbers))
    rows = {row.number: row for row in connection.execute(query)}
    tags = _texts(connection, numbers, select(version_tags).where(version_tags.c.version.in_(numbers)))
    pointers: dict[int, list[str]] = defaultdict(list)
    if with_aliases:
        pointed = select(aliases.c.version, aliases.c.alias).where(aliases.c.version.in_(numbers))
        for version, alias in connection.execute(pointed.order_by(aliases.c.alias)):
            pointers[version].append(alias)
    return [
        _version(rows[number], tags.get(number, {}), pointers.get(number, ()))
        for number in numbers
        if number in rows
    ]


def describe_version(
    connection: Connection, name: str, version: int, description: str, now: Milliseconds
) -> None:
    """The version has another description; raises `Unknown`."""
    number = version_number(connection, name, version)
    here = model_versions.c.number == number
    connection.execute(update(model_versions).where(here).values(description=description, updated=now))


def move_version(
    connection: Connection, name: str, version: int, stage: Stage, now: Milliseconds, *, archive: bool
) -> None:
    """The version is in this stage; with `archive` those that were are archived. Raises `Unknown`."""
    number = version_number(connection, name, version)
    if archive:
        others = (
            (model_versions.c.name == name)
            & (model_versions.c.stage == stage)
            & (model_versions.c.number != number)
        )
        connection.execute(update(model_versions).where(others).values(stage="Archived", updated=now))
    here = model_versions.c.number == number
    connection.execute(update(model_versions).where(here).values(stage=stage, updated=now))
    _update(connection, number_of(connection, name), now)


def remove_version(connection: Connection, name: str, version: int, now: Milliseconds) -> None:
    """The version is gone, with the aliases that pointed to it; raises `Unknown`."""
    number = version_number(connection, name, version)
    connection.execute(delete(model_versions).where(model_versions.c.number == number))
    _update(connection, number_of(connection, name), now)


def set_version_tag(connection: Connection, name: str, version: int, key: str, value: str) -> None:
    """The version has this tag; raises `Unknown`."""
    number = version_number(connection, name, version)
    upsert(connection, version_tags, [{"version": number, "key": key, "value": value}], ["value"])


def remove_version_tag(connection: Connection, name: str, version: int, key: str) -> None:
    """The version has no such tag; raises `Unknown` for the version alone."""
    number = version_number(connection, name, version)
    here = (version_tags.c.version == number) & (version_tags.c.key == key)
    connection.execute(delete(version_tags).where(here))


def latest(connection: Connection, name: str, stages: Sequence[str]) -> list[ModelVersion]:
    """The last version in each of these stages, or in any where none is named; raises `Unknown`."""
    found = find(connection, name).latest
    return [one for one in found if not stages or one.stage in stages]


def version_number(connection: Connection, name: str, version: int) -> int:
    """The number of a version's row; raises `Unknown`."""
    here = (model_versions.c.name == name) & (model_versions.c.version == version)
    found: int | None = connection.scalar(select(model_versions.c.number).where(here))
    if found is None:
        raise Unknown(f"Model Version (name={name}, version={version}) not found")
    return found


# ------------------------------------------------------------------ aliases


def set_alias(connection: Connection, name: str, alias: str, version: int) -> None:
    """The alias points to this version, and to no other any more; raises `Unknown`."""
    model = number_of(connection, name)
    row = {"model": model, "alias": alias, "version": version_number(connection, name, version)}
    upsert(connection, aliases, [row], ["version"])


def remove_alias(connection: Connection, name: str, alias: str) -> None:
    """The model has no such alias; raises `Unknown` for the model alone."""
    here = (aliases.c.model == number_of(connection, name)) & (aliases.c.alias == alias)
    connection.execute(delete(aliases).where(here))


def by_alias(connection: Connection, name: str, alias: str) -> ModelVersion:
    """The version that the alias points to; raises `Unknown` for the model, and `Invalid` for the alias."""
    here = (aliases.c.model == number_of(connection, name)) & (aliases.c.alias == alias)
    number = connection.scalar(select(aliases.c.version).where(here))
    if number is None:
        raise Invalid(f"Registered model alias {alias} not found.")
    return read_versions(connection, [number])[0]


# ------------------------------------------------------------------ rows


def _update(connection: Connection, number: int, now: Milliseconds, **values: Any) -> None:
    here = registered_models.c.number == number
    connection.execute(update(registered_models).where(here).values(updated=now, **values))


def _put_tags(connection: Connection, number: int, tags: Mapping[str, str]) -> None:
    rows = [{"model": number, "key": key, "value": value} for key, value in tags.items()]
    upsert(connection, model_tags, rows, ["value"])


def _texts(connection: Connection, numbers: Sequence[int], query: Any) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {number: {} for number in numbers}
    for number, key, value in connection.execute(query):
        found[number][key] = value
    return found


def _version(row: Row[Any], tags: Mapping[str, str], pointers: Sequence[str]) -> ModelVersion:
    return ModelVersion(
        row.name,
        row.version,
        row.source,
        row.location,
        row.created,
        row.updated,
        row.digest,
        row.run,
        row.run_link,
        row.model,
        row.stage,
        row.user,
        row.description,
        tags,
        tuple(pointers),
    )
