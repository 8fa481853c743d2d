"""What is logged to a run: points of metrics, and params, which are written once."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, literal, or_, select

from outdo.core.refusals import Invalid
from outdo.core.tracking import Point, clamp
from outdo.store.tracking.prepared import Prepared
from outdo.store.tracking.runs import place_of, put_tags
from outdo.store.tracking.tables import latest, logged_runs, metric_keys, points, run_params
from outdo.store.tracking.writing import new_number, upsert

MOST = (1 << 63) - 1

After = tuple[str | float | None, ...]


def fit(values: Sequence[object]) -> bool:
    """Whether a database can keep the whole numbers among these values."""
    return all(abs(value) <= MOST for value in values if isinstance(value, int))


class Batch:
    """What is logged in one go: all of it, or nothing."""

    def __init__(
        self,
        metrics: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.metrics = metrics
        self.params = params or {}
        self.tags = tags or {}


class Keys:
    """Numbers for the names of metrics; remembered, as there are few and each is asked for often."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def forget(self) -> None:
        """Nothing is known any more: what was found may have been taken back."""
        self._known.clear()

    def of(self, connection: Connection, names: Sequence[str]) -> dict[str, int]:
        """The number of each name, made where there is none. One is remembered once it is found; where the transaction
        that it was found in is lost, `forget` has to be called."""
        unknown = sorted({name for name in names if name not in self._known})
        found = dict(self._known)
        if unknown:
            there = select(metric_keys.c.name, metric_keys.c.id).where(metric_keys.c.name.in_(unknown))
            before: dict[str, int] = {row.name: row.id for row in connection.execute(there)}
            self._known.update(before)
            found.update(before)
            for name in unknown:
                if name not in before:
                    found[name] = new_number(connection, metric_keys, {"name": name})
        return found


def log(connection: Connection, keys: Keys, id_: str, batch: Batch) -> None:
    """The run has all that is in the batch; raises `Unknown`, `BadState`, and `Invalid` for a param that has another
    value already."""
    number, experiment = place_of(connection, id_)
    _log_params(connection, number, id_, batch.params)
    _log_points(connection, (number, experiment), keys, batch.metrics)
    if batch.tags:
        put_tags(connection, number, batch.tags)


def history(
    connection: Connection, id_: str, name: str, size: int | None = None, after: After | None = None
) -> tuple[list[Point], After | None]:
    """The points of a metric by time, step, value; `size` of them, behind the point that `after` stands for. Also what
    the next page begins behind, where more come."""
    columns = (points.c.timestamp, points.c.step, points.c.value, points.c.nan)
    query = (
        select(*columns)
        .join(logged_runs, logged_runs.c.number == points.c.run)
        .join(metric_keys, metric_keys.c.id == points.c.key)
        .where(logged_runs.c.id == id_, metric_keys.c.name == name)
        .order_by(*columns)
        .limit(None if size is None else size + 1)
    )
    if after is not None:
        if not _fits(after):
            raise Invalid("Invalid page token: it is of another history")
        query = query.where(_behind(columns, (*after[:3], literal(bool(after[3])))))
    rows = connection.execute(query).all()
    given = rows[:size]
    found = [
        Point(name, float("nan") if nan else value, timestamp, step) for timestamp, step, value, nan in given
    ]
    more = len(rows) > len(given)
    return found, (*given[-1][:3], int(given[-1][3])) if more else None


def _fits(after: After) -> bool:
    """Whether these can be a point's time, step, value, and whether it is NaN; they come from outside."""
    if len(after) != 4 or after[3] not in (0, 1):
        return False
    return isinstance(after[2], int | float) and all(isinstance(one, int) for one in after[:2]) and fit(after)


def _behind(columns: Sequence[Any], values: Sequence[Any]) -> Any:
    """Whether a row comes behind these values, in the order of the columns."""
    return or_(
        *(
            and_(
                *(column == value for column, value in zip(columns[:at], values, strict=False)),
                columns[at] > values[at],
            )
            for at in range(len(columns))
        )
    )


def _log_params(connection: Connection, number: int, id_: str, params: Mapping[str, str]) -> None:
    if not params:
        return
    there = select(run_params.c.key, run_params.c.value).where(
        run_params.c.run == number, run_params.c.key.in_(list(params))
    )
    before: dict[str, str] = {row.key: row.value for row in connection.execute(there)}
    changed = [
        {"key": key, "old_value": value, "new_value": params[key]}
        for key, value in before.items()
        if params[key] != value
    ]
    if len(changed) == 1 and len(params) == 1:
        (one,) = changed
        raise Invalid(
            f"Changing param values is not allowed. Param with key='{one['key']}' was already logged with "
            f"value='{one['old_value']}' for run ID='{id_}'. Attempted logging new value '{one['new_value']}'."
        )
    if changed:
        raise Invalid(
            f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{id_}'."
        )
    rows = [{"run": number, "key": key, "value": value} for key, value in params.items() if key not in before]
    upsert(connection, run_params, rows)


def _log_points(connection: Connection, place: tuple[int, int], keys: Keys, metrics: Sequence[Point]) -> None:
    log_points(connection, keys, [(*place, point) for point in metrics])


def log_points(connection: Connection, keys: Keys, logged: Sequence[tuple[int, int, Point]]) -> None:
    """The runs have these points; each comes with the numbers of its run and of the run's experiment."""
    if not logged:
        return
    numbers = keys.of(connection, [point.key for _, _, point in logged])
    rows = [_row(number, numbers[point.key], point) for number, _, point in logged]
    _POINT.run_all(connection, rows)
    newest: dict[tuple[int, int], dict[str, Any]] = {}
    for row, (_, experiment, _) in zip(rows, logged, strict=True):
        best = newest.get((row["run"], row["key"]))
        if best is None or _rank(row) > _rank(best):
            newest[row["run"], row["key"]] = {**row, "experiment": experiment}
    _LATEST.run_all(connection, list(newest.values()))


def _put_latest(insert: Any) -> Any:
    """Each becomes the latest of its metric, unless a later one is there."""
    statement = insert(latest).values(_named(latest))
    new = statement.excluded
    order = ("step", "timestamp", "value")
    later = or_(
        *(
            and_(*(new[name] == latest.c[name] for name in order[:at]), new[order[at]] > latest.c[order[at]])
            for at in range(len(order))
        )
    )
    return statement.on_conflict_do_update(
        index_elements=["run", "key"],
        set_={name: new[name] for name in ("timestamp", "step", "value", "nan")},
        where=later,
    )


def _named(table: Table) -> dict[str, Any]:
    return {column.name: bindparam(column.name, type_=column.type) for column in table.c}


_POINT = Prepared(lambda insert: insert(points).values(_named(points)).on_conflict_do_nothing())
_LATEST = Prepared(_put_latest)


def _row(number: int, key: int, point: Point) -> dict[str, Any]:
    nan = isnan(point.value)
    value = 0.0 if nan else clamp(point.value)
    return {
        "run": number,
        "key": key,
        "timestamp": point.timestamp,
        "step": point.step,
        "value": value,
        "nan": nan,
    }


def _rank(row: Mapping[str, Any]) -> tuple[int, int, float]:
    return row["step"], row["timestamp"], row["value"]
