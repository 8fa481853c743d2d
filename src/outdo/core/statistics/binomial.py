"""Exact intervals that follow from the binomial distribution: of a share, and of a quantile."""

from collections.abc import Callable
from math import exp, lgamma, log

_STEPS = 400
_TINY = 1e-300


def at_most(hits: int, trials: int, chance: float) -> float:
    """The chance of so many hits, or fewer, in so many trials."""
    if hits < 0:
        return 0.0
    if hits >= trials or chance <= 0:
        return 1.0
    if chance >= 1:
        return 0.0
    return _beta(trials - hits, hits + 1, 1 - chance)


def clopper_pearson(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    """The lower and the upper bound of a share, each with at least this confidence on its own side (Clopper and Pearson
    1934): the shares at which so many hits, or more, or fewer, would just be as unlikely as 1 - confidence."""
    rest = 1 - confidence
    low = 0.0 if hits == 0 else _solve(lambda share: 1 - at_most(hits - 1, trials, share) - rest)
    high = 1.0 if hits == trials else _solve(lambda share: rest - at_most(hits, trials, share))
    return low, high


def ranks(trials: int, quantile: float, confidence: float) -> tuple[int | None, int | None]:
    """Which of so many sorted values, counted from 0, bound a quantile from below and from above, each with at least
    this confidence on its own side; None where there are too few of them. Nothing is assumed of their distribution: the
    number of values below the quantile is binomial (David and Nagaraja 2003, 7.1)."""
    rest = 1 - confidence
    low, high = _lowest(trials, quantile, rest), _lowest(trials, 1 - quantile, rest)
    return low, None if high is None else trials - 1 - high


def _lowest(trials: int, quantile: float, rest: float) -> int | None:
    """The highest place whose value lies above the quantile with at most this chance."""
    below, above = -1, trials
    while above - below > 1:
        middle = (below + above) // 2
        if at_most(middle, trials, quantile) <= rest:
            below = middle
        else:
            above = middle
    return None if below < 0 else below


def _solve(rises: Callable[[float], float]) -> float:
    """Where a function that rises passes 0, from 0 to 1."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) > 0 else (middle, high)
    return (low + high) / 2


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    c, d = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1))
    total = d
    for step in range(1, _STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        d, c = 1 / _kept(1 + even * d), _kept(1 + even / c)
        total *= c * d
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        d, c = 1 / _kept(1 + odd * d), _kept(1 + odd / c)
        total *= c * d
        if abs(c * d - 1) < 1e-13:
            break
    return front * total


def _kept(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
