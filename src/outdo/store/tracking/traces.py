"""Traces as rows: told by their applications, pieced together from spans, tagged, joined to runs, deleted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, update

from outdo.core.places import inside
from outdo.core.refusals import Unknown
from outdo.core.spans import LinkKind, Span, Told, Trace
from outdo.core.tracking import Milliseconds
from outdo.store.tracking import assessments, files
from outdo.store.tracking.experiments import require_active
from outdo.store.tracking.tables import experiments
from outdo.store.tracking.trace_tables import spans, trace_links, trace_metadata, trace_tags, traces
from outdo.store.tracking.writing import new_number, upsert

PLACE_TAG = "mlflow.artifactLocation"
SPANS_TAG = "mlflow.trace.spansLocation"
SPANS_HERE = "TRACKING_STORE"
"""What the tag says of a trace whose spans are rows; those of older clients are artifacts."""


def put(connection: Connection, trace: Trace) -> None:
    """The trace is as its application tells it; what was known of it from spans is added to.

    Raises `Unknown` or `BadState` for its experiment."""
    location = require_active(connection, trace.experiment)
    row: dict[str, Any] = {
        "experiment": trace.experiment,
        "started": trace.started,
        "took": trace.took,
        "state": trace.state,
        "client_id": trace.client_id,
        "whole": True,
    }
    row |= {name: text for name in ("request", "response") if (text := getattr(trace, name)) is not None}
    number = _number(connection, trace.id)
    if number is None:
        number = new_number(connection, traces, {"id": trace.id, **row})
    else:
        connection.execute(update(traces).where(traces.c.number == number).values(row))
    place = f"{location.rstrip('/')}/traces/{trace.id}/artifacts"
    _put_texts(connection, trace_tags, number, {**trace.tags, PLACE_TAG: place})
    _put_texts(connection, trace_metadata, number, trace.metadata)
    for one in trace.assessments:
        assessments.put(connection, number, one)


def add_spans(connection: Connection, experiment: int, told: Sequence[Told], found: Sequence[Span]) -> None:
    """The spans are kept, and their traces made where none are yet; `told` has one for each trace.

    Raises `Unknown` or `BadState` for the experiment."""
    place = require_active(connection, experiment)
    numbers = {one.id: _tell(connection, experiment, place, one) for one in told}
    rows = [
        {
            "trace": numbers[span.trace],
            "id": span.id,
            "parent": span.parent,
            "name": span.name,
            "kind": span.kind,
            "status": span.status,
            "began": span.began,
            "ended": span.ended,
            "content": span.content,
        }
        for span in found
    ]
    upsert(connection, spans, rows, [name for name in spans.c.keys() if name not in ("trace", "id")])  # noqa: SIM118


def number_of(connection: Connection, id_: str) -> int:
    """The number of a trace; raises `Unknown`."""
    found = _number(connection, id_)
    if found is None:
        raise Unknown(f"Trace with ID '{id_}' not found.")
    return found


def find(connection: Connection, id_: str) -> Trace:
    """The trace of this id; raises `Unknown`."""
    return read(connection, [number_of(connection, id_)])[0]


def numbers_of(connection: Connection, ids: Sequence[str]) -> list[int]:
    """The numbers of those of these traces that are there, in this order."""
    query = select(traces.c.id, traces.c.number).where(traces.c.id.in_(ids))
    found: dict[str, int] = {row.id: row.number for row in connection.execute(query)}
    return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]


def read(connection: Connection, numbers: Sequence[int]) -> list[Trace]:
    """The traces of these numbers, in this order."""
    query = select(traces).where(traces.c.number.in_(numbers))
    rows = {row.number: row for row in connection.execute(query)}
    tags = _texts(connection, trace_tags, numbers)
    metadata = _texts(connection, trace_metadata, numbers)
    judged = assessments.of(connection, numbers)
    return [
        Trace(
            row.id,
            row.experiment,
            row.started,
            row.took,
            row.state,
            row.client_id,
            row.request,
            row.response,
            metadata.get(number, {}),
            tags.get(number, {}),
            tuple(judged.get(number, ())),
        )
        for number in numbers
        if (row := rows.get(number)) is not None
    ]


def contents(connection: Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    """The spans of these traces as JSON, the first step of each first, then as they began."""
    found: dict[int, list[str]] = defaultdict(list)
    query = (
        select(spans.c.trace, spans.c.content)
        .where(spans.c.trace.in_(numbers))
        .order_by(spans.c.trace, spans.c.parent != "", spans.c.began, spans.c.id)
    )
    for row in connection.execute(query):
        found[row.trace].append(row.content)
    return found


def untold(connection: Connection, ids: Sequence[str]) -> list[tuple[str, int]]:
    """Id and number of those of these traces that their applications have not told of themselves yet."""
    query = select(traces.c.id, traces.c.number).where(traces.c.id.in_(ids), ~traces.c.whole)
    return [(row.id, row.number) for row in connection.execute(query)]


def put_metadata(connection: Connection, id_: str, metadata: Mapping[str, str]) -> None:
    """The trace has these metadata, beside others; raises `Unknown`."""
    _put_texts(connection, trace_metadata, number_of(connection, id_), metadata)


def set_tag(connection: Connection, id_: str, key: str, value: str) -> None:
    """The trace has this tag; raises `Unknown`."""
    _put_texts(connection, trace_tags, number_of(connection, id_), {key: value})


def remove_tag(connection: Connection, id_: str, key: str) -> None:
    """The trace has no such tag any more; raises `Unknown` where it had none."""
    here = (trace_tags.c.trace == number_of(connection, id_)) & (trace_tags.c.key == key)
    if not connection.execute(delete(trace_tags).where(here)).rowcount:
        raise Unknown(f"No trace tag with key '{key}' for trace with ID '{id_}'")


def link(connection: Connection, ids: Sequence[str], kind: LinkKind, targets: Sequence[str]) -> None:
    """Those of the traces that are there belong to each of the targets too."""
    numbers = numbers_of(connection, ids)
    rows = [{"trace": number, "kind": kind, "target": target} for number in numbers for target in targets]
    upsert(connection, trace_links, rows)


def remove(
    connection: Connection,
    experiment: int,
    *,
    ids: Sequence[str] = (),
    until: Milliseconds | None = None,
    most: int | None = None,
) -> int:
    """How many traces of the experiment are gone: those of these ids, or the oldest that began until then."""
    query = select(traces.c.number, traces.c.id).where(traces.c.experiment == experiment)
    if ids:
        query = query.where(traces.c.id.in_(ids))
    if until is not None:
        query = query.where(traces.c.started <= until)
    rows = connection.execute(query.order_by(traces.c.started, traces.c.id).limit(most)).all()
    # Where its artifacts are follows from the trace alone: its tag says so too, but anybody can set that.
    where = connection.scalar(select(experiments.c.location).where(experiments.c.id == experiment)) or ""
    folder = inside(where)
    for row in rows:
        if folder is not None:
            files.remove(connection, f"{folder}/traces/{row.id}".lstrip("/"))
        connection.execute(delete(traces).where(traces.c.number == row.number))
    return len(rows)


def end(connection: Connection, id_: str, ended: Milliseconds, state: str) -> None:
    """The trace ended then, in this state; raises `Unknown`."""
    here = traces.c.number == number_of(connection, id_)
    connection.execute(update(traces).where(here).values(took=ended - traces.c.started, state=state))


# ------------------------------------------------------------------ what spans tell


def _tell(connection: Connection, experiment: int, place: str, told: Told) -> int:
    """The number of the trace, which is as its spans tell where its application said nothing."""
    here = {SPANS_TAG: SPANS_HERE}
    row = connection.execute(select(traces).where(traces.c.id == told.id)).first()
    if row is None:
        took = None if told.ended is None else told.ended - told.started
        made = {
            "id": told.id,
            "experiment": experiment,
            "started": told.started,
            "took": took,
            "whole": False,
        }
        made |= {"state": told.state or "IN_PROGRESS", "request": told.request, "response": told.response}
        number = new_number(connection, traces, made)
        here[PLACE_TAG] = f"{place.rstrip('/')}/traces/{told.id}/artifacts"
    else:
        number = row.number
        changed = _changed(row, told)
        if changed:
            connection.execute(update(traces).where(traces.c.number == number).values(changed))
    known = select(trace_metadata.c.key).where(trace_metadata.c.trace == number)
    before = set(connection.scalars(known))
    more = {key: value for key, value in told.metadata.items() if key not in before}
    _put_texts(connection, trace_metadata, number, more)
    _put_texts(connection, trace_tags, number, {**told.tags, **here})
    return number


def _changed(row: Row[Any], told: Told) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if not row.whole:
        started = min(row.started, told.started)
        ends = [
            *([told.ended] if told.ended else []),
            *([row.started + row.took] if row.took is not None else []),
        ]
        changed = {"started": started, "took": max(ends) - started if ends else None}
    if row.state in ("IN_PROGRESS", "STATE_UNSPECIFIED") and told.state:
        changed["state"] = told.state
    for name in ("request", "response"):
        if getattr(row, name) is None and getattr(told, name) is not None:
            changed[name] = getattr(told, name)
    return changed


def _number(connection: Connection, id_: str) -> int | None:
    found: int | None = connection.scalar(select(traces.c.number).where(traces.c.id == id_))
    return found


def _texts(connection: Connection, table: Table, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in connection.execute(select(table).where(table.c.trace.in_(numbers))):
        found[number][key] = value
    return found


def _put_texts(connection: Connection, table: Table, number: int, texts: Mapping[str, str]) -> None:
    rows = [{"trace": number, "key": key, "value": value} for key, value in texts.items()]
    upsert(connection, table, rows, ["value"])
