"""What comes out again is identical, within a tolerance, or different and how."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.errors import Usage
from outdo.core.reproduction import (
    Number,
    Scores,
    Tolerance,
    Verdict,
    close,
    numbers,
    numbers_clause,
    parse_tolerance,
    same_but_numbers,
    scores_clause,
    scores_verdict,
    table_verdict,
    unknown_metrics,
    worst,
)
from outdo.core.tablediff import ColumnChange, Retyped, TableDiff

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
LOOSE = Tolerance(0.01)
SAME = TableDiff((2, 2), (3, 3), matched="key", key=("id",))


def changed(column: ColumnChange) -> TableDiff:
    return TableDiff((2, 2), (3, 3), matched="key", rows_changed=1, changes=(column,))


def test_a_tolerance_is_for_all_numbers_or_for_one() -> None:
    assert parse_tolerance([]) == Tolerance(1e-6)
    assert parse_tolerance(["1e-3", "auc=0.01", "test.loss = 0"]) == Tolerance(
        1e-3, {"auc": 0.01, "test.loss": 0.0}
    )


@pytest.mark.parametrize("word", ["", "x", "auc=", "auc=x", "=0.1", "-1", "nan", "inf", "auc=-1"])
def test_what_is_no_tolerance_is_told(word: str) -> None:
    with pytest.raises(Usage, match="is no tolerance"):
        parse_tolerance([word])


@pytest.mark.parametrize(
    ("before", "after", "tolerance", "near"),
    [
        (0.70, 0.7005, 0.001, True),
        (0.70, 0.7015, 0.001, False),
        (1000.0, 1000.5, 0.001, True),
        (1000.0, 1002.0, 0.001, False),
        (0.0, 0.0, 0.0, True),
        (math.nan, math.nan, 0.0, True),
        (math.nan, 1.0, 9.0, False),
        (math.inf, math.inf, 0.0, True),
        (math.inf, 1.0, 9.0, False),
    ],
)
def test_numbers_are_close_absolutely_and_above_one_relatively(
    before: float, after: float, tolerance: float, near: bool
) -> None:
    assert close(before, after, tolerance) is near


@given(FLOATS, FLOATS, st.floats(0, 1))
def test_closeness_has_no_direction(one: float, other: float, tolerance: float) -> None:
    assert close(one, other, tolerance) == close(other, one, tolerance)
    assert close(one, one, 0.0)


def test_numbers_that_differ_are_told_with_by_how_much() -> None:
    before, after = {"auc": 0.5, "gone": 1.0, "n": 3.0}, {"auc": 0.6, "n": 3.0, "new": 2.0}
    auc, gone, new = numbers(before, after, LOOSE)
    assert (auc.name, auc.within) == ("auc", False)
    assert auc.delta == pytest.approx(0.1)
    assert auc.relative == pytest.approx(0.2)
    assert gone == Number("gone", 1.0, None)
    assert new == Number("new", None, 2.0)
    assert (
        numbers_clause((auc, gone, new)) == "auc 0.5 → 0.6 (+0.1, +20%), gone is gone (was 1), new is new (2)"
    )


def test_a_metric_of_its_own_tolerance() -> None:
    (auc,) = numbers({"auc": 0.5}, {"auc": 0.6}, Tolerance(0.0, {"auc": 0.2}))
    assert auc.within
    assert unknown_metrics(Tolerance(0.0, {"auc": 0.2, "acu": 0.1}), ["auc"]) == ["acu"]


@given(st.dictionaries(st.text(max_size=3), FLOATS, max_size=5))
def test_numbers_do_not_differ_from_themselves(values: dict[str, float]) -> None:
    assert numbers(values, values, Tolerance(0.0)) == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"auc": 0.1, "by": "x"}, {"auc": 0.2, "by": "x"}, True),
        ({"auc": 0.1, "by": "x"}, {"auc": 0.1, "by": "y"}, False),
        ({"auc": 0.1}, {"auc": 0.1, "more": 1}, True),
        ({"auc": 0.1}, {"auc": 0.1, "more": "text"}, False),
        ({"a": [1, {"b": 2}]}, {"a": [3, {"b": 4}]}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"ok": True}, {"ok": False}, False),
        ([], {}, False),
    ],
)
def test_what_is_no_number_has_to_be_the_same(one: object, other: object, same: bool) -> None:
    assert same_but_numbers(one, other) is same


def test_the_worst_verdict_counts() -> None:
    assert worst([]) == "identical"
    assert worst(["identical", "within"]) == "within"
    assert worst(["missing", "differs", "within"]) == "missing"


@pytest.mark.parametrize(
    ("diff", "verdict"),
    [
        (SAME, "within"),
        (changed(ColumnChange("p", 1, 0.001, 0.001)), "within"),
        (changed(ColumnChange("p", 1, 0.5, 0.5)), "differs"),
        (changed(ColumnChange("p", 2, 0.0, 0.0, other=1)), "differs"),
        (changed(ColumnChange("name", 1)), "differs"),
        (TableDiff((2, 3), (3, 3), matched="key", rows_added=1), "differs"),
        (TableDiff((2, 2), (3, 3), matched="content", reordered=True), "differs"),
        (TableDiff((2, 2), (3, 4), added=("c",), matched="key"), "differs"),
        (TableDiff((2, 2), (3, 3), retyped=(Retyped("a", "int", "text"),), matched="key"), "differs"),
        (TableDiff((2, 2), (3, 3), matched="nothing"), "differs"),
    ],
)  # fmt: skip
def test_a_table_is_within_where_only_its_numbers_are_a_little_off(diff: TableDiff, verdict: Verdict) -> None:
    assert table_verdict(diff, LOOSE) == verdict


@pytest.mark.parametrize(
    ("scores", "verdict", "told"),
    [
        (Scores(9, 0, 0, None, None, 0), "identical", "the same 9 predictions"),
        (
            Scores(9, 0, 2, 0.005, 0.001, 0),
            "within",
            "scores by 0.001 on average, 0.005 at most, 0 of 9 labels changed (0.00%)",
        ),
        (
            Scores(8, 0, 2, 0.005, 0.001, 1),
            "differs",
            "scores by 0.001 on average, 0.005 at most, 1 of 8 labels changed (12.50%)",
        ),
        (Scores(8, 0, 2, None, None, 2), "differs", "2 of 8 labels changed (25.00%)"),
        (Scores(8, 3, 0, None, None, 0), "differs", "3 rows are on one side only, the same 8 predictions"),
    ],
)
def test_a_model_is_judged_by_what_it_predicts(scores: Scores, verdict: Verdict, told: str) -> None:
    assert scores_verdict(scores, LOOSE, "p") == verdict
    assert scores_clause(scores) == told
