"""Names that some disks take for one: those that differ in case, or in how Unicode writes the same letters."""

from collections.abc import Iterable

from msgspec import Struct

from outdo.core.errors import CantTrack
from outdo.core.model import Path


class Disk(Struct, frozen=True):
    """What a file system makes no difference of."""

    case: bool = False
    """`A` and `a`, as on macOS and Windows."""
    form: bool = False
    """A letter with its accent as one sign or as two, as on macOS."""

    def name(self, path: Path) -> str:
        """What all paths have in common that are one to it."""
        name = path.casefold() if self.case else path
        return _composed(name) if self.form else name


def clash(paths: Iterable[Path], disk: Disk) -> tuple[Path, Path] | None:
    """The first two that can't both be there, be it files or the folders they are in; None where there are none."""
    seen: dict[str, Path] = {}
    for whole in paths:
        path = whole
        while path:
            other = seen.setdefault(disk.name(path), path)
            if other is not path:
                if other != path:
                    return other, path
                break  # and so are all above it
            path = path.rpartition("/")[0]
    return None


def refuse(paths: Iterable[Path], disk: Disk) -> None:
    """Raises `CantTrack` where two of these paths can't both be there."""
    both = clash(paths, disk) if disk.case or disk.form else None
    if both is not None:
        one, other = both
        how = "how Unicode writes the same letters" if _composed(one) == _composed(other) else "case"
        what = f"'{one}' and '{other}' differ only in {how}, and this file system can't hold both"
        raise CantTrack(what, fix="rename one of them where the file system can, and add the folder again")


def _composed(name: str) -> str:
    from unicodedata import normalize  # nearly no disk needs it

    return normalize("NFC", name)
