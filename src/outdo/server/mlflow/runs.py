"""Calls about runs and what is logged to them."""

import random
import uuid
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.core.tracking import ModelPoint, Point, RunInfo, RunState
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.experiments import view
from outdo.server.mlflow.filters import run_conditions, run_orders
from outdo.server.mlflow.names import ADJECTIVES, NOUNS
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.shapes import (
    Int64,
    Metric,
    Tag,
    check_batch,
    experiment_number,
    experiment_numbers,
    read_params,
    read_point,
    read_tags,
    require,
    said_info,
    said_point,
    said_run,
)
from outdo.store.tracking import experiments, models, points, projects, runs, search
from outdo.store.tracking.points import Batch

STATES: tuple[RunState, ...] = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
MOST = 50_000
MOST_POINTS = 25_000


class Create(Struct, frozen=True):
    experiment_id: str = "0"
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: list[Tag] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("experiment", str(experiment_number(self.experiment_id))),)


class OfRun(Struct, frozen=True):
    """A call about one run, which older clients name `run_uuid`."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        """The id; raises `Invalid` where there is none."""
        found = self.run_id or self.run_uuid
        require("run_id", found)
        return found

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run),)


class Change(OfRun, frozen=True):
    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str = ""


class LogMetric(OfRun, frozen=True):
    key: str | None = None
    value: float | str | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run), *_measured([self]))

    @property
    def points(self) -> int:
        """How many points of metrics it logs."""
        return 1


class LogTag(OfRun, frozen=True):
    key: str | None = None
    value: str = ""


class LogBatch(OfRun, frozen=True):
    metrics: list[Metric] = []
    params: list[Tag] = []
    tags: list[Tag] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run), *_measured(self.metrics))

    @property
    def points(self) -> int:
        """How many points of metrics it logs."""
        return len(self.metrics)


class History(OfRun, frozen=True):
    metric_key: str | None = None
    max_results: int | None = None
    page_token: str = ""


class Search(Struct, frozen=True):
    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str = "ACTIVE_ONLY"
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str = ""


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    experiment = experiment_number(asked.experiment_id)
    location = experiments.require_active(connection, experiment)
    tags = read_tags(asked.tags, "tags")
    tagged = tags.get(runs.NAME_TAG, "")
    if asked.run_name and tagged and asked.run_name != tagged:
        raise Invalid(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{asked.run_name}', mlflow.runName='{tagged}')."
        )
    name = asked.run_name or tagged or _made_up()
    id_ = uuid.uuid4().hex
    info = RunInfo(
        id_,
        experiment,
        name,
        asked.user_id,
        "RUNNING",
        asked.start_time if asked.start_time is not None else 0,
        None,
        f"{location.rstrip('/')}/{id_}/artifacts",
        True,
    )
    said = said_run(runs.create(connection, info, {**tags, runs.NAME_TAG: name}))
    return {"run": {part: value for part, value in said.items() if part != "outputs"}}


def get(connection: Connection, asked: OfRun, desk: Desk) -> Json:
    return {"run": said_run(runs.find(connection, asked.run))}


def change(connection: Connection, asked: Change, desk: Desk) -> Json:
    info = runs.change(
        connection, asked.run, status=_state(asked.status), ended=asked.end_time, name=asked.run_name
    )
    return {"run_info": said_info(info)}


def delete(connection: Connection, asked: OfRun, desk: Desk) -> Json:
    runs.set_active(connection, asked.run, active=False)
    return {}


def restore(connection: Connection, asked: OfRun, desk: Desk) -> Json:
    runs.set_active(connection, asked.run, active=True)
    return {}


def log_metric(connection: Connection, asked: LogMetric, desk: Desk) -> Json:
    require("key", asked.key)
    require("value", asked.value)
    require("timestamp", asked.timestamp)
    point = read_point(Metric(asked.key, asked.value, asked.timestamp, asked.step))
    points.log(connection, desk.keys, asked.run, Batch([point]))
    _log_to_model(connection, asked.run, [(asked, point)])
    return {}


def log_parameter(connection: Connection, asked: LogTag, desk: Desk) -> Json:
    require("key", asked.key)
    params = read_params([Tag(asked.key, asked.value)])
    points.log(connection, desk.keys, asked.run, Batch(params=params))
    return {}


def log_batch(connection: Connection, asked: LogBatch, desk: Desk) -> Json:
    sizes = {"metrics": len(asked.metrics), "params": len(asked.params), "tags": len(asked.tags)}
    check_batch(sizes)
    batch = Batch(
        [read_point(metric, f"metrics[{at}]") for at, metric in enumerate(asked.metrics)],
        read_params(asked.params, "params"),
        read_tags(asked.tags, "tags"),
    )
    points.log(connection, desk.keys, asked.run, batch)
    _log_to_model(connection, asked.run, list(zip(asked.metrics, batch.metrics, strict=True)))
    return {}


def set_tag(connection: Connection, asked: LogTag, desk: Desk) -> Json:
    require("key", asked.key)
    runs.set_tags(connection, asked.run, read_tags([Tag(asked.key, asked.value)]))
    return {}


def delete_tag(connection: Connection, asked: LogTag, desk: Desk) -> Json:
    require("key", asked.key)
    runs.remove_tag(connection, asked.run, asked.key or "")
    return {}


def history(connection: Connection, asked: History, desk: Desk) -> Json:
    require("metric_key", asked.metric_key)
    if asked.max_results is not None and asked.max_results < 0:
        raise Invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied: it is negative"
        )
    size = min(asked.max_results, MOST_POINTS) if asked.max_results else None
    question = (asked.run, asked.metric_key)
    page = read_page(asked.page_token, size or MOST_POINTS, question)
    name = asked.metric_key or ""
    found, after = points.history(connection, asked.run, name, size, page.after)
    return said_page({"metrics": [said_point(point) for point in found]}, after, question)


def find(connection: Connection, asked: Search, desk: Desk) -> Json:
    if not 0 <= asked.max_results <= MOST:
        raise Invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied: It must be a positive integer no "
            f"larger than {MOST}"
        )
    within = experiment_numbers(asked.experiment_ids)
    seen = projects.only_seen(connection, within, desk.actor.sight)
    question = (within, asked.filter, asked.run_view_type, asked.order_by)
    page = read_page(asked.page_token, asked.max_results, question)
    found, after = search.runs(
        connection,
        seen,
        view(asked.run_view_type),
        run_conditions(asked.filter),
        run_orders(asked.order_by),
        page,
    )
    return said_page({"runs": [said_run(run) for run in found]}, after, question)


def _measured(metrics: Sequence[Metric | LogMetric]) -> list[Thing]:
    """The logged models that are measured."""
    return [Thing("logged model", id_) for id_ in sorted({one.model_id for one in metrics if one.model_id})]


def _batch_counts(asked: LogBatch) -> Json:
    return {"metrics": len(asked.metrics), "params": len(asked.params), "tags": len(asked.tags)}


def _metric_counts(asked: LogMetric) -> Json:
    return {"metrics": 1, "metric": asked.key}


def _param_counts(asked: LogTag) -> Json:
    return {"params": 1, "param": asked.key}


def _state(status: str | int | None) -> RunState | None:
    """The state that is named, or numbered from 1 on; raises `Invalid`."""
    if status is None:
        return None
    if isinstance(status, int) and 1 <= status <= len(STATES):
        return STATES[status - 1]
    for state in STATES:
        if state == status:
            return state
    raise Invalid(f"Invalid value '{status}' for parameter 'status' supplied: expected one of {list(STATES)}")


def _log_to_model(
    connection: Connection, run: str, logged: Sequence[tuple[Metric | LogMetric, Point]]
) -> None:
    """What is measured of a logged model is told of that too."""
    measured = [
        (said.model_id, ModelPoint(point, run, said.dataset_name, said.dataset_digest))
        for said, point in logged
        if said.model_id
    ]
    if measured:
        models.log_points(connection, measured)


def _made_up() -> str:
    """A name for a run that was given none, as `calm-heron-412`."""
    return f"{random.choice(ADJECTIVES)}-{random.choice(NOUNS)}-{random.randrange(1000)}"  # noqa: S311


ENDPOINTS = (
    Endpoint("POST", "runs/create", "developer", Create, create, makes=True),
    Endpoint("GET", "runs/get", "viewer", OfRun, get, writes=False),
    Endpoint("POST", "runs/update", "developer", Change, change),
    Endpoint("POST", "runs/delete", "developer", OfRun, delete),
    Endpoint("POST", "runs/restore", "developer", OfRun, restore),
    Endpoint("POST", "runs/search", "viewer", Search, find, writes=False, narrows=True),
    Endpoint("POST", "runs/log-metric", "developer", LogMetric, log_metric, counts=_metric_counts),
    Endpoint("POST", "runs/log-parameter", "developer", LogTag, log_parameter, counts=_param_counts),
    Endpoint("POST", "runs/log-batch", "developer", LogBatch, log_batch, counts=_batch_counts),
    Endpoint("POST", "runs/set-tag", "developer", LogTag, set_tag),
    Endpoint("POST", "runs/delete-tag", "developer", LogTag, delete_tag),
    Endpoint("GET", "metrics/get-history", "viewer", History, history, writes=False),
)
