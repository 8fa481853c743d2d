"""One metric of one model on some rows: how sure it is, and how far from a bound by chance."""

from math import exp, isfinite, log, sqrt

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from outdo.core.metrics.decisions import confusion
from outdo.core.metrics.scored import Array, Metric, Scored, Unscored
from outdo.core.statistics import tails
from outdo.core.statistics.bootstrap import draws, units
from outdo.core.statistics.delong import areas
from outdo.core.statistics.difference import stretched, wilson_within, z

RESAMPLES = 1000
SIGNED = ("mcc", "kappa")
"""Metrics of decisions that may be below 0."""
_STEP = 1e-4
"""Of a table's whole, to see how a metric moves with each of its cells."""


class Estimate(Struct, frozen=True):
    """A metric of some rows, with its error."""

    value: float
    error: float
    rows: int
    freedom: float
    """How many rows, less one, the error is known by."""
    method: str
    among: float = 0.0
    """Of a share: how many rows count. 0 for what is none."""
    part: bool = False
    """It lies between 0 and 1, where bounds are closer on the side of the nearer end."""
    skew: float = 0.0
    """Of a mean: a sixth of its skewness."""
    bias: float = 0.0
    """How much too high the metric comes out on so few rows."""

    def bounds(self, confidence: float) -> tuple[float, float]:
        """The lower and the upper bound, each with this confidence on its own side."""
        return self.within(z(confidence))

    def within(self, reach: float) -> tuple[float, float]:
        """The bounds that are so many standard errors away, of a normal distribution."""
        if self.among:
            return wilson_within(self.value, self.among, reach)
        if self.part and 0 < self.value < 1:
            middle, scale = _logit(self.value), self.value * (1 - self.value)
            far = stretched(reach, self.freedom) * self.error / scale
            return 1 / (1 + exp(far - middle)), 1 / (1 + exp(-far - middle))
        return self._end(-reach), self._end(reach)

    def _end(self, point: float) -> float:
        """The bound of the bootstrap of a mean (BCa); without skewness, that of the normal distribution."""
        moved = self.skew + (self.skew + point) / (1 - self.skew * (self.skew + point))
        far = stretched(moved, self.freedom) + self.skew * (moved**2 - 1)
        return self.value - self.bias + far * self.error

    def below(self, bound: float) -> float:
        """How likely a value this low is, or a lower one, if the true one were the bound."""
        if self.among:
            hits = np.array([self.value * self.among])
            return float(tails.share(hits, np.array([self.among]), bound)[0])
        if self.error == 0:
            return 0.0 if self.value < bound else 1.0
        away = self.value - self.bias - bound
        if self.part and 0 < self.value < 1 and 0 < bound < 1:
            away = (_logit(self.value) - _logit(bound)) * self.value * (1 - self.value)
        return float(tails.student(np.array([away / self.error]), np.array([self.freedom]))[0])

    def above(self, bound: float) -> float:
        """How likely a value this high is, or a higher one."""
        if self.among:
            return replace(self, value=1 - self.value).below(1 - bound)
        if self.part:
            return replace(self, value=1 - self.value, bias=-self.bias).below(1 - bound)
        return replace(self, value=-self.value, bias=-self.bias).below(-bound)


def _logit(part: float) -> float:
    return log(part / (1 - part))


def estimate(metric: Metric, rows: Scored, seed: int) -> Estimate:
    """The metric of the rows with an error that fits it: of shares Wilson's, of the area under the ROC curve DeLong's,
    of means and of what comes from a table of decisions by formula, and else by drawing rows again.

    Raises `Unscored` where the metric has no value on these rows.
    """
    found = _estimate(metric, rows, seed)
    if not (isfinite(found.value) and isfinite(found.error)):
        raise Unscored("it has no value there")
    return found


def _estimate(metric: Metric, rows: Scored, seed: int) -> Estimate:
    many, free = rows.rows, rows.rows - 1.0
    if metric.table is not None:
        table = confusion(rows)(np.ones(many, np.int64))
        value, error = float(metric.table(table)), float(moved(metric, table[np.newaxis])[0])
        if metric.share is None:
            return Estimate(value, error, many, free, "delta", part=metric.name not in SIGNED)
        among = float(metric.share(table)[0])
        return Estimate(value, error, many, among - 1, "Wilson", among)
    if metric.name == "auc" and rows.classes == 2:
        return _area(rows)
    if metric.losses is not None:
        return _mean(metric.losses(rows))
    found = draws(metric.prepare(rows), units(many, rows.query), resamples=RESAMPLES, seed=seed)
    good, value = found[np.isfinite(found)], metric.of(rows)
    if len(good) < 2:
        return Estimate(value, np.nan, many, free, "bootstrap")
    bias = float(good.mean()) - value
    return Estimate(value, float(good.std(ddof=1)), many, free, "bootstrap", bias=bias)


def _mean(losses: Array) -> Estimate:
    many, value, spread = (
        len(losses),
        float(losses.mean()),
        float(losses.std(ddof=1)) if len(losses) > 1 else np.nan,
    )
    skew = float((((losses - value) / spread) ** 3).mean()) if spread > 0 else 0.0
    error = spread / sqrt(many)
    return Estimate(value, error, many, many - 1.0, "mean", skew=skew / (6 * sqrt(many)))


def _area(rows: Scored) -> Estimate:
    try:
        found = areas(rows.truth, [rows.scores()])
    except ValueError as reason:
        raise Unscored(str(reason)) from reason
    above = float(rows.truth.sum())
    free = min(above, rows.rows - above) - 1
    error = sqrt(max(float(found.covariance[0, 0]), 0.0))
    return Estimate(float(found.values[0]), error, rows.rows, free, "DeLong", part=True)


def moved(metric: Metric, tables: Array) -> Array:
    """The standard error of a metric of tables of decisions, `(…, truth, decision)`: how it moves with each cell, by
    how the cells vary (the delta method)."""
    assert metric.table is not None
    classes, total = tables.shape[-1], tables.sum(axis=(-1, -2))
    here = metric.table(tables)
    mean, squares = np.zeros_like(total), np.zeros_like(total)
    for truth in range(classes):
        for decided in range(classes):
            step = np.zeros((classes, classes))
            step[truth, decided] = _STEP
            steps = step * total[..., np.newaxis, np.newaxis]
            slope = (metric.table(tables + steps) - here) / _STEP
            part = tables[..., truth, decided] / np.maximum(total, 1)
            # cells without a row don't vary, and what a metric does there may be a jump
            slope = np.where(part > 0, slope, 0)
            mean += part * slope
            squares += part * slope**2
    return np.asarray(np.sqrt(np.maximum(squares - mean**2, 0) / np.maximum(total, 1)))
