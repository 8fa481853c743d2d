"""The pointer files of a project, found and read as texts, whichever way they are of."""

import errno
import os
from collections.abc import Iterator, Sequence

from outdo.core.errors import BadPointer, Unreadable
from outdo.core.model import Path
from outdo.core.pointer import LIMIT
from outdo.run.git import Refused, git, in_repository

_CLOSED = (".git", ".outdo", ".dvc", ".venv", "node_modules", "__pycache__")


def find_pointers(root: str, suffixes: Sequence[str]) -> list[Path]:
    """All pointer files of a project, sorted: those that Git tracks or would track; outside Git those in any folder
    that is not itself tracked."""
    if in_repository(root):
        globs = [f":(glob)**/*{suffix}" for suffix in suffixes]
        words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *globs]
        try:
            listed = {os.fsdecode(name) for name in git(root, words).split(b"\0")[:-1]}
        except Refused:
            listed = set(_walk(root, tuple(suffixes)))
    else:
        listed = set(_walk(root, tuple(suffixes)))
    return sorted(name for name in listed if is_pointer(name, suffixes))


def is_pointer(name: Path, suffixes: Sequence[str]) -> bool:
    """Whether a file of this name is a pointer."""
    *folders, base = name.split("/")
    return (
        base.endswith(tuple(suffixes))
        and base not in suffixes
        and not any(part in _CLOSED for part in folders)
    )


def read_text(root: str, path: Path) -> str | None:
    """The text of a small file of the project; None where there is none. Raises `BadPointer` or `Unreadable`."""
    try:
        fd = os.open(os.path.join(root, path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            content = file.read(LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            kind = "a link" if error.errno == errno.ELOOP else "a folder"
            raise BadPointer(
                f"it is {kind}, and a pointer is a file", where=path, fix=f"remove '{path}'"
            ) from None
        raise Unreadable(f"'{path}' can't be read: {error.strerror}") from None
    if len(content) > LIMIT:
        raise BadPointer("it is larger than any pointer", where=path, fix=f"git checkout -- {path}")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadPointer("it is no text in UTF-8", where=path, fix=f"git checkout -- {path}") from None


def _walk(root: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    todo = [""]
    while todo:
        prefix = todo.pop()
        folders: list[Path] = []
        tracked: set[Path] = set()
        try:
            with os.scandir(f"{root}/{prefix}") as entries:
                for entry in entries:
                    name = f"{prefix}{entry.name}"
                    if entry.name.endswith(suffixes) and not entry.is_dir(follow_symlinks=False):
                        yield name
                        tracked |= {name.removesuffix(suffix) for suffix in suffixes}
                    elif entry.name not in _CLOSED and entry.is_dir(follow_symlinks=False):
                        folders.append(name)
        except OSError:
            continue
        todo += [f"{name}/" for name in folders if name not in tracked]
