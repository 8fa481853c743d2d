"""How many values differ: the same number by bits, by sorting, by hashes and by a table of them all."""

import duckdb
import pytest

from outdo.core.probes import TABLE, Apart
from outdo.run import apart

ROWS = 2_000
COLUMNS = {
    "dense": "range % 700",
    "below": "-(range % 30)::SMALLINT",
    "sparse": "(hash(range % 900) >> 1)::BIGINT",
    "unsigned": "hash(range)",
    "all": "range",
    "text": "CASE WHEN range % 7 > 0 THEN 'n' || range % 500 END",
    "apart": "'n' || range",
    "float": "['0', '-0', 'nan', range::VARCHAR][1 + range % 4]::DOUBLE",
    "decimal": "(range % 11)::DECIMAL(9, 2)",
}
ASKED = [*((name,) for name in COLUMNS), ("dense", "text"), ("below", "float"), ("all", "decimal")]


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    listed = ", ".join(f'{value} AS "{name}"' for name, value in COLUMNS.items())
    database.execute(f"CREATE TABLE {TABLE} AS SELECT {listed} FROM range({ROWS})")
    return database


@pytest.mark.parametrize(
    "limits", [{}, {"_AT_ONCE": 500}, {"_AT_ONCE": 100, "_PARTS": 3}, {"_REPEATED": 10}, {"_SPARSE": 0}]
)
@pytest.mark.parametrize("names", ASKED, ids="-".join)
def test_values_are_counted_as_by_a_table_of_them_all(
    database: duckdb.DuckDBPyConnection,
    names: tuple[str, ...],
    limits: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(apart, name, value)
    columns = database.execute(f"DESCRIBE {TABLE}").fetchall()
    kinds = {name: kind for name, kind, *_ in columns}
    listed = ", ".join(f'"{name}"' for name in names)
    there = f'"{names[0]}" IS NOT NULL'
    for scope in (there, f'{there} AND "dense" > 345', "false"):
        query = f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {TABLE} WHERE {scope})"
        found = apart.count_apart(database, Apart(names, scope, most=True), kinds)
        assert (found,) == database.execute(query).fetchone()
