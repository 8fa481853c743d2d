"""Further work trees of the code as it stands now, to run something in without touching the first."""

import os
import shutil
import stat
from collections.abc import Iterable

from outdo.core.model import Path
from outdo.run.git import git
from outdo.store.files import remove

STATE = ".outdo"
_QUIET = ("-c", f"core.hooksPath={os.devnull}")
_AT_ONCE = 1 << 20
"""Bytes of a file that are copied in one step."""


def make_worktree(root: str, folder: str, without: Iterable[Path]) -> str:
    """Makes a work tree of the repository of `root` at `folder`, and returns where the project is in it.

    It has a copy of each file that Git tracks or would track, edits that are not committed among them, and a link to
    what Git ignores; what is in `without` (from `root`) is left out. Raises `Refused` outside Git, and before the
    first commit."""
    remove_worktree(root, folder)
    top, prefix = _place(root)
    left_out = {os.path.normpath(prefix + path) for path in without}
    git(top, [*_QUIET, "worktree", "add", "--quiet", "--detach", "--no-checkout", folder, "HEAD"])
    git(folder, ["read-tree", "HEAD"])
    made: set[str] = set()
    for name in _listed(top, "--cached", "--others", "--exclude-standard"):
        if not _is_in(name, left_out):
            _copy(top, folder, name, made)
    for name in _listed(top, "--others", "--ignored", "--exclude-standard", "--directory"):
        _link(top, folder, name.rstrip("/"), left_out)
    place = os.path.join(folder, prefix)
    os.makedirs(place, exist_ok=True)
    return place.rstrip("/")


def copy_worktree(root: str, base: str, folder: str) -> str:
    """Makes another work tree with all that the one at `base` holds, at the same commit, and returns where the project
    of `root` is in it."""
    _, prefix = _place(root)
    commit, index = git(base, ["rev-parse", "HEAD", "--git-path", "index"]).decode().split("\n", 2)[:2]
    git(root, [*_QUIET, "worktree", "add", "--quiet", "--detach", "--no-checkout", folder, commit])
    own = git(folder, ["rev-parse", "--git-path", "index"])
    shutil.copyfile(os.path.join(base, index), os.path.join(folder, os.fsdecode(own.rstrip(b"\n"))))
    made: set[str] = set()
    for name in _walk(base, ""):
        if name != ".git":
            _copy(base, folder, name, made)
    place = os.path.join(folder, prefix)
    os.makedirs(place, exist_ok=True)
    return place.rstrip("/")


def remove_worktree(root: str, folder: str) -> None:
    """Nothing is at `folder` any more, and Git knows of no work tree there; what links in it lead to stays."""
    remove(folder)
    git(root, ["worktree", "prune"])


def _place(root: str) -> tuple[str, str]:
    """The top of the repository, and the path of `root` in it."""
    asked = git(root, ["rev-parse", "--show-toplevel", "--show-prefix"])
    top, prefix = asked.removesuffix(b"\n").split(b"\n", 1)
    return os.fsdecode(top), os.fsdecode(prefix)


def _listed(top: str, *which: str) -> list[str]:
    return sorted({os.fsdecode(name) for name in git(top, ["ls-files", "-z", *which]).split(b"\0")[:-1]})


def _walk(folder: str, prefix: str) -> Iterable[str]:
    with os.scandir(os.path.join(folder, prefix)) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder, f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name


def _is_in(name: str, folders: set[str]) -> bool:
    while name and name not in folders:
        name = name.rpartition("/")[0]
    return bool(name)


def _copy(top: str, folder: str, name: str, made: set[str]) -> None:
    """The file or the link with its times; nothing for what is gone, or is a repository of its own. `made` are the
    folders that are there already."""
    parent = name.rpartition("/")[0]
    if parent not in made:
        os.makedirs(f"{folder}/{parent}", exist_ok=True)
        made.add(parent)
    place, target = f"{top}/{name}", f"{folder}/{name}"
    try:
        source = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError:
        if os.path.islink(place):
            os.symlink(os.readlink(place), target)
            return
        raise
    try:
        status = os.fstat(source)
        if not stat.S_ISREG(status.st_mode):
            return
        copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, status.st_mode & 0o777)
        try:
            while content := os.read(source, _AT_ONCE):
                while content:
                    content = content[os.write(copy, content) :]
            os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(copy)
    finally:
        os.close(source)


def _link(top: str, folder: str, name: str, left_out: set[str]) -> None:
    """A link to what is ignored; a folder that has something to leave out is made anew, with links in it."""
    if name in left_out or STATE in name.split("/"):
        return
    if any(each.startswith(f"{name}/") for each in (*left_out, STATE)):
        for inner in os.listdir(f"{top}/{name}"):
            _link(top, folder, f"{name}/{inner}", left_out)
        return
    target = f"{folder}/{name}"
    if not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(f"{top}/{name}", target)
