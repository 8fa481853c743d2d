"""Searching: conditions to SQL, and pages that go on behind a row rather than at a number.

What a page costs depends on what is on it, not on how many pages came before.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
)

from outdo.core.access import Sight
from outdo.core.refusals import Invalid
from outdo.core.tracking import (
    PROMPT_TAG,
    Condition,
    Experiment,
    LoggedModel,
    LoggedRun,
    ModelVersion,
    Order,
    Page,
    RegisteredModel,
    View,
)
from outdo.store.tracking import experiments as experiment_rows
from outdo.store.tracking import models as model_rows
from outdo.store.tracking import registry
from outdo.store.tracking import runs as run_rows
from outdo.store.tracking.points import fit
from outdo.store.tracking.projects import seen_experiments, seen_models, seen_versions
from outdo.store.tracking.spaces import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODELS,
    RUNS,
    VERSIONS,
    Space,
    on_datasets,
    one_of,
)
from outdo.store.tracking.tables import (
    datasets,
    experiments,
    inputs,
    logged_model_metrics,
    logged_models,
    logged_runs,
)

Found = TypeVar("Found")
After = tuple[str | float | None, ...]
AT_ONCE = 10_000
MANY = 1_000
"""Rows from which on a condition is looked at row by row."""

_DATASETS: Mapping[str, ColumnElement[Any]] = {
    "name": datasets.c.name,
    "digest": datasets.c.digest,
    "context": inputs.c.context,
}

MISSING_DIFFERS = frozenset({PROMPT_TAG})
"""Tags that clients ask to differ from a value, and mean also what lacks them."""

COMPARE: Mapping[str, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
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


def runs(
    connection: Connection,
    within: Sequence[int],
    view: View,
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
) -> tuple[list[LoggedRun], After | None]:
    """The runs of these experiments that meet all conditions, sorted, and what the next page begins behind."""
    space = RUNS._replace(within=tuple(within))
    wanted = [one_of(logged_runs.c.experiment, space.within), *_seen(logged_runs.c.active, view)]
    numbers, after = page_numbers(
        connection, space, [*wanted, *where(connection, space, conditions)], orders, page
    )
    return _read(connection, run_rows.read, numbers), after


def find_experiments(
    connection: Connection,
    view: View,
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
    *,
    sight: Sight = None,
) -> tuple[list[Experiment], After | None]:
    """The experiments in sight that meet all conditions, sorted, and what the next page begins behind."""
    wanted = [*_seen(experiments.c.active, view), *where(connection, EXPERIMENTS, conditions)]
    wanted += _and(seen_experiments(sight))
    numbers, after = page_numbers(connection, EXPERIMENTS, wanted, orders, page)
    return _read(connection, experiment_rows.read, numbers), after


def models_logged(
    connection: Connection,
    within: Sequence[int],
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
    measured_on: Sequence[tuple[str, str]] = (),
) -> tuple[list[LoggedModel], After | None]:
    """The logged models of these experiments that meet all conditions, sorted; metrics on these datasets count."""
    space = LOGGED_MODELS._replace(within=tuple(within), measured_on=tuple(measured_on))
    wanted = [one_of(logged_models.c.experiment, space.within), logged_models.c.active]
    if space.measured_on and not any(one.entity == "metric" for one in conditions):
        measured = select(logged_model_metrics.c.model).where(on_datasets(space.measured_on))
        wanted.append(logged_models.c.number.in_(measured))
    numbers, after = page_numbers(
        connection, space, [*wanted, *where(connection, space, conditions)], orders, page
    )
    return _read(connection, model_rows.read, numbers), after


def models(
    connection: Connection,
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
    sight: Sight = None,
) -> tuple[list[RegisteredModel], After | None]:
    """The registered models in sight that meet all conditions, sorted, and what the next page begins behind."""
    wanted = [*where(connection, MODELS, conditions), *_and(seen_models(sight))]
    numbers, after = page_numbers(connection, MODELS, wanted, orders, page)
    return _read(connection, registry.read, numbers), after


def versions(
    connection: Connection,
    conditions: Sequence[Condition],
    orders: Sequence[Order],
    page: Page,
    sight: Sight = None,
) -> tuple[list[ModelVersion], After | None]:
    """The versions of registered models in sight that meet all conditions, sorted, and what the next page begins
    behind."""
    wanted = [*where(connection, VERSIONS, conditions), *_and(seen_versions(sight))]
    numbers, after = page_numbers(connection, VERSIONS, wanted, orders, page)
    return _read(connection, registry.read_versions, numbers), after


def _read(
    connection: Connection, read: Callable[[Connection, Sequence[int]], list[Found]], numbers: Sequence[int]
) -> list[Found]:
    """What has these numbers, in their order. A database takes some 30,000 values at once; a page may be larger."""
    return [
        one for at in range(0, len(numbers), AT_ONCE) for one in read(connection, numbers[at : at + AT_ONCE])
    ]


# ------------------------------------------------------------------ conditions


def _seen(active: ColumnElement[bool], view: View) -> list[ColumnElement[bool]]:
    return [] if view == "all" else [active if view == "active" else ~active]


def _and(condition: ColumnElement[bool] | None) -> list[ColumnElement[bool]]:
    return [] if condition is None else [condition]


def where(connection: Connection, space: Space, conditions: Sequence[Condition]) -> list[ColumnElement[bool]]:
    """What rows of the space meet all of the conditions."""
    return [_condition(connection, space, condition) for condition in conditions]


def _condition(connection: Connection, space: Space, condition: Condition) -> ColumnElement[bool]:
    if condition.entity == "attribute":
        return COMPARE[condition.operator](space.attributes[condition.key], condition.value)
    if condition.entity == "metric":
        assert space.measured is not None
        metric = space.measured(connection, space, condition)
        compared = COMPARE[condition.operator](metric.value, condition.value)
        # A NaN is kept as 0: it differs from every number, and compares with none.
        holds = or_(metric.nan, compared) if condition.operator == "!=" else and_(~metric.nan, compared)
        meet = select(metric.owner).where(metric.these, holds)
        if metric.by_owner and _are_many(connection, meet):
            return meet.where(metric.owner == space.number).exists()
        return space.number.in_(meet)
    if condition.entity == "dataset":
        here = COMPARE[condition.operator](_DATASETS[condition.key], condition.value)
        read = select(inputs.c.run).join(datasets, datasets.c.number == inputs.c.dataset).where(here)
        return space.number.in_(read)
    table = space.texts[condition.entity]
    owner, key, value = table.c[0], table.c.key, table.c.value
    with_key = select(owner).where(key == condition.key)
    if condition.operator == "IS NULL":
        return space.number.not_in(with_key)
    if condition.operator == "IS NOT NULL":
        return space.number.in_(with_key)
    there = space.number.in_(with_key.where(COMPARE[condition.operator](value, condition.value)))
    if condition.operator == "!=" and condition.key in MISSING_DIFFERS:
        return or_(there, space.number.not_in(with_key))
    return there


def _are_many(connection: Connection, meet: Select[Any]) -> bool:
    """Whether so many rows meet a condition that to list them all costs more than to look at each that comes by until a
    page is full."""
    counted = select(func.count()).select_from(meet.limit(MANY).subquery())
    return connection.scalar(counted) == MANY


# ------------------------------------------------------------------ pages in order


def page_numbers(
    connection: Connection,
    space: Space,
    wanted: Sequence[ColumnElement[bool]],
    orders: Sequence[Order],
    page: Page,
) -> tuple[list[int], After | None]:
    """Numbers of the rows of one page, and the sort keys of its last one where others come behind it.

    Rows that have the first key's value come before those that lack it; each kind is asked for on its own, so that an
    index can deliver it in order and the rest is never touched."""
    keys = [_sorted(connection, space, order) for order in orders]
    after = page.after
    if after is not None and not _fits(keys, after):
        raise Invalid("Invalid page token: it is of another search")
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


def _ordered(space: Space, keys: Sequence[_Sorted], rank: int) -> Select[Any]:
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


def _fits(keys: Sequence[_Sorted], after: After) -> bool:
    """Whether these can be the sort keys of a row; they come from outside."""
    if len(after) != 2 * len(keys) + 1 or not isinstance(after[-1], int) or not fit(after):
        return False
    for key, rank, value in zip(keys, after[::2], after[1::2], strict=False):
        if not isinstance(rank, int) or not 0 <= rank < len(key.ranks):
            return False
        if value is not None and (key.value.type.python_type is str) != isinstance(value, str):
            return False
    return True


def _directed(key: _Sorted) -> ColumnElement[Any]:
    return key.value.desc() if key.descending else key.value.asc()


def _behind(space: Space, keys: Sequence[_Sorted], after: After) -> ColumnElement[bool]:
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
    return and_(or_(*behind), *_from(keys[0], after[1]))


def _from(first: _Sorted, value: Any) -> list[ColumnElement[bool]]:
    """That the first key is not before this value, which follows from the rest; said on its own, an index begins there
    instead of passing by all that came before."""
    if value is None:
        return []
    return [first.value <= value if first.descending else first.value >= value]


def _sorted(connection: Connection, space: Space, order: Order) -> _Sorted:
    if order.entity == "attribute":
        column = space.attributes[order.key]
        there, missing = column.is_not(None), column.is_(None)
        ranks: tuple[ColumnElement[bool], ...] = (
            (there, missing) if order.key in space.nullable else (true(),)
        )
        return _Sorted(None, true(), column, ranks, order.descending)
    if order.entity == "metric":
        assert space.measured is not None
        metric = space.measured(connection, space, order)
        on = and_(metric.owner == space.number, metric.these)
        # NaN is kept as 0, which would sort it among the others of its rank; they are all the same.
        ranks = (~metric.nan, metric.nan, metric.owner.is_(None))
        return _Sorted(metric.source, on, metric.value, ranks, order.descending)
    table = space.texts[order.entity].alias()
    on = and_(table.c[0] == space.number, table.c.key == order.key)
    return _Sorted(
        table, on, table.c.value, (table.c.value.is_not(None), table.c.value.is_(None)), order.descending
    )
