"""Metrics of predicted values."""

from collections.abc import Callable

import numpy as np

from outdo.core.metrics.scored import Array, Scored, Unscored, Weighted, Weights, mean, ratio, summed


def _off(rows: Scored) -> Array:
    score = rows.scores()
    if score.ndim != 1:
        raise Unscored("it is for one predicted value a row")
    return score - rows.truth


def absolute(rows: Scored) -> Array:
    """The absolute error of each row."""
    return np.abs(_off(rows))


def squared(rows: Scored) -> Array:
    """The squared error of each row."""
    return _off(rows) ** 2


def rmse(rows: Scored) -> Weighted:
    """The root of the mean squared error."""
    mse = mean(squared(rows))
    return lambda weights: np.sqrt(mse(weights))


def error(rows: Scored) -> Array:
    """The error of each row: above zero where the model says too much."""
    return _off(rows)


def relative(rows: Scored) -> Array:
    """Absolute errors as parts of the truth, which is kept off zero by the machine's precision."""
    return np.abs(_off(rows)) / np.maximum(np.abs(rows.truth), np.finfo(np.float64).eps)


def r2(rows: Scored) -> Weighted:
    """The part of the truth's variance that the predictions explain; NaN where the truth doesn't vary."""
    off = squared(rows)
    # around its mean, so that the variance is no difference of two large numbers
    truth = rows.truth - rows.truth.mean()

    def weighted(weights: Weights) -> Array:
        total = weights.sum(axis=-1)
        spread = summed(weights, truth**2) - ratio(summed(weights, truth) ** 2, total)
        return 1 - ratio(summed(weights, off), spread)

    return weighted


def median_ae(rows: Scored) -> Weighted:
    """The median absolute error; between two the middle."""
    errors = np.abs(_off(rows))
    order = np.argsort(errors, kind="stable")
    errors = errors[order]

    def weighted(weights: Weights) -> Array:
        flat = np.cumsum(weights[..., order], axis=-1).reshape(-1, len(order))
        half = flat[:, -1] / 2
        last = len(order) - 1
        low = [
            min(int(np.searchsorted(row, h, side="left")), last) for row, h in zip(flat, half, strict=True)
        ]
        high = [
            min(int(np.searchsorted(row, h, side="right")), last) for row, h in zip(flat, half, strict=True)
        ]
        return np.asarray(((errors[low] + errors[high]) / 2).reshape(weights.shape[:-1]))

    return weighted


def pinball(part: float) -> Callable[[Scored], Array]:
    """The pinball loss of a predicted quantile (Koenker 1978): `part` of the truth should lie below it."""

    def losses(rows: Scored) -> Array:
        short = -_off(rows)
        return np.maximum(part * short, (part - 1) * short)

    return losses
