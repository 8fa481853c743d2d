"""Metrics of decisions: all come from the table of which class was decided for which."""

from collections.abc import Callable

import numpy as np

from outdo.core.metrics.scored import Array, Scored, Unscored, Weighted, Weights, mean, ratio


def confusion(rows: Scored) -> Weighted:
    """Weights `(…, n)` to tables `(…, truth, decision)` of summed weights."""
    if rows.classes < 2:
        raise Unscored("there are fewer than two classes")
    cells = rows.classes**2
    code = rows.truth.astype(np.int64) * rows.classes + rows.decisions()

    def weighted(weights: Weights) -> Array:
        flat = weights.reshape(-1, weights.shape[-1])
        tables = np.stack([np.bincount(code, row, minlength=cells) for row in flat])
        return tables.reshape(*weights.shape[:-1], rows.classes, rows.classes).astype(np.float64)

    return weighted


def _of_table(formula: Callable[[Array], Array]) -> Callable[[Scored], Weighted]:
    def prepare(rows: Scored) -> Weighted:
        table = confusion(rows)
        return lambda weights: formula(table(weights))

    return prepare


def _right(table: Array) -> Array:
    return np.asarray(np.diagonal(table, axis1=-2, axis2=-1))


def accuracy(rows: Scored) -> Weighted:
    """The share of rows that were decided rightly."""
    return mean((rows.truth == rows.decisions()).astype(np.float64))


@_of_table
def balanced_accuracy(table: Array) -> Array:
    """The mean of the classes' recalls; classes without a row don't count."""
    recalls = ratio(_right(table), table.sum(axis=-1))
    known = ~np.isnan(recalls)
    return ratio(np.where(known, recalls, 0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def _by_class(table: Array, each: Array) -> Array:
    """Of two classes the positive one's; of more the mean of those that occur, in the truth or as a decision."""
    each = np.nan_to_num(each)
    if table.shape[-1] == 2:
        return np.asarray(each[..., 1])
    occurs = (table.sum(axis=-1) + table.sum(axis=-2)) > 0
    return ratio((each * occurs).sum(axis=-1), occurs.sum(axis=-1).astype(np.float64))


@_of_table
def precision(table: Array) -> Array:
    """Of the rows decided for a class, the share that is of it; 0 where none was."""
    return _by_class(table, ratio(_right(table), table.sum(axis=-2)))


@_of_table
def recall(table: Array) -> Array:
    """Of the rows of a class, the share that was decided for it; 0 where there is none."""
    return _by_class(table, ratio(_right(table), table.sum(axis=-1)))


@_of_table
def f1(table: Array) -> Array:
    """The harmonic mean of precision and recall."""
    return _by_class(table, ratio(2 * _right(table), table.sum(axis=-1) + table.sum(axis=-2)))


@_of_table
def mcc(table: Array) -> Array:
    """The correlation of truth and decision (Matthews; for more classes Gorodkin 2004); 0 where one is constant."""
    total = table.sum(axis=(-1, -2))
    truth, decided = table.sum(axis=-1), table.sum(axis=-2)
    together = _right(table).sum(axis=-1) * total - (truth * decided).sum(axis=-1)
    spread = (total**2 - (truth**2).sum(axis=-1)) * (total**2 - (decided**2).sum(axis=-1))
    return np.nan_to_num(ratio(together, np.sqrt(spread)))


@_of_table
def kappa(table: Array) -> Array:
    """How far the agreement of truth and decision goes beyond chance (Cohen 1960)."""
    total = table.sum(axis=(-1, -2))
    chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)
    return ratio(_right(table).sum(axis=-1) * total - chance, total**2 - chance)


def selection_rate(rows: Scored) -> Weighted:
    """The share of rows that were decided for the positive class."""
    return mean((rows.decisions() == 1).astype(np.float64))


@_of_table
def false_positive_rate(table: Array) -> Array:
    """Of the rows of the negative class, the share that was decided for the positive one."""
    return ratio(table[..., 0, 1], table[..., 0, :].sum(axis=-1))


@_of_table
def true_positive_rate(table: Array) -> Array:
    """Of the rows of the positive class, the share that was decided for it."""
    return ratio(table[..., 1, 1], table[..., 1, :].sum(axis=-1))
