"""A table looked at: the checks that are written are those that it passes, wherever they stand."""

from pathlib import Path

import duckdb
import pytest

from outdo.app.check import check
from outdo.app.saving import save
from outdo.core.errors import HasChecks, NothingToCheck

QUERY = """SELECT range AS id, ['EWR', 'JFK'][1 + range % 2] AS origin, '' AS empty, NULL::INTEGER AS gone,
CASE range % 3 WHEN 0 THEN NULL WHEN 1 THEN 'nan' ELSE sqrt(range)::VARCHAR END::DOUBLE AS delay, 7 AS same,
-1e-7 * range AS tiny, DATE '2013-01-01' + range::INT AS day, range > 5 AS late, 1e300 * range AS huge,
(range * 1.5)::DECIMAL(9, 2) AS price, [range] AS nested FROM range(500)"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outdo.yaml").write_text("project: p  # mine\n")
    duckdb.sql(QUERY).write_parquet(str(tmp_path / "a.parquet"))
    return tmp_path


@pytest.mark.parametrize("to", ["", "schemas/a.yaml"])
def test_a_table_passes_what_was_written_of_it(root: Path, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    saved = save(".", "a.parquet", to)
    assert (saved.rows, saved.columns, saved.file) == (500, 12, to or "outdo.yaml")
    if to:
        (root / "outdo.yaml").write_text(f"checks: {{a.parquet: [schema: {to}]}}\n")
    [found] = check(".")
    assert found.outcome == "passed", [one for one in found.verdicts if one.outcome != "passed"]
    assert len(found.verdicts) > 30
    with pytest.raises(HasChecks):
        save(".", "a.parquet", to)


def test_a_schema_s_words_are_part_of_what_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "outdo.yaml").write_text("checks: {a.parquet: [schema: s.yaml]}\n")
    assert check(".")[0].outcome == "not_evaluated"
    (root / "s.yaml").write_text("- rows: '> 1'\n")
    assert [check(".")[0].kept, check(".")[0].kept] == [False, True]
    (root / "s.yaml").write_text("- rows: '> 1000'\n")
    assert check(".")[0].outcome == "failed"


def test_what_can_t_be_read_has_no_checks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "b.csv").write_text("")
    with pytest.raises(NothingToCheck, match=r"'b.csv' is empty"):
        save(".", "b.csv")
