"""What is asked of a table: aggregates of one query, and the words of SQL that they are made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from outdo.core.kinds import Scalar
from outdo.core.verdict import Level, Verdict

Kinds = Mapping[str, str]
"""The type of each column, in DuckDB's words."""
TABLE = "rows_"
"""The view with the table, its columns by their own names."""
ROW = '"outdo:row"'
"""The column with the number of each row, from 1."""

WHOLE = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")} | {
    "INTEGER",
    "UINTEGER",
}
FLOATS = {"DOUBLE", "FLOAT"}
TIMES = {
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
}


class Apart(Struct, frozen=True):
    """Values of columns, of which it is asked how many differ from each other."""

    columns: tuple[str, ...]
    scope: str
    """Which rows are asked, as a condition."""
    most: bool
    """Whether nearly all are thought to differ."""


class Probe(Struct, frozen=True):
    """What a check asks of the rows: aggregates, and what their values mean."""

    name: str
    asks: tuple[str, ...]
    """Aggregates in SQL, over the columns by their own names."""
    judge: Callable[[Sequence[Any]], Verdict]
    unexpected: str = ""
    """The condition of rows that were not expected, to show some of them; empty where no single row is to blame."""
    shows: tuple[str, ...] = ()
    """Which columns of them."""
    level: Level = "fail"
    source: str = TABLE
    """What is selected from; probes of one source share one scan."""
    subject: str = ""
    """The suite that asks."""
    apart: Apart | None = None
    """How many values differ is answered behind the aggregates."""


def is_number(kind: str) -> bool:
    """Whether a type holds numbers."""
    return kind in WHOLE or kind in FLOATS or kind.startswith("DECIMAL")


KINDS: Mapping[str, Callable[[str], bool]] = {
    "integer": lambda name: name in WHOLE,
    "number": is_number,
    "text": lambda name: name == "VARCHAR",
    "boolean": lambda name: name == "BOOLEAN",
    "date": lambda name: name == "DATE",
    "timestamp": lambda name: name.startswith("TIMESTAMP"),
}


def column(name: str) -> str:
    """A column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Scalar) -> str:
    """A value as SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


class Other(Struct, frozen=True):
    """Another table that a check speaks of: the name of its view, and its columns."""

    view: str
    kinds: Kinds
