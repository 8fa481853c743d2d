"""Worst slices that are searched: those that are planted are found, and no others."""

import numpy as np
import pytest

from outdo.core.metrics.scored import Scored
from outdo.core.metrics.table import METRICS
from outdo.core.parts import parts
from outdo.core.predicted import Column, Predicted
from outdo.core.search import Bounds, Search, search

ROWS = 6000


def world(weak: float = 0.0, rows: int = ROWS) -> tuple[Scored, dict[str, Column]]:
    """Rows that a model tells apart; where `carrier` is OO late in the day it does so less by `weak`."""
    random = np.random.default_rng(4)
    carrier = np.array(["AA", "OO", "UA", None], object)[random.integers(0, 4, rows)]
    hour = random.uniform(0, 24, rows)
    hour[:50] = np.nan
    truth = (random.random(rows) < 0.4).astype(np.float64)
    here = (carrier == "OO") & (hour > 18)
    score = 0.5 + (0.3 - weak * here) * (truth - 0.5) + random.normal(0, 0.15, rows)
    return Scored(truth, score.clip(0.01, 0.99), (score >= 0.5).astype(np.int64), 2), {
        "carrier": carrier,
        "hour": hour,
        "day": random.integers(1, 8, rows),
    }


def searched(name: str, weak: float, **bound: float) -> Search:
    rows, columns = world(weak)
    return search(METRICS[name], rows, columns, Bounds(**bound), least=100, seed=0)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("auc", {"low": 0.8}),
        ("accuracy", {"low": 0.75}),
        ("f1", {"low": 0.7}),
        ("brier", {"high": 0.21}),
        ("false_positive_rate", {"high": 0.3}),
    ],
)
def test_a_weak_slice_of_two_columns_is_found(name: str, bound: dict[str, float]) -> None:
    worst = searched(name, 0.5, **bound).weak[0]
    assert worst.where[0] == ("carrier", "OO")
    assert worst.where[1][0] == "hour"
    assert worst.corrected < 0.01
    assert searched(name, 0.0, **bound).weak == () or searched(name, 0.0, **bound).weak[0].corrected > 0.05


def test_values_are_those_of_the_rows_of_the_slice() -> None:
    rows, columns = world(0.5)
    [worst] = search(
        METRICS["auc"], rows, {"carrier": columns["carrier"]}, Bounds(low=0.83), least=100, seed=0
    ).weak
    assert worst.name == "carrier OO"
    assert worst.found.value == METRICS["auc"].of(rows.part(columns["carrier"] == "OO"))


def test_what_is_chosen_for_being_worst_is_corrected_for_all_that_were_looked_at() -> None:
    found = searched("accuracy", 0.5, low=0.75)
    # 4 carriers, 8 spans of hours (those without one are too few), 7 days, and their pairs that are large enough
    assert 19 < found.examined <= 19 + 4 * 8 + 4 * 7 + 8 * 7
    assert found.weak[0].corrected == pytest.approx(found.weak[0].p * found.examined)


def test_a_pair_that_is_no_worse_than_one_column_alone_is_not_told() -> None:
    rows, columns = world()
    decision = np.where(columns["carrier"] == "OO", 1 - rows.truth, rows.truth).astype(np.int64)
    wrong = Scored(rows.truth, decision=decision, classes=2)
    found = search(METRICS["accuracy"], wrong, columns, Bounds(low=0.5), least=50, seed=0)
    assert [one.where for one in found.weak] == [(("carrier", "OO"),)]


def test_what_is_missing_is_a_slice_too() -> None:
    rows, columns = world()
    decision = np.where(np.isnan(columns["hour"]), 1 - rows.truth, rows.truth).astype(np.int64)
    wrong = Scored(rows.truth, decision=decision, classes=2)
    found = search(METRICS["accuracy"], wrong, columns, Bounds(low=0.5), least=20, seed=0)
    assert found.weak[0].name == "hour missing"


def test_values_that_read_alike_are_slices_of_their_own() -> None:
    columns: dict[str, Column] = {
        "first": np.array(["", "x", "missing", None], object).repeat(5),
        "second": np.array(["x", "", "", ""], object).repeat(5),
    }
    truth = np.zeros(20)
    rows = Scored(truth, decision=truth.astype(np.int64), classes=2)
    found = parts(rows, Predicted(truth, truth, columns), ("first", "second"), 5)
    assert list(found) == [", x", "missing, ", "missing, '", "x, "]
