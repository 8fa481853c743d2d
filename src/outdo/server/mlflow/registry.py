"""Calls about registered models, their versions and aliases."""

import posixpath
import re
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.refusals import Invalid
from outdo.core.tracking import ModelVersion, RegisteredModel, Stage
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.artifacts import SCHEME, check_path, path_of
from outdo.server.mlflow.filters import model_conditions, model_orders, version_conditions, version_orders
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.shapes import Tag, check_key, check_length, filled, require, said_tags
from outdo.store.tracking import models, registry, runs, search

KEY_LENGTH = 250
TAG_LENGTH = 100_000
ALIAS_LENGTH = 255
MOST_MODELS = 1000
MOST_VERSIONS = 200_000
STAGES: tuple[Stage, ...] = ("None", "Staging", "Production", "Archived")
_ALIAS = re.compile(r"[\w\-]+")
_NUMBERED = re.compile(r"v\d+", re.IGNORECASE)


class OfModel(Struct, frozen=True):
    name: str | None = None

    @property
    def model(self) -> str:
        """The name; raises `Invalid` where there is none."""
        require("name", self.name)
        return self.name or ""


class Create(OfModel, frozen=True):
    description: str = ""
    tags: list[Tag] = []


class Describe(OfModel, frozen=True):
    description: str = ""


class Rename(OfModel, frozen=True):
    new_name: str | None = None


class ModelTag(OfModel, frozen=True):
    key: str | None = None
    value: str = ""


class OfStages(OfModel, frozen=True):
    stages: list[str] = []


class OfAlias(OfModel, frozen=True):
    alias: str | None = None
    version: str = ""


class OfVersion(OfModel, frozen=True):
    version: str | None = None

    @property
    def number(self) -> int:
        """The version; raises `Invalid`."""
        require("version", self.version)
        return _number(self.version or "")


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


class Search(Struct, frozen=True):
    filter: str = ""
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str = ""


# ------------------------------------------------------------------ models


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    name = _name(asked.name)
    now = desk.now()
    made = RegisteredModel(name, now, now, asked.description, _tags(asked.tags))
    registry.create(connection, made)
    return {"registered_model": said_model(made)}


def get(connection: Connection, asked: OfModel, desk: Desk) -> Json:
    return {"registered_model": said_model(registry.find(connection, asked.model))}


def describe(connection: Connection, asked: Describe, desk: Desk) -> Json:
    registry.describe(connection, asked.model, asked.description, desk.now())
    return {"registered_model": said_model(registry.find(connection, asked.model))}


def rename(connection: Connection, asked: Rename, desk: Desk) -> Json:
    require("new_name", asked.new_name)
    new = _name(asked.new_name)
    registry.rename(connection, asked.model, new, desk.now())
    return {"registered_model": said_model(registry.find(connection, new))}


def delete(connection: Connection, asked: OfModel, desk: Desk) -> Json:
    registry.remove(connection, asked.model)
    return {}


def find(connection: Connection, asked: Search, desk: Desk) -> Json:
    size = _size(asked.max_results, 100, MOST_MODELS)
    question = (asked.filter, asked.order_by)
    page = read_page(asked.page_token, size, question)
    found, after = search.models(
        connection, model_conditions(asked.filter), model_orders(asked.order_by), page
    )
    return said_page({"registered_models": [said_model(one) for one in found]}, after, question)


def latest(connection: Connection, asked: OfStages, desk: Desk) -> Json:
    stages = [_stage(stage) for stage in asked.stages]
    return filled(
        model_versions=[said_version(one) for one in registry.latest(connection, asked.model, stages)]
    )


def set_tag(connection: Connection, asked: ModelTag, desk: Desk) -> Json:
    tags = _tags([Tag(asked.key, asked.value)])
    for key, value in tags.items():
        registry.set_tag(connection, asked.model, key, value)
    return {}


def delete_tag(connection: Connection, asked: ModelTag, desk: Desk) -> Json:
    require("key", asked.key)
    registry.remove_tag(connection, asked.model, asked.key or "")
    return {}


# ------------------------------------------------------------------ aliases


def set_alias(connection: Connection, asked: OfAlias, desk: Desk) -> Json:
    alias = _alias(asked.alias)
    if alias.lower() == "latest":
        raise Invalid("'latest' alias name (case insensitive) is reserved.")
    if _NUMBERED.fullmatch(alias):
        raise Invalid(f"Version alias name '{alias}' is reserved.")
    require("version", asked.version)
    registry.set_alias(connection, asked.model, alias, _number(asked.version))
    return {}


def delete_alias(connection: Connection, asked: OfAlias, desk: Desk) -> Json:
    registry.remove_alias(connection, asked.model, _alias(asked.alias))
    return {}


def get_by_alias(connection: Connection, asked: OfAlias, desk: Desk) -> Json:
    found = registry.by_alias(connection, asked.model, _alias(asked.alias))
    return {"model_version": said_version(found)}


# ------------------------------------------------------------------ versions


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
        desk.pin(connection, path_of(meant.location)),
        meant.run,
        asked.run_link,
        meant.model,
        description=asked.description,
        tags=_tags(asked.tags),
    )
    return {"model_version": said_version(registry.add_version(connection, made))}


def get_version(connection: Connection, asked: OfVersion, desk: Desk) -> Json:
    return {"model_version": said_version(registry.find_version(connection, asked.model, asked.number))}


def describe_version(connection: Connection, asked: DescribeVersion, desk: Desk) -> Json:
    registry.describe_version(connection, asked.model, asked.number, asked.description, desk.now())
    return get_version(connection, asked, desk)


def move(connection: Connection, asked: Move, desk: Desk) -> Json:
    require("stage", asked.stage)
    stage = _stage(asked.stage or "")
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
    for key, value in _tags([Tag(asked.key, asked.value)]).items():
        registry.set_version_tag(connection, asked.model, asked.number, key, value)
    return {}


def delete_version_tag(connection: Connection, asked: VersionTag, desk: Desk) -> Json:
    require("key", asked.key)
    registry.remove_version_tag(connection, asked.model, asked.number, asked.key or "")
    return {}


def download_uri(connection: Connection, asked: OfVersion, desk: Desk) -> Json:
    return {"artifact_uri": registry.find_version(connection, asked.model, asked.number).location}


def find_versions(connection: Connection, asked: Search, desk: Desk) -> Json:
    size = _size(asked.max_results, 10_000, MOST_VERSIONS)
    question = (asked.filter, asked.order_by)
    page = read_page(asked.page_token, size, question)
    found, after = search.versions(
        connection, version_conditions(asked.filter), version_orders(asked.order_by), page
    )
    return said_page({"model_versions": [said_version(one) for one in found]}, after, question)


# ------------------------------------------------------------------ what is said


def said_version(one: ModelVersion) -> dict[str, Any]:
    return filled(
        name=one.name,
        version=str(one.version),
        creation_timestamp=one.created,
        last_updated_timestamp=one.updated,
        current_stage=one.stage,
        description=one.description,
        source=one.source,
        run_id=one.run,
        status="READY",
        tags=said_tags(one.tags),
        run_link=one.run_link,
        aliases=list(one.aliases),
    )


def said_model(one: RegisteredModel) -> dict[str, Any]:
    return filled(
        name=one.name,
        creation_timestamp=one.created,
        last_updated_timestamp=one.updated,
        description=one.description or None,
        latest_versions=[said_version(version) for version in one.latest],
        tags=said_tags(one.tags),
        aliases=[{"alias": alias, "version": str(version)} for alias, version in one.aliases.items()],
    )


# ------------------------------------------------------------------ what may be said


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
        info = runs.find_info(connection, run)
        return _Meant(posixpath.join(info.location, check_path(path)), run, asked.model_id)
    if source.startswith(SCHEME) and "//" not in source and not any(mark in source for mark in "#?;"):
        location = SCHEME + check_path(source.removeprefix(SCHEME))
        owner = runs.find_info(connection, asked.run_id).location if asked.run_id else None
        if owner is not None and not f"{location}/".startswith(f"{owner}/"):
            raise Invalid(f"Invalid model version source: '{source}' is not of the run '{asked.run_id}'")
        return _Meant(location, asked.run_id, asked.model_id)
    prompt = any(tag.key == "mlflow.prompt.is_prompt" for tag in asked.tags)
    if prompt:
        return _Meant("", asked.run_id, None)
    raise Invalid(
        f"Invalid model version source: '{source}'. It has to be in this server's store: runs:/…, models:/… or "
        "mlflow-artifacts:/…"
    )


def _copied(connection: Connection, rest: str, asked: Register) -> _Meant:
    """What another version, or a logged model, is."""
    name, slash, version = rest.partition("/")
    if slash and version.isdigit():
        other = registry.find_version(connection, name, int(version))
        return _Meant(other.location, asked.run_id or other.run, other.model)
    if not slash and name.startswith("m-"):
        model = models.find(connection, name)
        return _Meant(model.location, asked.run_id or model.run, model.id)
    raise Invalid(
        f"Invalid model version source: 'models:/{rest}' is no version of a model, and no logged model"
    )


def _name(name: str | None) -> str:
    require("name", name and name.strip())
    assert name is not None
    if "/" in name or ":" in name:
        raise Invalid(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    if posixpath.normpath(name) != name or name in (".", ".."):
        raise Invalid(
            f"Invalid value \"{name}\" for parameter 'name' supplied: it would resolve to another name"
        )
    check_length("name", 256, name)
    return name


def _alias(alias: str | None) -> str:
    if not alias:
        raise Invalid("Registered model alias name cannot be empty.")
    check_length("Registered model alias name", ALIAS_LENGTH, alias)
    if not _ALIAS.fullmatch(alias):
        raise Invalid(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    return alias


def _number(version: str) -> int:
    if not (version.isascii() and version.isdigit()) or len(version) > 9:
        raise Invalid(f"Parameter 'version' must be an integer, got '{version}'.")
    return int(version)


def _stage(name: str) -> Stage:
    for stage in STAGES:
        if stage.lower() == name.lower():
            return stage
    raise Invalid(f"Invalid Model Version stage: {name}. Value must be one of {', '.join(STAGES)}.")


def _size(asked: int | None, usual: int, most: int) -> int:
    size = usual if asked is None else asked
    if size < 1:
        raise Invalid(f"Invalid value for max_results. It must be a positive integer, but got {size}")
    if size > most:
        raise Invalid(
            f"Invalid value for request parameter max_results. It must be at most {most}, but got value {size}"
        )
    return size


def _tags(tags: list[Tag]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in tags:
        require("key", tag.key)
        key = check_key(tag.key, "key")
        check_length("value", TAG_LENGTH, tag.value)
        found[key] = tag.value
    return found


ENDPOINTS = (
    Endpoint("POST", "registered-models/create", "developer", Create, create),
    Endpoint("GET", "registered-models/get", "viewer", OfModel, get, writes=False),
    Endpoint("PATCH", "registered-models/update", "developer", Describe, describe),
    Endpoint("POST", "registered-models/rename", "maintainer", Rename, rename),
    Endpoint("DELETE", "registered-models/delete", "maintainer", OfModel, delete),
    Endpoint("GET", "registered-models/search", "viewer", Search, find, writes=False),
    Endpoint("POST", "registered-models/get-latest-versions", "viewer", OfStages, latest, writes=False),
    Endpoint("GET", "registered-models/get-latest-versions", "viewer", OfStages, latest, writes=False),
    Endpoint("POST", "registered-models/set-tag", "developer", ModelTag, set_tag),
    Endpoint("DELETE", "registered-models/delete-tag", "developer", ModelTag, delete_tag),
    Endpoint("POST", "registered-models/alias", "developer", OfAlias, set_alias),
    Endpoint("DELETE", "registered-models/alias", "developer", OfAlias, delete_alias),
    Endpoint("GET", "registered-models/alias", "viewer", OfAlias, get_by_alias, writes=False),
    Endpoint("POST", "model-versions/create", "developer", Register, register),
    Endpoint("GET", "model-versions/get", "viewer", OfVersion, get_version, writes=False),
    Endpoint("PATCH", "model-versions/update", "developer", DescribeVersion, describe_version),
    Endpoint("POST", "model-versions/transition-stage", "developer", Move, move),
    Endpoint("DELETE", "model-versions/delete", "maintainer", OfVersion, delete_version),
    Endpoint("GET", "model-versions/search", "viewer", Search, find_versions, writes=False),
    Endpoint("GET", "model-versions/get-download-uri", "viewer", OfVersion, download_uri, writes=False),
    Endpoint("POST", "model-versions/set-tag", "developer", VersionTag, set_version_tag),
    Endpoint("DELETE", "model-versions/delete-tag", "developer", VersionTag, delete_version_tag),
)
