"""What was said of traces, as rows; one may take the place of another, which is back when the first is gone."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from outdo.core.refusals import Unknown
from outdo.core.spans import Assessment
from outdo.store.tracking.trace_tables import assessments, traces


def put(connection: Connection, trace: int, one: Assessment) -> None:
    """The trace of this number has this assessment, in place of one with its id; raises `Unknown` for the one that it
    overrides."""
    if one.overrides:
        here = (assessments.c.trace == trace) & (assessments.c.id == one.overrides)
        if not connection.execute(update(assessments).where(here).values(valid=False)).rowcount:
            raise Unknown(f"Assessment with ID '{one.overrides}' not found for trace '{one.trace}'")
    same = (assessments.c.trace == trace) & (assessments.c.id == one.id)
    connection.execute(delete(assessments).where(same))
    row = {
        "trace": trace,
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "value": one.value,
        "measure": one.measure,
        "valid": one.valid,
        "overrides": one.overrides,
        "created": one.created,
        "updated": one.updated,
        "body": one.body,
    }
    connection.execute(insert(assessments).values(row))


def change(connection: Connection, trace: int, one: Assessment) -> None:
    """The trace of this number has the assessment in this form."""
    here = (assessments.c.trace == trace) & (assessments.c.id == one.id)
    values = {
        "name": one.name,
        "value": one.value,
        "measure": one.measure,
        "updated": one.updated,
        "body": one.body,
    }
    connection.execute(update(assessments).where(here).values(values))


def find(connection: Connection, trace: str, id_: str) -> Assessment:
    """The assessment of this id; raises `Unknown`, also for the trace."""
    query = (
        select(assessments, traces.c.id.label("of"))
        .join(traces, traces.c.number == assessments.c.trace)
        .where(traces.c.id == trace, assessments.c.id == id_)
    )
    row = connection.execute(query).first()
    if row is None:
        raise Unknown(f"Assessment with ID '{id_}' not found for trace '{trace}'")
    return _assessment(row)


def of(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Assessment]]:
    """All that was said of the traces of these numbers, the oldest first."""
    found: dict[int, list[Assessment]] = defaultdict(list)
    query = (
        select(assessments, traces.c.id.label("of"))
        .join(traces, traces.c.number == assessments.c.trace)
        .where(assessments.c.trace.in_(numbers))
        .order_by(assessments.c.trace, assessments.c.created, assessments.c.number)
    )
    for row in connection.execute(query):
        found[row.trace].append(_assessment(row))
    return found


def remove(connection: Connection, trace: int, id_: str) -> None:
    """The trace of this number has no such assessment; the one whose place it took holds again."""
    here = (assessments.c.trace == trace) & (assessments.c.id == id_)
    overridden = connection.scalar(select(assessments.c.overrides).where(here))
    if overridden:
        before = (assessments.c.trace == trace) & (assessments.c.id == overridden)
        connection.execute(update(assessments).where(before).values(valid=True))
    connection.execute(delete(assessments).where(here))


def _assessment(row: Row[Any]) -> Assessment:
    return Assessment(
        row.id,
        row.of,
        row.name,
        row.kind,
        row.value,
        row.measure,
        row.created,
        row.updated,
        row.body,
        row.valid,
        row.overrides,
    )
