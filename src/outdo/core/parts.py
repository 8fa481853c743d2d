"""The rows in parts, by columns: what gates on slices and on groups judge."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core import rules
from outdo.core.kinds import Columns
from outdo.core.metrics.scored import Metric, Scored, Unscored
from outdo.core.metrics.table import METRICS, metric
from outdo.core.predicted import Column, Predicted

BINS = 8
"""Into so many parts with as many rows each a column of numbers is cut."""
_MOST = 20
"""Values of a column that are looked at when slices are searched: the most frequent."""
_FEW = 12
"""Different numbers up to which each is a value by itself."""
_SAMPLE = 100_000
"""Rows that tell where a column of numbers is cut."""


class Coded(Struct, frozen=True, eq=False):
    """A column as numbers of its values; the number after the last is that of values that are not looked at."""

    codes: NDArray[np.int64]
    labels: tuple[str, ...]


def parts(rows: Scored, predicted: Predicted, columns: str | Columns, least: int) -> dict[str, Scored]:
    """The parts of the rows that are large enough, by the values that each shares; raises `Unscored`."""
    names = (columns,) if isinstance(columns, str) else columns
    empty: tuple[str, ...] = ()
    code, told = np.zeros(rows.rows, np.int64), [empty]
    for name in names:
        one = values(column(predicted, name))
        # numbered anew after each column, so that no number of combinations is too large
        kinds, code = np.unique(code * len(one.labels) + one.codes, return_inverse=True)
        pairs = [divmod(kind, len(one.labels)) for kind in kinds.tolist()]
        told = [(*told[first], one.labels[second]) for first, second in pairs]
    found: dict[str, Scored] = {}
    for number in sorted(np.flatnonzero(np.bincount(code) >= least).tolist(), key=told.__getitem__):
        name = ", ".join(told[number])
        while name in found:  # other values that read alike
            name += "'"
        found[name] = rows.part(code == number)
    return found


def column(predicted: Predicted, name: str) -> Column:
    """A column of the predictions, or what an expression gives; raises `Unscored` where there is none."""
    if name in predicted.refused:
        raise Unscored(f"'{name}': {predicted.refused[name]}")
    if name not in predicted.by:
        raise Unscored(f"the predictions have no column '{name}'")
    return predicted.by[name]


def values(of: Column) -> Coded:
    """A column by its different values."""
    if of.dtype != object:
        kinds, codes = np.unique(of, return_inverse=True)
        return Coded(codes.astype(np.int64), tuple(_text(kind) for kind in kinds.tolist()))
    places: dict[object, int] = {}
    codes = np.fromiter((places.setdefault(each, len(places)) for each in of), np.int64, len(of))
    return Coded(codes, tuple(map(_text, places)))


def coarse(of: Column, least: int) -> Coded:
    """A column by few values: numbers cut into bins of as many rows each, texts by those that are most frequent."""
    if np.issubdtype(of.dtype, np.number):
        return _cut(of)
    every = values(of)
    many = np.bincount(every.codes, minlength=len(every.labels))
    kept = [place for place in np.argsort(-many, kind="stable")[:_MOST].tolist() if many[place] >= least]
    anew = np.full(len(every.labels), len(kept), np.int64)
    anew[kept] = np.arange(len(kept))
    return Coded(anew[every.codes], tuple(every.labels[place] for place in kept))


def _cut(of: Column) -> Coded:
    number = of.astype(np.float64, copy=False)
    gone = np.isnan(number)
    known = number[~gone] if gone.any() else number
    sample = np.sort(known[:: len(known) // _SAMPLE + 1])
    different = sample[np.flatnonzero(np.diff(sample, prepend=-np.inf))]
    if len(different) <= _FEW:
        kinds = values(of)
        if len(kinds.labels) <= _FEW + 1:
            return kinds
    edges = np.unique(np.quantile(sample, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))
    codes = np.searchsorted(edges, number, side="right")
    ends = [f"{edge:.6g}" for edge in edges]
    spans = [f"{low} to {high}" for low, high in pairwise(ends)]
    labels = (f"below {ends[0]}", *spans, f"{ends[-1]} or more")
    if gone.any():
        codes[gone] = len(labels)
        labels = (*labels, _text(None))
    return Coded(codes, labels)


def _text(value: object) -> str:
    if value is None or value != value:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def computed(name: str) -> Metric:
    """The metric of this name; `Unscored` where none can be computed."""
    known = metric(name)
    if known is None:
        raise Unscored(f"no metric '{name}' can be computed from predictions; what can: {', '.join(METRICS)}")
    return known


def parted_by(gates: Sequence[rules.Gate]) -> tuple[str, ...]:
    """The columns and expressions by which gates part the rows."""
    found: list[str] = []
    for gate in gates:
        match gate:
            case rules.Slices(by=by, find=None) | rules.Fairness(by=by) | rules.Slices(find=tuple() as by):
                found += [by] if isinstance(by, str) else by
            case rules.Beats(cluster=by) if by:
                found.append(by)
            case _:
                pass
    return tuple(dict.fromkeys(found))


def listed(by: str | Columns) -> str:
    """The columns as a title names them."""
    return by if isinstance(by, str) else ", ".join(by)
