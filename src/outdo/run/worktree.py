"""A second work tree of the code as it stands now, to run something in without touching the first."""

import os
import shutil
from collections.abc import Iterable

from outdo.core.model import Path
from outdo.run.git import git

STATE = ".outdo"
_QUIET = ("-c", f"core.hooksPath={os.devnull}")


def make_worktree(root: str, folder: str, without: Iterable[Path]) -> str:
    """Makes a work tree of the repository of `root` at `folder`, and returns where the project is in it.

    It has a copy of each file that Git tracks or would track, edits that are not committed among them, and a link to
    what Git ignores; what is in `without` (from `root`) is left out. Raises `Refused` outside Git, and before the
    first commit."""
    remove_worktree(root, folder)
    asked = git(root, ["rev-parse", "--show-toplevel", "--show-prefix"])
    top, prefix = (os.fsdecode(part) for part in asked.removesuffix(b"\n").split(b"\n", 1))
    left_out = {os.path.normpath(prefix + path) for path in without}
    git(top, [*_QUIET, "worktree", "add", "--quiet", "--detach", "--no-checkout", folder, "HEAD"])
    git(folder, ["read-tree", "HEAD"])
    for name in _listed(top, "--cached", "--others", "--exclude-standard"):
        if not _is_in(name, left_out):
            _copy(f"{top}/{name}", f"{folder}/{name}")
    for name in _listed(top, "--others", "--ignored", "--exclude-standard", "--directory"):
        _link(top, folder, name.rstrip("/"), left_out)
    place = os.path.join(folder, prefix)
    os.makedirs(place, exist_ok=True)
    return place.rstrip("/")


def remove_worktree(root: str, folder: str) -> None:
    """Nothing is at `folder` any more, and Git knows of no work tree there; what links in it lead to stays."""
    if os.path.lexists(folder):
        shutil.rmtree(folder)
    git(root, ["worktree", "prune"])


def _listed(top: str, *which: str) -> list[str]:
    return sorted({os.fsdecode(name) for name in git(top, ["ls-files", "-z", *which]).split(b"\0")[:-1]})


def _is_in(name: str, folders: set[str]) -> bool:
    while name and name not in folders:
        name = name.rpartition("/")[0]
    return bool(name)


def _copy(place: str, target: str) -> None:
    """The file or the link with its times; nothing for what is gone, or is a repository of its own."""
    if not os.path.lexists(place) or (os.path.isdir(place) and not os.path.islink(place)):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(place, target, follow_symlinks=False)


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
