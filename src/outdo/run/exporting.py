"""Rows of a table as Parquet, for programs of other tools."""

import os
from collections.abc import Mapping

from outdo.core.probes import ROW, TABLE, column
from outdo.run.loading import open_table
from outdo.run.scan import connection, quoted
from outdo.run.sources import Unreadable, reached, source_of


def export_rows(file: str, wanted: Mapping[str, str], room: str) -> str:
    """Writes those rows of the table at the absolute path `file` that keep a condition, for each file in `wanted` with
    its condition in SQL, in their order; returns why it could not, or nothing. `room` is a folder for what does not
    fit into memory."""
    import duckdb

    try:
        source = source_of(file)
        copy = os.path.join(room, f"raw_{TABLE}.csv")
        with connection([*reached(source), copy, *wanted], room, trusting=False) as database:
            table = open_table(database, TABLE, source, room)
            listed = ", ".join(map(column, table.kinds))
            for target, condition in wanted.items():
                rows = f"SELECT {listed} FROM {TABLE} WHERE {condition or 'true'} ORDER BY {ROW}"
                database.execute(f"COPY ({rows}) TO {quoted(target)} (FORMAT parquet)")
    except (duckdb.Error, OSError, EOFError, Unreadable) as error:
        return f"the rows can't be written: {str(error).strip().partition(chr(10))[0]}"
    return ""
