"""What is in a folder of a project: what Git has, what is tracked, what stages write."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from outdo.core.model import Entry, Path

Keeper = Literal["git", "data", "output"]
"""Who keeps it: Git itself; the store, with a pointer in Git; the store, as a stage's output."""

Inside = Callable[[Entry, Path], Iterable[tuple[Path, int]]]
"""The files in a kept folder, at or under a path in it, with their sizes; paths are from that path."""


class Held(Struct, frozen=True):
    """A file or a folder that a listing shows."""

    path: Path
    kind: Literal["file", "folder"]
    keeper: Keeper
    size: int = 0
    files: int = 1
    tracked: bool = False
    """Whether a pointer or a stage names this very path."""


def list_folder(
    folder: Path,
    git: Iterable[tuple[Path, int]],
    kept: Mapping[Path, tuple[Keeper, Entry]],
    inside: Inside,
    *,
    recursive: bool = False,
) -> list[Held]:
    """What is in a folder (`.` for all), sorted: its files and folders, or with `recursive` all files below it."""
    found = [*_of_git(folder, git), *_of_store(folder, kept, inside, recursive=recursive)]
    if recursive:
        return sorted(found, key=lambda one: one.path)
    return list(_gathered(folder, found))


def _of_git(folder: Path, git: Iterable[tuple[Path, int]]) -> Iterator[Held]:
    for path, size in git:
        if is_in(path, folder):
            yield Held(path, "file", "git", size)


def _of_store(
    folder: Path, kept: Mapping[Path, tuple[Keeper, Entry]], inside: Inside, *, recursive: bool
) -> Iterator[Held]:
    for path, (keeper, entry) in kept.items():
        below = is_in(path, folder)
        if not below and not is_in(folder, path):
            continue
        if entry.kind == "file":
            yield Held(path, "file", keeper, entry.size, tracked=True)
        elif below and not recursive and path != folder:
            yield Held(path, "folder", keeper, entry.size, entry.files, tracked=True)
        else:
            under = "" if below else folder[len(path) + 1 :]
            top = path if below else folder
            for name, size in inside(entry, under):
                yield Held(f"{top}/{name}" if name else top, "file", keeper, size)


def _gathered(folder: Path, found: Iterable[Held]) -> Iterator[Held]:
    """One for each name directly in the folder."""
    cut = 0 if folder == "." else len(folder) + 1
    names: dict[Path, list[Held]] = {}
    for one in found:
        names.setdefault(one.path[cut:].partition("/")[0], []).append(one)
    for name in sorted(names):
        some, path = names[name], f"{folder}/{name}" if cut and name else name or folder
        if len(some) == 1 and some[0].path == path:
            yield some[0]
        else:
            keepers = {one.keeper for one in some}
            keeper = some[0].keeper if len(keepers) == 1 else "git"
            yield Held(path, "folder", keeper, sum(one.size for one in some), sum(one.files for one in some))


def is_in(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or in it; all are in `.`."""
    return folder == "." or path == folder or path.startswith(f"{folder}/")
