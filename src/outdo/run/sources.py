"""Where the rows of a table are: a file, a folder of part files, or a table in a database file."""

import os
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from outdo.core.paths import DATABASES, PARTED, file_of
from outdo.core.tablekind import Kind, table_kind

KINDS = ".parquet, .csv, .tsv, .jsonl (the texts also as .gz or .zst), .arrow, a folder of these, or SQLite or DuckDB"
"""What can be read, in words."""
_ARROW = (".arrow", ".feather", ".ipc")
_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"


_SHOWN = 5
"""Tables of a database that a message names."""


class Unreadable(Exception):
    """There is no table that can be read; the text says why."""


class Part(Struct, frozen=True):
    """A file with some of the rows."""

    name: str
    """From the folder."""
    file: str


class Files(Struct, frozen=True):
    """A table in one file, or in all files of a folder."""

    kind: Kind | Literal["arrow"]
    parts: tuple[Part, ...]
    folder: bool = False


class Stored(Struct, frozen=True):
    """A table in a database file."""

    file: str
    engine: Literal["sqlite", "duckdb"]
    table: str
    """Empty for the only one."""


Source = Files | Stored


def source_of(path: str) -> Source:
    """Where the table at an absolute path is; raises `Unreadable`."""
    file = file_of(path)
    table = path[len(file) + len(PARTED) :]
    if os.path.isdir(file):
        return _folder(file)
    if not os.path.isfile(file):
        raise Unreadable("it is not here")
    if file.lower().endswith(DATABASES):
        return _stored(file, table)
    kind = _kind(file)
    if kind is None:
        raise Unreadable(f"it has to be {KINDS}")
    return Files(kind, (Part("", file),))


def reached(source: Source) -> list[str]:
    """The files that have to be read."""
    if isinstance(source, Files):
        return [part.file for part in source.parts]
    return [source.file, f"{source.file}.wal"] if source.engine == "duckdb" else []


def _kind(file: str) -> Kind | Literal["arrow"] | None:
    return "arrow" if os.path.splitext(file)[1].lower() in _ARROW else table_kind(file)


def _folder(folder: str) -> Files:
    """All part files below a folder, in the order of their names; what begins with `_` or `.` is none."""
    parts: list[Part] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        files = [os.path.join(place, name) for name in names if name[0] not in "._"]
        parts += [Part(os.path.relpath(file, folder), file) for file in files]
    parts.sort(key=lambda part: part.name)
    kinds = {part.name: _kind(part.file) for part in parts}
    if strange := [name for name, kind in kinds.items() if kind is None]:
        raise Unreadable(f"'{strange[0]}' in the folder is no part of a table: it has to be {KINDS}")
    if not parts:
        raise Unreadable("the folder has no part files")
    distinct = {kind: name for name, kind in kinds.items()}
    if len(distinct) > 1:
        one, other, *_ = sorted(distinct.values())
        raise Unreadable(f"the folder mixes kinds of files, such as '{one}' and '{other}'")
    [kind] = distinct
    assert kind is not None
    return Files(kind, tuple(parts), folder=True)


def _stored(file: str, table: str) -> Stored:
    with open(file, "rb") as opened:
        head = opened.read(16)
    if head.startswith(_SQLITE):
        return Stored(file, "sqlite", table)
    if head[8:12] == _DUCKDB:
        return Stored(file, "duckdb", table)
    raise Unreadable("it is neither an SQLite nor a DuckDB database")


def chosen(table: str, known: Sequence[str]) -> str:
    """The table that is meant: the one named, or the only one; raises `Unreadable`."""
    listed = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
    if not known:
        raise Unreadable("it has no tables")
    if not table:
        if len(known) > 1:
            raise Unreadable(f"it has several tables, say which behind '::': {listed}")
        return known[0]
    if table not in known:
        raise Unreadable(f"it has no table '{table}', but {listed}")
    return table
