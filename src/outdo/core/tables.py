"""Tables as their shape: how many rows, which columns of which kind; and how two shapes differ."""

import csv
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

Kind = Literal["empty", "bool", "int", "float", "text"]

LOOKED_AT = 1000
"""How many rows tell the kind of a column of a text file."""
_WIDER: Sequence[Kind] = ("empty", "bool", "int", "float", "text")


class Column(Struct, frozen=True):
    """A column's name, and the kind of its values."""

    name: str
    kind: str


class Table(Struct, frozen=True):
    """The shape of a table."""

    rows: int
    columns: tuple[Column, ...]


class Retyped(Struct, frozen=True):
    """A column whose values are of another kind than before."""

    name: str
    before: str
    after: str


class TableChange(Struct, frozen=True):
    """How the shape of a table differs from what it was."""

    rows: tuple[int, int]
    """Before and after."""
    columns: tuple[int, int]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()


def shape_of(lines: Iterable[str], delimiter: str = ",") -> Table | None:
    """The shape of a table written as text, its first line the names; None where it can't be one."""
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        names = next(reader, [])
        kinds: list[Kind] = ["empty"] * len(names)
        rows = 0
        for row in reader:
            if not row:
                continue
            rows += 1
            if rows <= LOOKED_AT:
                for at, word in enumerate(row[: len(kinds)]):
                    kinds[at] = _wider(kinds[at], _kind(word))
    except csv.Error:
        return None
    return Table(rows, tuple(Column(*each) for each in zip(names, kinds, strict=True)))


def table_change(before: Table, after: Table) -> TableChange:
    """How `after` differs from `before`; the order of columns does not matter."""
    old = {column.name: column.kind for column in before.columns}
    new = {column.name: column.kind for column in after.columns}
    return TableChange(
        (before.rows, after.rows),
        (len(before.columns), len(after.columns)),
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(
            Retyped(name, kind, new[name]) for name, kind in old.items() if name in new and new[name] != kind
        ),
    )


def _kind(word: str) -> Kind:
    word = word.strip()
    if not word:
        return "empty"
    if word.lower() in ("true", "false"):
        return "bool"
    for kind, read in (("int", int), ("float", float)):
        try:
            read(word)
        except ValueError:
            continue
        return "int" if kind == "int" else "float"
    return "text"


def _wider(one: Kind, other: Kind) -> Kind:
    """The kind that holds values of both."""
    if "bool" in (one, other) and one != other and "empty" not in (one, other):
        return "text"
    return max(one, other, key=_WIDER.index)
