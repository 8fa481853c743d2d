"""Metrics of predicted values."""

from collections.abc import Callable

import numpy as np

from outdo.core.metrics.scored import Array, Scored, Unscored, Weighted, Weights, mean, ratio, summed


def _off(rows: Scored) -> Array:
    score = rows.scores()
    if score.ndim != 1:
        raise Unscored("it is for one predicted value a row")
    return score - rows.truth


def mae(rows: Scored) -> Weighted:
    """The mean absolute error."""
    return mean(np.abs(_off(rows)))


def mse(rows: Scored) -> Weighted:
    """The mean squared error."""
    return mean(_off(rows) ** 2)


def rmse(rows: Scored) -> Weighted:
    """The root of the mean squared error."""
    squared = mse(rows)
    return lambda weights: np.sqrt(squared(weights))


def bias(rows: Scored) -> Weighted:
    """The mean error: above zero where the model says too much."""
    return mean(_off(rows))


def mape(rows: Scored) -> Weighted:
    """The mean of the absolute errors as parts of the truth, which is kept off zero by the machine's precision."""
    return mean(np.abs(_off(rows)) / np.maximum(np.abs(rows.truth), np.finfo(np.float64).eps))


def r2(rows: Scored) -> Weighted:
    """The part of the truth's variance that the predictions explain; NaN where the truth doesn't vary."""
    squared = _off(rows) ** 2
    # around its mean, so that the variance is no difference of two large numbers
    truth = rows.truth - rows.truth.mean()

    def weighted(weights: Weights) -> Array:
        total = weights.sum(axis=-1)
        spread = summed(weights, truth**2) - ratio(summed(weights, truth) ** 2, total)
        return 1 - ratio(summed(weights, squared), spread)

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


def quantile_loss(part: float) -> Callable[[Scored], Weighted]:
    """The pinball loss of a predicted quantile (Koenker 1978): `part` of the truth should lie below it."""

    def prepare(rows: Scored) -> Weighted:
        short = -_off(rows)
        return mean(np.maximum(part * short, (part - 1) * short))

    return prepare
