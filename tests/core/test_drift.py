"""Distances between distributions: known values, and what holds for all."""

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import gammaincc
from scipy.stats import chi2_contingency

from outdo.core.drift import aligned, chi_square, gamma_tail, jensen_shannon, psi

DISTANCES = {"psi": psi, "js": jensen_shannon}
counts = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)


def test_the_index_is_the_sum_over_bins() -> None:
    assert psi([50, 50], [25, 75]) == pytest.approx(-0.25 * log(0.5) + 0.25 * log(1.5))


def test_nothing_in_common_is_a_distance_of_one() -> None:
    assert jensen_shannon([1, 0], [0, 7]) == pytest.approx(1)


@pytest.mark.parametrize("name", DISTANCES)
@given(before=counts, now=counts)
def test_a_distance_is_never_negative_and_the_same_both_ways(
    name: str, before: list[float], now: list[float]
) -> None:
    distance = DISTANCES[name]
    assert distance(before, now) >= 0
    assert distance(before, now) == pytest.approx(distance(now, before))
    assert distance(before, [3 * count for count in before]) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("name", DISTANCES)
def test_nothing_has_no_distance(name: str) -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        DISTANCES[name]([0, 0], [1, 2])


def test_values_of_either_side_are_counted_on_both() -> None:
    assert aligned({"a": 2}, {"b": 1}) == ([2, 0], [0, 1])


@settings(max_examples=30)
@given(before=counts, now=counts)
def test_distances_are_scipys(before: list[float], now: list[float]) -> None:
    assert jensen_shannon(before, now) == pytest.approx(jensenshannon(before, now, base=2), abs=1e-7)
    some = [(one, other) for one, other in zip(before, now, strict=True) if one or other]
    expected = chi2_contingency(list(zip(*some, strict=True)), correction=False).pvalue
    assert chi_square(before, now) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@settings(max_examples=60)
@given(shape=st.floats(0.5, 500), point=st.floats(0, 1500))
def test_the_tail_is_scipys(shape: float, point: float) -> None:
    assert gamma_tail(shape, point) == pytest.approx(gammaincc(shape, point), rel=1e-9, abs=1e-12)
