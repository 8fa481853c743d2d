"""Whether a path can be written to, found out before anything is touched."""

import os
from collections.abc import Iterable

from outdo.core.errors import BadPath, CantTrack
from outdo.core.model import Path
from outdo.store.files import unreadable


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


def refuse_case_clash(names: Iterable[Path]) -> None:
    """Raises `CantTrack` where two names differ only in case, which a disk that ignores case can't hold."""
    seen: dict[str, Path] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            what = f"'{other}' and '{name}' differ only in case, and this file system can't hold both"
            raise CantTrack(
                what, fix="rename one of them where the file system can, and add the folder again"
            )


def ignores_case(root: str) -> bool:
    """Whether the disk that holds a project takes `A` and `a` for one name."""
    return os.path.lexists(f"{root}/.OUTDO") and os.path.samefile(f"{root}/.OUTDO", f"{root}/.outdo")


def _deepest(real: str, folder: Path) -> str:
    """Where the nearest folder above that is there really is; or the file that stands in its place."""
    while folder and not os.path.lexists(f"{real}/{folder}"):
        folder = os.path.dirname(folder)
    return os.path.realpath(f"{real}/{folder}" if folder else real)
