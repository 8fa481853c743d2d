"""Challenger against champion on the same rows: the method that fits the metric, and what it found."""

import numpy as np

from outdo.core.metrics.scored import Array, Codes, Metric, Scored, Unscored, Weights
from outdo.core.statistics.bootstrap import Units, accelerated, draws, skewed, units
from outdo.core.statistics.delong import areas
from outdo.core.statistics.difference import Difference, normal
from outdo.core.statistics.shares import accuracy

RESAMPLES = 10_000
_LARGE = 10_000
"""Rows from which the bootstrap of a mean is what its formula says."""


def difference(
    metric: Metric,
    challenger: Scored,
    champion: Scored,
    *,
    confidence: float = 0.95,
    margin: float = 0.0,
    clusters: Codes | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """How much better the challenger is in a metric, on rows of which both said something, in the same order.

    The area under the ROC curve of two classes by DeLong and accuracy by McNemar, where rows are independent; whatever
    else, and whatever has clusters, by the paired bootstrap, that of a mean of many rows by its formula. `Unscored`
    where the metric has no value on these rows.
    """
    if not np.array_equal(challenger.truth, champion.truth):
        raise Unscored("the two models were not scored on the same labels")
    if metric.aim is None:
        raise Unscored(f"neither a higher nor a lower {metric.name} is better")
    if clusters is None and metric.name == "auc" and challenger.scores().ndim == 1:
        return _areas(challenger, champion, confidence, margin)
    if clusters is None and metric.name == "accuracy":
        return _accuracy(challenger, champion, confidence, margin)
    sign = 1.0 if metric.aim == "high" else -1.0
    if clusters is None and metric.losses is not None and challenger.rows >= _LARGE:
        leads = sign * (metric.losses(challenger) - metric.losses(champion))
        return skewed(leads, confidence=confidence, margin=margin)
    what = units(challenger.rows, clusters if clusters is not None else challenger.query)
    if clusters is None and metric.table is not None:
        challenger, champion, what = _alike(challenger, champion)
    ours, theirs = metric.prepare(challenger), metric.prepare(champion)

    def statistic(weights: Weights) -> Array:
        return sign * (ours(weights) - theirs(weights))

    found = draws(statistic, what, resamples=resamples, seed=seed)
    try:
        return accelerated(statistic, what, found, confidence=confidence, margin=margin)
    except ValueError as refused:
        raise Unscored(str(refused)) from refused


def _alike(challenger: Scored, champion: Scored) -> tuple[Scored, Scored, Units]:
    """One row for each label and pair of decisions that occurs, and how many there are: for metrics of decisions
    alone, drawing from these is drawing from all."""
    classes = challenger.classes
    code = challenger.truth.astype(np.int64) * classes + challenger.decisions()
    kinds, many = np.unique(code * classes + champion.decisions(), return_counts=True)
    truth = (kinds // classes**2).astype(np.float64)
    sides = (kinds // classes % classes, kinds % classes)
    ours, theirs = (Scored(truth, decision=side, classes=classes) for side in sides)
    return ours, theirs, Units(len(kinds), challenger.rows, alike=many)


def _areas(challenger: Scored, champion: Scored, confidence: float, margin: float) -> Difference:
    try:
        found = areas(challenger.truth, [challenger.scores(), champion.scores()])
    except ValueError as refused:
        raise Unscored(str(refused)) from refused
    spread = found.covariance
    error = float(np.sqrt(max(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1], 0.0)))
    value = float(found.values[0] - found.values[1])
    return normal(value, error, challenger.rows, confidence=confidence, margin=margin, method="DeLong")


def _accuracy(challenger: Scored, champion: Scored, confidence: float, margin: float) -> Difference:
    ours = challenger.decisions() == challenger.truth
    theirs = champion.decisions() == champion.truth
    gained, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return accuracy(gained, lost, challenger.rows, confidence=confidence, margin=margin)
