"""Tables as they are stored: each kind is read with its rows and their numbers, and what is broken passes nothing."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from outdo.core.verdict import Verdict
from outdo.run import copying
from outdo.run.checking import check_table
from tests.contracts.test_checks import NOON, asserted

IDS = [1, 2, 3, 4]
NAMES = ["n0", "n1", None, "n,3"]
SHARES = [0.0, 0.5, 1.0, 1.5]
ROWS = pa.table({"id": IDS, "name": NAMES, "share": SHARES})


def copied(options: str = "") -> Callable[[Path], object]:
    return lambda file: duckdb.from_arrow(ROWS).query("t", f"COPY t TO '{file}' {options}")


def sqlite(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE t (id INTEGER, name TEXT, share)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", zip(IDS, NAMES, SHARES, strict=True))


def stored(file: Path) -> None:
    with duckdb.connect(str(file)) as database:
        database.register("rows", ROWS)
        database.execute("CREATE TABLE t AS SELECT * FROM rows")


def arrow(file: Path) -> None:
    with ipc.new_file(str(file), ROWS.schema) as writer:
        writer.write_table(ROWS)


def parts(suffix: str, options: str = "") -> Callable[[Path], None]:
    """Two files of two rows each, one of them in a folder of its own."""

    def write(folder: Path) -> None:
        (folder / "b").mkdir(parents=True)
        (folder / "_SUCCESS").touch()
        for name, first in ((f"a{suffix}", 0), (f"b/c{suffix}", 2)):
            some = duckdb.from_arrow(ROWS.slice(first, 2))
            some.query("t", f"COPY t TO '{folder / name}' {options}")

    return write


MAKE: Mapping[str, Callable[[Path], object]] = {
    "a.parquet": copied(),
    "a.csv": copied(),
    "a.tsv": copied("(DELIMITER '\t')"),
    "a.csv.gz": copied("(FORMAT csv, COMPRESSION gzip)"),
    "a.csv.zst": copied("(FORMAT csv, COMPRESSION zstd)"),
    "a.jsonl": copied("(FORMAT json)"),
    "a.jsonl.zst": copied("(FORMAT json, COMPRESSION zstd)"),
    "a.arrow": arrow,
    "a.feather": lambda file: feather.write_feather(ROWS, str(file)),
    "a.db": sqlite,
    "a.sqlite::t": sqlite,
    "a.duckdb": stored,
    "parquets": parts(".parquet"),
    "texts": parts(".csv"),
    "lines": parts(".jsonl.gz", "(FORMAT json, COMPRESSION gzip)"),
}
LINES = (
    "rows: '== 4'",
    "exact_columns: [id, name, share]",
    "dtype: {id: integer, name: text, share: number}",
    "unique: [id]",
    "statistic: {column: share, is: sum, bound: '== 3'}",
    "monotonic: {id: strictly_increasing}",
)


def judged(path: Path, *lines: str, scratch: str | None = None) -> list[Verdict]:
    return check_table(str(path), asserted(*lines), now=NOON, scratch=scratch)


@pytest.mark.parametrize("name", MAKE)
def test_every_kind_of_table_is_read_and_its_rows_told_by_their_number(name: str, tmp_path: Path) -> None:
    MAKE[name](tmp_path / name.partition("::")[0])
    *found, failed = judged(tmp_path / name, *LINES, "not_null: [name]")
    assert {one.outcome for one in found} == {"passed"}, found
    suffix = {"parquets": ".parquet", "texts": ".csv", "lines": ".jsonl.gz"}.get(name)
    told = f"b/c{suffix} row 1: name = null" if suffix else "row 3: name = null"
    assert failed.evidence.examples == (told,)


def test_nothing_is_left_in_the_scratch_folder(tmp_path: Path) -> None:
    sqlite(tmp_path / "a.db")
    judged(tmp_path / "a.db", "rows: '> 1'", scratch=str(tmp_path / "scratch"))
    assert os.listdir(tmp_path) == ["a.db"]


def torn(file: Path) -> None:
    copied()(file)
    file.write_bytes(file.read_bytes()[:-50])


def text(content: str | bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content.encode() if isinstance(content, str) else content)


def mixed(folder: Path) -> None:
    folder.mkdir()
    copied()(folder / "a.parquet")
    copied()(folder / "b.csv")


def unlike(folder: Path) -> None:
    folder.mkdir()
    copied()(folder / "a.parquet")
    duckdb.sql(f"COPY (SELECT 1::INTEGER AS id, 'a' AS name, 1.5::DOUBLE AS share) TO '{folder}/b.parquet'")


def several(file: Path) -> None:
    sqlite(file)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE u (id)")


BROKEN: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "torn.parquet": (torn, "No magic bytes found at end of file"),
    "short.csv": (text("a,b\n1,2\n3\n4,5\n"), "CSV Error on Line: 3: Expected Number of Columns: 2 Found: 1"),
    "long.csv": (text("a,b\n1,2\n3,4,5\n"), "CSV Error on Line: 3: Expected Number of Columns: 2 Found: 3"),
    "open.csv": (text('a,b\n1,"2\n3,4\n'), "quote"),
    "latin.csv": (text(b"a,b\n1,caf\xe9\n"), "not utf-8"),
    "utf16.csv": (text("a,b\n1,2\n".encode("utf-16")), "its text can't be parted into columns"),
    "empty.csv": (text(""), "'empty.csv' is empty"),
    "empty.parquet": (text(""),  "'empty.parquet' is empty"),
    "not.jsonl": (text('{"a": 1}\n{"a": \n'), "JSON"),
    "packed.csv.gz": (text("a,b\n1,2\n"), "GZIP"),
    "packed.csv.zst": (text("a,b\n1,2\n"), "frame"),
    "torn.arrow": (text("ARROW1\0\0"), "too small"),
    "what.db": (text("what"), "it is neither an SQLite nor a DuckDB database"),
    "torn.db": (text(b"SQLite format 3\0" + b"\xff" * 200), "file is not a database"),
    "torn.duckdb": (text(b"\0" * 8 + b"DUCK" + b"\xff" * 200), ""),
    "several.db": (several, "it has several tables, say which behind '::': t, u"),
    "lacks.db::u": (sqlite, "it has no table 'u', but t"),
    "mixed": (mixed, "the folder mixes kinds of files, such as 'a.parquet' and 'b.csv'"),
    "unlike": (unlike, "in 'b.parquet' and 'a.parquet' the column 'id' is integer and bigint"),
    "nothing": (Path.mkdir, "the folder has no part files"),
    "gone.csv": (lambda _: None, "it is not here"),
    "what.txt": (text("a"), "it has to be .parquet"),
}  # fmt: skip


FAST = {"torn.parquet", "short.csv", "latin.csv", "torn.db", "mixed"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in BROKEN]
)
def test_what_is_broken_was_not_evaluated_and_says_why_in_a_sentence(name: str, tmp_path: Path) -> None:
    make, reason = BROKEN[name]
    make(tmp_path / name.partition("::")[0])
    [verdict] = judged(tmp_path / name, "rows: '>= 0'")
    assert verdict.outcome == "not_evaluated"
    assert reason in verdict.reason
    assert "\n" not in verdict.reason


def test_a_database_that_is_being_written_was_not_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PATIENCE", 0.01)
    sqlite(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        [verdict] = judged(tmp_path / "a.db", "rows: '>= 0'")
    assert (verdict.outcome, verdict.reason) == (
        "not_evaluated",
        "the table can't be read: database is locked",
    )


def test_no_row_of_a_csv_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n#3,4\n5,6\n")
    [verdict] = judged(tmp_path / "a.csv", "rows: '== 3'")
    assert verdict.outcome == "passed"


def test_an_sqlite_column_is_of_the_type_of_its_values(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute(
            "CREATE TABLE t (mixed INTEGER, day DATE, late TIMESTAMP, yes BOOLEAN, bytes BLOB, e TEXT)"
        )
        row = "'x', '2013-01-01', 'never', 1, x'00ff', ''"
        database.execute(f"INSERT INTO t VALUES ({row}), (5, NULL, NULL, 0, NULL, NULL)")
    [mixed, day, late] = judged(tmp_path / "a.db", "dtype: {mixed: text, day: text, late: text}")
    assert {mixed.outcome, day.outcome, late.outcome} == {"passed"}
    lines = (
        "dtype: {yes: boolean}",
        "one_of: {bytes: ['00FF']}",
        "length: {e: [0, 0]}",
        "null_share: {e: '== 50%'}",
    )
    assert {one.outcome for one in judged(tmp_path / "a.db", *lines)} == {"passed"}


def test_nan_is_found_whatever_the_file_says_of_its_column(tmp_path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(pa.table({"x": [0.0, float("nan"), 9.0]}), str(tmp_path / "a.parquet"))
    found = judged(tmp_path / "a.parquet", "between: {x: [0, 9]}", "between: {x: [0, null]}", "sql: x <= 9")
    assert [one.outcome for one in found] == ["failed"] * 3
    assert found[0].evidence.examples == ("row 2: x = nan",)


def test_a_view_in_a_database_file_reaches_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with duckdb.connect(str(tmp_path / "a.duckdb")) as database:
        database.execute(f"CREATE VIEW v AS SELECT * FROM '{tmp_path}/secret.csv'")
    [verdict] = judged(tmp_path / "a.duckdb", "rows: '>= 0'")
    assert verdict.outcome == "not_evaluated"


@pytest.mark.parametrize(("told", "outcome"), [("64MB", "passed"), ("much", "not_evaluated")])
def test_memory_is_bounded_as_the_variable_says(
    told: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTDO_CHECK_MEMORY", told)
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert judged(tmp_path / "a.csv", "rows: '> 0'")[0].outcome == outcome
