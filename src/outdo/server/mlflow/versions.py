"""Calls about the versions of registered models."""

import posixpath
from collections.abc import Iterator, Sequence
from json import dumps
from typing import Any

from msgspec import Struct, json
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.places import SCHEME, inside
from outdo.core.refusals import Invalid, Unknown
from outdo.core.tracking import PROMPT_TAG, ModelVersion
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.artifacts import check_path
from outdo.server.mlflow.filters import version_conditions, version_orders
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.registry import (
    OfModel,
    OfVersion,
    Search,
    read_number,
    read_registry_tags,
    read_size,
    read_stage,
    said_version,
)
from outdo.server.mlflow.shapes import Tag, require
from outdo.store.tracking import models, registry, runs, search

MOST_VERSIONS = 200_000
VERSIONS_TAG = "mlflow.modelVersions"
"""The tag of a logged model that says, in JSON, as which versions it was registered."""


class VersionTag(OfVersion, frozen=True):
    key: str | None = None
    value: str = ""


class DescribeVersion(OfVersion, frozen=True):
    description: str = ""


class Move(OfVersion, frozen=True):
    stage: str | None = None
    archive_existing_versions: bool = False


class Register(OfModel, frozen=True):
    source: str | None = None
    run_id: str = ""
    run_link: str = ""
    description: str = ""
    tags: list[Tag] = []
    model_id: str | None = None

    def things(self) -> Sequence[Thing]:
        return (Thing("model", self.model), *_sources(self.source or "", self.run_id))


def register(connection: Connection, asked: Register, desk: Desk) -> Json:
    name = asked.model
    require("source", asked.source)
    now = desk.now()
    source = asked.source or ""
    meant = _meant(connection, source, asked)
    made = ModelVersion(
        name,
        0,
        source,
        meant.location,
        now,
        now,
        desk.pin(connection, inside(meant.location) or ""),
        meant.run,
        asked.run_link,
        meant.model,
        description=asked.description,
        tags=read_registry_tags(asked.tags),
    )
    kept = registry.add_version(connection, made)
    if asked.model_id:
        _tell_model(connection, kept, asked.model_id)
    return {"model_version": said_version(kept)}


def _tell_model(connection: Connection, made: ModelVersion, model: str) -> None:
    """The logged model says of which versions it is; raises `Unknown`."""
    known = models.find(connection, model)
    before = json.decode(known.tags.get(VERSIONS_TAG, "[]"), type=list[dict[str, Any]])
    now = [*before, {"name": made.name, "version": made.version}]
    models.put_tags(connection, models.number_of(connection, model), {VERSIONS_TAG: dumps(now)})


def get_version(connection: Connection, asked: OfVersion, desk: Desk) -> Json:
    return {"model_version": said_version(registry.find_version(connection, asked.model, asked.number))}


def describe_version(connection: Connection, asked: DescribeVersion, desk: Desk) -> Json:
    registry.describe_version(connection, asked.model, asked.number, asked.description, desk.now())
    return get_version(connection, asked, desk)


def move(connection: Connection, asked: Move, desk: Desk) -> Json:
    require("stage", asked.stage)
    stage = read_stage(asked.stage or "")
    archive = asked.archive_existing_versions
    if archive and stage not in ("Staging", "Production"):
        raise Invalid(
            "Model version transition cannot archive existing model versions because it is to neither of "
            "Staging and Production"
        )
    registry.move_version(connection, asked.model, asked.number, stage, desk.now(), archive=archive)
    return get_version(connection, asked, desk)


def delete_version(connection: Connection, asked: OfVersion, desk: Desk) -> Json:
    registry.remove_version(connection, asked.model, asked.number, desk.now())
    return {}


def set_version_tag(connection: Connection, asked: VersionTag, desk: Desk) -> Json:
    for key, value in read_registry_tags([Tag(asked.key, asked.value)]).items():
        registry.set_version_tag(connection, asked.model, asked.number, key, value)
    return {}


def delete_version_tag(connection: Connection, asked: VersionTag, desk: Desk) -> Json:
    require("key", asked.key)
    registry.remove_version_tag(connection, asked.model, asked.number, asked.key or "")
    return {}


def download_uri(connection: Connection, asked: OfVersion, desk: Desk) -> Json:
    return {"artifact_uri": registry.find_version(connection, asked.model, asked.number).location}


def find_versions(connection: Connection, asked: Search, desk: Desk) -> Json:
    size = read_size(asked.max_results, 10_000, MOST_VERSIONS)
    question = (asked.filter, asked.order_by)
    page = read_page(asked.page_token, size, question)
    found, after = search.versions(
        connection, version_conditions(asked.filter), version_orders(asked.order_by), page, desk.actor.sight
    )
    return said_page({"model_versions": [said_version(one) for one in found]}, after, question)


class _Meant(Struct, frozen=True):
    """What the source of a version is."""

    location: str
    run: str
    model: str | None


def _meant(connection: Connection, source: str, asked: Register) -> _Meant:
    """Where the files of a version are, and what made them; raises `Invalid` for a source that is not this server's,
    or that is not of the run or the model that the call names."""
    if source.startswith("models:/"):
        return _copied(connection, source.removeprefix("models:/"), asked)
    if source.startswith("runs:/"):
        run, _, path = source.removeprefix("runs:/").partition("/")
        if asked.run_id and asked.run_id != run:
            raise Invalid(f"Invalid model version source: '{source}' is not of the run '{asked.run_id}'")
        try:
            info = runs.find_info(connection, run)
        except Unknown:
            if not asked.run_id:
                raise
            # A run that another server has; its files are none of ours.
            return _Meant(source, run, asked.model_id)
        return _Meant(posixpath.join(info.location, check_path(path)), run, asked.model_id)
    if source.startswith(SCHEME) and "//" not in source and not any(mark in source for mark in "#?;"):
        location = SCHEME + check_path(source.removeprefix(SCHEME))
        owner = runs.find_info(connection, asked.run_id).location if asked.run_id else None
        if owner is not None and not f"{location}/".startswith(f"{owner}/"):
            raise Invalid(f"Invalid model version source: '{source}' is not of the run '{asked.run_id}'")
        return _Meant(location, asked.run_id, asked.model_id)
    if asked.run_id and _is_of(source, runs.find_info(connection, asked.run_id).location):
        return _Meant(source, asked.run_id, asked.model_id)
    prompt = any(tag.key == PROMPT_TAG for tag in asked.tags)
    if prompt:
        return _Meant("", asked.run_id, None)
    raise Invalid(
        f"Invalid model version source: '{source}'. It has to be in this server's store: runs:/…, models:/… or "
        "mlflow-artifacts:/…"
    )


def _is_of(source: str, location: str) -> bool:
    """Whether a source is in the folder of a run whose files only clients open; raises `Invalid`."""
    if inside(location) is not None or not f"{source}/".startswith(f"{location}/"):
        return False
    check_path(source[len(location) + 1 :])
    return True


def _sources(source: str, run: str) -> Iterator[Thing]:
    """What a version is registered from, of which its maker has to know."""
    if run:
        yield Thing("run", run, reads=True)
    if source.startswith("runs:/"):
        yield Thing("run", source.removeprefix("runs:/").partition("/")[0], reads=True)
    elif source.startswith(SCHEME):
        yield Thing("artifact", check_path(source.removeprefix(SCHEME)), reads=True)
    elif source.startswith("models:/"):
        name, slash, _ = source.removeprefix("models:/").partition("/")
        yield Thing("model" if slash else "logged model", name, reads=True)


def _copied(connection: Connection, rest: str, asked: Register) -> _Meant:
    """What another version, or a logged model, is."""
    name, slash, version = rest.partition("/")
    if slash and version:
        other = registry.find_version(connection, name, read_number(version))
        return _Meant(other.location, asked.run_id or other.run, other.model)
    if not slash and name.startswith("m-"):
        model = models.find(connection, name)
        return _Meant(model.location, asked.run_id or model.run, model.id)
    raise Invalid(
        f"Invalid model version source: 'models:/{rest}' is no version of a model, and no logged model"
    )


ENDPOINTS = (
    Endpoint("POST", "model-versions/create", "developer", Register, register),
    Endpoint("GET", "model-versions/get", "viewer", OfVersion, get_version, writes=False),
    Endpoint("PATCH", "model-versions/update", "developer", DescribeVersion, describe_version),
    Endpoint("POST", "model-versions/transition-stage", "maintainer", Move, move),
    Endpoint("DELETE", "model-versions/delete", "maintainer", OfVersion, delete_version),
    Endpoint("GET", "model-versions/search", "viewer", Search, find_versions, writes=False, narrows=True),
    Endpoint("GET", "model-versions/get-download-uri", "viewer", OfVersion, download_uri, writes=False),
    Endpoint("POST", "model-versions/set-tag", "developer", VersionTag, set_version_tag),
    Endpoint("DELETE", "model-versions/delete-tag", "developer", VersionTag, delete_version_tag),
)
