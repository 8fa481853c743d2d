"""The statistics of gates: two models compared, rows drawn again, and the worst slices searched.

Every contender is a process of its own that reads predictions from Parquet, imports included. What may take ten seconds
on two cores may take twenty of CPU.
"""

import os
import sys

from benchmarks.cases import Case, Grounds, within
from benchmarks.gates_work import FEW, RESAMPLES, SLICED
from benchmarks.measure import Contender

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROW = "random() AS a, random() AS b, random() AS c, hash(range) % 10 < 3 AS late"
SCORE = "1 / (1 + exp(-(0.8 * late::INT + ln((a + 1e-9) / (1 - a + 1e-9)) + {own})))"


def _models(folder: str, rows: int) -> None:
    """Predictions of two models, the first a little better."""
    import duckdb

    with duckdb.connect() as database:
        database.execute("SELECT setseed(0.5)")
        database.execute(f"CREATE TABLE t AS SELECT range AS id, {ROW} FROM range({rows})")
        for name, own in (("ours", "0.5 * b"), ("theirs", "1.5 * c")):
            query = f"SELECT id, late, {SCORE.format(own=own)} AS p FROM t"
            database.execute(f"COPY ({query}) TO '{folder}/{name}.parquet'")


def _sliced(folder: str, rows: int) -> None:
    """Predictions with ten columns of numbers and ten of texts."""
    import duckdb

    columns = [
        f"'v' || (hash(range, {place}) % {8 + place}) AS {name}" if place % 2 else f"random() AS {name}"
        for place, name in enumerate(SLICED)
    ]
    with duckdb.connect() as database:
        database.execute("SELECT setseed(0.5)")
        rest = ", ".join(columns)
        database.execute(f"CREATE TABLE t AS SELECT range AS id, {ROW}, {rest} FROM range({rows})")
        query = f"SELECT id, late, {SCORE.format(own='b')} AS p, {', '.join(SLICED)} FROM t"
        database.execute(f"COPY ({query}) TO '{folder}/sliced.parquet'")


def _contender(name: str, work: str, folder: str, *, once: bool = False) -> Contender:
    says = "slices" if "slices" in work else "better by"
    words = [sys.executable, "-m", "benchmarks.gates_work", work, folder]
    return Contender(name, words, lambda: ROOT, once=once, says=says)


def delong(grounds: Grounds, rows: int = 1_000_000) -> Case:
    """`beats` by the area under the curve."""
    _models(grounds.root, rows)
    return Case(
        f"AUC `beats` by DeLong, {rows:,} rows",
        [
            _contender("outdo", "delong", grounds.root),
            _contender("scikit-learn, the two areas alone", "sklearn_points", grounds.root),
        ],
        [within("outdo", "cpu", 2)],
    )


def bootstrap(grounds: Grounds, rows: int = 100_000) -> Case:
    """The paired bootstrap of the area under the curve."""
    _models(grounds.root, rows)
    return Case(
        f"paired bootstrap of AUC, {RESAMPLES:,} resamples, {rows:,} rows",
        [
            _contender("outdo", "bootstrap", grounds.root),
            _contender(
                f"scikit-learn by hand, {FEW} resamples", "sklearn_bootstrap", grounds.root, once=True
            ),
            _contender(
                f"SciPy and scikit-learn, {FEW} resamples", "scipy_bootstrap", grounds.root, once=True
            ),
        ],
        [within("outdo", "cpu", 20)],
        rounds=3,
    )


def slices(grounds: Grounds, rows: int = 1_000_000) -> Case:
    """The worst slices."""
    _sliced(grounds.root, rows)
    return Case(
        f"worst slices of AUC over {len(SLICED)} columns and their pairs, {rows:,} rows",
        [
            _contender("outdo", "slices", grounds.root),
            _contender("pandas, accuracy alone", "pandas_slices", grounds.root, once=True),
        ],
        [within("outdo", "cpu", 20)],
        rounds=3,
    )


CASES = {"delong": delong, "bootstrap": bootstrap, "slices": slices}
