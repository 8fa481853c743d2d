"""Groups beside each other: how far apart they are, and whether that may be chance."""

import numpy as np
import pytest

from outdo.core import rules
from outdo.core.fairness import fairness, interval
from outdo.core.metrics.scored import Scored, Unscored
from outdo.core.predicted import Predicted
from outdo.core.statistics.difference import z
from outdo.core.statistics.estimate import Estimate
from outdo.core.verdict import Verdict
from outdo.core.written import NumberBound


def judged(counts: dict[str, tuple[int, int]], metric: str = "selection_rate", **bounds: str) -> Verdict:
    """Groups of so many rows, of which so many are decided for; half of either are of the positive class."""
    decision = np.concatenate([np.arange(rows) < hits for rows, hits in counts.values()]).astype(np.int64)
    truth = (np.arange(len(decision)) % 2).astype(np.float64)
    group = np.repeat(np.array(list(counts), object), [rows for rows, _ in counts.values()])
    bound = {word: NumberBound.written(text) for word, text in bounds.items()}
    gate = rules.Fairness(by="group", metric=metric, **bound, min_rows=20)
    predicted = Predicted(truth, decision, {"group": group})
    return fairness(gate, predicted, Scored(truth, decision=decision, classes=2), 0)


def test_the_lowest_group_stands_beside_the_highest() -> None:
    verdict = judged(
        {"a": (1000, 350), "b": (1000, 500), "c": (1000, 450)}, ratio=">= 0.9", difference="<= 0.2"
    )
    assert verdict.outcome == "failed"
    assert verdict.reason == (
        "ratio 0.7 is not >= 0.9 (a 0.35, b 0.5); difference 0.15 is <= 0.2 (a 0.35, b 0.5)"
    )
    assert [one.outcome for one in verdict.parts] == ["failed", "passed"]
    assert [one.outcome for one in verdict.parts[0].parts] == ["failed", "failed", "passed"]


def test_the_interval_of_a_difference_is_newcombes() -> None:
    one, other = (Estimate(hits / rows, 0.0, rows, rows, "", rows) for hits, rows in ((48, 80), (56, 70)))
    # his table II (1998), method 10, of 56 of 70 and 48 of 80
    low, high = interval("difference", one, other, z(0.975))
    assert [low, high] == pytest.approx([0.0524, 0.3339], abs=5e-5)


def test_the_interval_of_a_ratio_lies_around_it() -> None:
    one, other = (Estimate(hits / 80, 0.0, 80, 80, "", 80) for hits in (40, 50))
    low, high = interval("ratio", one, other, z(0.95))
    # by drawing both shares again a million times
    assert [low, high] == pytest.approx([0.627, 1.0], abs=0.01)


@pytest.mark.parametrize(
    ("rows", "outcome"), [(40, "inconclusive"), (4000, "failed")], ids=["few rows", "many rows"]
)
def test_a_gap_that_may_be_chance_is_doubt(rows: int, outcome: str) -> None:
    counts = {"a": (rows, rows * 4 // 10), "b": (rows, rows * 6 // 10)}
    verdict = judged(counts, difference="<= 0.15")
    assert verdict.outcome == outcome
    assert ("may be chance" in verdict.reason) == (outcome == "inconclusive")


def test_more_groups_take_more_evidence() -> None:
    two = {"a": (400, 160), "b": (400, 196)}
    many = two | {f"{number}": (400, 180) for number in range(8)}
    assert judged(two, difference="<= 0").outcome == "failed"
    assert judged(many, difference="<= 0").outcome == "inconclusive"
    assert judged(many, difference="<= 0").parts[0].evidence.correction == "Holm over 90"


def test_equalized_odds_are_both_rates() -> None:
    verdict = judged({"a": (4000, 1600), "b": (4000, 2000)}, "equalized_odds", difference="<= 0.05")
    assert verdict.outcome == "failed"
    assert "_rate of a 0.4, b 0.5" in verdict.reason


def test_a_group_without_a_value_is_told() -> None:
    with pytest.raises(Unscored, match="precision of a"):
        judged({"a": (100, 0), "b": (100, 50)}, "average_precision", ratio="> 0.5")
