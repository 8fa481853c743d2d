"""Calls that pages and clients draw charts from, and what the server says of itself."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.shapes import experiment_number, filled, require, said_point
from outdo.store.tracking import charts, points, projects

MOST_RUNS = 100
MOST_POINTS = 25_000
MOST_OF_RUN = 2500
MOST_EXPERIMENTS = 20
MOST_DATASETS = 1000


class Interval(Struct, frozen=True):
    run_ids: list[str] = []
    metric_key: str | None = None
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = MOST_OF_RUN

    def things(self) -> Sequence[Thing]:
        return tuple(Thing("run", id_) for id_ in self.run_ids)


class Histories(Struct, frozen=True):
    run_id: list[str] = []
    metric_key: str | None = None
    max_results: int = MOST_POINTS

    def things(self) -> Sequence[Thing]:
        return tuple(Thing("run", id_) for id_ in self.run_id)


class Data(Struct, frozen=True):
    experiment_ids: list[str] = []


class Nothing(Struct, frozen=True):
    def things(self) -> Sequence[Thing]:
        return ()


def interval(connection: Connection, asked: Interval, desk: Desk) -> Json:
    require("run_ids", asked.run_ids or None)
    require("metric_key", asked.metric_key)
    if len(asked.run_ids) > MOST_RUNS:
        raise Invalid(
            f"GetMetricHistoryBulkInterval request must specify at most {MOST_RUNS} run_ids. "
            f"Received {len(asked.run_ids)} run_ids."
        )
    if not 1 <= asked.max_results <= MOST_OF_RUN:
        raise Invalid(f"max_results must be between 1 and {MOST_OF_RUN}.")
    steps = _steps(asked)
    found = [
        {**said_point(point), "run_id": id_}
        for id_ in asked.run_ids
        for point in charts.sample(connection, id_, asked.metric_key or "", asked.max_results, steps)
    ]
    return filled(metrics=found)


def histories(connection: Connection, asked: Histories, desk: Desk) -> Json:
    if not asked.run_id:
        raise Invalid("GetMetricHistoryBulk request must specify at least one run_id.")
    if not asked.metric_key:
        raise Invalid("GetMetricHistoryBulk request must specify a metric_key.")
    _check_count("GetMetricHistoryBulk", "run_ids", asked.run_id, MOST_RUNS)
    left = min(asked.max_results, MOST_POINTS)
    found: list[dict[str, Any]] = []
    for id_ in sorted(asked.run_id):
        if left > len(found):
            told, _ = points.history(connection, id_, asked.metric_key or "", left - len(found))
            found += [{**said_point(point), "run_id": id_} for point in told]
    return {"metrics": found}


def read_data(connection: Connection, asked: Data, desk: Desk) -> Json:
    if not asked.experiment_ids:
        raise Invalid("SearchDatasets request must specify at least one experiment_id.")
    _check_count("SearchDatasets", "experiment_ids", asked.experiment_ids, MOST_EXPERIMENTS)
    named = [experiment_number(one) for one in asked.experiment_ids]
    within = projects.only_seen(connection, named, desk.actor.sight)
    found = [
        filled(experiment_id=str(experiment), name=name, digest=digest, context=context or None)
        for experiment, name, digest, context in charts.read_data(connection, within, MOST_DATASETS)
    ]
    return filled(dataset_summaries=found)


def about(connection: Connection, asked: Nothing, desk: Desk) -> Json:
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }


def _steps(asked: Interval) -> tuple[int, int] | None:
    if asked.start_step is None and asked.end_step is None:
        return None
    if asked.start_step is None or asked.end_step is None:
        raise Invalid("If either start step or end step are specified, both must be specified.")
    if asked.start_step > asked.end_step:
        raise Invalid(
            f"end_step must be greater than start_step. Found start_step={asked.start_step} and "
            f"end_step={asked.end_step}."
        )
    if not (asked.start_step >= -(1 << 63) and asked.end_step < 1 << 63):
        raise Invalid("start_step and end_step must be valid longs (64-bit integers).")
    return asked.start_step, asked.end_step


def _check_count(call: str, name: str, found: Sequence[str], most: int) -> None:
    if len(found) > most:
        raise Invalid(f"{call} request cannot specify more than {most} {name}. Received {len(found)} {name}.")


ENDPOINTS = (
    Endpoint("GET", "metrics/get-history-bulk-interval", "viewer", Interval, interval, writes=False),
    Endpoint("GET", "metrics/get-history-bulk", "viewer", Histories, histories, writes=False),
    Endpoint("POST", "experiments/search-datasets", "viewer", Data, read_data, writes=False, narrows=True),
)
THIRD = (Endpoint("GET", "server-info", "viewer", Nothing, about, writes=False),)
