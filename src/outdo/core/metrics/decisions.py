"""Metrics of decisions: all come from the table of which class was decided for which."""

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from outdo.core.metrics.scored import Array, Metric, Scored, Unscored, Weighted, Weights, ratio
from outdo.core.model import Aim


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


def of_table(name: str, formula: Callable[[Array], Array], aim: Aim | None = "high") -> Metric:
    """The metric that a formula gives of tables `(…, truth, decision)`."""

    def prepare(rows: Scored) -> Weighted:
        table = confusion(rows)
        return lambda weights: formula(table(weights))

    return Metric(name, aim, "decision", prepare, table=formula)


def of_share(name: str, counts: Callable[[Array], tuple[Array, Array]], aim: Aim | None = "high") -> Metric:
    """The metric that is a share: of the rows that count, those that hit."""

    def formula(table: Array) -> Array:
        among, hits = counts(table)
        return ratio(hits, among)

    return replace(of_table(name, formula, aim), share=counts)


def _right(table: Array) -> Array:
    return np.asarray(np.diagonal(table, axis1=-2, axis2=-1))


def accuracy(table: Array) -> tuple[Array, Array]:
    """Of all rows, those that were decided rightly."""
    return table.sum(axis=(-1, -2)), _right(table).sum(axis=-1)


def balanced_accuracy(table: Array) -> Array:
    """The mean of the classes' recalls; classes without a row don't count."""
    recalls = ratio(_right(table), table.sum(axis=-1))
    known = ~np.isnan(recalls)
    return ratio(np.where(known, recalls, 0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def _precisions(table: Array) -> tuple[Array, Array]:
    return _right(table), table.sum(axis=-2)


def _recalls(table: Array) -> tuple[Array, Array]:
    return _right(table), table.sum(axis=-1)


def _f1s(table: Array) -> tuple[Array, Array]:
    return 2 * _right(table), table.sum(axis=-1) + table.sum(axis=-2)


_EACH = {"precision": _precisions, "recall": _recalls, "f1": _f1s}


def of_class(name: str) -> Callable[[Array], Array]:
    """Precision, recall or F1: of two classes the positive one's, of more the mean; 0 where there is none."""
    mean = averaged(name, "macro")

    def formula(table: Array) -> Array:
        if table.shape[-1] > 2:
            return mean(table)
        hits, among = _EACH[name](table)
        return np.nan_to_num(ratio(hits, among)[..., 1])

    return formula


def averaged(name: str, how: str) -> Callable[[Array], Array]:
    """Precision, recall or F1 of all classes: their mean over those that occur (`macro`), also by how often
    (`weighted`), or of all rows together (`micro`)."""

    def formula(table: Array) -> Array:
        hits, among = _EACH[name](table)
        if how == "micro":
            return ratio(hits.sum(axis=-1), among.sum(axis=-1))
        truth = table.sum(axis=-1)
        weight = truth if how == "weighted" else (truth + table.sum(axis=-2) > 0).astype(np.float64)
        return ratio((np.nan_to_num(ratio(hits, among)) * weight).sum(axis=-1), weight.sum(axis=-1))

    return formula


def mcc(table: Array) -> Array:
    """The correlation of truth and decision (Matthews; for more classes Gorodkin 2004); 0 where one is constant."""
    total = table.sum(axis=(-1, -2))
    truth, decided = table.sum(axis=-1), table.sum(axis=-2)
    together = _right(table).sum(axis=-1) * total - (truth * decided).sum(axis=-1)
    spread = (total**2 - (truth**2).sum(axis=-1)) * (total**2 - (decided**2).sum(axis=-1))
    return np.nan_to_num(ratio(together, np.sqrt(spread)))


def kappa(table: Array) -> Array:
    """How far the agreement of truth and decision goes beyond chance (Cohen 1960)."""
    total = table.sum(axis=(-1, -2))
    chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)
    return ratio(_right(table).sum(axis=-1) * total - chance, total**2 - chance)


def selected(table: Array) -> tuple[Array, Array]:
    """Of all rows, those that were decided for the positive class."""
    return _two(table).sum(axis=(-1, -2)), table[..., :, 1].sum(axis=-1)


def rightly(label: int) -> Callable[[Array], tuple[Array, Array]]:
    """Of the rows of one class of two, those that were decided for it."""
    return lambda table: (_two(table)[..., label, :].sum(axis=-1), table[..., label, label])


def wrongly(label: int) -> Callable[[Array], tuple[Array, Array]]:
    """Of the rows of one class of two, those that were decided for the other."""
    return lambda table: (_two(table)[..., label, :].sum(axis=-1), table[..., label, 1 - label])


def _two(table: Array) -> Array:
    if table.shape[-1] != 2:
        raise Unscored("it is for two classes")
    return table
