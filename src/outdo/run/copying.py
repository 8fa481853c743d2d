"""A table of an SQLite file, copied once into a text file that DuckDB reads: its own reader would be downloaded."""

import os
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from outdo.core.probes import column
from outdo.run.scan import quoted
from outdo.run.sources import Stored, Unreadable, chosen

if TYPE_CHECKING:
    import sqlite3

    from duckdb import DuckDBPyConnection

PATIENCE = 2.0
"""Seconds that a writer may hold the file, until it counts as locked."""
_AT_ONCE = 10_000
_NULL = "\x01null\x01"
"""Stands for null in the copy, in which an empty text is a value."""
_TIMES = {"DATE": "DATE", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP"}
"""What texts are read as where a column is declared so, and all of them can be."""


def copy_sqlite(
    database: "DuckDBPyConnection", raw: str, source: Stored, scratch: str
) -> list[tuple[str, str]]:
    """Makes the view `raw` of a table, with `c0`, `c1`, … and the row's number `n`, and tells its columns; raises
    `Unreadable`. The file is opened for reading only."""
    import sqlite3
    from urllib.parse import quote

    import duckdb

    copy = os.path.join(scratch, f"{raw}.csv")
    try:
        with closing(
            sqlite3.connect(f"file:{quote(source.file)}?mode=ro", uri=True, timeout=PATIENCE)
        ) as theirs:
            theirs.text_factory = lambda text: text.decode("utf-8", "replace")
            theirs.execute("PRAGMA query_only = ON")
            theirs.execute("PRAGMA trusted_schema = OFF")
            columns, wanted = _written(theirs, source, copy)
    except sqlite3.Error as error:
        raise Unreadable(str(error)) from None
    for types in (
        wanted,
        {name: "VARCHAR" if kind in _TIMES.values() else kind for name, kind in wanted.items()},
    ):
        listed = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items())
        rows = (
            f"read_csv({quoted(copy)}, auto_detect = false, header = false, columns = {{{listed}}}, delim = ',',"
            f" quote = '\"', escape = '\"', nullstr = {quoted(_NULL)}, allow_quoted_nulls = true)"
        )
        try:
            database.execute(f"CREATE TEMP TABLE {raw}_rows AS SELECT * FROM {rows}")
        except duckdb.ConversionException:
            continue
        database.execute(f"CREATE VIEW {raw} AS SELECT *, rowid + 1 AS n FROM {raw}_rows")
        os.remove(copy)
        return list(zip(columns, types.values(), strict=True))
    raise Unreadable("its values can't be read")


def _written(theirs: "sqlite3.Connection", source: Stored, copy: str) -> tuple[list[str], dict[str, str]]:
    """Writes all rows to `copy`, and tells the names of the columns, and the types of `c0`, `c1`, …"""
    import csv

    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
    table = chosen(source.table, [name for (name,) in theirs.execute(query)])
    theirs.execute("BEGIN")  # both queries see the same rows
    described = theirs.execute(f"SELECT name, type FROM pragma_table_info({quoted(table)})").fetchall()
    names = [str(name) for name, _ in described]
    kinds = [f"max(typeof({column(name)}) = '{kind}')" for name in names for kind in ("text", "blob", "real")]
    found = theirs.execute(f"SELECT {', '.join(kinds)} FROM {column(table)}").fetchone()
    types = {
        f"c{place}": _type(str(declared).upper(), [bool(one) for one in found[3 * place : 3 * place + 3]])
        for place, (_, declared) in enumerate(described)
    }
    values = [
        f"CASE typeof({column(name)}) WHEN 'null' THEN {quoted(_NULL)}"
        f" WHEN 'blob' THEN hex({column(name)}) ELSE {column(name)} END"
        for name in names
    ]
    rows = theirs.execute(f"SELECT {', '.join(values)} FROM {column(table)}")
    with open(copy, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        while some := rows.fetchmany(_AT_ONCE):
            writer.writerows(some)
    return names, types


def _type(declared: str, there: Sequence[bool]) -> str:
    """The type of a column: by the values in it, as the declared one binds nobody."""
    text, blob, real = there
    if text or blob:
        return "VARCHAR" if blob else _TIMES.get(declared.partition("(")[0].strip(), "VARCHAR")
    if real or any(word in declared for word in ("REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL")):
        return "DOUBLE"
    if declared.startswith("BOOL"):
        return "BOOLEAN"
    return "VARCHAR" if any(word in declared for word in ("CHAR", "TEXT", "CLOB")) else "BIGINT"
