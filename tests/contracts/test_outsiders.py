"""Tests of pytest and schemas of pandera as checks: told test by test, and never passed by a tool that broke."""

from pathlib import Path

import duckdb
import pytest

from tests.contracts.checking import judged

TESTS = """
import os, pathlib
data = pathlib.Path(os.environ['OUTDO_DATA'])
def test_it_is_there(): assert data.is_file()
def test_nobody_is_late(): assert 'late' not in data.read_text(), 'someone is late'
"""
SCHEMAS = """
import pandera.pandas as pa
bad = pa.DataFrameSchema({"delay": pa.Column(float, pa.Check.lt(100), nullable=True), "gone": pa.Column(int)})
dropping = pa.DataFrameSchema({"id": pa.Column(int, pa.Check.gt(1))}, drop_invalid_rows=True)
empty = pa.DataFrameSchema()
class Flights(pa.DataFrameModel):
    id: int = pa.Field(ge=2)
"""
YAML = "schema_type: dataframe\ncolumns:\n  id:\n    dtype: int64\n    greater_than: 1\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.csv").write_text("id,late\n1,5\n2,500\n")
    rows = "(1::BIGINT, 5.0::DOUBLE), (2, 500.0), (3, NULL)"
    duckdb.sql(f"SELECT * FROM (VALUES {rows}) t(id, delay)").write_parquet(str(tmp_path / "a.parquet"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_each_test_of_pytest_is_a_part(project: Path) -> None:
    (project / "test_data.py").write_text(TESTS)
    [verdict] = judged(project, "a.csv", "pytest: test_data.py")
    assert (verdict.name, verdict.outcome) == ("pytest test_data.py", "failed")
    assert verdict.reason == "1 failed, 1 passed"
    assert [(part.name, part.outcome) for part in verdict.parts] == [
        ("test_data::test_it_is_there", "passed"),
        ("test_data::test_nobody_is_late", "failed"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("import pytest\n@pytest.mark.skip\ndef test_a(): pass", "", "1 skipped"),
        ("import gone_module", "", "1 with an error"),
        ("x = 1", "", "pytest ended with 5: no tests ran"),
        ("def test_a(): import os; os._exit(0)", "", "pytest wrote no report"),
        ("def test_a(): import time; time.sleep(60)", ", timeout: 1s", "it took longer than 1 s"),
    ],
)
def test_tests_that_did_not_run_have_not_passed(project: Path, text: str, more: str, reason: str) -> None:
    (project / "test_data.py").write_text(text)
    [verdict] = judged(project, "a.csv", f"pytest: {{path: test_data.py{more}}}")
    assert verdict.outcome == "not_evaluated"
    assert verdict.reason.startswith(reason)


def test_what_is_not_there_has_not_passed(project: Path) -> None:
    lines = ("pytest: gone.py", "pandera: 'gone.py:x'", "pandera: a.py", "{pandera: gone.yaml, level: warn}")
    found = judged(project, "a.csv", *lines)
    assert [one.outcome for one in found] == ["not_evaluated"] * 4
    assert [one.level for one in found] == ["fail", "fail", "fail", "warn"]


@pytest.mark.slow
def test_schemas_of_pandera_are_asked(project: Path) -> None:
    (project / "s.py").write_text(SCHEMAS)
    (project / "s.yaml").write_text(YAML)
    lines = [*(f"pandera: 's.py:{name}'" for name in ("bad", "dropping", "empty", "none")), "pandera: s.yaml"]
    found = judged(project, "a.parquet", *lines, "{pandera: 's.py:Flights', where: id > 1}")
    outcomes = ["failed", "failed", "not_evaluated", "not_evaluated", "failed", "passed"]
    assert [one.outcome for one in found] == outcomes, found
    parts = {part.subject: part for part in found[0].parts}
    assert parts["delay less_than(100)"].evidence.examples == ("row 2: delay = 500.0",)
    assert parts["column_in_dataframe"].reason == "not so: gone"
    assert found[3].reason == "pandera says: LookupError: there is no 'none' in it"
    assert found[5].reason == "2 rows keep it"
