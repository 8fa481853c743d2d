"""Exact intervals of shares and of quantiles."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.modelgates import Latency
from outdo.core.statistics.binomial import at_most, clopper_pearson, ranks
from outdo.core.timed import Timed, judged_times
from outdo.core.written import TimeBound


@given(st.integers(1, 60), st.data(), st.floats(0.001, 0.999))
def test_chances_are_those_that_counting_gives(trials: int, data: st.DataObject, chance: float) -> None:
    hits = data.draw(st.integers(0, trials))
    counted = sum(comb(trials, one) * chance**one * (1 - chance) ** (trials - one) for one in range(hits + 1))
    assert at_most(hits, trials, chance) == pytest.approx(counted, abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.25887), (3, 10, 0.08726, 0.60662), (7, 1000, 0.00329, 0.01311), (10, 10, 0.74113, 1.0)],
)
def test_bounds_of_a_share(hits: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, trials, 0.95) == pytest.approx((low, high), abs=1e-5)


def test_a_high_quantile_needs_many_values() -> None:
    assert ranks(298, 0.99, 0.95)[1] is None
    assert ranks(299, 0.99, 0.95) == (292, 298)
    assert ranks(100, 0.5, 0.95) == (41, 58)


@pytest.mark.parametrize(
    ("bound", "confidence", "outcome", "words"),
    [
        ("<= 96us", None, "passed", "95us is <= 9.6e-05s"),
        ("<= 96us", 0.95, "inconclusive", "91us to 99us"),
        ("<= 1ms", 0.95, "passed", "91us to 99us is <= 1ms"),
        ("<= 10us", 0.95, "failed", "is not"),
    ],
)
def test_a_time_is_held_against_its_bound(
    bound: str, confidence: float | None, outcome: str, words: str
) -> None:
    times = tuple(each * 1e-6 for each in range(1, 101))
    [verdict] = judged_times(
        Latency(p95=TimeBound.written(bound), confidence=confidence), Timed(times, 1, 0, 0.0)
    )
    assert (verdict.outcome, words in verdict.reason) == (outcome, True), verdict
