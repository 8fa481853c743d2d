"""Calls about registered models and their aliases."""

import posixpath
import re

from sqlalchemy import Connection

from outdo.core.access import PROJECT_TAG, home_of
from outdo.core.refusals import Invalid, NameTaken
from outdo.core.tracking import PROMPT_TAG, RegisteredModel
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.filters import model_conditions, model_orders
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.registry import (
    OfModel,
    Search,
    read_number,
    read_registry_tags,
    read_size,
    read_stage,
    said_model,
    said_version,
)
from outdo.server.mlflow.shapes import Tag, check_length, filled, require
from outdo.store.tracking import registry, search

ALIAS_LENGTH = 255
MOST_MODELS = 1000
_ALIAS = re.compile(r"[\w\-]+")
_NUMBERED = re.compile(r"v\d+", re.IGNORECASE)


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


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    name = _name(asked.name)
    now = desk.now()
    tags = read_registry_tags(asked.tags)
    home = home_of(desk.actor, "")
    if home is not None:
        tags.setdefault(PROJECT_TAG, home)
    made = RegisteredModel(name, now, now, asked.description, tags)
    try:
        registry.create(connection, made)
    except NameTaken:
        raise NameTaken(_taken(registry.find(connection, name), made)) from None
    return {"registered_model": said_model(made)}


def _taken(there: RegisteredModel, made: RegisteredModel) -> str:
    """Why the name can't be had: models and prompts share theirs."""
    kinds = ["prompt" if one.tags.get(PROMPT_TAG) == "true" else "registered model" for one in (there, made)]
    if kinds[0] != kinds[1]:
        return (
            f"Tried to create a {kinds[1]} with name '{made.name}', but the name is already taken by a {kinds[0]}. "
            "MLflow does not allow creating a model and a prompt with the same name."
        )
    return f"{'Prompt' if kinds[0] == 'prompt' else 'Registered Model'} (name={made.name}) already exists."


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
    size = read_size(asked.max_results, 100, MOST_MODELS)
    question = (asked.filter, asked.order_by)
    page = read_page(asked.page_token, size, question)
    found, after = search.models(
        connection, model_conditions(asked.filter), model_orders(asked.order_by), page, desk.actor.sight
    )
    return said_page({"registered_models": [said_model(one) for one in found]}, after, question)


def latest(connection: Connection, asked: OfStages, desk: Desk) -> Json:
    stages = [read_stage(stage) for stage in asked.stages]
    return filled(
        model_versions=[said_version(one) for one in registry.latest(connection, asked.model, stages)]
    )


def set_tag(connection: Connection, asked: ModelTag, desk: Desk) -> Json:
    tags = read_registry_tags([Tag(asked.key, asked.value)])
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
    registry.set_alias(connection, asked.model, alias, read_number(asked.version))
    return {}


def delete_alias(connection: Connection, asked: OfAlias, desk: Desk) -> Json:
    registry.remove_alias(connection, asked.model, _alias(asked.alias))
    return {}


def get_by_alias(connection: Connection, asked: OfAlias, desk: Desk) -> Json:
    found = registry.by_alias(connection, asked.model, _alias(asked.alias))
    return {"model_version": said_version(found)}


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


ENDPOINTS = (
    Endpoint("POST", "registered-models/create", "developer", Create, create),
    Endpoint("GET", "registered-models/get", "viewer", OfModel, get, writes=False),
    Endpoint("PATCH", "registered-models/update", "developer", Describe, describe),
    Endpoint("POST", "registered-models/rename", "maintainer", Rename, rename),
    Endpoint("DELETE", "registered-models/delete", "maintainer", OfModel, delete),
    Endpoint("GET", "registered-models/search", "viewer", Search, find, writes=False, narrows=True),
    Endpoint("POST", "registered-models/get-latest-versions", "viewer", OfStages, latest, writes=False),
    Endpoint("GET", "registered-models/get-latest-versions", "viewer", OfStages, latest, writes=False),
    Endpoint("POST", "registered-models/set-tag", "developer", ModelTag, set_tag),
    Endpoint("DELETE", "registered-models/delete-tag", "developer", ModelTag, delete_tag),
    Endpoint("POST", "registered-models/alias", "maintainer", OfAlias, set_alias),
    Endpoint("DELETE", "registered-models/alias", "maintainer", OfAlias, delete_alias),
    Endpoint("GET", "registered-models/alias", "viewer", OfAlias, get_by_alias, writes=False),
)
