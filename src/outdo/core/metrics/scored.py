"""What metrics are computed from: labels and what a model said of the same rows.

A metric is a function that looks at the rows once and returns a function of their weights. With ones it gives the
metric; with how often each row was drawn, the metric of a resample: so sorting is done once, not once a resample, and
every interval comes from the very code that gives the value.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.model import Aim

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Needs = Literal["decision", "score", "probability", "value", "order"]
Weights = NDArray[np.float64 | np.int64 | np.int32]
Weighted = Callable[[Weights], Array]
"""Weights `(…, n)`, of which the last axis goes along the rows, to one value of the metric for each: `(…)`."""


class Scored(Struct, frozen=True, eq=False):
    """Rows with their labels, and what one model said of them.

    For classification, `truth` has the numbers of classes, from 0 to `classes - 1`; the positive class of two is 1.
    """

    truth: Array
    """`(n,)`: classes as numbers, or values; for an order of results, how relevant each row is."""
    score: Array | None = None
    """`(n,)` for two classes, values and orders; `(n, classes)` for more."""
    decision: Codes | None = None
    """`(n,)`: the class that the model decided for."""
    classes: int = 0
    query: Codes | None = None
    """`(n,)`: which rows are ranked together, as numbers from 0."""

    @property
    def rows(self) -> int:
        return len(self.truth)

    def part(self, here: NDArray[np.bool_]) -> "Scored":
        """Some of the rows, of the same classes, though a part may lack one."""
        return Scored(
            self.truth[here],
            None if self.score is None else self.score[here],
            None if self.decision is None else self.decision[here],
            self.classes,
            None if self.query is None else self.query[here],
        )

    def scores(self) -> Array:
        """The scores; `Unscored` where the rows have decisions alone."""
        if self.score is None:
            raise Unscored("there are decisions, but no scores")
        return self.score

    def decisions(self) -> Codes:
        """The decisions; `Unscored` where there are none."""
        if self.decision is None:
            raise Unscored("there are scores, but no decisions")
        return self.decision


class Unscored(ValueError):
    """A metric can't be computed from these rows."""


class Metric(Struct, frozen=True):
    """A metric by its name: which way it is better, what it needs, and how it is computed."""

    name: str
    aim: Aim | None
    """Which way it is better; None where neither is."""
    needs: Needs
    prepare: Callable[[Scored], Weighted]
    losses: Callable[[Scored], Array] | None = None
    """One number a row, `(n,)`, of which the metric is the mean; None where it is no mean."""
    table: Callable[[Array], Array] | None = None
    """The metric of tables of counts, `(…, truth, decision)`; None where decisions alone don't give it."""
    share: Callable[[Array], tuple[Array, Array]] | None = None
    """Of such tables, how many rows count and how many of these hit: the metric is their share."""

    def of(self, rows: Scored) -> float:
        """The metric of all rows, each counted once; NaN where it has no value."""
        return float(self.prepare(rows)(np.ones(rows.rows)))


def mean(losses: Array) -> Weighted:
    """The weighted mean of one number a row."""

    return lambda weights: ratio(summed(weights, losses), weights.sum(axis=-1))


def summed(weights: Weights, values: Array) -> Array:
    """The weighted sum of one number a row. Not by `@`, whose library would start threads within ours."""
    return np.asarray(np.einsum("...i,i->...", weights, values))


def ratio(top: Weights, below: Weights) -> Array:
    """One divided by the other, and NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below == 0, np.nan, top / below))
