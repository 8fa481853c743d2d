"""Drift of a column: the numbers are SciPy's, whatever the values are."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from outdo.core.verdict import Verdict
from outdo.run.checking import check_table
from tests.contracts.test_checks import NOON, asserted

RANDOM = np.random.default_rng(7)
COLUMNS = {
    "normal": (RANDOM.normal(size=500), RANDOM.normal(0.3, 1.2, size=300)),
    "ties": (RANDOM.integers(0, 9, 500), RANDOM.integers(2, 12, 300)),
    "far": (RANDOM.normal(1e9, 1, 500), RANDOM.normal(-1e9, 1e-3, 300)),
    "alike": (np.ones(500), np.ones(300)),
}
TEXTS = (["a"] * 300 + ["b"] * 200, ["a"] * 140 + ["b"] * 150 + ["c"] * 10)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    for place, name in enumerate(("before", "now")):
        table = pa.table({each: sides[place] for each, sides in COLUMNS.items()} | {"text": TEXTS[place]})
        duckdb.from_arrow(table).write_parquet(str(folder / f"{name}.parquet"))
    return folder


def drift(files: Path, bounds: str) -> dict[str, Verdict]:
    beside = {"before.parquet": str(files / "before.parquet")}
    line = f"drift: {{against: before.parquet, {bounds}}}"
    found = check_table(str(files / "now.parquet"), asserted(line), now=NOON, beside=beside)
    return {one.name: one for one in found}


@pytest.mark.parametrize("name", COLUMNS)
def test_distances_of_numbers_are_scipys(files: Path, name: str) -> None:
    found = drift(files, "ks: '< 1', wasserstein: '< 1'")
    before, now = COLUMNS[name]
    ks, earth = found[f"drift ks {name}"].evidence, found[f"drift wasserstein {name}"].evidence
    assert ks.value == pytest.approx(ks_2samp(before, now).statistic, rel=1e-9)
    assert earth.value == pytest.approx(wasserstein_distance(before, now), rel=1e-9)
    assert ks.rows == 300


def test_the_chance_of_counts_is_scipys(files: Path) -> None:
    verdict = drift(files, "chi2: '>= 0.01', columns: [text]")["drift chi2 text"]
    expected = chi2_contingency([[300, 200, 0], [140, 150, 10]], correction=False).pvalue
    assert verdict.evidence.p == verdict.evidence.value == pytest.approx(expected, rel=1e-9)
    assert verdict.outcome == "failed"


def test_a_column_without_an_order_has_no_such_distance(files: Path) -> None:
    assert "drift wasserstein text" not in drift(files, "wasserstein: '< 1'")
    verdict = drift(files, "wasserstein: '< 1', columns: [text]")["drift wasserstein text"]
    assert (verdict.outcome, verdict.reason) == ("not_evaluated", "it is varchar, not a number")
