"""Columns of words, aligned as a terminal shows them."""

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

from msgspec import Struct

from outdo.cli.paint import Paint, plain

GAP = "  "


class Cell(Struct, frozen=True):
    """A word with its colours."""

    text: str = ""
    styles: tuple[str, ...] = ()


class Column(Struct, frozen=True):
    """A title and a cell for each row; numbers stand to the right."""

    title: str
    cells: tuple[Cell, ...]
    right: bool = False


def aligned(columns: Sequence[Column], paint: Paint) -> list[str]:
    """One line for the titles, where there are any, and one for each row."""
    shown = [_lines(column, paint) for column in columns]
    lines = [GAP.join(parts).rstrip() for parts in zip(*shown, strict=True)]
    return lines if any(column.title for column in columns) else lines[1:]


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """As many of the first columns as fit beside each other, one at the least."""
    taken: list[Column] = []
    room = width + len(GAP)
    for column in columns:
        room -= _width(column) + len(GAP)
        if room < 0 and taken:
            break
        taken.append(column)
    return taken


def _lines(column: Column, paint: Paint) -> list[str]:
    width = _width(column)
    cells = [Cell(column.title, ("dim",)), *column.cells]
    return [_padded(cell, width, paint, right=column.right) for cell in cells]


def _padded(cell: Cell, width: int, paint: Paint, *, right: bool) -> str:
    text = plain(cell.text)
    space = " " * (width - cells(text))
    painted = paint(text, *cell.styles) if cell.styles else text
    return space + painted if right else painted + space


def _width(column: Column) -> int:
    return max(cells(column.title), *(cells(plain(cell.text)) for cell in column.cells), 0)


def cells(text: str) -> int:
    """How many places of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
