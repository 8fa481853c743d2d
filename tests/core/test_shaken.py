"""What changes in the rows do to answers, and whether probabilities mean what they say."""

import numpy as np
import pytest

from outdo.core.calibration import calibration, recalibrated
from outdo.core.metrics.reading import scored
from outdo.core.metrics.scored import Unscored
from outdo.core.modelgates import Behaviour, Calibration, Robustness
from outdo.core.predicted import Predicted
from outdo.core.shaken import Answers, Changed, judged_behaviour, judged_robustness
from outdo.core.verdict import Verdict
from outdo.core.written import NumberBound, Share

CHANGE = {"x": "x + 1"}
ONE_OF_1000 = Changed([0.2] * 1000, [0.2] * 999 + [0.7])


def behaves(found: Changed, **told: object) -> Verdict:
    return judged_behaviour(Behaviour(CHANGE, **told), found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "told", "outcome"),
    [
        ([0.2, 0.7], [0.4, 0.6], {}, "passed"),
        ([0.2, 0.7], [0.4, 0.4], {}, "failed"),
        ([0.2, 0.7], [0.4, 0.6], {"within": 0.15}, "failed"),
        ([20.0, 0.7], [20.0, 0.7], {}, "passed"),
        ([20.0, 0.7], [20.1, 0.7], {}, "failed"),
        (["a", "b"], ["a", "b"], {}, "passed"),
        (["a", "b"], ["a", "c"], {}, "failed"),
        ([0.2, 0.7], [None, 0.7], {}, "failed"),
        ([1.0, 2.0], [1.0, 2.5], {"expect": "higher"}, "passed"),
        ([1.0, 2.0], [0.9, 2.5], {"expect": "higher"}, "failed"),
        ([1.0, 2.0], [0.9, 2.5], {"expect": "higher", "within": 0.2}, "passed"),
        ([1.0, 2.0], [0.9, 2.5], {"expect": "lower"}, "failed"),
        ([1.0, 2.0], [1.0, 2.0], {"expect": "lower"}, "not_evaluated"),
        (["a", "b"], ["a", "b"], {"expect": "higher"}, "not_evaluated"),
        ([], [], {}, "not_evaluated"),
    ],
)
def test_answers_stay_or_move_the_right_way(
    before: Answers, after: Answers, told: dict[str, object], outcome: str
) -> None:
    assert behaves(Changed(before, after), **told).outcome == outcome


@pytest.mark.parametrize(
    ("tolerated", "outcome"),
    [(0.0, "failed"), (0.0001, "inconclusive"), (0.003, "inconclusive"), (0.01, "passed")],
)
def test_a_tolerated_share_is_held_against_the_exact_bound(tolerated: float, outcome: str) -> None:
    found = behaves(ONE_OF_1000, tolerated=Share(tolerated))
    assert found.outcome == outcome
    assert found.evidence.high == pytest.approx(0.00474, abs=1e-5)
    assert found.reason == "1 of 1,000 rows change, truly 0.01% to 0.47%"


def rows(slope: float = 1.0, intercept: float = 0.0, many: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities whose logits have to be multiplied and shifted by so much to be true."""
    rng = np.random.default_rng(0)
    logit = rng.normal(size=many)
    truth = (rng.random(many) < 1 / (1 + np.exp(-(intercept + slope * logit)))).astype(float)
    return truth, 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize(("drop", "outcome"), [(0.2, "passed"), (0.01, "failed"), (0.048, "inconclusive")])
def test_noise_may_cost_so_much_and_no_more(drop: float, outcome: str) -> None:
    truth, said = rows()
    noisy = 1 / (
        1 + np.exp(-(np.log(said / (1 - said)) + np.random.default_rng(1).normal(size=len(said)) * 0.7))
    )
    found = judged_robustness(Robustness("auc", drop), truth, Changed(said.tolist(), noisy.tolist()), ["x"])
    assert found.outcome == outcome, found
    assert found.evidence.method == "DeLong"


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.0), (2.0, 0.5)])
def test_the_regression_finds_what_was_bent(slope: float, intercept: float) -> None:
    found = recalibrated(*rows(slope, intercept))
    assert abs(found.slope - slope) < 4 * found.slope_error
    assert (found.p > 0.01) == (slope == 1.0)


@pytest.mark.parametrize(
    ("gate", "slope", "outcome"),
    [
        (Calibration(slope=(0.8, 1.25)), 1.0, "passed"),
        (Calibration(slope=(0.8, 1.25)), 0.4, "failed"),
        (Calibration(slope=(0.99, 1.01)), 1.0, "inconclusive"),
        (Calibration(intercept=(-0.2, 0.2)), 1.0, "passed"),
        (Calibration(slope=(0.8, 1.25), ece=NumberBound.written("<= 0.05")), 1.0, "passed"),
        (Calibration(ece=NumberBound.written("<= 0.05")), 0.1, "failed"),
    ],
)
def test_calibration_is_judged_by_intervals(gate: Calibration, slope: float, outcome: str) -> None:
    truth, said = rows(slope)
    assert calibration(gate, Predicted(truth, said), scored(truth, said), 0).outcome == outcome


@pytest.mark.parametrize(
    ("truth", "said", "words"),
    [
        ([0.0, 1.0], [2.0, 0.5], "no probabilities"),
        ([1.0, 1.0], [0.2, 0.5], "labels are the same"),
        ([0.0, 1.0], [0.5, 0.5], "scores are the same"),
        ([0.0, 0.0, 1.0, 1.0], [0.1, 0.2, 0.8, 0.9], "no slope fits"),
    ],
)
def test_what_has_no_slope_says_so(truth: list[float], said: list[float], words: str) -> None:
    with pytest.raises(Unscored, match=words):
        recalibrated(np.array(truth), np.array(said))


@pytest.mark.slow
def test_the_slope_s_interval_covers_at_its_rate() -> None:
    rng, missed, tries = np.random.default_rng(3), 0, 1000
    for _ in range(tries):
        logit = rng.normal(size=500)
        truth = (rng.random(500) < 1 / (1 + np.exp(-logit))).astype(float)
        found = recalibrated(truth, 1 / (1 + np.exp(-logit)))
        missed += abs(found.slope - 1) > 1.645 * found.slope_error
    assert abs(missed / tries - 0.1) < 0.03
