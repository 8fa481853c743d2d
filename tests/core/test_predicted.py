"""Columns of predictions, read as the file says: a threshold, a probability for each class, rows ranked by query."""

import numpy as np
import pytest

from outdo.core.metrics.scored import Unscored
from outdo.core.metrics.table import METRICS
from outdo.core.predicted import Column, Predicted

TRUTH = np.array(["a", "b", "c", "a"], object)
SHARES: dict[str, Column] = {
    "pa": np.array([0.7, 0.2, 0.2, 0.3]),
    "pb": np.array([0.2, 0.6, 0.3, 0.4]),
    "pc": np.array([0.1, 0.2, 0.5, 0.3]),
}
LABELS = {"a": "pa", "b": "pb", "c": "pc"}


def value(name: str, rows: Predicted) -> float:
    return METRICS[name].of(rows.scored())


def test_the_score_of_the_threshold_decides_for_the_positive_class() -> None:
    truth, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.5, 0.8])
    rates = [value("selection_rate", Predicted(truth, score, threshold=at)) for at in (0.4, 0.5, 0.6)]
    assert rates == [0.75, 0.5, 0.25]


def test_each_class_has_a_probability_of_its_own() -> None:
    rows = Predicted(TRUTH, np.array(["a", "b", "c", "b"], object), SHARES, scores=LABELS)
    assert value("log_loss", rows) == pytest.approx(-np.log([0.7, 0.6, 0.5, 0.3]).mean())
    assert value("accuracy", rows) == 0.75
    assert value("auc", rows) == pytest.approx((1 + 1 + 1) / 3, abs=0.2)


def test_the_likeliest_class_is_decided_for_where_no_decision_is_told() -> None:
    assert value("accuracy", Predicted(TRUTH, SHARES["pa"], SHARES, scores=LABELS)) == 0.75


def test_rows_are_ranked_within_their_query() -> None:
    truth, score = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.2, 0.8])
    rows = Predicted(truth, score, {"user": np.array(["x", "x", "y", "y"], object)}, query="user")
    assert value("map", rows) == 0.75


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (Predicted(TRUTH, TRUTH, SHARES, scores={"a": "pa", "b": "pb"}), "the probability of 'c'"),
        (Predicted(TRUTH, TRUTH, SHARES, scores={"a": "gone"}), "no column 'gone'"),
        (Predicted(TRUTH, TRUTH, SHARES, query="gone"), "no column 'gone'"),
        (Predicted(TRUTH, SHARES["pa"], SHARES, query="pa"), "needs a number"),
        (Predicted(TRUTH[:0], TRUTH[:0], {"pa": TRUTH[:0]}, scores={"a": "pa"}), "no rows"),
    ],
)
def test_what_can_not_be_read_is_told(rows: Predicted, why: str) -> None:
    with pytest.raises(Unscored, match=why):
        rows.scored()
