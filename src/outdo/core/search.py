"""The parts of the rows, by up to two columns, in which a metric is worst, and how sure that is."""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from math import inf

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.metrics.scored import Array, Metric, Scored, Unscored, ratio
from outdo.core.metrics.table import METRICS
from outdo.core.parts import Coded, coarse
from outdo.core.predicted import Column
from outdo.core.statistics import tails
from outdo.core.statistics.difference import holm
from outdo.core.statistics.estimate import Estimate, estimate, moved

_BINS = 256
"""Of the scores, by which areas under the curve are first compared; those that count are then computed exactly."""
_LOOKED_AT = 40
"""Slices that are computed exactly."""

Cells = tuple[Array, Array, Array, Array, Array]
"""Of each cell: rows, metric, error, degrees of freedom, and of a share how many rows count."""
Measure = Callable[[NDArray[np.int64], int], Cells]
"""From the cell of each row, and how many cells there are."""


class Weak(Struct, frozen=True):
    """A slice beyond the bound."""

    where: tuple[tuple[str, str], ...]
    """Columns and values, such as `(("carrier", "OO"), ("hour", "20 to 23"))`."""
    found: Estimate
    p: float
    corrected: float
    """For being one of all that were examined."""

    @property
    def name(self) -> str:
        return ", ".join(f"{column} {value}" for column, value in self.where)


class Search(Struct, frozen=True):
    """What a search found."""

    examined: int
    weak: tuple[Weak, ...]
    """The worst, most certain first."""


class Bounds(Struct, frozen=True):
    """What each slice has to keep."""

    low: float = -inf
    high: float = inf

    def chance(self, found: Estimate) -> float:
        """How likely a value so far beyond the bound that it crossed is, were the true one on it."""
        return found.below(self.low) if found.value < self.low else found.above(self.high)

    def crossed(self, value: float) -> bool:
        return not self.low <= value <= self.high


def search(
    metric: Metric, rows: Scored, columns: Mapping[str, Column], bounds: Bounds, *, least: int, seed: int
) -> Search:
    """The worst of all slices by one column or two that have `least` rows, corrected for all that were examined: as
    they were chosen for being worst, each has to be surer by as many. Raises `Unscored`."""
    measure = _measure(metric, rows)
    coded = {name: coarse(column, least) for name, column in columns.items()}
    coded = {name: one for name, one in coded.items() if len(one.labels) > 1}
    found: list[tuple[float, tuple[str, ...], tuple[int, ...]]] = []
    chances: list[float] = []
    for names, cells, wide in _cells(coded):
        many = int(np.prod([len(coded[name].labels) + 1 for name in names]))
        value, chance, judged = _judged(measure(cells, many), bounds, least)
        places = np.arange(many)
        inside = np.ones(many, bool)
        for name, one in zip(names, _split(places, wide), strict=True):
            inside &= one < len(coded[name].labels)
        judged &= inside
        chances += chance[judged].tolist()
        for place in np.flatnonzero(judged & ((value < bounds.low) | (value > bounds.high))).tolist():
            split = tuple(int(one) for one in _split(np.array(place), wide))
            found.append((float(chance[place]), names, split))
    worst = sorted(found)[:_LOOKED_AT]
    exact = [_exact(metric, rows, coded, names, split, bounds, seed) for _, names, split in worst]
    return Search(len(chances), _told([one for one in exact if one is not None], chances, bounds))


def _cells(coded: Mapping[str, Coded]) -> Iterator[tuple[tuple[str, ...], NDArray[np.int64], int]]:
    """Each column and each pair of them: the cell of each row, and how many the second column has."""
    for name, one in coded.items():
        yield (name,), one.codes, 0
    for (first, one), (second, other) in combinations(coded.items(), 2):
        wide = len(other.labels) + 1
        yield (first, second), one.codes * wide + other.codes, wide


def _split(cells: NDArray[np.int64], wide: int) -> tuple[NDArray[np.int64], ...]:
    return (cells // wide, cells % wide) if wide else (cells,)


def _judged(cells: Cells, bounds: Bounds, least: int) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Value and chance of each cell, and which are judged at all."""
    rows, value, error, freedom, among = cells
    judged = (rows >= least) & np.isfinite(value) & np.isfinite(error) & (freedom >= 1)
    chance = np.ones(len(rows))
    for bound, sign in ((bounds.low, 1.0), (bounds.high, -1.0)):
        here = np.flatnonzero(judged & (sign * value < sign * bound))
        if not len(here):
            continue
        if among[here].all():
            hits = value[here] * among[here]
            hits = hits if sign > 0 else among[here] - hits
            chance[here] = tails.share(hits, among[here], bound if sign > 0 else 1 - bound)
        else:
            away = np.full(len(here), -np.inf)
            np.divide(sign * (value[here] - bound), error[here], out=away, where=error[here] > 0)
            chance[here] = tails.student(away, freedom[here])
    return value, chance, judged


def _exact(
    metric: Metric,
    rows: Scored,
    coded: Mapping[str, Coded],
    names: tuple[str, ...],
    places: tuple[int, ...],
    bounds: Bounds,
    seed: int,
) -> Weak | None:
    here = np.ones(rows.rows, bool)
    for name, place in zip(names, places, strict=True):
        here &= coded[name].codes == place
    try:
        found = estimate(metric, rows.part(here), seed)
    except Unscored:
        return None
    if not bounds.crossed(found.value):
        return None
    where = tuple((name, coded[name].labels[place]) for name, place in zip(names, places, strict=True))
    return Weak(where, found, bounds.chance(found), 1.0)


def _told(worst: list[Weak], chances: list[float], bounds: Bounds) -> tuple[Weak, ...]:
    """The slices with their p corrected by Holm, without pairs that are no worse than one of their columns alone."""
    told: list[Weak] = []
    worst = sorted(worst, key=lambda one: (one.p, len(one.where)))
    rest = sorted(chances)[len(worst) :]
    corrected = holm([one.p for one in worst] + rest)
    for one, p in zip(worst, corrected, strict=False):
        wider = [each for each in told if set(each.where) < set(one.where)]
        if all(_past(one, bounds) > _past(each, bounds) for each in wider):
            told.append(Weak(one.where, one.found, one.p, p))
    return tuple(told)


def _past(one: Weak, bounds: Bounds) -> float:
    return max(bounds.low - one.found.value, one.found.value - bounds.high)


# ------------------------------------------------------------------ a metric of many cells at once


def _measure(metric: Metric, rows: Scored) -> Measure:
    if metric.table is not None:
        return _tables(metric, rows)
    if metric.losses is not None:
        return _means(metric.losses(rows))
    if metric.name == "auc" and rows.classes == 2:
        return _areas(rows)
    names = [one.name for one in METRICS.values() if one.table or one.losses or one.name == "auc"]
    raise Unscored(f"slices can't be searched by '{metric.name}'; what they can be by: {', '.join(names)}")


def _tables(metric: Metric, rows: Scored) -> Measure:
    table, classes = metric.table, rows.classes
    assert table is not None
    code = rows.truth.astype(np.int64) * classes + rows.decisions()
    kinds = classes**2

    def measure(cells: NDArray[np.int64], many: int) -> Cells:
        counts = np.bincount(cells * kinds + code, minlength=many * kinds)
        tables = counts.reshape(many, classes, classes).astype(np.float64)
        total, value = tables.sum(axis=(-1, -2)), table(tables)
        if metric.share is None:
            return total, value, moved(metric, tables), total - 1, np.zeros(many)
        among = metric.share(tables)[0]
        return total, value, np.zeros(many), among - 1, among

    return measure


def _means(losses: Array) -> Measure:
    # around the mean, so that variances are no differences of large numbers
    middle = float(losses.mean())
    around = losses - middle
    squares = around**2

    def measure(cells: NDArray[np.int64], many: int) -> Cells:
        total = np.bincount(cells, minlength=many).astype(np.float64)
        mean = ratio(np.bincount(cells, around, many), total)
        spread = ratio(np.bincount(cells, squares, many), total) - mean**2
        error = np.sqrt(np.maximum(spread, 0) / np.maximum(total - 1, 1))
        return total, mean + middle, error, total - 1, np.zeros(many)

    return measure


def _areas(rows: Scored) -> Measure:
    """Areas by bins of the scores, of which two rows in one count as a tie, with DeLong's error of these."""
    score = rows.scores()
    sample = np.sort(score[:: len(score) // 100_000 + 1])
    edges = np.unique(sample[np.linspace(0, len(sample) - 1, _BINS + 1).astype(np.int64)[1:-1]])
    bins = len(edges) + 1
    code = np.searchsorted(edges, score, side="right") + bins * rows.truth.astype(np.int64)

    def measure(cells: NDArray[np.int64], many: int) -> Cells:
        counts = np.bincount(cells * (2 * bins) + code, minlength=many * 2 * bins)
        below, above = np.moveaxis(counts.reshape(many, 2, bins).astype(np.float64), 1, 0)
        few, most = below.sum(axis=-1), above.sum(axis=-1)
        won = ratio(np.cumsum(below, axis=-1) - below / 2, few[:, np.newaxis])
        lost = ratio(np.cumsum(above, axis=-1) - above / 2, most[:, np.newaxis])
        value = ratio((above * won).sum(axis=-1), most)
        spread = ratio((above * won**2).sum(axis=-1), most) - value**2
        other = ratio((below * lost**2).sum(axis=-1), few) - (1 - value) ** 2
        error = np.sqrt(np.maximum(ratio(spread, most - 1) + ratio(other, few - 1), 0))
        return few + most, value, error, np.minimum(few, most) - 1, np.zeros(many)

    return measure
