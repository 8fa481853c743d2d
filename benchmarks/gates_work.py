"""What the contenders of `benchmarks.gates` do, one process each: `python -m benchmarks.gates_work WORK FOLDER`."""

import sys
from itertools import combinations
from typing import Any

import numpy as np

RESAMPLES = 10_000
FEW = 50
"""Resamples of a peer that would take minutes for all."""
SLICED = [f"c{place}" for place in range(20)]


def _outdo(folder: str) -> tuple[Any, Any]:
    from outdo.run.rows import Rows, read_rows

    found = []
    for name in ("ours", "theirs"):
        rows = read_rows(f"{folder}/{name}.parquet", f"{name}.parquet", "late", "p", ["id"])
        assert isinstance(rows, Rows), rows
        found.append(rows.predicted)
    return found[0], found[1]


def delong(folder: str) -> None:
    """The comparison of two models by `beats`."""
    from outdo.core import rules
    from outdo.core.judge import judge
    from outdo.core.predicted import Champion, Facts

    ours, theirs = _outdo(folder)
    [verdict] = judge([rules.Beats("auc")], ours, Champion("delay/1", theirs), Facts({}, 0))
    print(verdict.reason)


def bootstrap(folder: str) -> None:
    """The paired bootstrap of the area under the curve, with its BCa interval."""
    from outdo.core.metrics.scored import Array, Weights
    from outdo.core.metrics.table import METRICS
    from outdo.core.statistics.bootstrap import accelerated, draws, units

    one, other = (METRICS["auc"].prepare(each.scored()) for each in _outdo(folder))

    def statistic(weights: Weights) -> Array:
        return one(weights) - other(weights)

    ours, _ = _outdo(folder)
    what = units(len(ours.truth))
    found = draws(statistic, what, resamples=RESAMPLES, seed=0)
    print(f"better by {accelerated(statistic, what, found, confidence=0.95, margin=0.0)}")


def slices(folder: str) -> None:
    """The worst slices of 20 columns and their pairs."""
    from outdo.core import rules
    from outdo.core.judge import judge
    from outdo.core.predicted import Facts
    from outdo.run.rows import Rows, read_rows

    rows = read_rows(f"{folder}/sliced.parquet", "sliced.parquet", "late", "p", ["id"])
    assert isinstance(rows, Rows), rows
    gate = rules.Slices("auc", find="all", at_most_worse=0.05, min_rows=500)
    [verdict] = judge([gate], rows.predicted, None, Facts({}, 0))
    print(verdict.reason)


def _frame(file: str) -> Any:
    import pandas as pd

    return pd.read_parquet(file)


def sklearn_points(folder: str) -> None:
    """The two areas alone, without saying how sure they are."""
    from sklearn.metrics import roc_auc_score

    ours, theirs = (_frame(f"{folder}/{name}.parquet") for name in ("ours", "theirs"))
    print(f"better by {roc_auc_score(ours.late, ours.p) - roc_auc_score(theirs.late, theirs.p)}")


def sklearn_bootstrap(folder: str) -> None:
    """Some resamples by hand."""
    from sklearn.metrics import roc_auc_score

    ours, theirs = (_frame(f"{folder}/{name}.parquet") for name in ("ours", "theirs"))
    truth, one, other = ours.late.to_numpy(), ours.p.to_numpy(), theirs.p.to_numpy()
    random = np.random.default_rng(0)
    found = []
    for _ in range(FEW):
        drawn = random.integers(0, len(truth), len(truth))
        found.append(roc_auc_score(truth[drawn], one[drawn]) - roc_auc_score(truth[drawn], other[drawn]))
    print(f"better by {np.quantile(found, [0.05, 0.95])}")


def scipy_bootstrap(folder: str) -> None:
    """Some resamples by SciPy's bootstrap, paired, without the acceleration, which would leave out row by row."""
    from scipy.stats import bootstrap as drawn
    from sklearn.metrics import roc_auc_score

    ours, theirs = (_frame(f"{folder}/{name}.parquet") for name in ("ours", "theirs"))
    found = drawn(
        (ours.late.to_numpy(), ours.p.to_numpy(), theirs.p.to_numpy()),
        lambda truth, one, other: roc_auc_score(truth, one) - roc_auc_score(truth, other),
        paired=True,
        vectorized=False,
        n_resamples=FEW,
        batch=1,
        method="percentile",
    )
    print(f"better by {found.confidence_interval}")


def pandas_slices(folder: str) -> None:
    """Accuracy in all slices by pandas: as many groups, and no areas, no errors and no corrections."""
    import pandas as pd

    frame = _frame(f"{folder}/sliced.parquet")
    right = pd.DataFrame({"right": (frame.p >= 0.5) == frame.late})
    for name in SLICED:
        column = frame[name]
        number = pd.api.types.is_numeric_dtype(column)
        right[name] = pd.qcut(column, 8, labels=False) if number else column.astype("category")
    least, pairs = 1.0, [[name] for name in SLICED] + [list(pair) for pair in combinations(SLICED, 2)]
    for names in pairs:
        found = right.groupby(names, observed=True)["right"].agg(["mean", "count"])
        least = min(least, found["mean"][found["count"] >= 500].min())
    print(f"the worst of the slices: {least}")


WORKS = {
    work.__name__: work
    for work in (delong, bootstrap, slices, sklearn_points, sklearn_bootstrap, scipy_bootstrap, pandas_slices)
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](sys.argv[2])
