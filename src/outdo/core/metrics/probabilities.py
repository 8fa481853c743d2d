"""Metrics of scores and probabilities: how well they part the classes, and how true they are as probabilities."""

import numpy as np

from outdo.core.metrics.scored import Array, Codes, Scored, Unscored, Weighted, Weights, ratio

BINS = 10
"""Bins of equal width that calibration is judged in."""


def _positive(rows: Scored) -> Array:
    score = rows.scores()
    if rows.classes != 2 or score.ndim != 1:
        raise Unscored("it is for two classes, with one score a row")
    return score


def area(truth: Array, score: Array) -> Weighted:
    """The share of pairs, one row of each class, that the scores put in the right order; ties count half."""
    positive = truth == 1
    below, above = np.flatnonzero(~positive), np.flatnonzero(positive)
    order = below[np.argsort(score[below], kind="stable")]
    # positives in the order of their scores too, as memory is read faster in order
    above = above[np.argsort(score[above], kind="stable")]
    low = np.searchsorted(score[order], score[above], side="left")
    high = np.searchsorted(score[order], score[above], side="right")
    ties = bool((low != high).any())

    def weighted(weights: Weights) -> Array:
        behind = np.zeros((*weights.shape[:-1], len(order) + 1), weights.dtype)
        np.cumsum(_at(weights, order), axis=-1, out=behind[..., 1:])
        drawn = _at(weights, above)
        wins = _products(drawn, _at(behind, low))
        if ties:
            wins = (wins + _products(drawn, _at(behind, high))) / 2
        return ratio(wins, drawn.sum(axis=-1) * behind[..., -1].astype(np.float64))

    return weighted


def _at(values: Weights, places: Codes) -> Weights:
    # places are known to be within, and clipping needs no second look at each
    return values.take(places, axis=-1, mode="clip")


def _products(one: Weights, other: Weights) -> Array:
    """The sum of products; each product of whole numbers fits, as weights are small, and their sum is a float's."""
    return np.asarray((one * other).sum(axis=-1, dtype=np.float64), np.float64)


def auc(rows: Scored) -> Weighted:
    """The area under the ROC curve; for more than two classes the mean of each against the rest."""
    score = rows.scores()
    if score.ndim == 1:
        return area(rows.truth, _positive(rows))
    each = [area((rows.truth == label).astype(np.float64), score[:, label]) for label in range(rows.classes)]
    return lambda weights: np.asarray(np.mean([one(weights) for one in each], axis=0))


def average_precision(rows: Scored) -> Weighted:
    """The mean of the precisions at each threshold, weighted by the recall that it adds."""
    score = _positive(rows)
    order = np.argsort(-score, kind="stable")
    hits = np.flatnonzero(rows.truth[order])
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    # only thresholds with a row of the positive class add recall
    ends = last[np.searchsorted(last, hits)]
    place = np.searchsorted(hits, ends, side="right") - 1

    def weighted(weights: Weights) -> Array:
        drawn = weights.take(order, axis=-1)
        seen = np.cumsum(drawn, axis=-1).take(ends, axis=-1)
        gained = drawn.take(hits, axis=-1)
        found = np.cumsum(gained, axis=-1)
        precision = found.take(place, axis=-1) / np.maximum(seen, 1e-300)
        return ratio((gained * precision).sum(axis=-1), found[..., -1])

    return weighted


def surprise(rows: Scored) -> Array:
    """-log p(the true class) of each row; probabilities are kept off 0 and 1 by the machine's precision."""
    score = rows.scores()
    tiny = np.finfo(np.float64).eps
    if score.ndim == 1:
        chosen = np.where(rows.truth == 1, score, 1 - _positive(rows))
    else:
        chosen = score[np.arange(rows.rows), rows.truth.astype(np.int64)]
    return np.asarray(-np.log(np.clip(chosen, tiny, 1 - tiny)))


def distance(rows: Scored) -> Array:
    """The squared distance of the probabilities from the truth (Brier 1950); of two classes, of the positive one's."""
    score = rows.scores()
    if score.ndim == 1:
        return (_positive(rows) - rows.truth) ** 2
    truth = np.eye(rows.classes)[rows.truth.astype(np.int64)]
    return np.asarray(((score - truth) ** 2).sum(axis=1))


def ece(rows: Scored) -> Weighted:
    """The mean distance of what was said from what came true, over ten bins of equal width (Naeini 2015).

    For more than two classes: of the confidence in the class that was decided for.
    """
    score = rows.scores()
    if score.ndim == 1:
        said, true = _positive(rows), rows.truth
    else:
        said, true = score.max(axis=1), (score.argmax(axis=1) == rows.truth).astype(np.float64)
    bins = np.clip(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], said, side="left"), 0, BINS - 1)
    gap = said - true

    def weighted(weights: Weights) -> Array:
        flat = weights.reshape(-1, weights.shape[-1])
        each = np.stack([np.abs(np.bincount(bins, row * gap, minlength=BINS)).sum() for row in flat])
        return ratio(each.reshape(weights.shape[:-1]), weights.sum(axis=-1))

    return weighted
