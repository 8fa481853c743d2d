"""Searching experiments and runs: conditions to SQL, and pages that go on behind a row rather than at a number.

What a page costs depends on what is on it, not on how many pages came before.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    case,
    literal,
    or_,
    select,
    true,
)

from outdo.core.refusals import Invalid
from outdo.core.tracking import Condition, Experiment, LoggedRun, Order, Page, View
from outdo.store.tracking import experiments as experiment_rows
from outdo.store.tracking import runs as run_rows
from outdo.store.tracking.tables import (
    experiment_tags,
    experiments,
    latest,
    logged_runs,
    metric_keys,
    run_params,
    run_tags,
)

After = tuple[str | float | None, ...]

RUN_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "run_id": logged_runs.c.id,
    "run_name": logged_runs.c.name,
    "status": logged_runs.c.status,
    "artifact_uri": logged_runs.c.location,
    "user_id": logged_runs.c.user,
    "start_time": logged_runs.c.started,
    "end_time": logged_runs.c.ended,
    "experiment_id": logged_runs.c.experiment,
}

EXPERIMENT_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "name": experiments.c.name,
    "experiment_id": experiments.c.id,
    "creation_time": experiments.c.created,
    "last_update_time": experiments.c.updated,
}

_COMPARE: Mapping[str, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    "LIKE": lambda column, value: column.like(value),
    "ILIKE": lambda column, value: column.ilike(value),
    "IN": lambda column, value: column.in_(value),
    "NOT IN": lambda column, value: column.not_in(value),
}


class _Sorted(NamedTuple):
    """One key of an order: where its values are, and what comes before what."""

    source: FromClause | None
    on: ColumnElement[bool]
    value: ColumnElement[Any]
    ranks: tuple[ColumnElement[bool], ...]
    """What holds of a row whose value is there, then of those that come behind: NaN, missing."""
    descending: bool

    @property
    def rank(self) -> ColumnElement[int]:
        known = [(there, at) for at, there in enumerate(self.ranks[:-1])]
        return case(*known, else_=len(known)) if known else literal(0)


class _Space(NamedTuple):
    """What is searched: a table with what belongs to its rows."""

    table: Table
    number: ColumnElement[int]
    attributes: Mapping[str, ColumnElement[Any]]
    texts: Mapping[str, Table]
    """Tables of key and value by entity."""
    within: tuple[int, ...] = ()
    """The experiments whose runs are searched."""


_RUNS = _Space(logged_runs, logged_runs.c.number, RUN_ATTRIBUTES, {"param": run_params, "tag": run_tags})
_EXPERIMENTS = _Space(experiments, experiments.c.id, EXPERIMENT_ATTRIBUTES, {"tag": experiment_tags})


def runs(
    connection: Connection,
    within: Sequence[int],
    view: View,
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
) -> tuple[list[LoggedRun], After | None]:
    """The runs of these experiments that meet all conditions, sorted, and what the next page begins behind."""
    space = _RUNS._replace(within=tuple(within))
    wanted = [_in(logged_runs.c.experiment, space.within), *_seen(logged_runs.c.active, view)]
    numbers, after = _search(
        connection, space, [*wanted, *_where(connection, space, conditions)], orders, page
    )
    return run_rows.read(connection, numbers), after


def find_experiments(
    connection: Connection,
    view: View,
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
) -> tuple[list[Experiment], After | None]:
    """The experiments that meet all conditions, sorted, and what the next page begins behind."""
    wanted = [*_seen(experiments.c.active, view), *_where(connection, _EXPERIMENTS, conditions)]
    numbers, after = _search(connection, _EXPERIMENTS, wanted, orders, page)
    return experiment_rows.read(connection, numbers), after


# ------------------------------------------------------------------ conditions


def _seen(active: ColumnElement[bool], view: View) -> list[ColumnElement[bool]]:
    return [] if view == "all" else [active if view == "active" else ~active]


def _in(column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """As an equality where it is one: only then an index gives the rest in order."""
    return column == numbers[0] if len(numbers) == 1 else column.in_(numbers)


def _where(
    connection: Connection, space: _Space, conditions: Sequence[Condition]
) -> list[ColumnElement[bool]]:
    return [_condition(connection, space, condition) for condition in conditions]


def _condition(connection: Connection, space: _Space, condition: Condition) -> ColumnElement[bool]:
    if condition.entity == "attribute":
        return _COMPARE[condition.operator](space.attributes[condition.key], condition.value)
    if condition.entity == "metric":
        compared = _COMPARE[condition.operator](latest.c.value, condition.value)
        there = select(latest.c.run).where(
            _in(latest.c.experiment, space.within),
            latest.c.key == _metric_key(connection, condition.key),
            # A NaN is kept as 0: it compared from every number, and compares with none.
            or_(latest.c.nan, compared) if condition.operator == "!=" else and_(~latest.c.nan, compared),
        )
        return space.number.in_(there)
    table = space.texts[condition.entity]
    owner, key, value = table.c[0], table.c.key, table.c.value
    with_key = select(owner).where(key == condition.key)
    if condition.operator == "IS NULL":
        return space.number.not_in(with_key)
    if condition.operator == "IS NOT NULL":
        return space.number.in_(with_key)
    return space.number.in_(with_key.where(_COMPARE[condition.operator](value, condition.value)))


def _metric_key(connection: Connection, name: str) -> int:
    """The number of a metric's name; -1, which no metric has, for one that nobody logged."""
    found = connection.scalar(select(metric_keys.c.id).where(metric_keys.c.name == name))
    return -1 if found is None else found


# ------------------------------------------------------------------ pages in order


def _search(
    connection: Connection,
    space: _Space,
    wanted: Sequence[ColumnElement[bool]],
    orders: Sequence[Order],
    page: Page,
) -> tuple[list[int], After | None]:
    """Numbers of the rows of one page, and the sort keys of its last one where others come behind it.

    Rows that have the first key's value come before those that lack it; each kind is asked for on its own, so that an
    index can deliver it in order and the rest is never touched."""
    keys = [_sorted(connection, space, order) for order in orders]
    after = page.after
    if after is not None and len(after) != 2 * len(keys) + 1:
        raise Invalid("the page token is of another search")
    found: list[tuple[Any, ...]] = []
    first = keys[0]
    start = int(after[0] or 0) if after else 0
    for rank in range(start, len(first.ranks)):
        query = _ordered(space, keys, rank).where(*wanted).limit(page.size + 1 - len(found))
        if after is not None and rank == start:
            query = query.where(_behind(space, keys, after))
        found += [(rank, *row) for row in connection.execute(query)]
        if len(found) > page.size:
            break
    rows = found[: page.size]
    more = len(found) > page.size
    return [row[-1] for row in rows], tuple(rows[-1]) if more else None


def _ordered(space: _Space, keys: Sequence[_Sorted], rank: int) -> Select[Any]:
    first, rest = keys[0], keys[1:]
    here: FromClause = space.table
    if first.source is not None:
        last = rank == len(first.ranks) - 1
        here = here.outerjoin(first.source, first.on) if last else here.join(first.source, first.on)
    for key in rest:
        if key.source is not None:
            here = here.outerjoin(key.source, key.on)
    columns = [first.value, *(part for key in rest for part in (key.rank, key.value)), space.number]
    order = [_directed(first)]
    for key in rest:
        order += [key.rank.asc()] if len(key.ranks) > 1 else []
        order.append(_directed(key))
    return (
        select(*(column.label(f"c{at}") for at, column in enumerate(columns)))
        .select_from(here)
        .where(first.ranks[rank])
        .order_by(*order, space.number)
    )


def _directed(key: _Sorted) -> ColumnElement[Any]:
    return key.value.desc() if key.descending else key.value.asc()


def _behind(space: _Space, keys: Sequence[_Sorted], after: After) -> ColumnElement[bool]:
    """Whether a row comes behind the one with these sort keys: (rank, value) of each key, then its number."""
    same: list[ColumnElement[bool]] = []
    behind: list[ColumnElement[bool]] = []
    for at, key in enumerate(keys):
        rank, value = after[2 * at], after[2 * at + 1]
        if at and len(key.ranks) > 1:
            behind.append(and_(*same, key.rank > rank))
            same.append(key.rank == rank)
        if value is not None:
            behind.append(and_(*same, key.value < value if key.descending else key.value > value))
            same.append(key.value == value)
        else:
            same.append(key.value.is_(None))
    behind.append(and_(*same, space.number > after[-1]))
    return or_(*behind)


def _sorted(connection: Connection, space: _Space, order: Order) -> _Sorted:
    if order.entity == "attribute":
        column = space.attributes[order.key]
        ranks = (column.is_not(None), column.is_(None)) if order.key == "end_time" else (true(),)
        return _Sorted(None, true(), column, ranks, order.descending)
    if order.entity == "metric":
        there = latest.alias()
        on = and_(
            there.c.run == space.number,
            there.c.key == _metric_key(connection, order.key),
            _in(there.c.experiment, space.within),
        )
        missing = there.c.run.is_(None)
        # NaN is kept as 0, which would sort it among the others of its rank; they are all the same.
        return _Sorted(there, on, there.c.value, (~there.c.nan, there.c.nan, missing), order.descending)
    table = space.texts[order.entity].alias()
    on = and_(table.c[0] == space.number, table.c.key == order.key)
    return _Sorted(
        table, on, table.c.value, (table.c.value.is_not(None), table.c.value.is_(None)), order.descending
    )
