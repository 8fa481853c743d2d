"""DuckDB over single files: in bounded memory, and without the power to reach anything else."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from outdo.core.tablekind import Kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "1GB"
"""What queries hold in memory at the most; beyond that they use the disk."""
THREADS = 4
THREADS_VARIABLE = "OUTDO_SCAN_THREADS"
"""Tells a process how many of them a run has for it."""

_TRIES = (
    "sample_size = 20480",
    "sample_size = -1",
    "sample_size = -1, null_padding = true, parallel = false",
)
"""How a CSV file is read: its first rows tell the types; if others are of another, all do; and a row may be short."""
_STRICT = "skip = 0, comment = '', quote = '\"', escape = '\"', strict_mode = true, null_padding = false"
"""What else a reader would guess of a CSV file: it passes over rows that begin with `#`, and rows of another width, and
says nothing."""
_LINE = "'line': 'VARCHAR'"
_JSON_TRIES = ("sample_size = -1",)


@contextmanager
def connection(
    files: Sequence[str], scratch: str, *, memory: str = MEMORY, trusting: bool = True
) -> Iterator["DuckDBPyConnection"]:
    """A database in memory that can read these files and nothing else; what does not fit goes to `scratch`.

    Unless `trusting`, what a file says of its own columns (their least and greatest values) is not taken for true:
    those who write it leave NaN out of that, and a filter that is held against it would find none."""
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "threads": min(THREADS, int(os.environ.get(THREADS_VARIABLE, "0")) or os.cpu_count() or 1),
        "temp_directory": scratch,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=settings) as database:
        database.execute("SET enable_progress_bar = false")
        if not trusting:
            database.execute("SET disabled_optimizers = 'statistics_propagation, filter_pushdown'")
        database.execute(f"SET allowed_paths = [{', '.join(map(quoted, files))}]")
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        yield database


def load(
    database: "DuckDBPyConnection", name: str, file: str, kind: Kind, *, strict: bool = False
) -> list[tuple[str, str]]:
    """Names and types of the columns of `file`, which is then the view `name`, its columns `c0`, `c1`, … and `n`, the
    number of the row; so that no name of others is ever part of a query. Raises `duckdb.Error`.

    If `strict`, every row of a CSV file counts, and has to be as wide as the first."""
    import duckdb

    if kind.format == "parquet":
        columns = columns_of(database, f"read_parquet({quoted(file)}, hive_partitioning = false)")
        source = f"read_parquet({quoted(file)}, hive_partitioning = false, file_row_number = true)"
        names = ", ".join([*(f"c{i}" for i in range(len(columns))), "n0"])
        database.execute(f"CREATE VIEW {name} AS SELECT *, n0 + 1 AS n FROM {source} AS t({names})")
        return columns
    tries: tuple[str, ...] = _JSON_TRIES if kind.format == "json" else _TRIES
    if strict and kind.format != "json":
        tries = tuple(f"{options}, {_STRICT}" for options in _TRIES[:-1])
    for options in tries:
        source = _text(database, file, kind, options)
        try:
            columns = columns_of(database, source)
            names = ", ".join(f"c{i}" for i in range(len(columns)))
            database.execute(f"CREATE TEMP TABLE {name}_rows AS SELECT * FROM {source} AS t({names})")
        except (duckdb.ConversionException, duckdb.InvalidInputException):
            if options is tries[-1]:
                if strict and kind.format != "json":
                    _told_by_line(database, file, kind)
                raise
        else:
            break
    database.execute(f"CREATE VIEW {name} AS SELECT *, rowid + 1 AS n FROM {name}_rows")
    return columns


def quoted(text: str) -> str:
    """`text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def columns_of(database: "DuckDBPyConnection", source: str) -> list[tuple[str, str]]:
    """Names and types of the columns of what can be selected from."""
    found = database.execute(f"SELECT * FROM {source} LIMIT 0").description or []
    return [(column[0], str(column[1])) for column in found]


def _text(database: "DuckDBPyConnection", file: str, kind: Kind, options: str) -> str:
    common = f"{quoted(file)}, compression = '{kind.packed or 'uncompressed'}', {options}, hive_partitioning = false"
    if kind.format == "json":
        return f"read_json({common}, format = 'newline_delimited')"
    delimiter = "\t" if kind.format == "tsv" else _delimiter(_first_line(database, file, kind))
    return f"read_csv({common}, delim = '{delimiter}', header = true)"


def _plain(file: str, kind: Kind, columns: str, delimiter: str, quote: str) -> str:
    """A text file of which nothing is guessed."""
    return (
        f"read_csv({quoted(file)}, compression = '{kind.packed or 'uncompressed'}', auto_detect = false,"
        f" columns = {{{columns}}}, delim = '{delimiter}', quote = '{quote}', escape = '{quote}', comment = '',"
        f" header = false)"
    )


def _first_line(database: "DuckDBPyConnection", file: str, kind: Kind) -> str:
    """The names in a CSV file; empty where it has no first line that can be read."""
    import duckdb

    try:
        row = database.execute(f"FROM {_plain(file, kind, _LINE, chr(1), '')} LIMIT 1").fetchone()
    except duckdb.Error:
        return ""
    return str(row[0]) if row and row[0] else ""


def _delimiter(first: str) -> str:
    """What parts the names in the first line: a comma, or what stands there more often."""
    return max(",;\t|", key=lambda mark: (first.count(mark), mark == ","))


def _told_by_line(database: "DuckDBPyConnection", file: str, kind: Kind) -> None:
    """Raises `duckdb.Error` that says which line of a CSV file is wrong, where only one is; the error of a reader that
    guesses says nothing of it."""
    first = _first_line(database, file, kind)
    delimiter = "\t" if kind.format == "tsv" else _delimiter(first)
    width = len(next(csv.reader([first], delimiter=delimiter), []))
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    if columns:
        database.execute(f"SELECT count(*) FROM (FROM {_plain(file, kind, columns, delimiter, chr(34))})")
