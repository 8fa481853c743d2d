"""The area under the ROC curve, with the covariance of two models on the same rows."""

import numpy as np
from msgspec import Struct

from outdo.core.metrics.scored import Array


class Areas(Struct, frozen=True, eq=False):
    """Areas under the ROC curve of several models, `(models,)`, and their covariance, `(models, models)`."""

    values: Array
    covariance: Array


def midranks(values: Array) -> Array:
    """Ranks from 1; those that tie share the mean of their ranks."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    many = np.diff(np.append(first, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(first + (many + 1) / 2, many)
    return ranks


def areas(truth: Array, scores: list[Array]) -> Areas:
    """The areas and their covariance by DeLong, DeLong and Clarke-Pearson (1988), by midranks as in Sun and Xu (2014):
    sorting, not comparing all pairs. Both classes have to have two rows or more."""
    positive = truth == 1
    above, below = int(positive.sum()), int((~positive).sum())
    if min(above, below) < 2:
        raise ValueError("both classes need two rows or more")
    wins, losses = np.empty((len(scores), above)), np.empty((len(scores), below))
    for place, score in enumerate(scores):
        ranks = midranks(score)
        wins[place] = (ranks[positive] - midranks(score[positive])) / below
        losses[place] = 1 - (ranks[~positive] - midranks(score[~positive])) / above
    covariance = np.atleast_2d(np.cov(wins)) / above + np.atleast_2d(np.cov(losses)) / below
    return Areas(wins.mean(axis=1), covariance)
