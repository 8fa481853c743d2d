"""How likely a value this low is, for many values at once."""

from math import erfc, exp, lgamma, log, sqrt

import numpy as np

from outdo.core.metrics.scored import Array

_LARGE = 10_000
"""Trials from which a share is as good as normal."""
_BODY = 0.05
"""Chances above this need no exact sum."""


def normal(points: Array) -> Array:
    """The normal distribution's chance of lying below each point."""
    flat = [0.5 * erfc(-point / sqrt(2)) for point in points.ravel().tolist()]
    return np.array(flat).reshape(points.shape)


def student(points: Array, freedom: Array) -> Array:
    """That of Student's distribution, to some thousandths of its own, also far out (Wallace 1959)."""
    free = np.maximum(freedom, 1.0)
    as_normal = (8 * free + 1) / (8 * free + 3) * np.sqrt(free * np.log1p(points**2 / free))
    return normal(np.copysign(as_normal, points))


def share(hits: Array, among: Array, true: float) -> Array:
    """The chance of so few hits, or fewer, among so many trials that each hit with the chance `true`; this number
    itself by half (mid-p). Exact where it is small."""
    if not 0 < true < 1:
        return np.where(hits < among * true, 0.0, 1.0)
    found = normal((hits - among * true) / np.sqrt(among * true * (1 - true)))
    for place in np.flatnonzero((found < _BODY) & (among < _LARGE)):
        found[place] = _binomial(round(float(hits[place])), round(float(among[place])), true)
    return found


def _binomial(hits: int, trials: int, true: float) -> float:
    ways = lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1)
    term = exp(ways + hits * log(true) + (trials - hits) * log(1 - true))
    total, odds = term / 2, (1 - true) / true
    for fewer in range(hits, 0, -1):
        term *= fewer / (trials - fewer + 1) * odds
        total += term
        if term < total * 1e-12:
            break
    return total
