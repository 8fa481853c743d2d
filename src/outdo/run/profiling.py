"""A table to what is in it, by one scan; only what could be a key, or few texts, is looked at once more."""

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from outdo.core.probes import FLOATS, TABLE, TIMES, WHOLE, Apart, column, is_number
from outdo.core.profile import FEW, Profile, ProfiledColumn
from outdo.run.apart import count_apart
from outdo.run.checking import memory, sentence
from outdo.run.loading import Table, open_table
from outdo.run.scan import connection
from outdo.run.sources import Unreadable, reached, source_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NEARLY = 0.9
"""What share of the rows has to differ, by an estimate, for a closer look."""
_KEYS = WHOLE | {"VARCHAR", "UUID"}


def profile(file: str) -> Profile:
    """What is in the table at an absolute path; raises `Unreadable`."""
    import duckdb

    with tempfile.TemporaryDirectory() as room:
        try:
            source = source_of(file)
            copy = f"{room}/raw_{TABLE}.csv"
            with connection([*reached(source), copy], room, memory=memory(), trusting=False) as database:
                return _profile(database, open_table(database, TABLE, source, room))
        except (duckdb.Error, OSError, EOFError) as error:
            raise Unreadable(sentence(error)) from None


def _profile(database: "DuckDBPyConnection", table: Table) -> Profile:
    asks = [ask for name, kind in table.kinds.items() for ask in _asks(name, kind)]
    rows, *found = database.execute(f"SELECT count(*), {', '.join(asks)} FROM {TABLE}").fetchone() or [0]
    columns = [
        _column(database, table, name, int(rows), found[4 * place : 4 * place + 4])
        for place, name in enumerate(table.kinds)
    ]
    return Profile(int(rows), tuple(columns))


def _asks(name: str, kind: str) -> tuple[str, str, str, str]:
    """How many values there are, about how many differ, the least and the greatest of them."""
    value = f"nullif({column(name)}, 'nan'::{kind})" if kind in FLOATS else column(name)
    if is_number(kind):
        ends = (f"min({value})", f"max({column(name)})")  # which is NaN if any is: it is in no range
    else:
        ends = (f"min({value})::VARCHAR", f"max({value})::VARCHAR") if kind in TIMES else ("NULL", "NULL")
    return f"count({value})", f"approx_count_distinct({value})", *ends


def _column(
    database: "DuckDBPyConnection", table: Table, name: str, rows: int, found: Sequence[Any]
) -> ProfiledColumn:
    kind = table.kinds[name]
    filled, about, least, greatest = found
    unique, values = False, tuple[str, ...]()
    if kind in _KEYS and rows > 1 and filled == rows and about >= _NEARLY * rows:
        unique = count_apart(database, Apart((name,), "true", most=True), table.kinds) == rows
    if kind == "VARCHAR" and 0 < about <= 2 * FEW:
        query = f"SELECT DISTINCT {column(name)} FROM {TABLE} WHERE {column(name)} IS NOT NULL ORDER BY 1"
        values = tuple(value for (value,) in database.execute(f"{query} LIMIT {FEW + 1}").fetchall())
    if is_number(kind) and least is not None:
        least, greatest = (int(end) if kind in WHOLE else float(end) for end in (least, greatest))
    return ProfiledColumn(name, kind, int(filled), least, greatest, unique, values)
