"""Calls about experiments."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import EVERY, PROJECT_TAG, Role, Thing, home_of
from outdo.core.places import SCHEME, inside
from outdo.core.refusals import Forbidden, Invalid, Unknown
from outdo.core.tracking import Experiment, View
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.artifacts import check_location
from outdo.server.mlflow.filters import experiment_conditions, experiment_orders
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.shapes import (
    EXPERIMENT_NAME_LENGTH,
    EXPERIMENT_TAG_LENGTH,
    Tag,
    check_length,
    experiment_number,
    read_tags,
    require,
    said_experiment,
)
from outdo.store.tracking import experiments, search

VIEWS: Mapping[str, View] = {"ACTIVE_ONLY": "active", "DELETED_ONLY": "deleted", "ALL": "all"}
MOST = 50_000


class Create(Struct, frozen=True):
    name: str | None = None
    artifact_location: str = ""
    tags: list[Tag] = []

    def things(self) -> Sequence[Thing]:
        return ()


class ById(Struct, frozen=True):
    experiment_id: str | None = None

    def number(self) -> int:
        require("experiment_id", self.experiment_id)
        return experiment_number(self.experiment_id or "")

    def things(self) -> Sequence[Thing]:
        return (Thing("experiment", str(self.number())),)


class ByName(Struct, frozen=True):
    experiment_name: str | None = None

    def things(self) -> Sequence[Thing]:
        return (Thing("experiment name", self.experiment_name or ""),)


class Rename(ById, frozen=True):
    new_name: str | None = None


class SetTag(ById, frozen=True):
    key: str | None = None
    value: str = ""


class Search(Struct, frozen=True):
    max_results: int = 1000
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str = "ACTIVE_ONLY"


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    name = _name(asked.name)
    if asked.artifact_location:
        check_location(asked.artifact_location, folders=desk.actor.is_here)
        # A folder here may be, or become, that of another project; elsewhere, others' clients are sent there too.
        role: Role = "maintainer" if inside(asked.artifact_location) is None else "developer"
        if not desk.actor.may(role, EVERY):
            raise Forbidden(f"only who is {role} in all projects may say that artifacts are kept there")
    now = desk.now()
    tags = read_tags(asked.tags, limit=EXPERIMENT_TAG_LENGTH)
    home = home_of(desk.actor, name)
    if home is not None:
        tags.setdefault(PROJECT_TAG, home)
    made = Experiment(0, name, asked.artifact_location or SCHEME, True, now, now, tags)
    return {"experiment_id": str(experiments.create(connection, made))}


def get(connection: Connection, asked: ById, desk: Desk) -> Json:
    return {"experiment": said_experiment(experiments.find(connection, asked.number()))}


def get_by_name(connection: Connection, asked: ByName, desk: Desk) -> Json:
    require("experiment_name", asked.experiment_name)
    found = experiments.find_name(connection, asked.experiment_name or "")
    if found is None:
        raise Unknown(f"Could not find experiment with name '{asked.experiment_name}'")
    return {"experiment": said_experiment(found)}


def rename(connection: Connection, asked: Rename, desk: Desk) -> Json:
    number = asked.number()
    require("new_name", asked.new_name)
    experiments.rename(connection, number, _name(asked.new_name), desk.now())
    return {}


def delete(connection: Connection, asked: ById, desk: Desk) -> Json:
    experiments.set_active(connection, asked.number(), active=False, now=desk.now())
    return {}


def restore(connection: Connection, asked: ById, desk: Desk) -> Json:
    experiments.set_active(connection, asked.number(), active=True, now=desk.now())
    return {}


def set_tag(connection: Connection, asked: SetTag, desk: Desk) -> Json:
    number = asked.number()
    require("key", asked.key)
    tags = read_tags([Tag(asked.key, asked.value)], limit=EXPERIMENT_TAG_LENGTH)
    experiments.require_active(connection, number)
    experiments.set_tags(connection, number, tags)
    return {}


def delete_tag(connection: Connection, asked: SetTag, desk: Desk) -> Json:
    number = asked.number()
    require("key", asked.key)
    experiments.require_active(connection, number)
    experiments.remove_tag(connection, number, asked.key or "")
    return {}


def find(connection: Connection, asked: Search, desk: Desk) -> Json:
    if not 1 <= asked.max_results <= MOST:
        raise Invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied. It must be a positive integer no "
            f"larger than {MOST}"
        )
    orders = experiment_orders(asked.order_by)
    question = (asked.filter, asked.order_by, asked.view_type)
    page = read_page(asked.page_token, asked.max_results, question)
    found, after = search.find_experiments(
        connection,
        view(asked.view_type),
        experiment_conditions(asked.filter),
        orders,
        page,
        sight=desk.actor.sight,
    )
    return said_page({"experiments": [said_experiment(one) for one in found]}, after, question)


def view(name: str) -> View:
    """Which of the living and the deleted are meant; raises `Invalid`."""
    found = VIEWS.get(name or "ACTIVE_ONLY")
    if found is None:
        raise Invalid(f"Invalid view type '{name}'. Expected one of {sorted(VIEWS)}.")
    return found


def _name(name: str | None) -> str:
    require("name", name)
    assert name is not None
    check_length("name", EXPERIMENT_NAME_LENGTH, name)
    return name


ENDPOINTS = (
    Endpoint("POST", "experiments/create", "developer", Create, create),
    Endpoint("GET", "experiments/get", "viewer", ById, get, writes=False),
    Endpoint("GET", "experiments/get-by-name", "viewer", ByName, get_by_name, writes=False),
    Endpoint("POST", "experiments/update", "developer", Rename, rename),
    Endpoint("POST", "experiments/delete", "maintainer", ById, delete),
    Endpoint("POST", "experiments/restore", "maintainer", ById, restore),
    Endpoint("POST", "experiments/set-experiment-tag", "developer", SetTag, set_tag),
    Endpoint("POST", "experiments/delete-experiment-tag", "developer", SetTag, delete_tag),
    Endpoint("POST", "experiments/search", "viewer", Search, find, writes=False, narrows=True),
    Endpoint("GET", "experiments/search", "viewer", Search, find, writes=False, narrows=True),
)
