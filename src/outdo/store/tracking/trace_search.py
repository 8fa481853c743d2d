"""Searching traces: by what is known of them, by their spans, and by what was said of them."""

import re
from collections.abc import Iterator, Sequence

from msgspec import json
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from outdo.core.spans import Trace
from outdo.core.tracking import Condition, Order, Page
from outdo.store.tracking import traces as trace_rows
from outdo.store.tracking.search import COMPARE, After, page_numbers, where
from outdo.store.tracking.spaces import Space, one_of
from outdo.store.tracking.trace_tables import (
    assessments,
    spans,
    trace_links,
    trace_metadata,
    trace_tags,
    traces,
)

TRACES = Space(
    traces,
    traces.c.number,
    {
        "request_id": traces.c.id,
        "experiment_id": traces.c.experiment,
        "timestamp_ms": traces.c.started,
        "execution_time_ms": traces.c.took,
        "end_time_ms": traces.c.started + func.coalesce(traces.c.took, 0),
        "status": traces.c.state,
        "client_request_id": traces.c.client_id,
    },
    {"tag": trace_tags, "metadata": trace_metadata},
    nullable=frozenset({"execution_time_ms"}),
)
_SPAN = {"name": spans.c.name, "type": spans.c.kind, "status": spans.c.status, "content": spans.c.content}
RUN_KEY = "mlflow.sourceRun"
_BARE = re.compile(r"-?\d+(?:\.\d+)?|true|false")


def find(
    connection: Connection,
    within: Sequence[int],
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
) -> tuple[list[Trace], After | None]:
    """The traces of these experiments that meet all conditions, sorted, and what the next page begins behind.

    Conditions on spans are met by one span that meets all of them."""
    of_spans = [_of_span(one) for one in conditions if one.entity == "span"]
    wanted = [one_of(traces.c.experiment, within)]
    if of_spans:
        wanted.append(select(spans.c.id).where(spans.c.trace == traces.c.number, *of_spans).exists())
    for one in conditions:
        if one.entity == "link":
            wanted.append(_linked(one))
        elif one.entity in ("feedback", "expectation"):
            wanted.append(_assessed(one))
    plain = [one for one in conditions if one.entity in ("attribute", "tag", "metadata")]
    numbers, after = page_numbers(
        connection, TRACES, [*wanted, *where(connection, TRACES, plain)], orders, page
    )
    return trace_rows.read(connection, numbers), after


def _of_span(one: Condition) -> ColumnElement[bool]:
    head, _, name = one.key.partition("attributes.")
    if head or not name:
        return COMPARE[one.operator](_SPAN[one.key], one.value)
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    found = [
        spans.c.content.ilike(pattern, escape="\\")
        if one.operator == "ILIKE"
        else spans.c.content.like(pattern, escape="\\")
        for value in values
        for pattern in _patterns(name, str(value), wild=one.operator in ("LIKE", "ILIKE"))
    ]
    there = or_(*found)
    return ~there if one.operator in ("!=", "NOT IN") else there


def _patterns(name: str, value: str, *, wild: bool) -> Iterator[str]:
    """What the JSON of a span with this attribute is like: it is kept as text, and that of one attribute is known."""
    key = _escaped(json.encode(name).decode())
    text = json.encode(value).decode()
    said = text.replace("\\", "\\\\") if wild else _escaped(text)
    yield f'%{{"key":{key},"value":{{"string\\_value":{said}}}}}%'
    if not wild and _BARE.fullmatch(value):
        for kind in ("int", "double", "bool"):
            yield f'%{{"key":{key},"value":{{"{kind}\\_value":{value}}}}}%'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _linked(one: Condition) -> ColumnElement[bool]:
    links = trace_links.c
    joined = select(links.trace).where(links.kind == one.key, links.target == one.value)
    linked = traces.c.number.in_(joined)
    if one.key != "run":
        return linked
    here = trace_metadata.c
    made = select(here.trace).where(
        here.trace == traces.c.number, here.key == RUN_KEY, here.value == one.value
    )
    return or_(linked, made.exists())


def _assessed(one: Condition) -> ColumnElement[bool]:
    here = assessments.c
    these = [here.trace == traces.c.number, here.kind == one.entity, here.name == one.key, here.valid]
    if one.operator == "IS NULL":
        return ~select(here.id).where(*these).exists()
    if one.operator == "IS NOT NULL":
        return select(here.id).where(*these).exists()
    return select(here.id).where(*these, _says(one)).exists()


def _says(one: Condition) -> ColumnElement[bool]:
    here = assessments.c
    if isinstance(one.value, int | float):
        return and_(here.measure.is_not(None), COMPARE[one.operator](here.measure, one.value))
    if one.operator in ("LIKE", "ILIKE"):
        return COMPARE[one.operator](here.value, one.value)
    said = json.encode(one.value).decode()
    same = or_(here.value == said, here.value == str(one.value))
    return ~same if one.operator == "!=" else same
