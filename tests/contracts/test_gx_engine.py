"""What is not compiled is asked of Great Expectations itself, beside the check; if it can't be, nothing breaks."""

from pathlib import Path

import duckdb
import pytest
from msgspec import json

from outdo.app.check import check
from outdo.app.report import report, results

PROJECT = "project: p\nchecks:\n  a.parquet:\n    - expectations: s.json\n      where: id < 4\n"
REGEX = "expect_column_values_to_match_regex"
SUITE = [
    {"type": "expect_column_values_to_be_dateutil_parseable", "kwargs": {"column": "day"}},
    {"type": REGEX, "kwargs": {"column": "day", "regex": "^(?!q)", "row_condition": "id > 1"}},
    {"type": REGEX, "kwargs": {"column": "day", "regex": "(?=", "mostly": 0.1}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}},
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = "(1, '2013-02-01'), (2, '3 March 2014'), (3, 'xyz'), (4, 'not read')"
    duckdb.sql(f"SELECT * FROM (VALUES {rows}) t(id, day)").write_parquet(str(tmp_path / "a.parquet"))
    (tmp_path / "outdo.yaml").write_text(PROJECT)
    (tmp_path / "s.json").write_bytes(json.encode({"name": "s", "expectations": SUITE}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_an_environment_it_is_not_evaluated(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    [checked] = check()
    found = checked.verdicts
    assert [one.outcome for one in found] == ["not_evaluated"] * 3 + ["passed"]
    assert found[0].reason.startswith(
        "it is evaluated by Great Expectations alone, and Great Expectations can't be asked"
    )


@pytest.mark.slow
def test_great_expectations_itself_is_asked(project: Path) -> None:
    judged = report()
    found = judged.judged[0].verdicts
    assert [one.outcome for one in found] == ["failed", "passed", "not_evaluated", "passed"], found
    assert found[0].reason == "1 of 3 rows (33.3 %) are not as expected, says Great Expectations"
    assert found[0].evidence.examples == ("day = xyz",)
    assert found[1].evidence.rows == 2
    assert found[2].reason.startswith("Great Expectations says: ")
    told = json.decode(results(".", judged))
    assert told["statistics"]["evaluated_validations"] == 1
    [validation] = told["validation_results"]
    assert validation["results"][0]["result"]["partial_unexpected_list"] == ["xyz"]
