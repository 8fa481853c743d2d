"""Names that some disks take for one: those that differ in case, or in how Unicode writes the same letters."""

from collections.abc import Iterable
from unicodedata import normalize

from msgspec import Struct

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
        return normalize("NFC", name) if self.form else name


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
