"""Columns of a table of predictions to what metrics are computed from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from outdo.core.metrics.scored import Scored, Unscored

Column = NDArray[Any]

_CLASSES = 50
"""Different whole numbers up to which labels are classes, and not values."""
HALF = 0.5
"""The score at which the decision turns, of two classes."""


def scored(truth: Column, said: Column) -> Scored:
    """The rows as metrics want them. Labels that are texts, true and false, or few whole numbers are classes, in their
    order, the last of two the positive one; other numbers are values. What was said are scores of the positive class,
    values, or labels themselves. Raises `Unscored` where a label or a prediction is missing, or they don't fit.
    """
    if not len(truth):
        raise Unscored("there are no rows")
    if _missing(truth) or _missing(said):
        raise Unscored("a label or a prediction is missing")
    number = np.issubdtype(said.dtype, np.number)
    if not _are_classes(truth):
        if not number:
            raise Unscored("labels are values, and predictions are not")
        return Scored(truth.astype(np.float64), said.astype(np.float64))
    labels, codes = np.unique(truth, return_inverse=True)
    if np.issubdtype(said.dtype, np.floating):
        if len(labels) != 2:
            raise Unscored(f"one score a row is for two classes, and there are {len(labels)}")
        score = said.astype(np.float64)
        return Scored(codes.astype(np.float64), score, (score >= HALF).astype(np.int64), classes=2)
    every = np.unique(np.concatenate([truth, said]))
    return Scored(
        np.searchsorted(every, truth).astype(np.float64),
        decision=np.searchsorted(every, said).astype(np.int64),
        classes=max(2, len(every)),
    )


def _are_classes(truth: Column) -> bool:
    if not np.issubdtype(truth.dtype, np.number):
        return True
    whole = not np.issubdtype(truth.dtype, np.floating) or bool((truth == np.floor(truth)).all())
    return whole and len(np.unique(truth)) <= _CLASSES


def _missing(column: Column) -> bool:
    if np.issubdtype(column.dtype, np.floating):
        return bool(np.isnan(column).any())
    return column.dtype == object and any(each is None for each in column)
