"""YAML of a person's own, in which only what changed is written anew: comments, order and quotes stay.

DVC keeps them in `.dvc` files too. A text that is not laid out a key a line is written anew from its values.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from outdo.core import document
from outdo.core.document import Document, Steps
from outdo.core.errors import Mistakes
from outdo.core.model import Value
from outdo.integrations.dvc.text import dump, dump_entry, scalar

_GONE = object()


class _Change(Struct, frozen=True):
    """One key of a mapping that takes another value, comes new, or goes."""

    mapping: Steps
    key: str
    before: Value
    after: Value


def edited(name: str, text: str, value: Mapping[str, Value]) -> str:
    """A text that holds `value`, as near as can be to `text`, which holds another; `name` is its file's."""
    read = document.parse(name, text)
    if not isinstance(read.value, dict):
        return dump(value)
    changes = list(_changes((), read.value, value))
    if not changes:
        return text
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if None in changes or not all(_apply(lines, read, change) for change in changes if change):
        return dump(value)
    made = "".join(line for line in lines if line)
    return made if _holds(name, made, value) else dump(value)


def _changes(
    path: Steps, before: Mapping[str, Value], after: Mapping[str, Value]
) -> Iterator[_Change | None]:
    """What turns one mapping into the other; None stands for what can't be said line by line."""
    for key, old in before.items():
        new = after.get(key, _GONE)
        if isinstance(old, dict) and isinstance(new, Mapping):
            yield from _changes((*path, key), old, new)
        elif isinstance(old, list) and isinstance(new, list | tuple) and len(old) == len(new):
            yield from _in_list((*path, key), old, new)
        elif not _same(old, new):
            yield _Change(path, key, old, new)
    for key in after:
        if key not in before:
            yield _Change(path, key, _GONE, after[key])


def _in_list(
    path: Steps, before: list[Value], after: list[Value] | tuple[Value, ...]
) -> Iterator[_Change | None]:
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if isinstance(old, dict) and isinstance(new, Mapping):
            yield from _changes((*path, index), old, new)
        elif not _same(old, new):
            yield None


def _apply(lines: list[str], read: Document, change: _Change) -> bool:
    """Whether the change is made in `lines`, whose number stays: a line that goes is empty, one that comes is
    behind another in its place."""
    if change.before is _GONE:
        return _insert(lines, read, change)
    place = read.place((*change.mapping, change.key), at_key=True)
    begin, line = place.column - 1, lines[place.line - 1]
    old = f"{change.key}: {_written(change.before)}"
    if not line.startswith(old, begin) or line[begin + len(old) :].strip()[:1] not in ("", "#"):
        return False
    rest = line[begin + len(old) :]
    if change.after is _GONE:
        if line[:begin].strip():  # it stands behind the dash of a list
            return False
        lines[place.line - 1] = ""
    elif isinstance(change.after, Mapping | list | tuple) and change.after:
        return False
    else:
        lines[place.line - 1] = f"{line[:begin]}{change.key}: {_written(change.after)}{rest}"
    return True


def _insert(lines: list[str], read: Document, change: _Change) -> bool:
    """Whether a new key stands behind the last of its mapping now."""
    mapping = read.value
    for step in change.mapping:
        mapping = mapping[step]
    if not mapping:
        return False
    places = [read.place((*change.mapping, key), at_key=True) for key in mapping]
    columns, last = {place.column for place in places}, max(place.line for place in places)
    if len(columns) > 1 or len({place.line for place in places}) < len(places):
        return False
    indent = columns.pop() - 1
    end = last
    while end < len(lines) and _belongs(lines[end], indent):
        end += 1
    lines[end - 1] += " " * indent + dump_entry(change.key, change.after, indent)
    return True


def _belongs(line: str, indent: int) -> bool:
    """Whether a line is still part of the value of a key that stands at `indent`."""
    begin = len(line) - len(line.lstrip(" "))
    return begin > indent or (begin == indent and line[begin:].startswith("- ") and bool(line.strip()))


def _written(value: Value) -> str:
    if value is None:
        return ""
    return scalar(value, 0, 0, fold=False) if isinstance(value, str) else str(value).lower()


def _holds(name: str, text: str, value: Mapping[str, Value]) -> bool:
    try:
        read = document.parse(name, text)
    except Mistakes:
        return False
    return not read.mistakes and _same(read.value, value)


def _same(one: Value, other: Value) -> bool:
    """Whether two values are alike, 1 and true told apart; lists and tuples are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)
