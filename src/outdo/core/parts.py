"""The rows in parts, by columns: what gates on slices and on groups judge."""

from collections.abc import Mapping
from math import sqrt

import numpy as np

from outdo.core import rules
from outdo.core.metrics.scored import Array, Metric, Scored, Unscored
from outdo.core.metrics.table import metric
from outdo.core.predicted import Column
from outdo.core.statistics.bootstrap import draws, units
from outdo.core.statistics.delong import areas

RESAMPLES = 1000
"""Of each part of the rows; the comparison with the champion has more."""


def parts(
    rows: Scored, by: Mapping[str, Column], columns: str | rules.Columns, least: int
) -> dict[str, Scored]:
    """The parts of the rows that are large enough, by the values that each shares; raises `Unscored`."""
    names = (columns,) if isinstance(columns, str) else columns
    if missing := [name for name in names if name not in by]:
        raise Unscored(f"the predictions have no column '{missing[0]}'")
    texts = [map(str, by[name]) for name in names]
    joined = np.array([", ".join(each) for each in zip(*texts, strict=True)])
    values, part = np.unique(joined, return_inverse=True)
    large = np.flatnonzero(np.bincount(part) >= least)
    return {str(values[number]): rows.part(part == number) for number in large}


def error_of(known: Metric, rows: Scored, seed: int) -> float:
    """The standard error of a metric: DeLong's of the area under the curve, else by drawing rows again."""
    if known.name == "auc" and rows.classes == 2:
        try:
            return sqrt(float(areas(rows.truth, [rows.scores()]).covariance[0, 0]))
        except ValueError as reason:
            raise Unscored(str(reason)) from reason
    return float(np.nanstd(drawn(known, rows, seed), ddof=1))


def drawn(known: Metric, rows: Scored, seed: int) -> Array:
    """The metric of each resample of the rows."""
    return draws(known.prepare(rows), units(rows.rows), resamples=RESAMPLES, seed=seed)


def computed(name: str) -> Metric:
    """The metric of this name; `Unscored` where none can be computed."""
    known = metric(name)
    if known is None:
        raise Unscored(f"no metric '{name}' can be computed from predictions")
    return known


def listed(by: str | rules.Columns) -> str:
    """The columns as a title names them."""
    return by if isinstance(by, str) else ", ".join(by)
