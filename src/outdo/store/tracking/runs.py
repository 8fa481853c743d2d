"""Logged runs as rows: made, found, changed, deleted and taken back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from outdo.core.refusals import BadState, Unknown
from outdo.core.tracking import LoggedRun, Milliseconds, Point, RunInfo, RunState
from outdo.store.tracking import models
from outdo.store.tracking.experiments import require_active
from outdo.store.tracking.prepared import Prepared
from outdo.store.tracking.tables import (
    latest,
    logged_runs,
    metric_keys,
    run_params,
    run_tags,
    set_or_added,
)

NAME_TAG = "mlflow.runName"

_RUN = Prepared(
    lambda insert: (
        insert(logged_runs)
        .values({c.name: bindparam(c.name, type_=c.type) for c in logged_runs.c if c.name != "number"})
        .returning(logged_runs.c.number)
    )
)
_TAG = Prepared(set_or_added(run_tags, ["value"]))
_PLACE = Prepared(
    lambda _: select(logged_runs.c.number, logged_runs.c.experiment, logged_runs.c.active).where(
        logged_runs.c.id == bindparam("id")
    )
)


def create(connection: Connection, info: RunInfo, tags: Mapping[str, str]) -> LoggedRun:
    """A new run with these tags; raises `Unknown` or `BadState` for its experiment."""
    require_active(connection, info.experiment)
    number: int = _RUN.run(connection, asdict(info)).scalar_one()
    _put_tags(connection, number, tags)
    return LoggedRun(info, {}, tags)


def number_of(connection: Connection, id_: str) -> int:
    """The number of a run, which must not be deleted; raises `Unknown` or `BadState`."""
    return place_of(connection, id_)[0]


def place_of(connection: Connection, id_: str) -> tuple[int, int]:
    """The numbers of a run, which must not be deleted, and of its experiment; raises `Unknown` or `BadState`."""
    row = _PLACE.run(connection, {"id": id_}).first()
    if row is None:
        raise Unknown(f"Run with id={id_} not found")
    number, experiment, active = row
    if not active:
        raise BadState(f"The run {id_} must be in the 'active' state. Current state is deleted.")
    return number, experiment


def find(connection: Connection, id_: str) -> LoggedRun:
    """The run of this id with all that was logged to it; raises `Unknown`."""
    number = connection.scalar(select(logged_runs.c.number).where(logged_runs.c.id == id_))
    if number is None:
        raise Unknown(f"Run with id={id_} not found")
    return read(connection, [number])[0]


def find_info(connection: Connection, id_: str) -> RunInfo:
    """What is known of the run of this id; raises `Unknown`."""
    row = connection.execute(select(logged_runs).where(logged_runs.c.id == id_)).first()
    if row is None:
        raise Unknown(f"Run with id={id_} not found")
    return _info(row)


def read(connection: Connection, numbers: Sequence[int]) -> list[LoggedRun]:
    """The runs of these numbers with all that was logged to them, in this order."""
    rows = {
        row.number: row
        for row in connection.execute(select(logged_runs).where(logged_runs.c.number.in_(numbers)))
    }
    params: dict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in connection.execute(select(run_params).where(run_params.c.run.in_(numbers))):
        params[number][key] = value
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in connection.execute(select(run_tags).where(run_tags.c.run.in_(numbers))):
        tags[number][key] = value
    metrics: dict[int, list[Point]] = defaultdict(list)
    columns = (
        latest.c.run,
        metric_keys.c.name,
        latest.c.value,
        latest.c.nan,
        latest.c.timestamp,
        latest.c.step,
    )
    query = select(*columns).join(metric_keys, metric_keys.c.id == latest.c.key)
    for number, name, value, nan, timestamp, step in connection.execute(
        query.where(latest.c.run.in_(numbers)).order_by(latest.c.run, metric_keys.c.name)
    ):
        metrics[number].append(Point(name, float("nan") if nan else value, timestamp, step))
    read_ = models.inputs_of(connection, numbers)
    uses = models.uses_of(connection, numbers)
    return [
        LoggedRun(
            _info(rows[number]),
            params.get(number, {}),
            tags.get(number, {}),
            tuple(metrics.get(number, ())),
            read_.get(number, ()),
            uses.get(number, ()),
        )
        for number in numbers
        if number in rows
    ]


def change(
    connection: Connection,
    id_: str,
    *,
    status: RunState | None = None,
    ended: Milliseconds | None = None,
    name: str = "",
) -> RunInfo:
    """The run as it is after the change of what is given; raises `Unknown` or `BadState`."""
    number = number_of(connection, id_)
    values: dict[str, Any] = {}
    if status is not None:
        values["status"] = status
    if ended is not None:
        values["ended"] = ended
    if name:
        values["name"] = name
        _put_tags(connection, number, {NAME_TAG: name})
    if values:
        connection.execute(update(logged_runs).where(logged_runs.c.number == number).values(values))
    row = connection.execute(select(logged_runs).where(logged_runs.c.number == number)).one()
    return _info(row)


def set_active(connection: Connection, id_: str, *, active: bool) -> None:
    """The run is deleted, or is there again; raises `Unknown`."""
    changed = connection.execute(
        update(logged_runs).where(logged_runs.c.id == id_).values(active=active)
    ).rowcount
    if not changed:
        raise Unknown(f"Run with id={id_} not found")


def set_tags(connection: Connection, id_: str, tags: Mapping[str, str]) -> None:
    """The run has these tags, beside others; that of its name names it. Raises `Unknown` or `BadState`."""
    put_tags(connection, number_of(connection, id_), tags)


def put_tags(connection: Connection, number: int, tags: Mapping[str, str]) -> None:
    """The run of this number has these tags, beside others; that of its name names it."""
    _put_tags(connection, number, tags)
    if NAME_TAG in tags:
        connection.execute(
            update(logged_runs).where(logged_runs.c.number == number).values(name=tags[NAME_TAG])
        )


def remove_tag(connection: Connection, id_: str, key: str) -> None:
    """The run has no such tag any more; raises `Unknown` where it had none, and `BadState`."""
    here = (run_tags.c.run == number_of(connection, id_)) & (run_tags.c.key == key)
    if not connection.execute(delete(run_tags).where(here)).rowcount:
        raise Unknown(f"No tag with name: {key} in run with id {id_}")


def _put_tags(connection: Connection, number: int, tags: Mapping[str, str]) -> None:
    rows = [{"run": number, "key": key, "value": value} for key, value in tags.items()]
    _TAG.run_all(connection, rows)


def _info(row: Row[Any]) -> RunInfo:
    return RunInfo(
        row.id,
        row.experiment,
        row.name,
        row.user,
        row.status,
        row.started,
        row.ended,
        row.location,
        row.active,
    )
