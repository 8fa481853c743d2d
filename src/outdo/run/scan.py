"""DuckDB over single files: in bounded memory, and without the power to reach anything else."""

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "1GB"
"""What queries hold in memory at the most; beyond that they use the disk."""
THREADS = 4

Format = Literal["csv", "tsv", "json", "parquet"]
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_TRIES = (
    "sample_size = 20480",
    "sample_size = -1",
    "sample_size = -1, null_padding = true, parallel = false",
)
"""How a CSV file is read: its first rows tell the types; if others are of another, all do; and a row may be short."""
_JSON_TRIES = ("sample_size = -1",)


class Kind(Struct, frozen=True):
    """What the name of a file says of the table in it."""

    format: Format
    zipped: bool = False

    @property
    def typed(self) -> bool:
        """Whether the file itself says of which types its columns are."""
        return self.format == "parquet"


def table_kind(path: str) -> Kind | None:
    """What kind of table a file of this name holds; None for none that can be read."""
    stem, suffix = os.path.splitext(path.lower())
    zipped = suffix == ".gz"
    if zipped:
        suffix = os.path.splitext(stem)[1]
    format_ = _SUFFIXES.get(suffix)
    return None if format_ is None or (zipped and format_ == "parquet") else Kind(format_, zipped)


@contextmanager
def connection(files: Sequence[str], scratch: str) -> Iterator["DuckDBPyConnection"]:
    """A database in memory that can read these files and nothing else; what does not fit goes to `scratch`."""
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": min(THREADS, os.cpu_count() or 1),
        "temp_directory": scratch,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=settings) as database:
        database.execute("SET enable_progress_bar = false")
        database.execute(f"SET allowed_paths = [{', '.join(map(quoted, files))}]")
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        yield database


def load(database: "DuckDBPyConnection", name: str, file: str, kind: Kind) -> list[tuple[str, str]]:
    """Names and types of the columns of `file`, which is then the view `name`, its columns `c0`, `c1`, … and `n`, the
    number of the row; so that no name of others is ever part of a query. Raises `duckdb.Error`."""
    import duckdb

    if kind.format == "parquet":
        columns = _columns(database, f"read_parquet({quoted(file)}, hive_partitioning = false)")
        source = f"read_parquet({quoted(file)}, hive_partitioning = false, file_row_number = true)"
        names = ", ".join([*(f"c{i}" for i in range(len(columns))), "n0"])
        database.execute(f"CREATE VIEW {name} AS SELECT *, n0 + 1 AS n FROM {source} AS t({names})")
        return columns
    tries = _JSON_TRIES if kind.format == "json" else _TRIES
    for options in tries:
        source = _text(file, kind, options)
        try:
            columns = _columns(database, source)
            names = ", ".join(f"c{i}" for i in range(len(columns)))
            database.execute(f"CREATE TEMP TABLE {name}_rows AS SELECT * FROM {source} AS t({names})")
        except (duckdb.ConversionException, duckdb.InvalidInputException):
            if options is tries[-1]:
                raise
        else:
            break
    database.execute(f"CREATE VIEW {name} AS SELECT *, rowid + 1 AS n FROM {name}_rows")
    return columns


def quoted(text: str) -> str:
    """`text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _columns(database: "DuckDBPyConnection", source: str) -> list[tuple[str, str]]:
    found = database.execute(f"SELECT * FROM {source} LIMIT 0").description or []
    return [(column[0], str(column[1])) for column in found]


def _text(file: str, kind: Kind, options: str) -> str:
    zipped = "gzip" if kind.zipped else "uncompressed"
    common = f"{quoted(file)}, compression = '{zipped}', {options}, hive_partitioning = false"
    if kind.format == "json":
        return f"read_json({common}, format = 'newline_delimited')"
    delimiter = "\t" if kind.format == "tsv" else _delimiter(file, zipped=kind.zipped)
    return f"read_csv({common}, delim = '{delimiter}', header = true)"


def _delimiter(file: str, *, zipped: bool) -> str:
    """What parts the names in the first line: a comma, or what stands there more often."""
    with gzip.open(file) if zipped else open(file, "rb") as opened:
        first = opened.readline(100_000)
    return max(",;\t|", key=lambda mark: (first.count(mark.encode()), mark == ","))
