"""Checks of tables: what is expected passes, what is not is counted and shown, and nothing at all never passes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pytest

from outdo.core.config import read_project
from outdo.core.rules import Asserted
from outdo.core.verdict import Verdict, overall
from outdo.run.checking import check_table

FLIGHTS = """id,origin,delay,day,late
1,JFK,5,2013-02-01,false
2,LGA,500,2013-02-02,true
2,,7,2014-01-01,false
4,XYZZ,,2013-03-01,true
"""
AIRPORTS = "faa,id\nJFK,1\nLGA,9\nXYZZ,\n"
NOON = 1_394_020_800.0  # 2014-03-05, noon


def asserted(*lines: str) -> tuple[Asserted, ...]:
    text = "checks:\n  a.csv:\n" + "".join(f"    - {line}\n" for line in lines)
    return read_project("outdo.yaml", text, lambda _: None).checks["a.csv"]


@pytest.fixture(params=["csv", "parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(FLIGHTS)
    (tmp_path / "b.csv").write_text(AIRPORTS)
    header, *rows = FLIGHTS.splitlines(keepends=True)
    (tmp_path / "e.csv").write_text(header + rows[0].replace("JFK", "EWR"))
    (tmp_path / "f.csv").write_text(header + rows[2])
    if request.param == "parquet":
        duckdb.sql(f"SELECT * FROM '{tmp_path}/a.csv'").write_parquet(str(tmp_path / "a.parquet"))
    return tmp_path / f"a.{request.param}"


def judged(table: Path, *lines: str) -> list[Verdict]:
    beside = {name: str(table.parent / name) for name in ("b.csv", "e.csv", "f.csv")}
    return check_table(str(table), asserted(*lines), now=NOON, beside=beside)


def one(table: Path, line: str) -> Verdict:
    [verdict] = judged(table, line)
    return verdict


@pytest.mark.parametrize(
    "line",
    [
        "rows: '>= 4'",
        "columns: [late]",
        "exact_columns: [id, origin, delay, day, late]",
        "dtype: {day: date}",
        "not_null: [id]",
        "between: {delay: [5, 500]}",
        "between: {day: ['2013-01-01', null]}",
        "between: {origin: [A, Z]}",
        "one_of: {origin: [JFK, LGA, XYZZ]}",
        "one_of: {id: [1, 2, 4]}",
        "one_of: {late: [true, false]}",
        "matches: {origin: '[A-Z]{3,4}'}",
        "length: {origin: [3, 4]}",
        "unique: [id, origin]",
        "no_duplicates: []",
        "monotonic: {id: increasing}",
        "statistic: {column: delay, is: median, bound: '== 7'}",
        "statistic: {column: delay, is: quantile, at: 1, bound: '== 500'}",
        "null_share: {delay: '<= 25%'}",
        "distinct: {id: '== 3'}",
        "fresh: {day: 64d}",
        "exists: {column: origin, in: b.csv, as: faa}",
        "{disjoint: {from: b.csv, on: [id]}, where: id > 1}",
        "disjoint: {from: e.csv}",
        "only_columns: [late, day, delay, origin, id, more]",
        "sql: delay IS NULL OR delay < 1000",
        "{not_null: [delay], where: id < 3}",
        "{not_null: [delay], mostly: 0.75}",
    ],
)
def test_what_is_expected_passes(table: Path, line: str) -> None:
    verdict = one(table, line)
    assert verdict.outcome == "passed", verdict


@pytest.mark.parametrize(
    ("line", "reason", "examples"),
    [
        ("rows: '> 4'", "4 is not > 4", ()),
        ("columns: [gone]", "there is no column 'gone'", ()),
        ("exact_columns: [id, origin, delay, late]", "day not expected", ()),
        ("dtype: {id: text}", "it is bigint, wanted text", ()),
        ("not_null: [origin]", "1 of 4 rows (25 %) are not: a value", ("row 3: origin = null",)),
        ("between: {delay: [6, 600]}", "1 of 3 rows (33.3 %) are not: from 6 to 600", ("row 1: delay = 5",)),
        ("between: {day: [null, '2013-12-31']}", "1 of 4 rows (25 %) are not: at most 2013-12-31",
         ("row 3: day = 2014-01-01",)),
        ("one_of: {origin: [JFK, LGA]}", "1 of 3 rows (33.3 %) are not: one of JFK, LGA", ("row 4: origin = XYZZ",)),
        ("matches: {origin: '[A-Z]{3}'}", "1 of 3 rows (33.3 %) are not: matches [A-Z]{3}", ("row 4: origin = XYZZ",)),
        ("length: {origin: [3, 3]}", "1 of 3 rows (33.3 %) are not: from 3 to 3 characters", ("row 4: origin = XYZZ",)),
        ("unique: [id]", "1 of 4 rows repeat another", ("row 2: id = 2", "row 3: id = 2")),
        ("no_duplicates: [origin, delay, day, late]", "1 of 4 rows repeat another", ("row 2: id = 2", "row 3: id = 2")),
        ("monotonic: {id: strictly_increasing}", "1 of 4 rows (25 %) are not: strictly_increasing", ("row 3: id = 2",)),
        ("statistic: {column: delay, is: max, bound: '< 500'}", "500 is not < 500", ()),
        ("null_share: {delay: '< 25%'}", "0.25 is not < 25%", ()),
        ("distinct: {id: '> 3'}", "3 is not > 3", ()),
        ("fresh: {day: 62d}", "the newest is 1,524.0 hours old, and 1,488.0 are allowed", ()),
        ("exists: {column: id, in: b.csv}", "3 of 4 rows (75 %) are not: one of id in b.csv",
         ("row 2: id = 2", "row 3: id = 2", "row 4: id = 4")),
        ("disjoint: {from: b.csv, on: id}", "1 of 4 rows (25 %) are not: not in b.csv", ("row 1: id = 1",)),
        ("disjoint: {from: f.csv}", "1 of 4 rows (25 %) are not: not in f.csv",
         ("row 3: id = 2, origin = null, delay = 7, day = 2014-01-01",)),
        ("only_columns: [id, origin, delay, day]", "late not expected", ()),
        ("sql: delay < 100", "1 of 4 rows (25 %) are not: delay < 100", ("row 2",)),
    ],
)  # fmt: skip
def test_what_is_not_is_counted_and_shown(
    table: Path, line: str, reason: str, examples: Sequence[str]
) -> None:
    verdict = one(table, line)
    assert (verdict.outcome, verdict.reason) == ("failed", reason)
    assert verdict.evidence.examples == tuple(examples)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not_null: [gone]", "there is no column 'gone'"),
        ("unique: [id, gone]", "there is no column 'gone'"),
        ("between: {origin: [1, 2]}", "it is varchar, and its range is of numbers"),
        ("length: {id: [1, 2]}", "it is bigint, not text"),
        ("statistic: {column: origin, is: mean, bound: '> 1'}", "it is varchar, not a number"),
        ("fresh: {id: 1d}", "it is bigint, not a time"),
        ("exists: {column: id, in: b.csv, as: gone}", "b.csv has no column 'gone'"),
        ("exists: {column: id, in: c.csv}", "c.csv can't be read"),
        ("disjoint: {from: c.csv, on: id}", "c.csv can't be read"),
        ("{not_null: [id], where: id > 100}", "there are no such rows"),
        ("{statistic: {column: delay, is: mean, bound: '> 1'}, where: id > 100}", "there are no such rows"),
        ("sql: nonsense(", "it can't be asked"),
        ("matches: {origin: '(?=J)JFK'}", "it can't be asked"),
    ],
)
def test_what_can_t_be_judged_has_not_passed(table: Path, line: str, reason: str) -> None:
    verdict = one(table, line)
    assert verdict.outcome == "not_evaluated"
    assert verdict.reason.startswith(reason)


def test_drift_is_told_by_column_and_distance(tmp_path: Path) -> None:
    numbers = "SELECT range AS x, CASE WHEN range % 4 = 0 THEN 'a' ELSE 'b' END AS c FROM range({})"
    duckdb.sql(numbers.format(1000)).write_parquet(str(tmp_path / "b.parquet"))
    duckdb.sql(numbers.format(500)).write_parquet(str(tmp_path / "a.parquet"))
    beside = {"b.parquet": str(tmp_path / "b.parquet")}
    lines = ("drift: {against: b.parquet, psi: '< 0.2', js: '< 0.1', ks: '< 0.51'}",)
    found = check_table(str(tmp_path / "a.parquet"), asserted(*lines), now=NOON, beside=beside)
    assert {one.name: one.outcome for one in found} == {
        "drift psi x": "failed",
        "drift js x": "failed",
        "drift ks x": "passed",
        "drift psi c": "passed",
        "drift js c": "passed",
    }
    [ks] = [one for one in found if one.name == "drift ks x"]
    assert ks.evidence.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("drift: {against: champion, psi: '< 1'}", "champion can't be read"),
        ("drift: {against: c.csv, psi: '< 1'}", "c.csv can't be read"),
        ("drift: {against: b.csv, psi: '< 1', columns: [delay]}", "b.csv has no column 'delay'"),
        (
            "{drift: {against: b.csv, psi: '< 1', columns: [id]}, where: id > 99}",
            "there are no rows to compare",
        ),
        (
            "{drift: {against: b.csv, psi: '< 1', columns: [id]}, where: (}",
            'it can\'t be asked: Parser Error: syntax error at or near ")"',
        ),
        ("drift: {against: d.csv, ks: '< 1', columns: [origin]}", "it is varchar, not a number"),
    ],
)
def test_drift_that_can_t_be_judged_has_not_passed(table: Path, line: str, reason: str) -> None:
    beside = {"b.csv": str(table.parent / "b.csv"), "d.csv": str(table.parent / "a.csv")}
    [verdict] = check_table(str(table), asserted(line), now=NOON, beside=beside)
    assert (verdict.outcome, verdict.reason) == ("not_evaluated", reason)


def test_one_that_can_t_be_asked_takes_no_other_with_it(table: Path) -> None:
    found = judged(table, "not_null: [id]", "sql: nonsense(", "sql: id > 0")
    assert [verdict.outcome for verdict in found] == ["passed", "not_evaluated", "passed"]


FILES: Mapping[str, bytes] = {
    "empty.csv": b"",
    "no_rows.csv": b"id\n",
    "torn.parquet": b"PAR1torn",
    "what.bin": b"\x00",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_rows_to_judge_passes_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    [verdict] = check_table(str(tmp_path / name), asserted("not_null: [id]"), now=NOON)
    assert verdict.outcome == "not_evaluated"


def test_names_are_names_and_never_queries(tmp_path: Path) -> None:
    name = 'a" FROM x; DROP TABLE rows_; --'
    quoted_name = name.replace('"', '""')
    file = str(tmp_path / "a.parquet")
    duckdb.sql(f"SELECT 'a' AS \"{quoted_name}\"").write_parquet(file)
    lines = (str({"not_null": [name]}), str({"one_of": {name: ["';"]}}))
    found = check_table(file, asserted(*lines), now=NOON)
    assert [verdict.outcome for verdict in found] == ["passed", "failed"]


def test_a_condition_reaches_no_other_file(table: Path) -> None:
    verdict = one(table, f"sql: id IN (SELECT id FROM '{table.parent}/secret.csv')")
    assert verdict.outcome == "not_evaluated"


def test_a_warning_does_not_fail_the_table(table: Path) -> None:
    found = judged(table, "{not_null: [origin], level: warn}", "rows: '> 1'")
    assert [verdict.outcome for verdict in found] == ["failed", "passed"]
    assert overall(found) == "passed"


@pytest.mark.parametrize("bad", range(1, 10))
def test_a_tolerated_share_is_inclusive_whatever_its_binary_fraction(tmp_path: Path, bad: int) -> None:
    (tmp_path / "a.csv").write_text("n\n" + "-1\n" * bad + "1\n" * (10 - bad))
    mostly = (10 - bad) / 10
    assert one(tmp_path / "a.csv", f"{{between: {{n: [0, null]}}, mostly: {mostly}}}").outcome == "passed"
