"""The file of a plot to columns: CSV, TSV, JSON and YAML, read as DVC reads them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from posixpath import splitext

import msgspec
from msgspec import Struct

from outdo.core.errors import BadParams, BadPlot
from outdo.core.model import Path, Place, Value
from outdo.core.params import parse
from outdo.core.sketch import visible
from outdo.core.values import short

LARGEST = 500_000_000
"""Bytes of a file that is drawn."""
SUFFIXES = (".csv", ".tsv", ".json", ".yaml", ".yml")
IMAGES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}
"""Suffixes of pictures, and what a browser calls them."""

Column = Sequence[Value]


class Data(Struct, frozen=True):
    """The columns of a file by name, all of the same length; a cell of CSV is a text."""

    columns: Mapping[str, Column]
    last: str
    """The column that is drawn where none is named: the last one, of JSON that of its first list."""

    @property
    def rows(self) -> int:
        return len(self.columns[self.last])


def is_image(path: Path) -> bool:
    """Whether a file of this name is a picture."""
    return splitext(path)[1].lower() in IMAGES


def read(path: Path, content: bytes, *, header: bool = True) -> Data:
    """The columns in `content`, read as the suffix of `path` says; raises `BadPlot`.

    Without a `header` columns are called `0`, `1`, …"""
    suffix = splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        known = ", ".join((*SUFFIXES, *IMAGES))
        raise BadPlot(f"'{path}' is no file that can be drawn", fix=f"known are {known}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(path, content.count(b"\n", 0, error.start) + 1)
        raise BadPlot(f"'{path}' is not UTF-8 text", where=place, fix="save it as UTF-8") from None
    if not text.strip():
        raise BadPlot(f"'{path}' is empty")
    if suffix in (".csv", ".tsv"):
        return _rows(path, text, "\t" if suffix == ".tsv" else ",", header=header)
    return _items(path, _json(path, text) if suffix == ".json" else _yaml(path, text))


def floats(column: Column) -> list[float | None]:
    """The numbers in a column; None for what is none, or not finite."""
    return [_float(cell) for cell in column]


def _float(cell: Value) -> float | None:
    if isinstance(cell, bool) or cell is None or not isinstance(cell, str | int | float):
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        return None
    return value if value - value == 0 else None


# CSV and TSV.


def _rows(path: Path, text: str, delimiter: str, *, header: bool) -> Data:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise BadPlot(f"'{path}' can't be read: {error}", where=Place(path, reader.line_num)) from None
    names = rows.pop(0) if header else [str(i) for i in range(len(rows[0]))]
    if not rows:
        raise BadPlot(f"'{path}' has names of columns but no rows", where=Place(path, 1))
    width = len(names)
    if any(len(row) != width for row in rows):
        rows = [(row + [""] * width)[:width] for row in rows]
    return Data(dict(zip(names, zip(*rows, strict=True), strict=True)), names[-1])


# JSON and YAML.


def _json(path: Path, text: str) -> Value:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass  # it may hold NaN, which Python writes though JSON does not know it
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = Place(path, error.lineno, error.colno)
        raise BadPlot(f"'{path}' is not valid JSON: {error.msg}", where=place) from None
    except (ValueError, RecursionError):
        raise BadPlot(f"'{path}' nests too deep") from None


def _yaml(path: Path, text: str) -> Value:
    try:
        return parse(path, text)
    except BadParams as error:
        raise BadPlot(f"'{path}' can't be read: {error.what}", where=error.where) from None


def _items(path: Path, value: Value) -> Data:
    """The lists of mappings in `value`, wherever in it, beside each other: item by item, each with the same keys."""
    found: dict[str, list[Value]] = {}
    last = ""
    uneven = ""
    for items in _lists(value):
        keys = list(items[0])
        odd = next((i for i, item in enumerate(items) if item.keys() != items[0].keys()), None)
        if odd is not None:
            different = sorted(map(str, items[odd].keys() ^ items[0].keys()))
            uneven = uneven or f"item {odd} of its list has not the keys of the first: {', '.join(different)}"
            continue
        last = last or str(keys[-1])
        for key in keys:
            found.setdefault(str(key), []).extend(item[key] for item in items[len(found.get(str(key), [])) :])
    if not found:
        why = uneven or 'it holds no list of mappings, such as [{"step": 0, "loss": 0.5}]'
        raise BadPlot(f"'{path}' can't be drawn: {why}", where=path)
    longest = max(map(len, found.values()))
    return Data({name: [*cells, *[None] * (longest - len(cells))] for name, cells in found.items()}, last)


def _lists(value: Value) -> Iterator[list[dict[str, Value]]]:
    todo = [value]
    while todo:
        part = todo.pop(0)
        if isinstance(part, dict):
            todo[:0] = [inner for inner in part.values() if isinstance(inner, dict | list)]
        elif isinstance(part, list) and part and all(isinstance(item, dict) and item for item in part):
            yield part


def cell(value: Value) -> str:
    """A cell as a label: visible characters on one line."""
    return visible(value if isinstance(value, str) else short(value))
