"""Paths as a file may write them to paths from the project's folder, or why they can't be used."""

import re
from posixpath import join, normpath
from typing import NewType

from outdo.core.model import Path

FilePath = NewType("FilePath", str)
"""A path, normalised, from the project's folder."""

OwnPath = NewType("OwnPath", str)
"""A path, normalised, within the project's folder."""

PARTED = "::"
"""What parts the path of a database file from the name of a table in it: `data.db::flights`."""
DATABASES = (".db", ".sqlite", ".sqlite3", ".duckdb", ".ddb")
"""How the names of database files end."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def anywhere(written: str, folder: Path = ".") -> Path:
    """`written`, seen from `folder`, as a path from the project's folder; raises `ValueError` that says why not."""
    if not written.strip():
        raise ValueError("a path can't be empty")
    if "\0" in written:
        raise ValueError("a path can't hold a NUL character")
    if _URL.match(written):
        raise ValueError(f"'{written}' is a URL, and only files and folders are read and written so far")
    path = normpath(join(folder, written))
    return path[1:] if path.startswith("//") else path


def inside(written: str, folder: Path = ".") -> Path:
    """As `anywhere`, for a path that has to be in the project's folder."""
    path = anywhere(written, folder)
    if path == ".." or path.startswith(("/", "../")):
        raise ValueError(f"'{written}' is outside the project's folder")
    return path


def output(written: str, folder: Path = ".") -> Path:
    """As `inside`, for a path that a stage may write: a part of the project that nothing else owns."""
    path = inside(written, folder)
    if path == ".":
        raise ValueError("an output can't be the whole project")
    if path.partition("/")[0] in (".git", ".outdo"):
        raise ValueError(f"'{written}' is in '{path.partition('/')[0]}', which isn't a stage's to write")
    if path in ("outdo.yaml", "outdo.lock", "dvc.yaml", "dvc.lock"):
        raise ValueError(f"'{written}' describes the pipeline itself, so no stage may write it")
    if "*" in path:
        raise ValueError(f"'{written}' is a pattern, and an output has to be a file or a folder")
    return path


def file_of(path: str) -> str:
    """The path of the file, without the name of a table in it."""
    file, parted, _ = path.rpartition(PARTED)
    return file if parted and file.lower().endswith(DATABASES) else path
