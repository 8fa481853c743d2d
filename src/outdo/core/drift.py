"""How far a column has moved from a reference: distances between two distributions, from counts in bins."""

from collections.abc import Mapping, Sequence
from math import exp, lgamma, log, log2, sqrt

_LEAST = 1e-4
"""What an empty bin counts as a share: the index has no value at 0. The usual choice of those who use it."""

_NEGLIGIBLE = 1e-16
_TINY = 1e-300
_STEPS = 10_000


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


def chi_square(before: Sequence[float], now: Sequence[float]) -> float:
    """How likely counts that lie so far apart are, if both are drawn from one distribution: the p of Pearson's test of
    homogeneity, without a correction for continuity. Bins that are empty on both sides do not count."""
    total_before, total_now = sum(before), sum(now)
    pairs = [(one, other) for one, other in zip(before, now, strict=True) if one or other]
    if len(pairs) < 2:
        return 1.0
    statistic = 0.0
    for one, other in pairs:
        for count, total in ((one, total_before), (other, total_now)):
            expected = (one + other) * total / (total_before + total_now)
            statistic += (count - expected) ** 2 / expected
    return gamma_tail((len(pairs) - 1) / 2, statistic / 2)


def gamma_tail(shape: float, point: float) -> float:
    """The upper regularised incomplete gamma function: by its series below its middle, else by its continued fraction
    (Lentz's method)."""
    if point <= 0:
        return 1.0
    front = exp(shape * log(point) - point - lgamma(shape))
    if point < shape + 1:
        term = total = 1 / shape
        place = shape
        while term > total * _NEGLIGIBLE:
            place += 1
            term *= point / place
            total += term
        return max(0.0, 1 - front * total)
    b = point + 1 - shape
    c, d = 1 / _TINY, 1 / b
    fraction = d
    for place in range(1, _STEPS):
        a = -place * (place - shape)
        b += 2
        d = 1 / _apart(a * d + b)
        c = _apart(b + a / c)
        fraction *= c * d
        if abs(c * d - 1) < _NEGLIGIBLE:
            break
    return front * fraction


def _apart(value: float) -> float:
    """The value, or what can be divided by where it is next to nothing."""
    return value if abs(value) > _TINY else _TINY


BINNED = {"psi": psi, "js": jensen_shannon, "chi2": chi_square}
"""Those that count rows in bins; `ks` and `wasserstein` look at each value."""
ORDERED = ("ks", "wasserstein")


def aligned(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[list[float], list[float]]:
    """The counts of both sides for each value that either has."""
    values = sorted({*before, *now})
    return [float(before.get(v, 0)) for v in values], [float(now.get(v, 0)) for v in values]


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    if total <= 0:
        raise ValueError("there is nothing to compare")
    return [count / total for count in counts]
