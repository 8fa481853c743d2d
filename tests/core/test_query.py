"""Filters and sorting of runs."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from outdo.core.errors import BadFilter, UnknownRun
from outdo.core.model import RunId, StageName
from outdo.core.query import Filter, Sort, matches, parse_filter, parse_sort, pick, select
from outdo.core.record import Run, StageRun

NOW = datetime(2026, 4, 13, 12, 0, tzinfo=UTC)
TRAIN, EVALUATE = StageName("train@0.1"), StageName("evaluate")


def run(number: int = 1, auc: float = 0.7, **facts: Any) -> Run:
    one = RunId(f"run{number}")
    stages = {
        TRAIN: StageRun(one, TRAIN, one, "ran", params={"lr": 0.1, "optimizer": "adam", "fast": True}),
        EVALUATE: StageRun(one, EVALUATE, one, "kept", metrics={"auc": auc}),
    }
    given = {"started": NOW.timestamp(), "branch": "main", "commit": "ab12ef", "status": "done", **facts}
    return Run(id=one, number=number, stages=stages, **given)


def meets(text: str, which: Run | None = None) -> bool:
    return matches(which or run(), parse_filter(text, NOW))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > 0.6",
        "metrics.auc=0.7",
        "metrics.auc == 0.7",
        "metrics.auc <= 0.7",
        "metrics.auc != 0.6",
        "metrics.evaluate:auc > 0.6",
        "params.lr = 0.10",
        "params.lr < 1",
        "params.optimizer = adam",
        "params.optimizer = 'adam'",
        "params.optimizer != sgd",
        "params.fast = true",
        "status = done",
        "status != failed",
        "stage = train",
        "stage = train@0.1",
        "stage != evaluate",
        "branch = main",
        "commit = ab12",
        "started > 2d",
        "started > 2026-04-13",
        "started < 2026-04-14T00:00",
        "seconds < 5m",
        "seconds = 0",
        "number = 1",
        "dirty = false",
    ],
)
def test_a_run_meets(text: str) -> None:
    assert meets(text)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > 0.7",
        "metrics.loss != 1",
        "metrics.train@0.1:auc > 0",
        "params.lr != 0.1",
        "params.optimizer > 1",
        "params.momentum = 0.9",
        "status = failed",
        "stage = evaluate",
        "stage = tra",
        "branch != main",
        "commit = ab13",
        "commit != ab12",
        "started < 2d",
        "number > 1",
        "dirty = yes",
    ],
)
def test_a_run_does_not_meet(text: str) -> None:
    assert not meets(text)


def test_a_run_without_the_value_meets_no_condition_on_it() -> None:
    outside = run(branch=None, commit=None)
    assert not any(
        meets(text, outside) for text in ("branch = x", "branch != x", "commit = x", "commit != x")
    )


def test_a_metric_that_is_no_number_meets_no_condition() -> None:
    broken = run(auc=float("nan"))
    assert not any(meets(f"metrics.auc {operator} 0.7", broken) for operator in ("=", "!=", "<", ">="))


def test_a_date_is_one_of_the_persons_time_zone() -> None:
    there = datetime(2026, 4, 13, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    wanted = parse_filter("started > 2026-04-13", there)
    assert wanted.number == datetime(2026, 4, 12, 22, 0, tzinfo=UTC).timestamp()


def test_a_filter_is_a_value() -> None:
    assert parse_filter("metrics.auc>0.7", NOW) == Filter("metrics", ">", "0.7", 0.7, "auc")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("auc", "write it as one of"),
        ("= 3", "write it as one of"),
        ("metrics.auc >", "write it as one of"),
        ("metric.auc > 1", "did you mean 'metrics.auc'?"),
        ("statsu = done", "did you mean 'status'?"),
        ("zzz = fine", "known are branch"),
        ("status = fialed", "did you mean 'failed'?"),
        ("metrics > 1", "write metrics.NAME"),
        ("metrics.auc > high", "'high' is not a number"),
        ("params.optimizer > adam", "'adam' is no number"),
        ("branch > main", "'main' is no number"),
        ("dirty = maybe", "'maybe' is not true or false"),
        ("started > soon", "'soon' is not a time"),
        ("started = 2026-04-13", "write `started > 2026-04-13`"),
        ("started > 99999999999999w", "is not a time"),
        ("seconds > long", "is not a duration"),
        ("commit > 5", "write `commit = 5`"),
    ],
)
def test_a_filter_that_can_not_be_meant_says_what_could(text: str, part: str) -> None:
    with pytest.raises(BadFilter) as raised:
        parse_filter(text, NOW)
    assert part in str(raised.value)


@pytest.mark.parametrize("text", ["branch", "metrics", "auc"])
def test_runs_are_not_sorted_by_what_has_no_size(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_sort(text)


def test_the_newest_run_comes_first() -> None:
    assert [one.number for one in select([run(1), run(3), run(2)])] == [3, 2, 1]


def test_the_best_run_comes_first_and_the_one_without_a_number_last() -> None:
    runs = [run(1, auc=0.7), run(2, auc=float("nan")), run(3, auc=0.9), run(4, auc=0.7)]
    assert [one.number for one in select(runs, (), parse_sort("metrics.auc"))] == [3, 4, 1, 2]


def test_the_lowest_comes_first_where_that_is_wanted() -> None:
    runs = [run(1, auc=0.7), run(2, auc=float("nan")), run(3, auc=0.9)]
    assert [one.number for one in select(runs, (), parse_sort("metrics.auc", descending=False))] == [1, 3, 2]


def test_all_conditions_must_be_met() -> None:
    wanted = [parse_filter(text, NOW) for text in ("metrics.auc > 0.6", "number > 1")]
    assert [one.number for one in select([run(1), run(2), run(3, auc=0.1)], wanted)] == [2]


def test_a_param_can_be_sorted_by() -> None:
    assert parse_sort("params.train.lr") == Sort("params", "train.lr")


IDS = [RunId("20260413-101502-7f3a"), RunId("20260413-111502-0001"), RunId("20260414-101502-7f3b")]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("1", 1),
        ("#3", 3),
        ("last", 3),
        ("last~1", 2),
        ("7f3a", 1),
        ("0001", 1),
        ("1502-0001", 2),
        ("20260414", 3),
        ("20260413-11", 2),
        ("20260413-101502-7f3a", 1),
    ],
)
def test_a_run_is_named_in_short(name: str, number: int) -> None:
    assert pick(name, IDS) == IDS[number - 1]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("4", "outdo log"),
        ("2", ""),
        ("0", "no run is called '0'"),
        ("last~3", "no run is called 'last~3'"),
        ("20260413", "could be any of 2 runs"),
        ("2026", "say more of it"),
        ("20260413-101502-7f3c", "did you mean 20260413-101502-7f3a?"),
        ("", "no run is called ''"),
    ],
)
def test_a_name_that_means_no_run_or_several_is_refused(name: str, part: str) -> None:
    with pytest.raises(UnknownRun) as raised:
        pick(name, IDS if name != "2" else IDS[:1])
    assert part in str(raised.value)


def test_without_a_run_nothing_is_found() -> None:
    with pytest.raises(UnknownRun, match="no run is on record yet"):
        pick("last", [])
