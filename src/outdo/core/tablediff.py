"""In what two tables differ: columns, rows and cells; and the words for it."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

Matched = Literal["key", "position", "content", "nothing"]

_WORDS = {
    "BIGINT": "int64",
    "INTEGER": "int32",
    "SMALLINT": "int16",
    "TINYINT": "int8",
    "UBIGINT": "uint64",
    "UINTEGER": "uint32",
    "USMALLINT": "uint16",
    "UTINYINT": "uint8",
    "DOUBLE": "float64",
    "FLOAT": "float32",
    "BOOLEAN": "bool",
    "VARCHAR": "text",
    "BLOB": "bytes",
}
_UNTYPED = {"BIGINT": "int", "HUGEINT": "int", "DOUBLE": "float"}
"""In a file of text a number has no width."""
_DECIMAL = r"-?\d+\.\d{6,}(e[-+]?\d+)?"
_KEY_NAMES = ("id", "key", "index", "uuid", "")


class Column(Struct, frozen=True):
    """A column's name, and the kind of its values in a person's words."""

    name: str
    kind: str


class Retyped(Struct, frozen=True):
    """A column whose values are of another kind than before."""

    name: str
    before: str
    after: str


class CellChange(Struct, frozen=True):
    """One cell that differs; None stands for no value."""

    row: tuple[str, ...]
    """The values of the key, or the row's number from 1."""
    before: str | None
    after: str | None


class ColumnChange(Struct, frozen=True):
    """A column with cells that differ in rows that both sides have."""

    name: str
    cells: int
    largest: float | None = None
    """The largest absolute difference, where the column holds numbers."""
    mean: float | None = None
    """The mean absolute difference of the cells that differ."""
    examples: tuple[CellChange, ...] = ()
    other: int = 0
    """Of a column of numbers, the cells that differ where one side has none, or none that is finite."""


class TableDiff(Struct, frozen=True):
    """How a table differs from what it was, in the columns that both sides have and in those that only one has."""

    rows: tuple[int, int]
    """Before and after."""
    columns: tuple[int, int]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    matched: Matched = "nothing"
    """How rows were told apart: by their key; by their place, where that explains all; by what is in them, so that a
    row that changed counts as removed and added; or not at all."""
    key: tuple[str, ...] = ()
    rows_added: int = 0
    rows_removed: int = 0
    rows_changed: int = 0
    reordered: bool = False
    """Whether the same rows stand in another order."""
    changes: tuple[ColumnChange, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both hold the same rows and columns, and in the same order where no key tells them apart."""
        schema = self.added or self.removed or self.retyped or self.rows[0] != self.rows[1]
        rows = self.rows_added or self.rows_removed or self.rows_changed or self.reordered
        return self.matched != "nothing" and not schema and not rows


def kind_of(name: str, *, typed: bool) -> str:
    """DuckDB's name of a type in a person's words; of a file of text (not `typed`) without a width."""
    return (None if typed else _UNTYPED.get(name)) or _WORDS.get(name) or name.lower()


def schema_change(
    before: Sequence[Column], after: Sequence[Column]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Retyped, ...]]:
    """The columns that came, that went, and that hold another kind of values; their order does not matter."""
    old = {column.name: column.kind for column in before}
    new = {column.name: column.kind for column in after}
    return (
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(
            Retyped(name, kind, new[name]) for name, kind in old.items() if name in new and new[name] != kind
        ),
    )


def like_a_key(names: Sequence[str]) -> list[str]:
    """`names` with those first that people give to keys: `id`, `flight_id`, `key`, `index`."""

    def rank(name: str) -> int:
        word = name.strip().lower()
        return 0 if word in _KEY_NAMES else 1 if word.endswith(("_id", " id", "_key")) else 2

    return sorted(names, key=rank)


# Words.


def clause(diff: TableDiff) -> str:
    """Rows and columns in one line: `rows 100 → 101 (+1), +c, b int → float`."""
    old, new = diff.rows
    told = [f"rows {old:,} → {new:,} ({new - old:+,})" if old != new else f"{new:,} row{'s' * (new != 1)}"]
    told += _rows(diff)
    told += [f"+{name}" for name in diff.added]
    told += [f"−{name}" for name in diff.removed]
    told += [f"{one.name} {one.before} → {one.after}" for one in diff.retyped]
    return ", ".join(told).replace("(-", "(−")


def _rows(diff: TableDiff) -> list[str]:
    if diff.same and diff.matched != "nothing":
        return ["the same table in other bytes"]
    if diff.reordered:
        return ["in another order"]
    counts: Mapping[str, int] = {
        "added": diff.rows_added,
        "removed": diff.rows_removed,
        "changed": diff.rows_changed,
    }
    some = {word: count for word, count in counts.items() if count}
    grown = diff.rows[0] != diff.rows[1]
    if not some or (grown and len(some) == 1):
        return []
    by = f" by {', '.join(diff.key)}" if diff.key else ""
    return [", ".join(f"{count:,} {word}" for word, count in some.items()) + by]


def details(diff: TableDiff, most: int = 20) -> list[tuple[str, str, str]]:
    """For each column with cells that differ: its name, how much they do, and an example."""
    found: list[tuple[str, str, str]] = []
    for one in diff.changes[:most]:
        cells = f"{one.cells:,} cell{'s' * (one.cells != 1)}"
        if one.largest is not None and one.mean is not None:
            by = f"by {_short(one.largest)}"
            cells += f", {by}" if one.cells == 1 else f", by {_short(one.mean)} on average, {by[3:]} at most"
        found.append((one.name, cells, example(diff, one)))
    if len(diff.changes) > most:
        found.append((f"… and {len(diff.changes) - most} more", "", ""))
    return found


def example(diff: TableDiff, change: ColumnChange) -> str:
    """Its first cell that differs, with the row's key or number: `id 7: 0.1 → 0.4`."""
    if not change.examples:
        return ""
    first = change.examples[0]
    names = diff.key or ("row",)
    row = ", ".join(f"{name} {value}" for name, value in zip(names, first.row, strict=False))
    return f"{row}: {_cell(first.before)} → {_cell(first.after)}"


def _cell(value: str | None) -> str:
    text = "nothing" if value is None else " ".join(value.split()) or "''"
    if re.fullmatch(_DECIMAL, text):
        text = f"{float(text):.7g}"
    return text if len(text) <= 24 else f"{text[:23]}…"


def _short(value: float) -> str:
    return f"{value:.3g}"
