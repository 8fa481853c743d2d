"""Distances between distributions: known values, and what holds for all."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.drift import DISTANCES, aligned, jensen_shannon, kolmogorov_smirnov, psi

counts = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)


def test_the_index_is_the_sum_over_bins() -> None:
    assert psi([50, 50], [25, 75]) == pytest.approx(-0.25 * log(0.5) + 0.25 * log(1.5))


def test_the_cumulative_shares_are_furthest_apart_somewhere() -> None:
    assert kolmogorov_smirnov([1, 1, 1, 1], [0, 0, 1, 1]) == 0.5


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
