"""Intervals by drawing rows again, for any metric: the paired bootstrap."""

from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from outdo.core.metrics.scored import Array, Codes, Weighted, Weights
from outdo.core.statistics.difference import Difference

Draws = Array
_NORMAL = NormalDist()
_BLOCK = 100_000
"""Weights that are held at once by each thread: 0.8 MB, which stays in its cache."""
_GROUPS = 500
"""Parts that are left out one after the other, for the acceleration."""


class Units(Struct, frozen=True, eq=False):
    """What is drawn: single rows, or clusters of them, such as all rows of one day."""

    rows: int
    count: int
    of: Codes | None = None
    """`(rows,)`: the cluster of each row, from 0; None where each row is a unit of its own."""

    def spread(self, weights: Weights) -> Weights:
        """Weights of units, `(…, count)`, as weights of rows, `(…, rows)`."""
        return weights if self.of is None else np.asarray(weights.take(self.of, axis=-1))


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
        weights = _weights(np.random.Generator(np.random.SFC64(source)), what.count, size)
        return statistic(what.spread(weights))

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(one, sizes, seeds)))


def _weights(random: np.random.Generator, count: int, size: int) -> Codes:
    """How often each unit was drawn, `(size, count)`; whole numbers, as those are summed faster."""
    drawn = random.integers(0, count, (size, count), dtype=np.uint32).astype(np.int64)
    drawn += np.arange(size)[:, np.newaxis] * count
    return np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)


def accelerated(
    statistic: Weighted, what: Units, found: Draws, *, confidence: float, margin: float
) -> Difference:
    """The difference with its BCa interval (Efron 1987), which is corrected for bias and for skewness.

    `statistic` gives challenger minus champion. Resamples without a value, such as those of one class alone, are left
    out. The p is the level at which the lower bound would be the margin.
    """
    value = float(statistic(np.ones(what.rows)))
    good = np.sort(found[np.isfinite(found)])
    if not len(good) or not isfinite(value):
        raise ValueError("the metric has no value on these rows")
    if good[0] == good[-1]:
        certain = 0.0 if value > margin else 1.0
        return Difference(
            value, min(value, good[0]), max(value, good[0]), 0.0, certain, what.count, "bootstrap"
        )
    shift, skew = _bias(good, value), _acceleration(statistic, what)
    low = float(np.quantile(good, _level(1 - confidence, shift, skew)))
    high = float(np.quantile(good, _level(confidence, shift, skew)))
    return Difference(
        value,
        min(low, value),
        max(high, value),
        float(good.std(ddof=1)),
        _chance(good, margin, shift, skew),
        what.count,
        "paired bootstrap (BCa)" if what.of is None else "paired cluster bootstrap (BCa)",
    )


def _bias(good: Draws, value: float) -> float:
    """How far the median of the draws is from the value, in standard deviations; ties count half."""
    below = (np.searchsorted(good, value, "left") + np.searchsorted(good, value, "right")) / 2
    return _NORMAL.inv_cdf(float(np.clip(below / len(good), 0.5 / len(good), 1 - 0.5 / len(good))))


def _acceleration(statistic: Weighted, what: Units) -> float:
    """The skewness of what leaving a part out changes, by which the error moves with the value.

    With many units whole groups are left out: the skewness of a group's mean falls with the root of its size just as
    the number of groups does, so that both give the same acceleration.
    """
    groups = min(_GROUPS, what.count)
    group = np.arange(what.count) % groups
    left = np.array([statistic(what.spread((group != one).astype(np.float64))) for one in range(groups)])
    moved = np.nanmean(left) - left[np.isfinite(left)]
    spread = float((moved**2).sum())
    return float((moved**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def _level(part: float, shift: float, skew: float) -> float:
    """The quantile of the draws at which the bound of this level lies."""
    point = shift + _NORMAL.inv_cdf(part)
    return _NORMAL.cdf(shift + point / (1 - skew * point))


def _chance(good: Draws, margin: float, shift: float, skew: float) -> float:
    """The level at which the lower bound is the margin: `_level` turned round. The value itself counts as one draw
    more, as some draws can't show that a chance is none."""
    below = (np.searchsorted(good, margin, "left") + np.searchsorted(good, margin, "right")) / 2
    part = float(np.clip((below + 1) / (len(good) + 1), 0, 1 - 0.5 / len(good)))
    point = _NORMAL.inv_cdf(part) - shift
    return _NORMAL.cdf(point / (1 + skew * point) - shift)
