"""Calls about logged models, and about the datasets and models that runs read and made."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, json
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.core.tracking import Dataset, Input, LoggedModel, ModelState, ModelUse
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow import artifacts
from outdo.server.mlflow.filters import logged_model_conditions, logged_model_orders
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.runs import OfRun
from outdo.server.mlflow.shapes import (
    Int64,
    Tag,
    check_length,
    experiment_number,
    experiment_numbers,
    filled,
    read_params,
    read_tags,
    require,
    said_point,
    said_tags,
)
from outdo.store.tracking import experiments, files, models, projects, runs, search

STATES: Mapping[str, ModelState] = {
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "UPLOAD_FAILED",
}
_SAID = {state: name for name, state in STATES.items()}
_NUMBERED = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
NOT_IN_NAMES = "/:.%\"'"
OTHER_SEARCH = (
    "Experiment IDs in the page token do not match those asked for, or "
    "Order by in the page token does not match, or Filter string in the page token does not match"
)
MOST_DATASETS = 1000


class Create(Struct, frozen=True):
    experiment_id: str = "0"
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []

    def things(self) -> Sequence[Thing]:
        made = (Thing("run", self.source_run_id, reads=True),) if self.source_run_id else ()
        return (Thing("experiment", str(experiment_number(self.experiment_id))), *made)


class OfModel(Struct, frozen=True):
    model_id: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("logged model", self.model_id),)


class Finish(OfModel, frozen=True):
    status: str | int = ""


class Tags(OfModel, frozen=True):
    tags: list[Tag] = []


class OneTag(OfModel, frozen=True):
    tag_key: str = ""


class Params(OfModel, frozen=True):
    params: list[Tag] = []


class Folder(OfModel, frozen=True):
    artifact_directory_path: str = ""


class OrderBy(Struct, frozen=True):
    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class Measured(Struct, frozen=True):
    dataset_name: str = ""
    dataset_digest: str = ""


class Search(Struct, frozen=True):
    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[Measured] = []
    max_results: int = 100
    order_by: list[OrderBy] = []
    page_token: str = ""


class Data(Struct, frozen=True):
    name: str | None = None
    digest: str | None = None
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


class DataInput(Struct, frozen=True):
    dataset: Data = Data()
    tags: list[Tag] = []


class Use(Struct, frozen=True):
    model_id: str = ""
    step: Int64 = 0


class Inputs(OfRun, frozen=True):
    datasets: list[DataInput] = []
    models: list[Use] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run), *_used(self.models))


class Outputs(OfRun, frozen=True):
    models: list[Use] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run), *_used(self.models))


class OldModel(OfRun, frozen=True):
    model_json: str = ""


# ------------------------------------------------------------------ logged models


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    experiment = experiments.find(connection, experiment_number(asked.experiment_id))
    id_ = f"m-{uuid.uuid4().hex}"
    now = desk.now()
    made = LoggedModel(
        id_,
        experiment.id,
        asked.name or f"model-{id_[2:10]}",
        asked.model_type,
        "PENDING",
        asked.source_run_id,
        f"{experiment.location.rstrip('/')}/models/{id_}/artifacts",
        now,
        now,
        read_params(asked.params, "params"),
        read_tags(asked.tags, "tags"),
    )
    check_length("name", 500, made.name)
    if any(letter in asked.name for letter in NOT_IN_NAMES):
        raise Invalid(f"Invalid model name '{asked.name}': it may have none of {' '.join(NOT_IN_NAMES)}")
    models.create(connection, made)
    return {"model": said_model(made)}


def get(connection: Connection, asked: OfModel, desk: Desk) -> Json:
    return {"model": said_model(models.find(connection, asked.model_id))}


def finish(connection: Connection, asked: Finish, desk: Desk) -> Json:
    name = _NUMBERED.get(asked.status, "") if isinstance(asked.status, int) else asked.status
    status = STATES.get(name)
    if status is None:
        raise Invalid(f"Invalid model status '{asked.status}': expected one of {list(STATES)}")
    models.finish(connection, asked.model_id, status, desk.now())
    return get(connection, asked, desk)


def delete(connection: Connection, asked: OfModel, desk: Desk) -> Json:
    models.remove(connection, asked.model_id, desk.now())
    return {}


def set_tags(connection: Connection, asked: Tags, desk: Desk) -> Json:
    models.put_tags(connection, models.number_of(connection, asked.model_id), read_tags(asked.tags, "tags"))
    return {}


def delete_tag(connection: Connection, asked: OneTag, desk: Desk) -> Json:
    models.remove_tag(connection, asked.model_id, asked.tag_key)
    return {}


def log_params(connection: Connection, asked: Params, desk: Desk) -> Json:
    params = read_params(asked.params, "params")
    models.put_params(connection, models.number_of(connection, asked.model_id), params)
    return {}


def listing(connection: Connection, asked: Folder, desk: Desk) -> Json:
    location = models.find(connection, asked.model_id).location
    path = artifacts.check_path(asked.artifact_directory_path)
    folder = f"{artifacts.folder_of(location)}/{path}".rstrip("/")
    found = [
        filled(path=f"{path}/{one.name}".lstrip("/"), is_dir=one.size is None, file_size=one.size)
        for one in files.listing(connection, folder)
    ]
    return {"root_uri": location, **filled(files=found)}


def find(connection: Connection, asked: Search, desk: Desk) -> Json:
    within = experiment_numbers(asked.experiment_ids)
    seen = projects.only_seen(connection, within, desk.actor.sight)
    if not 1 <= asked.max_results <= 50_000:
        raise Invalid(f"Invalid value {asked.max_results} for parameter 'max_results' supplied")
    orders = [
        (
            one.field_name,
            one.ascending,
            (one.dataset_name, one.dataset_digest) if one.dataset_name or one.dataset_digest else None,
        )
        for one in asked.order_by
    ]
    for one in asked.datasets:
        require("datasets.dataset_name", one.dataset_name)
    measured = [(one.dataset_name, one.dataset_digest) for one in asked.datasets]
    question = (within, asked.filter, orders, measured)
    page = read_page(asked.page_token, asked.max_results, question, OTHER_SEARCH)
    found, after = search.models_logged(
        connection,
        seen,
        logged_model_conditions(asked.filter),
        logged_model_orders(orders),
        page,
        measured_on=measured,
    )
    return said_page({"models": [said_model(one) for one in found]}, after, question)


# ------------------------------------------------------------------ what runs read and made


def log_inputs(connection: Connection, asked: Inputs, desk: Desk) -> Json:
    if len(asked.datasets) > MOST_DATASETS:
        raise Invalid(f"A request can name at most {MOST_DATASETS} datasets. Got {len(asked.datasets)}.")
    number = runs.number_of(connection, asked.run)
    experiment = runs.find_info(connection, asked.run).experiment
    models.add_inputs(connection, number, experiment, [_input(one) for one in asked.datasets])
    models.add_uses(connection, number, [ModelUse(use.model_id, "input", use.step) for use in asked.models])
    return {}


def log_outputs(connection: Connection, asked: Outputs, desk: Desk) -> Json:
    number = runs.number_of(connection, asked.run)
    models.add_uses(connection, number, [ModelUse(use.model_id, "output", use.step) for use in asked.models])
    return {}


def log_old_model(connection: Connection, asked: OldModel, desk: Desk) -> Json:
    """What clients before 3 say of a model that is among a run's artifacts: a tag holds it."""
    require("model_json", asked.model_json)
    try:
        json.decode(asked.model_json, type=dict[str, Any])
    except (DecodeError, ValidationError) as error:
        raise Invalid(f"Malformed model info: 'model_json' is no JSON object: {error}") from None
    run = runs.find(connection, asked.run)
    before = run.tags.get("mlflow.log-model.history", "[]").removesuffix("]").strip()
    joint = ", " if len(before) > 1 else ""
    history = f"{before}{joint}{asked.model_json}]"
    runs.set_tags(connection, asked.run, {"mlflow.log-model.history": history})
    return {}


def said_model(one: LoggedModel) -> dict[str, Any]:
    info = filled(
        model_id=one.id,
        experiment_id=str(one.experiment),
        name=one.name,
        creation_timestamp_ms=one.created,
        last_updated_timestamp_ms=one.updated,
        artifact_uri=one.location,
        status=_SAID[one.status],
        model_type=one.kind,
        source_run_id=one.run or None,
        tags=said_tags(one.tags),
    )
    metrics = [
        {
            **said_point(measured.point),
            **filled(
                dataset_name=measured.dataset_name or None,
                dataset_digest=measured.dataset_digest or None,
                model_id=one.id,
                run_id=measured.run or None,
            ),
        }
        for measured in one.metrics
    ]
    return {"info": info, "data": filled(params=said_tags(one.params), metrics=metrics)}


def _used(uses: Sequence[Use]) -> list[Thing]:
    return [Thing("logged model", use.model_id, reads=True) for use in uses]


def _input_counts(asked: Inputs) -> Json:
    return {"datasets": len(asked.datasets), "models": len(asked.models)}


def _output_counts(asked: Outputs) -> Json:
    return {"models": len(asked.models)}


def _param_counts(asked: Params) -> Json:
    return {"params": len(asked.params)}


def _input(one: DataInput) -> Input:
    require("dataset.name", one.dataset.name)
    require("dataset.digest", one.dataset.digest)
    data = one.dataset
    for name, limit, text in (
        ("name", 500, data.name or ""),
        ("digest", 36, data.digest or ""),
        ("source", 65_535, data.source),
        ("schema", 1_048_575, data.schema),
        ("profile", 16_777_215, data.profile),
    ):
        check_length(name, limit, text)
    tags: dict[str, str] = {}
    for tag in one.tags:
        require("key", tag.key)
        check_length("key", 255, tag.key or "")
        check_length("value", 500, tag.value)
        tags[tag.key or ""] = tag.value
    dataset = Dataset(
        data.name or "", data.digest or "", data.source_type, data.source, data.schema, data.profile
    )
    return Input(dataset, tags)


ENDPOINTS = (
    Endpoint("POST", "logged-models", "developer", Create, create),
    Endpoint("POST", "logged-models/search", "viewer", Search, find, writes=False, narrows=True),
    Endpoint("GET", "logged-models/{model_id}", "viewer", OfModel, get, writes=False),
    Endpoint("PATCH", "logged-models/{model_id}", "developer", Finish, finish),
    Endpoint("DELETE", "logged-models/{model_id}", "developer", OfModel, delete),
    Endpoint("PATCH", "logged-models/{model_id}/tags", "developer", Tags, set_tags),
    Endpoint("DELETE", "logged-models/{model_id}/tags/{tag_key:path}", "developer", OneTag, delete_tag),
    Endpoint(
        "POST", "logged-models/{model_id}/params", "developer", Params, log_params, counts=_param_counts
    ),
    Endpoint(
        "GET", "logged-models/{model_id}/artifacts/directories", "viewer", Folder, listing, writes=False
    ),
    Endpoint("POST", "runs/log-inputs", "developer", Inputs, log_inputs, counts=_input_counts),
    Endpoint("POST", "runs/outputs", "developer", Outputs, log_outputs, counts=_output_counts),
    Endpoint("POST", "runs/log-model", "developer", OldModel, log_old_model),
)
