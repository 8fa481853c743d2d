"""Challenger against champion on the same rows: the method that fits the metric, and what it found."""

import numpy as np

from outdo.core.metrics.scored import Codes, Metric, Scored, Unscored, Weights
from outdo.core.statistics.bootstrap import accelerated, draws, units
from outdo.core.statistics.delong import areas
from outdo.core.statistics.difference import Difference, normal
from outdo.core.statistics.shares import accuracy

RESAMPLES = 10_000


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
    else, and whatever has clusters, by the paired bootstrap. `Unscored` where the metric has no value on these rows.
    """
    if not np.array_equal(challenger.truth, champion.truth):
        raise Unscored("the two models were not scored on the same labels")
    if clusters is None and metric.name == "auc" and challenger.scores().ndim == 1:
        return _areas(challenger, champion, confidence, margin)
    if clusters is None and metric.name == "accuracy":
        return _accuracy(challenger, champion, confidence, margin)
    sign = 1.0 if metric.aim == "high" else -1.0
    ours, theirs = metric.prepare(challenger), metric.prepare(champion)

    def statistic(weights: Weights) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return sign * (ours(weights) - theirs(weights))

    what = units(challenger.rows, clusters if clusters is not None else challenger.query)
    found = draws(statistic, what, resamples=resamples, seed=seed)
    try:
        return accelerated(statistic, what, found, confidence=confidence, margin=margin)
    except ValueError as refused:
        raise Unscored(str(refused)) from refused


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
