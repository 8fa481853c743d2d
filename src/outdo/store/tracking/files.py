"""Artifacts: names of files that are in the store by their content. No name is ever a path of the disk."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, delete, select

from outdo.core.model import Digest
from outdo.core.refusals import Invalid, Unknown
from outdo.store.tracking.tables import files
from outdo.store.tracking.writing import upsert

VERSIONS = "versions"
"""The folder of what pipelines have registered, each below the digest of its tree; it is written once."""


class Listed(Struct, frozen=True):
    """One thing in a folder; `size` is None for a folder in it."""

    name: str
    size: int | None


class File(Struct, frozen=True):
    """An artifact's bytes."""

    digest: Digest
    size: int


def put(connection: Connection, path: str, file: File) -> None:
    """The path holds this file; raises `Invalid` where it is a folder, or something above it is a file, or it is of
    a registered version."""
    _refuse_registered(path)
    if connection.scalar(select(files.c.path).where(_inside(path)).limit(1)) is not None:
        raise Invalid(f"'{path}' is a folder")
    above = path.split("/")[:-1]
    parents = ["/".join(above[: count + 1]) for count in range(len(above))]
    there = connection.scalar(select(files.c.path).where(files.c.path.in_(parents)).limit(1))
    if there is not None:
        raise Invalid(f"'{there}' is a file, so '{path}' can't be in it")
    upsert(connection, files, [{"path": path, "digest": file.digest, "size": file.size}], ["digest", "size"])


def find(connection: Connection, path: str) -> File:
    """The file at a path; raises `Unknown`."""
    row = connection.execute(select(files.c.digest, files.c.size).where(files.c.path == path)).first()
    if row is None:
        raise Unknown(f"No such artifact: '{path}'")
    return File(row.digest, row.size)


def listing(connection: Connection, folder: str) -> list[Listed]:
    """What is in a folder, folders in it among them, by name; nothing where there is no such folder."""
    return list(_listing(connection, folder))


def _listing(connection: Connection, folder: str) -> Iterator[Listed]:
    start = len(folder) + 1 if folder else 0
    here = _inside(folder) if folder else files.c.path.is_not(None)
    query = select(files.c.path, files.c.size).where(here).order_by(files.c.path).limit(1)
    row = connection.execute(query).first()
    while row is not None:
        name, slash, _ = row.path[start:].partition("/")
        yield Listed(name, None if slash else row.size)
        # What is in a folder is skipped, however much it is.
        behind = f"{row.path[:start]}{name}0" if slash else row.path
        after = files.c.path >= behind if slash else files.c.path > behind
        row = connection.execute(query.where(after)).first()


def below(connection: Connection, folder: str) -> Iterator[tuple[str, File]]:
    """All files in a folder and the folders in it, by their path from there."""
    query = select(files).where(_inside(folder)).order_by(files.c.path)
    for row in connection.execute(query):
        yield row.path[len(folder) + 1 :], File(row.digest, row.size)


def remove(connection: Connection, path: str) -> None:
    """Nothing is at a path any more, nor in it; the store keeps the bytes until they are collected. Raises `Invalid`
    for what is of a registered version."""
    _refuse_registered(path)
    connection.execute(delete(files).where((files.c.path == path) | _inside(path)))


def register(connection: Connection, tree: Digest, content: Iterable[tuple[str, File]]) -> str:
    """The folder with these files, the same one whenever it is the same tree."""
    folder = f"{VERSIONS}/{tree}"
    rows = [{"path": f"{folder}/{name}", "digest": file.digest, "size": file.size} for name, file in content]
    upsert(connection, files, rows)
    return folder


def _refuse_registered(path: str) -> None:
    if path.partition("/")[0] == VERSIONS:
        raise Invalid(f"'{path}' is of a registered version, and those never change")


def _inside(folder: str) -> ColumnElement[bool]:
    """Whether a path is in a folder: `0` comes right behind `/`."""
    return (files.c.path > f"{folder}/") & (files.c.path < f"{folder}0")
