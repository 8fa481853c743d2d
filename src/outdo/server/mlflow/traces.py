"""Calls about traces, as clients from 3 on make them; their spans come by OpenTelemetry's protocol."""

from collections.abc import Sequence
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, json
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid, NotYet
from outdo.core.spans import Trace
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.shapes import Int64, check_key, check_length, experiment_number, require
from outdo.server.mlflow.trace_filters import trace_conditions, trace_orders
from outdo.server.mlflow.trace_shapes import (
    TAG_LENGTH,
    Info,
    Location,
    read_trace,
    said_trace,
    said_whole,
)
from outdo.store.tracking import projects, runs, trace_search, traces
from outdo.store.tracking.search import After

FINALIZED = {"mlflow.trace.infoFinalized": "true"}
STATS_KEY = "mlflow.trace.sizeStats"
FIXED_TAGS = frozenset({traces.SPANS_TAG, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"})
MOST = 500
MOST_LINKS = 100
MOST_DELETED = 1000
LONGEST_TARGET = 300
MOST_DELETED_BY_TIME = 1 << 31


class Told(Struct, frozen=True):
    trace_info: Info = Info()


class Start(Struct, frozen=True):
    trace: Told | None = None

    def things(self) -> Sequence[Thing]:
        return _told_things(self.trace)


class OfTrace(Struct, frozen=True):
    trace_id: str = ""
    allow_partial: bool = False

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.trace_id),)


class OfTraces(Struct, frozen=True):
    trace_ids: list[str] = []
    experiment_ids: list[str] | None = None

    def things(self) -> Sequence[Thing]:
        return tuple(Thing("trace", id_) for id_ in self.trace_ids)


class Search(Struct, frozen=True):
    locations: list[Location] = []
    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []
    page_token: str = ""


class Delete(Struct, frozen=True):
    experiment_id: str = ""
    max_timestamp_millis: Int64 | None = None
    max_traces: int | None = None
    request_ids: list[str] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("experiment", self.experiment_id),)


class TraceTag(Struct, frozen=True):
    trace_id: str = ""
    key: str | None = None
    value: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.trace_id),)


class JoinRun(Struct, frozen=True):
    trace_ids: list[str] = []
    run_id: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run_id), *(Thing("trace", id_) for id_ in self.trace_ids))


class Prompt(Struct, frozen=True):
    name: str = ""
    version: str | int = ""


class JoinPrompts(Struct, frozen=True):
    trace_id: str = ""
    prompt_versions: list[Prompt] = []

    def things(self) -> Sequence[Thing]:
        return (Thing("trace", self.trace_id),)


def _told_things(told: Told | None) -> Sequence[Thing]:
    """The trace, and the experiment that it goes to."""
    place = told.trace_info.trace_location.mlflow_experiment if told else None
    if told is None or place is None:
        return ()
    return (Thing("experiment", place.experiment_id), Thing("trace", told.trace_info.trace_id or ""))


class _Stats(Struct, frozen=True):
    num_spans: int = 0


def start(connection: Connection, asked: Start, desk: Desk) -> Json:
    require("trace", asked.trace)
    assert asked.trace is not None
    told = read_trace(asked.trace.trace_info, desk.now())
    traces.put(connection, told)
    traces.put_metadata(connection, told.id, FINALIZED)
    return {"trace": {"trace_info": said_trace(traces.find(connection, told.id))}}


def get_info(connection: Connection, asked: OfTrace, desk: Desk) -> Json:
    return {"trace": {"trace_info": said_trace(traces.find(connection, asked.trace_id))}}


def get(connection: Connection, asked: OfTrace, desk: Desk) -> Json:
    require("trace_id", asked.trace_id)
    number = traces.number_of(connection, asked.trace_id)
    (found,) = traces.read(connection, [number])
    if found.tags.get(traces.SPANS_TAG) != traces.SPANS_HERE:
        raise NotYet(f"The spans of the trace '{found.id}' are not in this server's database")
    spans = traces.contents(connection, [number]).get(number, [])
    if not asked.allow_partial and not _complete(found, len(spans)):
        raise NotYet(f"Trace with ID {found.id} is not fully exported yet, please try again later.")
    return {"trace": said_whole(found, spans)}


def get_many(connection: Connection, asked: OfTraces, desk: Desk) -> Json:
    numbers, found = _named(connection, asked)
    contents = traces.contents(connection, numbers)
    said = [
        said_whole(one, spans)
        for number, one in zip(numbers, found, strict=True)
        if (spans := contents.get(number, [])) and _complete(one, len(spans))
    ]
    return {"traces": said} if said else {}


def get_infos(connection: Connection, asked: OfTraces, desk: Desk) -> Json:
    _, found = _named(connection, asked)
    return {"trace_infos": [said_trace(one) for one in found]} if found else {}


def find(connection: Connection, asked: Search, desk: Desk) -> Json:
    require("locations", asked.locations or None)
    places = [place.mlflow_experiment for place in asked.locations if place.mlflow_experiment is not None]
    within = [experiment_number(place.experiment_id) for place in places]
    found, after, question = search(connection, within, asked, desk)
    return said_page({"traces": [said_trace(one) for one in found]}, after, question)


def search(
    connection: Connection, within: Sequence[int], asked: Any, desk: Desk
) -> tuple[list[Trace], After | None, object]:
    """The traces of a page, what the next one begins behind, and the question that its token is of."""
    if not 1 <= asked.max_results <= MOST:
        raise Invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied: It must be a positive integer no "
            f"larger than {MOST}"
        )
    question = (within, asked.filter, asked.order_by)
    page = read_page(asked.page_token, asked.max_results, question)
    wanted, sorted_by = trace_conditions(asked.filter), trace_orders(asked.order_by)
    seen = projects.only_seen(connection, within, desk.actor.sight)
    found, after = trace_search.find(connection, seen, wanted, sorted_by, page)
    return found, after, question


def delete(connection: Connection, asked: Delete, desk: Desk) -> Json:
    require("experiment_id", asked.experiment_id)
    if (asked.max_timestamp_millis is None) == (not asked.request_ids):
        raise Invalid("Either `max_timestamp_millis` or `trace_ids` must be specified, and not both.")
    if asked.request_ids and asked.max_traces is not None:
        raise Invalid("`max_traces` can't be specified if `trace_ids` is specified.")
    if asked.max_traces is not None and asked.max_traces <= 0:
        raise Invalid(f"`max_traces` must be a positive integer, received {asked.max_traces}.")
    if len(asked.request_ids) > MOST_DELETED:
        raise Invalid(f"At most {MOST_DELETED} traces can be deleted at once. Got {len(asked.request_ids)}.")
    gone = traces.remove(
        connection,
        experiment_number(asked.experiment_id),
        ids=asked.request_ids,
        until=asked.max_timestamp_millis,
        most=None if asked.max_traces is None else min(asked.max_traces, MOST_DELETED_BY_TIME),
    )
    return {"traces_deleted": gone}


def set_tag(connection: Connection, asked: TraceTag, desk: Desk) -> Json:
    require("key", asked.key)
    key = check_key(asked.key, "key")
    _check_mutable(key, "set")
    traces.set_tag(connection, asked.trace_id, key, asked.value[:TAG_LENGTH])
    return {}


def delete_tag(connection: Connection, asked: TraceTag, desk: Desk) -> Json:
    require("key", asked.key)
    _check_mutable(asked.key or "", "deleted")
    traces.remove_tag(connection, asked.trace_id, asked.key or "")
    return {}


def join_run(connection: Connection, asked: JoinRun, desk: Desk) -> Json:
    require("trace_ids", asked.trace_ids or None)
    require("run_id", asked.run_id)
    if len(asked.trace_ids) > MOST_LINKS:
        raise Invalid(
            f"Cannot link more than {MOST_LINKS} traces to a run in a single request. Provided {len(asked.trace_ids)} "
            "traces."
        )
    runs.find_info(connection, asked.run_id)
    traces.link(connection, asked.trace_ids, "run", [asked.run_id])
    return {}


def join_prompts(connection: Connection, asked: JoinPrompts, desk: Desk) -> Json:
    require("trace_id", asked.trace_id)
    require("prompt_versions", asked.prompt_versions or None)
    traces.number_of(connection, asked.trace_id)
    targets = [f"{one.name}/{one.version}" for one in asked.prompt_versions]
    for target in targets:
        check_length("prompt_versions", LONGEST_TARGET, target)
    traces.link(connection, [asked.trace_id], "prompt", targets)
    return {}


def _named(connection: Connection, asked: OfTraces) -> tuple[list[int], list[Trace]]:
    """Those of the traces that are there, and in the experiments that are named, with their numbers."""
    require("trace_ids", asked.trace_ids or None)
    if len(asked.trace_ids) > MOST:
        raise Invalid(f"At most {MOST} traces can be asked for at once. Got {len(asked.trace_ids)}.")
    numbers = traces.numbers_of(connection, asked.trace_ids)
    found = traces.read(connection, numbers)
    within = (
        None if asked.experiment_ids is None else [experiment_number(one) for one in asked.experiment_ids]
    )
    pairs = [
        (number, one)
        for number, one in zip(numbers, found, strict=True)
        if within is None or one.experiment in within
    ]
    return [number for number, _ in pairs], [one for _, one in pairs]


def _complete(trace: Trace, count: int) -> bool:
    """Whether as many spans are there as its application says that the trace has."""
    try:
        return count >= json.decode(trace.metadata.get(STATS_KEY, "{}"), type=_Stats).num_spans
    except (ValidationError, DecodeError):
        return True


def _check_mutable(key: str, what: str) -> None:
    if key in FIXED_TAGS and not (what == "deleted" and key == "mlflow.trace.archivalFailure"):
        raise Invalid(f"Tag '{key}' is immutable and cannot be {what} on a trace.")


def _counts(asked: Start) -> Json:
    return {"traces": 1}


ENDPOINTS = (
    Endpoint("POST", "traces", "developer", Start, start, counts=_counts),
    Endpoint("POST", "traces/search", "viewer", Search, find, writes=False, narrows=True),
    Endpoint("GET", "traces/get", "viewer", OfTrace, get, writes=False),
    Endpoint("GET", "traces/batchGet", "viewer", OfTraces, get_many, writes=False),
    Endpoint("POST", "traces/batchGetInfos", "viewer", OfTraces, get_infos, writes=False),
    Endpoint("POST", "traces/delete-traces", "maintainer", Delete, delete),
    Endpoint("GET", "traces/{trace_id}", "viewer", OfTrace, get_info, writes=False),
    Endpoint("PATCH", "traces/{trace_id}/tags", "developer", TraceTag, set_tag),
    Endpoint("DELETE", "traces/{trace_id}/tags", "developer", TraceTag, delete_tag),
)
"""Of the protocol's third version."""

SHARED = (
    Endpoint("POST", "traces/link-to-run", "developer", JoinRun, join_run),
    Endpoint("POST", "traces/link-prompts", "developer", JoinPrompts, join_prompts),
    Endpoint("POST", "traces/delete-traces", "maintainer", Delete, delete),
    Endpoint("PATCH", "traces/{trace_id}/tags", "developer", TraceTag, set_tag),
    Endpoint("DELETE", "traces/{trace_id}/tags", "developer", TraceTag, delete_tag),
)
"""Of the second, which clients of the third still call."""
