"""Calls about traces as clients before 3 make them: a beginning and an end, with the spans as an artifact."""

import uuid
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.core.spans import Trace
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow import traces as newer
from outdo.server.mlflow.paging import said_page
from outdo.server.mlflow.shapes import Tag, experiment_number, require
from outdo.server.mlflow.trace_shapes import (
    read_metadata,
    read_moment,
    read_state,
    read_trace_tags,
    said_old,
)
from outdo.store.tracking import traces


class Start(Struct, frozen=True):
    experiment_id: str = ""
    timestamp_ms: int = 0
    request_metadata: list[Tag] = []
    tags: list[Tag] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("experiment", str(experiment_number(self.experiment_id))),)


class End(Struct, frozen=True):
    request_id: str = ""
    timestamp_ms: int = 0
    status: str | int = "TRACE_STATUS_UNSPECIFIED"
    request_metadata: list[Tag] = []
    tags: list[Tag] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.request_id),)


class OfTrace(Struct, frozen=True):
    request_id: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.request_id),)


class Search(Struct, frozen=True):
    experiment_ids: list[str] = []
    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []
    page_token: str = ""


def start(connection: Connection, asked: Start, desk: Desk) -> Json:
    id_ = uuid.uuid4().hex
    made = Trace(
        id_,
        experiment_number(asked.experiment_id),
        read_moment(asked.timestamp_ms, "timestamp_ms"),
        None,
        "IN_PROGRESS",
        metadata=read_metadata(_texts(asked.request_metadata)),
        tags=read_trace_tags(_texts(asked.tags)),
    )
    traces.put(connection, made)
    return {"trace_info": said_old(traces.find(connection, id_))}


def end(connection: Connection, asked: End, desk: Desk) -> Json:
    metadata, tags = read_metadata(_texts(asked.request_metadata)), read_trace_tags(_texts(asked.tags))
    ended = read_moment(asked.timestamp_ms, "timestamp_ms")
    traces.end(connection, asked.request_id, ended, read_state(asked.status))
    traces.put_metadata(connection, asked.request_id, metadata)
    for key, value in tags.items():
        traces.set_tag(connection, asked.request_id, key, value)
    return get(connection, asked, desk)


def get(connection: Connection, asked: OfTrace | End, desk: Desk) -> Json:
    return {"trace_info": said_old(traces.find(connection, asked.request_id))}


def find(connection: Connection, asked: Search, desk: Desk) -> Json:
    require("experiment_ids", asked.experiment_ids or None)
    within = [experiment_number(one) for one in asked.experiment_ids]
    found, after, question = newer.search(connection, within, asked, desk)
    return said_page({"traces": [said_old(one) for one in found]}, after, question)


def _texts(said: list[Tag]) -> dict[str, str]:
    if any(one.key is None for one in said):
        raise Invalid("Missing value for required parameter 'key'")
    return {one.key or "": one.value for one in said}


ENDPOINTS = (
    Endpoint("POST", "traces", "developer", Start, start),
    Endpoint("GET", "traces", "viewer", Search, find, writes=False, narrows=True),
    Endpoint("PATCH", "traces/{request_id}", "developer", End, end),
    Endpoint("GET", "traces/{request_id}/info", "viewer", OfTrace, get, writes=False),
)
