"""Whether a path can be written to, found out before anything is touched."""

import os
from collections.abc import Callable, Iterable, Iterator

from outdo.app.project import Project
from outdo.core.clashes import Disk, refuse
from outdo.core.errors import BadPath, CantTrack, UserError
from outdo.core.model import Entry, Path
from outdo.store.files import unreadable
from outdo.store.nodes import Tree


def refuse_strays(root: str, paths: Iterable[Path]) -> None:
    """Raises `BadPath` where a path leads out of the project or into what is Git's or Outdo's own, and `CantTrack`
    where a file stands in the place of a folder it is in."""
    real = os.path.realpath(root)
    for path in paths:
        folder = os.path.dirname(path)
        try:
            there = os.path.realpath(f"{real}/{folder}", strict=True) if folder else real
        except (FileNotFoundError, NotADirectoryError):
            there = _deepest(real, folder)
        except OSError as error:  # links in a ring
            raise unreadable(error, folder) from error
        if there != real and not there.startswith(f"{real}/"):
            raise BadPath(
                f"'{path}' leads out of the project, to '{there}'", fix=f"remove the link above '{path}'"
            )
        inner = there[len(real) + 1 :].split("/")
        if inner[0] in (".git", ".outdo"):
            raise BadPath(f"'{path}' leads into '{inner[0]}'", fix=f"remove the link above '{path}'")
        if not os.path.isdir(there):
            what = (
                f"'{os.path.relpath(there, real)}' is a file, and '{path}' should be in a folder of that name"
            )
            raise CantTrack(what, fix="move the file away")


Wanted = tuple[Path, Entry, Callable[[Entry], Tree]]
"""A path with what it shall hold, and how a folder is looked into."""


def refuse_clashes(project: Project, wanted: Iterable[Wanted]) -> None:
    """Raises `CantTrack` where what these paths shall hold has names that the disk takes for one. Folders are looked
    into only on such a disk; one that is not here yet has no names."""
    project.make_state()
    refuse(_names(wanted), disk_of(project.state))


def disk_of(folder: str) -> Disk:
    """What the disk that holds a folder makes no difference of, found out by trying."""
    path = f"{folder}/Trié-{os.urandom(6).hex()}"
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except (OSError, UnicodeError):
        return Disk()
    try:
        return Disk(
            os.path.lexists(path.replace("Tri", "tRI")), os.path.lexists(path.replace("é", "e\u0301"))
        )
    finally:
        os.unlink(path)


def _names(wanted: Iterable[Wanted]) -> Iterator[Path]:
    for path, entry, read in wanted:
        yield path
        try:
            inside = read(entry) if entry.kind == "tree" else Tree()
        except UserError:
            continue
        yield from (f"{path}/{name}" for name, *_ in inside.files)
        yield from (f"{path}/{name}" for name, _ in inside.links)
        yield from (f"{path}/{name}" for name in inside.folders)


def _deepest(real: str, folder: Path) -> str:
    """Where the nearest folder above that is there really is; or the file that stands in its place."""
    while folder and not os.path.lexists(f"{real}/{folder}"):
        folder = os.path.dirname(folder)
    return os.path.realpath(f"{real}/{folder}" if folder else real)
