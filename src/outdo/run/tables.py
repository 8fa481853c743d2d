"""Two table files to all in which they differ, by a few queries on DuckDB."""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.tablediff import (
    CellChange,
    Column,
    ColumnChange,
    Matched,
    TableDiff,
    kind_of,
    like_a_key,
    schema_change,
)
from outdo.core.tablekind import Kind
from outdo.run.scan import connection, load
from outdo.store.files import remove

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXAMPLES = 3
"""How many cells that differ are shown of a column."""
LONGEST = 80
"""Characters of such a cell."""
WIDEST = 1_000
"""Columns up to which the cells of two tables are compared."""
_AT_ONCE = 60
"""How many columns one query tells of: its plan takes time and memory by their square."""
_NEARLY = 0.9
"""A column with fewer distinct values, by an estimate, than this share of the rows is no key."""
_TRIED = 3
"""How many columns that could be the key are looked at closely."""
_WHOLE = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT")
_NUMBERS = (*_WHOLE, *(f"U{name}" for name in _WHOLE), "DOUBLE", "FLOAT")
_KEYS = (*_WHOLE, *(f"U{name}" for name in _WHOLE), "VARCHAR", "UUID", "DATE")


def compare_tables(
    before: str, after: str, kind: Kind, scratch: str, key: Sequence[str] = ()
) -> TableDiff | None:
    """In what the table in the file `after` differs from that in `before`; None where one can't be read as a table.

    Rows are told apart by the columns of `key` where both sides have them and no two rows share one; else by a column
    that is so; else by place, or by all that is in them. `scratch` is a folder that may be made, for what does not fit
    into memory; nothing is left of it."""
    import duckdb

    try:
        if not (os.path.getsize(before) and os.path.getsize(after)):
            return None
        with connection([before, after], scratch) as database:
            old = load(database, "a", before, kind)
            new = load(database, "b", after, kind)
            return _Pair(database, old, new, kind).diff(key)
    except (duckdb.Error, OSError, EOFError):
        return None
    finally:
        if os.path.lexists(scratch):
            remove(scratch)


class _Both(Struct, frozen=True):
    """A column that both sides have: its places, and its values made comparable."""

    name: str
    old: str
    new: str
    number: bool
    could_be_key: bool


class _Pairs(Struct, frozen=True):
    """Which rows belong together, what they are called, and when they differ: parts of queries."""

    on: str
    row: str
    differ: str


class _Rows(Struct, frozen=True):
    """How many rows came, went and changed, and the columns with cells that differ."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: tuple[ColumnChange, ...] = ()

    def told(self, shape: TableDiff, matched: Matched, key: tuple[str, ...] = ()) -> TableDiff:
        """`shape` with the rows, which were `matched` so."""
        return replace(
            shape,
            matched=matched,
            key=key,
            rows_added=self.added,
            rows_removed=self.removed,
            rows_changed=self.changed,
            changes=self.columns,
        )


class _Pair:
    """Two tables in one database: `a` as it was, `b` as it is."""

    def __init__(
        self,
        database: "DuckDBPyConnection",
        old: list[tuple[str, str]],
        new: list[tuple[str, str]],
        kind: Kind,
    ) -> None:
        self._database = database
        self._before, self._after = (
            [Column(name, kind_of(type_, typed=kind.typed)) for name, type_ in side] for side in (old, new)
        )
        places = {name: (i, type_) for i, (name, type_) in enumerate(new)}
        self._both = [
            _comparable(name, (f"c{i}", type_), (f"c{places[name][0]}", places[name][1]))
            for i, (name, type_) in enumerate(old)
            if name in places
        ]

    def diff(self, key: Sequence[str]) -> TableDiff:
        rows = self._one("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)")
        schema = schema_change(self._before, self._after)
        shape = TableDiff((rows[0], rows[1]), (len(self._before), len(self._after)), *schema)
        if not self._both or len(self._both) > WIDEST:
            return shape
        by, given = self._key(rows, key)
        if by:
            joined = self._joined(by)
            if given or joined.added < rows[1]:
                return joined.told(shape, "key", tuple(one.name for one in by))
        if rows[0] != rows[1]:
            return self._content().told(shape, "content")
        placed = self._joined([])
        content = self._content() if placed.changed else _Rows()
        if placed.changed == content.added:
            return placed.told(shape, "position")
        return replace(content.told(shape, "content"), reordered=not content.added)

    def _key(self, rows: Sequence[int], wanted: Sequence[str]) -> tuple[list[_Both], bool]:
        """The columns that tell rows apart on both sides, and whether they are those wanted; else one that does."""
        if not all(rows):
            return [], False
        named = {one.name: one for one in self._both}
        given = [named[name] for name in wanted if name in named]
        if given and len(given) == len(wanted) and self._unique(given, rows):
            return given, True
        candidates = [one for one in self._both if one.could_be_key]
        if not candidates:
            return [], False
        fit: list[str] = []
        old = self._one(
            f"SELECT {', '.join(f'approx_count_distinct({one.old})' for one in candidates)} FROM a"
        )
        new = self._one(
            f"SELECT {', '.join(f'approx_count_distinct({one.new})' for one in candidates)} FROM b"
        )
        for one, *counts in zip(candidates, old, new, strict=True):
            if all(count >= _NEARLY * of for count, of in zip(counts, rows, strict=True)):
                fit.append(one.name)
        found = (named[name] for name in like_a_key(fit)[:_TRIED])
        return next(([one] for one in found if self._unique([one], rows)), []), False

    def _unique(self, key: Sequence[_Both], rows: Sequence[int]) -> bool:
        """Whether no two rows share the key, and each has one, on both sides."""
        for table, columns, count in (
            ("a", [one.old for one in key], rows[0]),
            ("b", [one.new for one in key], rows[1]),
        ):
            filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
            query = f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(columns)} FROM {table} WHERE {filled})"
            if self._one(query)[0] != count:
                return False
        return True

    def _joined(self, key: Sequence[_Both]) -> "_Rows":
        """Rows added, removed, changed, and the columns with cells that differ; by place where there is no key."""
        on = " AND ".join(f"a.{one.old} = b.{one.new}" for one in key) or "a.n = b.n"
        row = ", ".join(f"b.{one.new}::VARCHAR" for one in key) or "b.n::VARCHAR"
        pairs = _Pairs(on, row, _differ(self._both))
        added, removed, changed, first = self._one(
            "SELECT count(*) FILTER (an IS NULL), count(*) FILTER (bn IS NULL), count(*) FILTER (d),"
            f" arg_min(bn, bn, {EXAMPLES}) FILTER (d) FROM (SELECT a.n AS an, b.n AS bn,"
            f" an IS NOT NULL AND bn IS NOT NULL AND {pairs.differ} AS d FROM a FULL JOIN b ON {on})"
        )
        if not changed:
            return _Rows(added, removed)
        others = [one for one in self._both if one not in key]
        parts = [others[i : i + _AT_ONCE] for i in range(0, len(others), _AT_ONCE)]
        changes = (change for part in parts for change in self._changes(pairs, part, first))
        return _Rows(added, removed, changed, tuple(changes))

    def _changes(self, pairs: "_Pairs", columns: Sequence[_Both], first: Sequence[int]) -> list[ColumnChange]:
        """Those of `columns` with cells that differ; `first` are rows to show cells of, if they differ there."""
        joined = f"FROM a JOIN b ON {pairs.on} WHERE {pairs.differ}"
        counted = self._one(f"SELECT {', '.join(part for one in columns for part in _told(one))} {joined}")
        groups = {one: counted[i * 5 : i * 5 + 5] for i, one in enumerate(columns) if counted[i * 5]}
        if not groups:
            return []
        rows = sorted({*first, *(group[3] for group in groups.values())})
        cells = [
            f"CASE WHEN {_differ([one])} THEN [left({_value(one, 'a')}::VARCHAR, {LONGEST}),"
            f" left({_value(one, 'b')}::VARCHAR, {LONGEST})] END"
            for one in groups
        ]
        shown = self._database.execute(
            f"SELECT [{pairs.row}], {', '.join(cells)} {joined} AND b.n IN ({', '.join(map(str, rows))})"
            " ORDER BY b.n"
        ).fetchall()
        return [
            ColumnChange(one.name, cells, *_sizes(largest, mean), _examples(shown, at), other)
            for at, (one, (cells, largest, mean, _, other)) in enumerate(groups.items(), 1)
        ]

    def _content(self) -> "_Rows":
        """How many rows came and went, each row counted as often as it is there."""

        def hashes(side: str) -> str:
            values = ", ".join(_value(one, side) for one in self._both)
            return f"hash({values}) AS h, hash('outdo', {values}) AS i FROM {side}"

        rows = f"SELECT 1 AS s, {hashes('b')} UNION ALL SELECT -1 AS s, {hashes('a')}"
        sums = f"SELECT sum(s) AS d FROM ({rows}) GROUP BY h, i"
        query = f"SELECT coalesce(sum(greatest(d, 0)), 0), coalesce(sum(greatest(-d, 0)), 0) FROM ({sums})"
        came, went = self._one(query)
        return _Rows(int(came), int(went))

    def _one(self, query: str) -> list[Any]:
        row = self._database.execute(query).fetchone()
        assert row is not None
        return list(row)


def _comparable(name: str, old: tuple[str, str], new: tuple[str, str]) -> _Both:
    number = all(type_ in _NUMBERS or type_.startswith("DECIMAL") for _, type_ in (old, new))
    key = old[1] in _KEYS and new[1] in _KEYS
    if old[1] == new[1]:
        return _Both(name, old[0], new[0], number, key)
    type_ = "DOUBLE" if number else "VARCHAR"
    return _Both(name, f"{old[0]}::{type_}", f"{new[0]}::{type_}", number, key)


def _value(one: _Both, side: str) -> str:
    return f"{side}.{one.old if side == 'a' else one.new}"


def _differ(columns: Sequence[_Both]) -> str:
    """Whether a row of `a` and one of `b` differ; of several columns by their hash, as a long OR takes too long."""
    if len(columns) == 1:
        return f"({_value(columns[0], 'a')} IS DISTINCT FROM {_value(columns[0], 'b')})"
    old, new = (", ".join(_value(one, side) for one in columns) for side in "ab")
    return f"(hash({old}) <> hash({new}))"


def _told(one: _Both) -> tuple[str, str, str, str, str]:
    """Cells that differ, by how much at most and on average, the first of them, and those of which it can't be told
    by how much, as parts of a query."""
    differ = _differ([one])
    size = f"abs({_value(one, 'b')}::DOUBLE - {_value(one, 'a')}::DOUBLE)"
    finite = f"FILTER ({differ} AND isfinite({size}))"
    return (
        f"count(*) FILTER ({differ})",
        f"max({size}) {finite}" if one.number else "NULL",
        f"avg({size}) {finite}" if one.number else "NULL",
        f"min(b.n) FILTER ({differ})",
        f"count(*) FILTER ({differ} AND NOT coalesce(isfinite({size}), false))" if one.number else "0",
    )


def _sizes(largest: float | None, mean: float | None) -> tuple[float | None, float | None]:
    known = largest is not None and mean is not None and math.isfinite(mean)
    return (largest, mean) if known else (None, None)


def _examples(rows: Sequence[Sequence[Any]], at: int) -> tuple[CellChange, ...]:
    found = [CellChange(tuple(row[0]), *row[at]) for row in rows if row[at] is not None]
    return tuple(found[:EXAMPLES])
