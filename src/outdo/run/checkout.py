"""A work tree at a commit, with the recorded difference put on top; the user's own is not touched."""

import os

from outdo.core.errors import NoReproduction
from outdo.run.git import Refused, git
from outdo.run.revisions import Revision
from outdo.run.worktree import remove_worktree

_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


def check_out(root: str, folder: str, revision: Revision) -> str:
    """Makes a work tree at `folder`, and returns where in it the project of `root` is; raises `NoReproduction`.

    Where something goes wrong nothing is left of it."""
    if revision.commit is None:
        raise NoReproduction("its code is in no commit", fix="commit, run it, and name that run")
    _check_commit(root, revision.commit)
    try:
        asked = git(root, ["rev-parse", "--show-toplevel", "--show-prefix"])
        top, prefix = (os.fsdecode(part) for part in asked.removesuffix(b"\n").split(b"\n", 1))
        git(root, [*_QUIET, "worktree", "add", "--quiet", "--force", "--detach", folder, revision.commit])
        _apply(folder, revision)
        _mend_links(top, folder)
    except Refused as refused:
        remove_worktree(root, folder)
        raise NoReproduction(f"no work tree could be made: {refused}") from None
    except BaseException:
        remove_worktree(root, folder)
        raise
    return os.path.join(folder, prefix).rstrip("/")


def _check_commit(root: str, commit: str) -> None:
    try:
        git(root, ["cat-file", "-e", f"{commit}^{{tree}}"])
    except Refused:
        shallow = _is_shallow(root)
        what = f"the commit {commit[:12]} is not in this repository"
        why = ": it is a shallow clone" if shallow else ": nobody has fetched it, or Git has cleared it away"
        fix = "git fetch --unshallow" if shallow else "git fetch, from where it was made"
        raise NoReproduction(what + why, fix=fix) from None


def _is_shallow(root: str) -> bool:
    try:
        return git(root, ["rev-parse", "--is-shallow-repository"]).strip() == b"true"
    except Refused:
        return False


def _apply(folder: str, revision: Revision) -> None:
    if not revision.patch:
        return
    try:
        git(folder, ["apply", "--binary", "--whitespace=nowarn", "-"], revision.patch)
    except Refused as refused:
        what = f"what differed from the commit {str(revision.commit)[:12]} does not apply to it: {refused}"
        raise NoReproduction(what, fix="name a run whose code was committed") from None


def _mend_links(top: str, folder: str) -> None:
    """Links that lead out of the repository by a relative way lead where they do in the user's own work tree."""
    for line in git(folder, ["ls-files", "-z", "--stage"]).split(b"\0")[:-1]:
        about, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        place = os.path.join(folder, path)
        if not about.startswith(b"120000") or not os.path.islink(place):
            continue
        target = os.readlink(place)
        inside = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if not os.path.isabs(target) and inside.split("/", 1)[0] == "..":
            os.unlink(place)
            os.symlink(os.path.normpath(os.path.join(top, inside)), place)
