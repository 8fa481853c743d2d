"""How the commands of `outdo data` tell of paths. Here is no parser of arguments, as `status` is answered without."""

from collections.abc import Sequence

from msgspec import json

from outdo.cli.paint import Paint, plain
from outdo.core.model import Entry, Path
from outdo.core.wording import size

MANY = 20
"""Lines of one kind that are shown."""


def print_data(name: str, data: object) -> int:
    """Prints the one object of a command for programs."""
    print(json.encode({"schema": f"outdo.{name}/1", "status": "ok", "data": data}).decode())
    return 0


def shown(path: Path, entry: Entry | None) -> str:
    """A path as it is printed, a folder with a slash."""
    return plain(f"{path}/" if entry is not None and entry.kind == "tree" else path)


def sized(entry: Entry | None) -> str:
    """How much an entry is: `3 files, 1.2 MB`."""
    if entry is None:
        return ""
    files = "" if entry.kind == "file" else f"{entry.files:,} file{'' if entry.files == 1 else 's'}, "
    return f"{files}{size(entry.size)}"


def for_git(files: Sequence[Path], paint: Paint) -> str:
    """The next step where Git is to be told of files."""
    listed = " ".join(plain(quoted(file)) for file in files[:6]) + (" …" if len(files) > 6 else "")
    return paint(f"  next: git add {listed}", "dim")


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    from shlex import quote

    return quote(path)
