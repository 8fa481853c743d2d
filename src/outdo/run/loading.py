"""A table to a view of it, whatever it is stored as: its columns by their own names, its rows with their numbers."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from outdo.core.probes import ROW, Kinds, column
from outdo.core.tablekind import Kind
from outdo.run.copying import copy_sqlite
from outdo.run.scan import columns_of, load, quoted
from outdo.run.sources import Files, Source, Stored, Unreadable, chosen

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = list[tuple[str, str]]


class Table(Struct, frozen=True):
    """A table that can be asked."""

    kinds: Kinds
    starts: Sequence[int] = (0,)
    """How many rows there are before each part."""
    parts: Sequence[str] = ("",)
    """The names of the part files; one without a name where there is but one file."""

    def row(self, number: int) -> str:
        """What a row is called: by its number in the file it is in."""
        place = bisect_right(self.starts, number - 1) - 1
        name = f"{self.parts[place]} " if self.parts[place] else ""
        return f"{name}row {number - self.starts[place]:,}"


def open_table(database: "DuckDBPyConnection", view: str, source: Source, scratch: str) -> Table:
    """Makes the view `view` of a table, and tells what is in it; raises `Unreadable` and `duckdb.Error`."""
    raw = f"raw_{view}"
    match source:
        case Files("arrow", parts):
            columns, counts = _arrow(database, raw, [part.file for part in parts])
        case Files(Kind("parquet"), parts, folder=True):
            columns, counts = _parquet(database, raw, source)
        case Files(Kind() as kind, parts):
            columns, counts = _texts(database, raw, source, kind)
        case Stored(_, "sqlite"):
            columns, counts = copy_sqlite(database, raw, source, scratch), [0]
        case Stored():
            columns, counts = _attached(database, raw, source), [0]
    listed = [f"c{place} AS {column(name)}" for place, (name, _) in enumerate(columns)]
    doubled = sorted({name for name, _ in columns if [each for each, _ in columns].count(name) > 1})
    if doubled:
        raise Unreadable(f"it has two columns '{doubled[0]}'")
    database.execute(f"CREATE VIEW {view} AS SELECT {', '.join([*listed, f'n AS {ROW}'])} FROM {raw}")
    starts = [sum(counts[:place]) for place in range(len(counts))]
    names = (
        [part.name if source.folder else "" for part in source.parts] if isinstance(source, Files) else [""]
    )
    return Table(dict(columns), starts, names)


def _parquet(database: "DuckDBPyConnection", raw: str, source: Files) -> tuple[Columns, list[int]]:
    """All part files in one scan; they have to have the same columns."""
    files = [part.file for part in source.parts]
    each = [
        columns_of(database, f"read_parquet({quoted(file)}, hive_partitioning = false)") for file in files
    ]
    _same(source, each)
    counts = [
        int(_one(database, f"SELECT num_rows FROM parquet_file_metadata({quoted(file)})")) for file in files
    ]
    starts = [sum(counts[:place]) for place in range(len(counts))]
    listed = ", ".join(map(quoted, files))
    number = f"[{', '.join(map(str, starts))}][file_index::BIGINT + 1] + file_row_number + 1"
    names = ", ".join(f"{column(name)} AS c{place}" for place, (name, _) in enumerate(each[0]))
    scan = f"read_parquet([{listed}], hive_partitioning = false, union_by_name = false)"
    database.execute(f"CREATE VIEW {raw} AS SELECT {names}, {number} AS n FROM {scan}")
    return each[0], counts


def _texts(database: "DuckDBPyConnection", raw: str, source: Files, kind: Kind) -> tuple[Columns, list[int]]:
    """Each part file read by itself, as one tells less than all of what types its columns are."""
    if not source.folder:
        _not_empty(source.parts[0].file)
        return load(database, raw, source.parts[0].file, kind, strict=True), [0]
    views = [f"{raw}_{place}" for place in range(len(source.parts))]
    each = []
    for view, part in zip(views, source.parts, strict=True):
        _not_empty(part.file)
        each.append(load(database, view, part.file, kind, strict=True))
    _same(source, [[(name, "") for name, _ in columns] for columns in each])
    counts = [int(_one(database, f"SELECT count(*) FROM {view}")) for view in views]
    starts = [sum(counts[:place]) for place in range(len(counts))]
    names = ", ".join(f"c{place}" for place in range(len(each[0])))
    parts = [
        f"SELECT {names}, n + {start} AS n FROM {view}" for start, view in zip(starts, views, strict=True)
    ]
    database.execute(f"CREATE VIEW {raw} AS {' UNION ALL '.join(parts)}")
    types = columns_of(database, raw)
    return [(name, types[place][1]) for place, (name, _) in enumerate(each[0])], counts


def _not_empty(file: str) -> None:
    if not os.path.getsize(file):
        raise Unreadable(f"'{os.path.basename(file)}' is empty")


def _same(source: Files, each: Sequence[Columns]) -> None:
    first = dict(each[0])
    for part, columns in zip(source.parts[1:], each[1:], strict=True):
        if columns == each[0]:
            continue
        pair = f"'{part.name}' and '{source.parts[0].name}'"
        theirs = dict(columns)
        for name in first.keys() ^ theirs.keys():
            raise Unreadable(f"its parts differ: only one of {pair} has a column '{name}'")
        for name, kind in first.items():
            if theirs[name] != kind:
                was, now = theirs[name].lower(), kind.lower()
                raise Unreadable(f"its parts differ: in {pair} the column '{name}' is {was} and {now}")
        raise Unreadable(f"its parts differ: {pair} have their columns in another order")


def _arrow(database: "DuckDBPyConnection", raw: str, files: Sequence[str]) -> tuple[Columns, list[int]]:
    try:
        import pyarrow
        from pyarrow import dataset
    except ImportError:
        raise Unreadable("Arrow files are read by pyarrow: pip install 'outdo[arrow]'") from None
    try:
        found = dataset.dataset(list(files), format="ipc")
        counts = [dataset.dataset(file, format="ipc").count_rows() for file in files]
        schemas = [dataset.dataset(file, format="ipc").schema for file in files]
    except (pyarrow.ArrowException, OSError) as error:
        raise Unreadable(str(error).strip().partition("\n")[0]) from None
    if any(schema != schemas[0] for schema in schemas):
        raise Unreadable("its parts differ in their columns")
    database.register(f"{raw}_arrow", found)
    columns = columns_of(database, f"{raw}_arrow")
    names = ", ".join(f"c{place}" for place in range(len(columns)))
    rows = f"SELECT *, row_number() OVER () AS n FROM {raw}_arrow AS t({names})"
    database.execute(f"CREATE VIEW {raw} AS {rows}")
    return columns, counts


def _attached(database: "DuckDBPyConnection", raw: str, source: Stored) -> Columns:
    """A table of a DuckDB file, which is opened for reading only."""
    name = f"{raw}_file"
    database.execute(f"ATTACH {quoted(source.file)} AS {name} (READ_ONLY)")
    query = f"SELECT schema_name, table_name, true FROM duckdb_tables() WHERE database_name = {quoted(name)}"
    views = (
        f"SELECT schema_name, view_name, false FROM duckdb_views()"
        f" WHERE database_name = {quoted(name)} AND NOT internal"
    )
    rows = database.execute(f"{query} UNION ALL {views} ORDER BY 1, 2").fetchall()
    known = {
        table if schema == "main" else f"{schema}.{table}": (schema, table, real)
        for schema, table, real in rows
    }
    schema, table, real = known[chosen(source.table, list(known))]
    whole = f"{name}.{column(schema)}.{column(table)}"
    columns = columns_of(database, whole)
    names = ", ".join(f"{column(each)} AS c{place}" for place, (each, _) in enumerate(columns))
    number = "rowid + 1" if real else "row_number() OVER ()"
    database.execute(f"CREATE VIEW {raw} AS SELECT {names}, {number} AS n FROM {whole}")
    return columns


def _one(database: "DuckDBPyConnection", query: str) -> Any:
    row = database.execute(query).fetchone()
    assert row is not None
    return row[0]
