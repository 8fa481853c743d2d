"""Scores to the curves that people judge a model by."""

from itertools import pairwise

import numpy as np

from outdo.core.curves import Point
from outdo.core.metrics.scored import Array, Scored

MOST = 400
"""Points of a curve."""
BINS = 20
SCORES = 40


def roc(rows: Scored) -> list[Point]:
    """Shares of false and of true positives at all thresholds, at most `MOST` of them evenly along the curve; none
    where the rows aren't of two classes with scores."""
    if rows.classes != 2 or rows.score is None:
        return []
    order = np.argsort(-rows.score, kind="stable")
    truth, score = rows.truth[order], rows.score[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    hits = np.cumsum(truth)
    if not 0 < hits[-1] < len(truth):
        return []
    true = np.concatenate([[0.0], hits[ends] / hits[-1]])
    false = np.concatenate([[0.0], (ends + 1 - hits[ends]) / (len(truth) - hits[-1])])
    if len(true) > MOST:
        near = np.searchsorted((true + false) / 2, np.linspace(0, 1, MOST - 1))
        chosen = np.unique(np.concatenate([[0], np.minimum(near, len(true) - 1)]))
        true, false = true[chosen], false[chosen]
    return list(zip(false.tolist(), true.tolist(), strict=True))


def calibration(rows: Scored) -> list[Point]:
    """The mean of what was predicted and of what was observed, in `BINS` bins of as many rows each; none where no
    number was predicted."""
    if rows.score is None or rows.score.ndim != 1 or rows.query is not None:
        return []
    order = np.argsort(rows.score, kind="stable")
    score, truth = rows.score[order], rows.truth[order]
    cuts = np.searchsorted(score, score[np.linspace(0, len(score) - 1, BINS + 1).astype(int)[1:-1]], "right")
    ends = np.unique(np.concatenate([[0], cuts, [len(score)]]))
    return [(float(score[a:b].mean()), float(truth[a:b].mean())) for a, b in pairwise(ends.tolist())]


def spread(ours: Scored, theirs: Scored | None) -> tuple[Array, Array, Array] | None:
    """Edges of bins of scores, and the shares of rows in them of both sides; nothing where there are no numbers."""
    sides = [each.score for each in (ours, theirs) if each is not None and each.score is not None]
    if not sides or any(side.ndim != 1 for side in sides):
        return None
    low, high = min(float(side.min()) for side in sides), max(float(side.max()) for side in sides)
    if ours.classes == 2 and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    edges = np.linspace(low, high if high > low else low + 1.0, SCORES + 1)
    shares = [np.histogram(side, edges)[0] / len(side) for side in sides]
    return edges, shares[0], shares[1] if len(shares) > 1 else np.zeros(0)
