"""Logged runs as rows: made, found, changed, deleted and taken back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, select, update

from outdo.core.refusals import BadState, Unknown
from outdo.core.tracking import LoggedRun, Milliseconds, Point, RunInfo, RunState
from outdo.store.tracking import models
from outdo.store.tracking.prepared import Prepared, among, listed
from outdo.store.tracking.tables import latest, logged_runs, metric_keys, run_params, run_tags
from outdo.store.tracking.writing import set_or_added

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
_OWN = [logged_runs.c[name] for name in RunInfo.__struct_fields__]
_INFO = Prepared(lambda _: select(*_OWN).where(logged_runs.c.id == bindparam("id")))
_INFOS = Prepared(
    lambda insert: select(logged_runs.c.number, *_OWN).where(among(insert, logged_runs.c.number))
)
_PARAMS = Prepared(lambda insert: select(run_params).where(among(insert, run_params.c.run)))
_TAGS = Prepared(lambda insert: select(run_tags).where(among(insert, run_tags.c.run)))
_LATEST = Prepared(
    lambda insert: (
        select(
            latest.c.run,
            metric_keys.c.name,
            latest.c.value,
            latest.c.nan,
            latest.c.timestamp,
            latest.c.step,
        )
        .join(metric_keys, metric_keys.c.id == latest.c.key)
        .where(among(insert, latest.c.run))
        .order_by(latest.c.run, metric_keys.c.name)
    )
)
_NAN = float("nan")


def create(connection: Connection, info: RunInfo, tags: Mapping[str, str]) -> LoggedRun:
    """A new run with these tags, in an experiment that is there and not deleted."""
    made = _RUN.row(connection, asdict(info))
    assert made is not None
    _put_tags(connection, made[0], tags)
    return LoggedRun(info, {}, tags)


def number_of(connection: Connection, id_: str) -> int:
    """The number of a run, which must not be deleted; raises `Unknown` or `BadState`."""
    return place_of(connection, id_)[0]


def place_of(connection: Connection, id_: str) -> tuple[int, int]:
    """The numbers of a run, which must not be deleted, and of its experiment; raises `Unknown` or `BadState`."""
    row = _PLACE.row(connection, {"id": id_})
    if row is None:
        raise Unknown(f"Run with id={id_} not found")
    number, experiment, active = row
    if not active:
        raise BadState(f"The run {id_} must be in the 'active' state. Current state is deleted.")
    return number, experiment


def find(connection: Connection, id_: str) -> LoggedRun:
    """The run of this id with all that was logged to it; raises `Unknown`."""
    row = _PLACE.row(connection, {"id": id_})
    if row is None:
        raise Unknown(f"Run with id={id_} not found")
    return read(connection, [row[0]])[0]


def find_info(connection: Connection, id_: str) -> RunInfo:
    """What is known of the run of this id; raises `Unknown`."""
    row = _INFO.row(connection, {"id": id_})
    if row is None:
        raise Unknown(f"Run with id={id_} not found")
    return _read_info(row)


def read(connection: Connection, numbers: Sequence[int]) -> list[LoggedRun]:
    """The runs of these numbers with all that was logged to them, in this order."""
    asked = listed(numbers)
    infos = {number: _read_info(rest) for number, *rest in _INFOS.rows(connection, asked)}
    params: dict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in _PARAMS.rows(connection, asked):
        params[number][key] = value
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for number, key, value in _TAGS.rows(connection, asked):
        tags[number][key] = value
    metrics: dict[int, list[Point]] = defaultdict(list)
    for number, name, value, nan, timestamp, step in _LATEST.rows(connection, asked):
        metrics[number].append(Point(name, _NAN if nan else value, timestamp, step))
    read_ = models.inputs_of(connection, numbers)
    uses = models.uses_of(connection, numbers)
    return [
        LoggedRun(
            infos[number],
            params.get(number, {}),
            tags.get(number, {}),
            tuple(metrics.get(number, ())),
            read_.get(number, ()),
            uses.get(number, ()),
        )
        for number in numbers
        if number in infos
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
    return find_info(connection, id_)


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


def _read_info(row: Sequence[Any]) -> RunInfo:
    return RunInfo(*(*row[:-1], bool(row[-1])))
