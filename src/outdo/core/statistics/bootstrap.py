"""Intervals by drawing rows again, for any metric: the paired bootstrap."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import exp, isfinite, sqrt
from statistics import NormalDist

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.metrics.scored import Array, Codes, Weighted, Weights
from outdo.core.statistics import tails
from outdo.core.statistics.difference import Difference, stretched, z

Draws = Array
_NORMAL = NormalDist()
_BLOCK = 100_000
"""Weights that are held at once by each thread, so that they stay in its cache."""
_GROUPS = 200
"""Parts that are left out one after the other, for the acceleration."""
_FAR = 8.0
"""Errors from the value beyond which corrections of the normal distribution mean nothing."""
_MANY = 10_000
"""Units from which each is drawn by itself, and not a fixed number of all."""


class Units(Struct, frozen=True, eq=False):
    """What is drawn: single rows; clusters of them, such as all rows of one day; or rows of which each stands for many
    that are alike."""

    rows: int
    count: int
    of: Codes | None = None
    """`(rows,)`: the cluster of each row, from 0; None where each row is a unit of its own."""
    alike: Codes | None = None
    """`(rows,)`: how many units each row stands for, where it stands for any but itself."""

    def spread(self, weights: Weights) -> Weights:
        """Weights of units, `(…, count)`, as weights of rows, `(…, rows)`."""
        return weights if self.of is None else np.asarray(weights.take(self.of, axis=-1))

    def whole(self) -> Weights:
        """The weights of all rows as they are, each drawn once."""
        return np.ones(self.rows, np.int64) if self.alike is None else self.alike


def units(rows: int, clusters: Codes | None = None) -> Units:
    """Rows by themselves, or by the clusters they belong to."""
    if clusters is None:
        return Units(rows, rows)
    _, of = np.unique(clusters, return_inverse=True)
    return Units(rows, int(of.max()) + 1, of.astype(np.int64))


def draws(statistic: Weighted, what: Units, *, resamples: int, seed: int, threads: int = 2) -> Draws:
    """The statistic of each resample, `(resamples,)`; the same seed gives the same draws, whatever the threads."""
    block = max(1, min(_BLOCK // what.rows, 1000, resamples))
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    seeds = np.random.SeedSequence(seed).spawn(len(sizes))

    def one(size: int, source: np.random.SeedSequence) -> Array:
        random = np.random.Generator(np.random.SFC64(source))
        return statistic(what.spread(_weights(random, what, size)))

    if len(sizes) == 1:
        return one(sizes[0], seeds[0])
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(one, sizes, seeds)))


def _weights(random: np.random.Generator, what: Units, size: int) -> Weights:
    """How often each unit was drawn, `(size, count)`; whole numbers, as those are summed faster.

    Of rows that are alike only how many of each kind were drawn counts: a multinomial. Of many units each is drawn
    by itself, so that their number varies a little, which a mean or a ratio doesn't notice (Hanley and MacGibbon 2006).
    """
    if what.alike is not None:
        return random.multinomial(what.count, what.alike / what.count, size)
    if what.count >= _MANY:
        bits = random.integers(0, 1 << 64, (size * what.count + 3) // 4, dtype=np.uint64).view(np.uint16)
        return _poisson()[bits[: size * what.count]].reshape(size, what.count)
    drawn = random.integers(0, what.count, (size, what.count), dtype=np.uint32).astype(np.int64)
    drawn += np.arange(size)[:, np.newaxis] * what.count
    return np.bincount(drawn.ravel(), minlength=size * what.count).reshape(size, what.count)


@cache
def _poisson() -> NDArray[np.int32]:
    """What 16 random bits stand for: a number with the Poisson distribution of mean 1."""
    share, total, numbers = exp(-1), 0.0, np.zeros(1 << 16, np.int32)
    for number in range(12):
        start, total = round(total * (1 << 16)), total + share
        numbers[start : round(total * (1 << 16))] = number
        share /= number + 1
    return numbers


def accelerated(
    statistic: Weighted, what: Units, found: Draws, *, confidence: float, margin: float
) -> Difference:
    """The difference with its BCa interval (Efron 1987), which is corrected for bias and for skewness.

    `statistic` gives challenger minus champion. Resamples without a value, such as those of one class alone, are left
    out. The p is the level at which the lower bound would be the margin.
    """
    value = float(statistic(what.whole()))
    good = np.sort(found[np.isfinite(found)])
    if not len(good) or not isfinite(value):
        raise ValueError("the metric has no value on these rows")
    if good[0] == good[-1]:
        certain = 0.0 if value > margin else 1.0
        return Difference(
            value, min(value, good[0]), max(value, good[0]), 0.0, certain, what.count, "bootstrap"
        )
    shift, skew = _bias(good, value), _acceleration(statistic, what)
    reach = widened(z(confidence), what.count)
    low = float(np.quantile(good, _level(-reach, shift, skew)))
    high = float(np.quantile(good, _level(reach, shift, skew)))
    return Difference(
        value,
        min(low, value),
        max(high, value),
        float(good.std(ddof=1)),
        _chance(good, margin, shift, skew, what.count),
        what.count,
        "paired bootstrap (BCa)" if what.of is None else "paired cluster bootstrap (BCa)",
    )


def skewed(leads: Array, *, confidence: float, margin: float) -> Difference:
    """The mean of one lead a row with the BCa interval that the bootstrap of a mean comes to with many rows: there the
    bias and the acceleration are both a sixth of the mean's skewness (Efron 1987)."""
    rows, value, spread = len(leads), float(leads.mean()), float(leads.std(ddof=1))
    error = spread / float(rows) ** 0.5
    if error == 0:
        return Difference(value, value, value, 0.0, 0.0 if value > margin else 1.0, rows, "paired mean (BCa)")
    skew = float((((leads - value) / spread) ** 3).mean()) / (6.0 * float(rows) ** 0.5)

    def bound(part: float) -> float:
        point = _NORMAL.inv_cdf(_level(z(part), skew, skew))
        return float(value + error * (point + skew * (point**2 - 1)))

    # the level whose bound is the margin, `bound` turned round
    away = (margin - value) / error
    point = away - skew * (away**2 - 1) - skew
    p = _NORMAL.cdf(point / (1 + skew * point) - skew) if abs(away) < _FAR else _NORMAL.cdf(away)
    low, high = bound(1 - confidence), bound(confidence)
    return Difference(value, min(low, value), max(high, value), error, p, rows, "paired mean (BCa)")


def _bias(good: Draws, value: float) -> float:
    """How far the median of the draws is from the value, in standard deviations; ties count half."""
    below = (np.searchsorted(good, value, "left") + np.searchsorted(good, value, "right")) / 2
    return _NORMAL.inv_cdf(float(np.clip(below / len(good), 0.5 / len(good), 1 - 0.5 / len(good))))


def _acceleration(statistic: Weighted, what: Units) -> float:
    """The skewness of what leaving a part out changes, by which the error moves with the value.

    With many units whole groups are left out: the skewness of a group's mean falls with the root of its size just as
    the number of groups does, so that both give the same acceleration.
    """
    if what.alike is not None:
        left, many = statistic(what.alike - np.eye(what.rows, dtype=np.int64)), what.alike
    else:
        groups = min(_GROUPS, what.count)
        group = np.arange(what.count) % groups
        block = max(1, 4 * _BLOCK // what.rows)
        ones = np.arange(groups)[:, np.newaxis]
        kept = ((group != ones[start : start + block]).astype(np.int64) for start in range(0, groups, block))
        left = np.concatenate([statistic(what.spread(weights)) for weights in kept])
        many = np.ones(groups, np.int64)
    good = np.isfinite(left)
    left, many = left[good], many[good]
    moved = (left * many).sum() / many.sum() - left
    spread = float((many * moved**2).sum())
    return float((many * moved**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def widened(point: float, units: int) -> float:
    """A point of the normal distribution, moved out as few units ask for: draws of so many vary by one too few, and the
    error itself is known by no more of them (Hesterberg 2015)."""
    return stretched(point, units - 1) * sqrt(units / max(units - 1, 1))


def _level(reach: float, shift: float, skew: float) -> float:
    """The quantile of the draws at which the bound lies that is so many standard errors away."""
    point = shift + reach
    return _NORMAL.cdf(shift + point / (1 - skew * point))


def _chance(good: Draws, margin: float, shift: float, skew: float, units: int) -> float:
    """The level at which the lower bound is the margin: `_level` and `widened` turned round. The value itself counts as
    one draw more, as some draws can't show that a chance is none."""
    below = (np.searchsorted(good, margin, "left") + np.searchsorted(good, margin, "right")) / 2
    part = float(np.clip((below + 1) / (len(good) + 1), 0, 1 - 0.5 / len(good)))
    point = _NORMAL.inv_cdf(part) - shift
    reach = (point / (1 + skew * point) - shift) * (max(units - 1, 1) / units) ** 0.5
    return float(tails.student(np.array([reach]), np.array([units - 1.0]))[0])
