"""How many values of a column differ, exactly, and cheaper than by a table of all of them where that can be."""

from typing import TYPE_CHECKING, Any

from outdo.core.probes import TABLE, WHOLE, Apart, Kinds, column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

_WIDE = 1_000_000_000
"""Numbers that a set of bits can hold."""
_SPARSE = 64
"""Bits for each row up to which such a set is worth it: it is then no larger than the column."""
_AT_ONCE = 1 << 25
"""Values that are sorted at once, 8 bytes each; more are parted by their hash, and each part is read by itself."""
_PARTS = 8
"""Parts up to which reading the column again costs less than a table of its values, which uses the disk."""
_REPEATED = 1_000_000
"""Hashes that occur again, up to which their values are looked at closely."""
_NUMBERS = WHOLE - {"HUGEINT", "UHUGEINT"}
_HASHED = _NUMBERS | {
    "HUGEINT",
    "UHUGEINT",
    "VARCHAR",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP",
    "UUID",
    "DOUBLE",
    "FLOAT",
}
"""Types of which equal values have equal hashes."""


def count_apart(database: "DuckDBPyConnection", asked: Apart, kinds: Kinds) -> int:
    """How many different values there are in the rows that are asked; of several columns, of their combinations.

    Whole numbers that lie close together are counted in a set of bits, others by sorting them; texts and several
    columns by sorting their hashes: if all of these differ, so do the values, and only those that do not are compared
    themselves. What is left takes a table of all values."""
    kind = kinds[asked.columns[0]]
    if len(asked.columns) == 1 and kind in _NUMBERS:
        return _numbers(database, asked, kind)
    if asked.most and all(kinds[name] in _HASHED for name in asked.columns):
        return _hashed(database, asked)
    return _grouped(database, asked)


def _numbers(database: "DuckDBPyConnection", asked: Apart, kind: str) -> int:
    name = column(asked.columns[0])
    low, high, rows = _row(database, f"SELECT min({name}), max({name}), count({name}) {_from(asked)}")
    if not rows:
        return 0
    if high - low < min(_WIDE, _SPARSE * rows):
        bits = f"bitstring_agg({name}, {low}::{kind}, {high}::{kind})"
        return int(_row(database, f"SELECT bit_count({bits}) {_from(asked)}")[0])
    parts = -(-rows // _AT_ONCE)
    if parts > _PARTS:
        return _grouped(database, asked)
    different = 0
    for part in range(parts):
        words = _sorted(database, asked, name, f"hash({name}) % {parts} = {part}" if parts > 1 else "true")
        different += len(words) and 1 + int((words[1:] != words[:-1]).sum())
    return different


def _hashed(database: "DuckDBPyConnection", asked: Apart) -> int:
    import numpy as np

    hashed = f"hash({_listed(asked)})"
    [rows] = _row(database, f"SELECT count(*) {_from(asked)}")
    parts = -(-rows // _AT_ONCE)
    if parts > _PARTS:
        return _grouped(database, asked)
    different, again = 0, [np.zeros(0, np.uint64)]
    for part in range(parts):
        words = _sorted(database, asked, hashed, f"{hashed} % {parts} = {part}" if parts > 1 else "true")
        same = words[1:] == words[:-1]
        different += len(words) and len(words) - int(same.sum())
        again.append(np.unique(words[1:][same]))
        if sum(map(len, again)) > _REPEATED:
            return _grouped(database, asked)
    repeated = np.concatenate(again)
    if not len(repeated):
        return different
    database.register("outdo_again", {"h": repeated})
    try:
        these = f"SELECT DISTINCT {_listed(asked)} {_from(asked)} AND {hashed} IN (SELECT h FROM outdo_again)"
        [close] = _row(database, f"SELECT count(*) FROM ({these})")
    finally:
        database.unregister("outdo_again")
    return different - len(repeated) + int(close)


def _grouped(database: "DuckDBPyConnection", asked: Apart) -> int:
    [rows] = _row(database, f"SELECT count(*) FROM (SELECT DISTINCT {_listed(asked)} {_from(asked)})")
    return int(rows)


def _sorted(database: "DuckDBPyConnection", asked: Apart, what: str, only: str) -> "NDArray[Any]":
    import numpy as np

    found = database.execute(f"SELECT {what} AS w {_from(asked)} AND {only}").fetchnumpy()["w"]
    words: NDArray[Any] = np.asarray(found)
    words.sort()
    return words


def _listed(asked: Apart) -> str:
    return ", ".join(map(column, asked.columns))


def _from(asked: Apart) -> str:
    return f"FROM {TABLE} WHERE ({asked.scope})"


def _row(database: "DuckDBPyConnection", query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = database.execute(query).fetchone()
    assert row is not None
    return row
