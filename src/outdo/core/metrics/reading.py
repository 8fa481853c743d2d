"""Columns of a table of predictions to what metrics are computed from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outdo.core.metrics.scored import Codes, Scored, Unscored

Column = NDArray[Any]

_CLASSES = 50
"""Different whole numbers up to which labels are classes, and not values."""
HALF = 0.5
"""The score at which the decision turns, of two classes."""


def scored(truth: Column, said: Column, threshold: float = HALF) -> Scored:
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
        return Scored(codes.astype(np.float64), score, (score >= threshold).astype(np.int64), classes=2)
    every = np.unique(np.concatenate([truth, said]))
    return Scored(
        np.searchsorted(every, truth).astype(np.float64),
        decision=np.searchsorted(every, said).astype(np.int64),
        classes=max(2, len(every)),
    )


def shared(truth: Column, said: Column, scores: Mapping[str, Column]) -> Scored:
    """Rows of classes, each with a probability of its own by the text of its label. What was said are labels, or else
    the class with the highest probability was decided for. Raises `Unscored`."""
    if not len(truth) or any(map(_missing, (truth, *scores.values()))):
        raise Unscored("there are no rows" if not len(truth) else "a label or a probability is missing")
    places = {label: place for place, label in enumerate(scores)}
    score = np.stack([column.astype(np.float64) for column in scores.values()], axis=1)
    codes = _codes(truth, places)
    decided = score.argmax(axis=1) if np.issubdtype(said.dtype, np.floating) else _codes(said, places)
    return Scored(codes.astype(np.float64), score, decided.astype(np.int64), classes=len(places))


def ranked(truth: Column, said: Column, query: Column) -> Scored:
    """Rows that are ranked within their queries, by how relevant each is. Raises `Unscored`."""
    numbers = all(np.issubdtype(column.dtype, np.number) or column.dtype == bool for column in (truth, said))
    if not numbers or _missing(truth) or _missing(said) or not len(truth):
        raise Unscored("ranking needs a number for each label and each prediction")
    _, codes = np.unique(query.astype(str), return_inverse=True)
    return Scored(truth.astype(np.float64), said.astype(np.float64), query=codes.astype(np.int64))


def _codes(labels: Column, places: Mapping[str, int]) -> Codes:
    kinds, codes = np.unique(labels.astype(str), return_inverse=True)
    if unknown := [kind for kind in kinds.tolist() if kind not in places]:
        raise Unscored(f"no column has the probability of '{unknown[0]}'")
    return np.array([places[kind] for kind in kinds.tolist()], np.int64)[codes]


def _are_classes(truth: Column) -> bool:
    if not np.issubdtype(truth.dtype, np.number):
        return True
    whole = not np.issubdtype(truth.dtype, np.floating) or bool((truth == np.floor(truth)).all())
    return whole and len(np.unique(truth)) <= _CLASSES


def _missing(column: Column) -> bool:
    if np.issubdtype(column.dtype, np.floating):
        return bool(np.isnan(column).any())
    return column.dtype == object and any(each is None for each in column)
