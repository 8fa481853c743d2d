"""Searches beside the plainest way to say what they mean; and the tables beside the steps that make them."""

import threading
from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from outdo.core.tracking import Condition, Experiment, LoggedRun, Order, Page, Point, RunInfo
from outdo.store.tracking import experiments, points, runs, search
from outdo.store.tracking.opening import FORM, open_tracking
from outdo.store.tracking.points import Batch, Keys
from outdo.store.tracking.tables import metric_keys, run_tags, tables
from outdo.store.tracking.trace_tables import traces
from outdo.store.tracking.webhook_tables import webhooks
from outdo.store.tracking.writer import Writer

METRICS = ("auc", "loss")
NUMBERS = st.sampled_from([0.0, 0.5, 0.5, 1.0, -1.0, nan])
LOGGED = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(METRICS), NUMBERS),
        st.dictionaries(st.just("lr"), st.sampled_from(["a", "b", "B"])),
        st.integers(0, 3),
    ),
    max_size=12,
)
ORDER = st.one_of(
    st.builds(Order, st.just("metric"), st.sampled_from(METRICS), st.booleans()),
    st.builds(Order, st.just("param"), st.just("lr"), st.booleans()),
    st.builds(Order, st.just("attribute"), st.just("start_time"), st.booleans()),
)
TIES = [Order("attribute", "start_time", True), Order("attribute", "run_id")]
CONDITION = st.one_of(
    st.builds(
        Condition,
        st.just("metric"),
        st.sampled_from(METRICS),
        st.sampled_from(["=", "!=", ">", ">=", "<", "<="]),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    st.builds(
        Condition,
        st.just("param"),
        st.just("lr"),
        st.sampled_from(["=", "!=", "LIKE", "ILIKE"]),
        st.sampled_from(["a", "b"]),
    ),
    st.builds(Condition, st.just("param"), st.just("lr"), st.sampled_from(["IS NULL", "IS NOT NULL"])),
)


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[Engine]:
    made = open_tracking(database or "sqlite://")
    yield made
    made.dispose()


def value(run: LoggedRun, order: Order) -> float | str | None:
    if order.entity == "metric":
        return next((point.value for point in run.metrics if point.key == order.key), None)
    if order.entity == "param":
        return run.params.get(order.key)
    return run.info.started if order.key == "start_time" else run.info.id


def holds(run: LoggedRun, condition: Condition) -> bool:
    found = value(run, Order(condition.entity, condition.key))
    wanted = condition.value
    match condition.operator:
        case "IS NULL":
            return found is None
        case "IS NOT NULL":
            return found is not None
        case "ILIKE":
            return found is not None and str(found).lower() == str(wanted).lower()
        case "=" | "LIKE":
            return found == wanted
        case "!=":
            return found is not None and found != wanted
    assert isinstance(wanted, float)
    if not isinstance(found, float) or isnan(found):
        return False
    compared = {">": found > wanted, ">=": found >= wanted, "<": found < wanted, "<=": found <= wanted}
    return compared[condition.operator]


def arranged(found: Sequence[LoggedRun], orders: Sequence[Order]) -> list[str]:
    """Ids sorted by the last key first, as sorting keeps what is equal in its order."""
    rows = list(found)
    for order in reversed(orders):
        there = [
            run for run in rows if value(run, order) is not None and value(run, order) == value(run, order)
        ]
        odd = [
            run for run in rows if value(run, order) is not None and value(run, order) != value(run, order)
        ]
        missing = [run for run in rows if value(run, order) is None]
        there.sort(key=lambda run: value(run, order), reverse=False)  # type: ignore[arg-type, return-value]
        if order.descending:
            there = _stably_reversed(there, order)
        rows = [*there, *odd, *missing]
    return [run.info.id for run in rows]


def _stably_reversed(rows: Sequence[LoggedRun], order: Order) -> list[LoggedRun]:
    groups: dict[object, list[LoggedRun]] = {}
    for run in rows:
        groups.setdefault(value(run, order), []).append(run)
    return [run for group in reversed(list(groups.values())) for run in group]


@settings(max_examples=60, deadline=None)
@given(
    LOGGED,
    st.lists(CONDITION, max_size=2),
    st.lists(ORDER, max_size=2, unique_by=lambda one: (one.entity, one.key)),
    st.integers(1, 4),
)
def test_pages_of_a_search_are_what_sorting_all_would_give(
    engine: Engine,
    logged: Sequence[tuple[dict[str, float], dict[str, str], int]],
    conditions: list[Condition],
    orders: list[Order],
    size: int,
) -> None:
    named = {(one.entity, one.key) for one in orders}
    whole = [*orders, *(one for one in TIES if (one.entity, one.key) not in named)]
    keys = Keys()
    with engine.connect().execution_options(outdo_writes=True) as connection, connection.begin() as all_of_it:
        number = experiments.create(connection, Experiment(0, "one", "x:/", True, 1, 1))
        for at, (metrics, params, started) in enumerate(logged):
            info = RunInfo(f"{at:032x}", number, "n", "u", "RUNNING", started, None, "x", True)
            runs.create(connection, info, {})
            batch = Batch([Point(key, value, 1) for key, value in metrics.items()], params)
            points.log(connection, keys, info.id, batch)
        numbers = [runs.number_of(connection, f"{at:032x}") for at in range(len(logged))]
        everything = runs.read(connection, numbers)
        wanted = arranged([run for run in everything if all(holds(run, one) for one in conditions)], whole)
        told: list[str] = []
        page: Page | None = Page(size)
        while page is not None:
            found, after = search.runs(connection, [number], "active", conditions, whole, page)
            told += [run.info.id for run in found]
            page = None if after is None else Page(size, after)
        all_of_it.rollback()
    assert told == wanted


def test_the_steps_make_exactly_the_tables_that_the_code_has(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": FORM.table})
        assert compare_metadata(context, tables) == []
        assert traces.metadata is webhooks.metadata is tables


def test_a_name_that_was_lost_with_its_transaction_is_made_anew(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite can be made to refuse at the commit")
    keys = Keys()
    writer = Writer(engine, keys.forget)
    begun, go_on = threading.Event(), threading.Event()

    def wait(connection: Connection) -> None:
        begun.set()
        go_on.wait(30)

    waiting = writer.submit(wait)
    begun.wait(30)
    lost: list[Any] = [
        writer.submit(lambda connection: keys.of(connection, ["lost"])),
        writer.submit(lambda connection: keys.of(connection, ["lost"])),
        writer.submit(break_the_commit),
    ]
    go_on.set()
    waiting.result(30)
    assert [type(one.exception(30)) for one in lost] == [IntegrityError] * 3
    number = writer.submit(lambda connection: keys.of(connection, ["lost"])["lost"]).result(30)
    writer.close()
    with engine.connect() as connection:
        assert connection.scalar(select(metric_keys.c.name).where(metric_keys.c.id == number)) == "lost"


def break_the_commit(connection: Connection) -> None:
    """Changes something that only the end of the transaction refuses."""
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    connection.execute(insert(run_tags).values(run=10**6, key="a", value="b"))
