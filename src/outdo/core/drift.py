"""How far a column has moved from a reference: distances between two distributions, from counts in bins."""

from collections.abc import Mapping, Sequence
from math import log, log2, sqrt

_LEAST = 1e-4
"""What an empty bin counts as a share: the index has no value at 0. The usual choice of those who use it."""


def psi(before: Sequence[float], now: Sequence[float]) -> float:
    """The population stability index of two lists of counts, bin by bin: 0 where they are alike, no upper end.

    By custom below 0.1 is little and above 0.2 is much (Siddiqi 2006). It is the symmetric Kullback-Leibler divergence.
    """
    pairs = zip(_shares(before), _shares(now), strict=True)
    floored = [(max(p, _LEAST), max(q, _LEAST)) for p, q in pairs]
    return sum((q - p) * log(q / p) for p, q in floored)


def jensen_shannon(before: Sequence[float], now: Sequence[float]) -> float:
    """The Jensen-Shannon distance of two lists of counts: from 0 where they are alike to 1 where they share nothing.

    It is the root of the divergence with logarithms to base 2 (Endres and Schindelin 2003)."""
    total = 0.0
    for p, q in zip(_shares(before), _shares(now), strict=True):
        middle = (p + q) / 2
        total += sum(each * log2(each / middle) for each in (p, q) if each > 0) / 2
    return sqrt(max(total, 0.0))


def kolmogorov_smirnov(before: Sequence[float], now: Sequence[float]) -> float:
    """The largest distance of the cumulative shares, from 0 to 1; exact where each value has a bin of its own."""
    furthest = low = high = 0.0
    for p, q in zip(_shares(before), _shares(now), strict=True):
        low, high = low + p, high + q
        furthest = max(furthest, abs(low - high))
    return furthest


DISTANCES = {"psi": psi, "js": jensen_shannon, "ks": kolmogorov_smirnov}


def aligned(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[list[float], list[float]]:
    """The counts of both sides for each value that either has."""
    values = sorted({*before, *now})
    return [float(before.get(v, 0)) for v in values], [float(now.get(v, 0)) for v in values]


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    if total <= 0:
        raise ValueError("there is nothing to compare")
    return [count / total for count in counts]
