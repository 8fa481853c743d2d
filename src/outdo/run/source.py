"""The code a run had, asked of Git by its command line; and the lines of `.gitignore` for what the store keeps.

Nothing here changes the index, the history or the objects of the user's repository.
"""

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from outdo.core.model import Path
from outdo.run.git import Refused, git, in_repository
from outdo.store.atomic import write_atomic

UNTRACKED_LIMIT = 10_000_000
"""Bytes of all untracked files that a patch takes along."""
FILE_LIMIT = 10_000_000
"""Bytes of one changed file that a patch takes along."""
PATCH_LIMIT = 64_000_000
"""Bytes of a whole patch."""


class Code(Struct, frozen=True):
    """The code in a folder: a commit, and what differs from it."""

    commit: str | None = None
    """None outside Git, and before the first commit."""
    branch: str | None = None
    dirty: bool = False
    patch: bytes = b""
    """Made for `git apply` at the repository's top: changes to tracked files, and untracked ones that are not
    ignored."""
    left_out: tuple[Path, ...] = ()
    """Changed or untracked files that are too large for a patch, from the repository's top."""
    trouble: str = ""
    """Why Git did not answer, as a sentence; empty where there is none to ask."""


def read_code(root: str, without: Iterable[Path] = ()) -> Code:
    """The code in the repository of `root`; a plain `Code()` outside Git.

    What stages write is no code: the paths `without` (from `root`, with all that is in them) neither make it
    dirty nor are in the patch."""
    if not in_repository(root):
        return Code()
    try:
        return _read_code(root, frozenset(os.fsencode(path.rstrip("/")) for path in without))
    except Refused as refused:
        return Code(trouble=str(refused))


def tracked(root: str, paths: Sequence[Path]) -> list[Path]:
    """Those of `paths` that Git tracks, or tracks something in; none outside Git."""
    if not paths or not in_repository(root):
        return []
    try:
        listed = git(root, ["ls-files", "-z"]).split(b"\0")[:-1]
    except Refused:
        return []
    return [path for path in paths if _lists(listed, os.fsencode(path))]


def ignore(root: str, paths: Sequence[Path]) -> list[str]:
    """Makes Git ignore `paths`: those it does not yet ignore get a line in the `.gitignore` of their folder, which
    is otherwise left as it is. Returns the files that were changed, from `root`; none outside Git. A file that
    can't be written stays as it is: that costs an untracked file in `git status`, and never a run."""
    inside = [path for path in paths if not path.startswith(("../", "/"))]
    if not inside or not in_repository(root):
        return []
    skipped = ignored(root, inside)
    lines: dict[str, list[bytes]] = {}
    for path in inside:
        if path not in skipped:
            folder = _folder(root, path)
            name = os.path.relpath(path, folder or ".")
            lines.setdefault(os.path.join(folder, ".gitignore"), []).append(_rule(name))
    return [file for file, rules in lines.items() if _add(os.path.join(root, file), rules)]


def add_to_git(root: str, paths: Sequence[Path]) -> None:
    """Git takes these files, as far as they are there, into the next commit; outside Git nothing is done."""
    there = [path for path in paths if os.path.lexists(os.path.join(root, path))]
    if there and in_repository(root):
        try:
            git(root, ["add", "--", *there])
        except Refused:
            pass  # it costs a `git add` by hand, and never a run


def unignore(root: str, paths: Sequence[Path]) -> list[str]:
    """Takes the lines that `ignore` wrote for `paths` out of the `.gitignore` of their folder; one that is empty then
    is removed. Returns the files that were changed, from `root`."""
    changed: list[str] = []
    for path in paths:
        folder, name = os.path.split(path)
        file = os.path.join(folder, ".gitignore")
        if _take_out(os.path.join(root, file), _rule(name)):
            changed.append(file)
    return list(dict.fromkeys(changed))


# The code.


class _Changes(Struct, frozen=True):
    commit: str | None
    branch: str | None
    changed: list[bytes]
    untracked: list[bytes]


def _read_code(root: str, without: frozenset[bytes]) -> Code:
    found = _changes(git(root, ["status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all"]))
    if not found.changed and not found.untracked:
        return Code(found.commit, found.branch)
    asked = ["--show-toplevel", "--show-prefix", "--git-path", "index", "--git-path", "objects"]
    top, prefix, *store = git(root, ["rev-parse", *asked]).removesuffix(b"\n").rsplit(b"\n", 3)
    written = {path for path in (*found.changed, *found.untracked) if _is_in(path, prefix, without)}
    changed = [path for path in found.changed if path not in written]
    untracked = [path for path in found.untracked if path not in written]
    if not changed and not untracked:
        return Code(found.commit, found.branch)
    sizes = {path: _size(top, path) for path in (*changed, *untracked)}
    taken, left = _fitting(untracked, sizes)
    large = [path for path in changed if sizes[path] > FILE_LIMIT]
    unwanted = [*large, *written.intersection(found.changed)]
    try:
        index, objects = (os.path.join(os.fsencode(root), path) for path in store)
        patch = _patch(os.fsdecode(top), _Store(index, objects), taken, unwanted, found.commit)
    except Refused as refused:
        return Code(found.commit, found.branch, dirty=True, trouble=str(refused))
    left_out = tuple(sorted(os.fsdecode(path) for path in (*left, *large)))
    return Code(found.commit, found.branch, True, patch, left_out)


def _is_in(path: bytes, prefix: bytes, folders: frozenset[bytes]) -> bool:
    """Whether a path from the repository's top is one of `folders`, which are under `prefix`, or in one."""
    if not path.startswith(prefix):
        return False
    inner = path.removeprefix(prefix)
    while inner and inner not in folders:
        inner = inner.rpartition(b"/")[0]
    return bool(inner)


def _changes(status: bytes) -> _Changes:
    """What `git status --porcelain=v2 -z --branch` says."""
    commit = branch = None
    changed: list[bytes] = []
    untracked: list[bytes] = []
    parts = iter(status.split(b"\0"))
    for part in parts:
        kind, _, rest = part.partition(b" ")
        if kind == b"#":
            name, _, value = rest.partition(b" ")
            if name == b"branch.oid" and value != b"(initial)":
                commit = value.decode()
            if name == b"branch.head" and value != b"(detached)":
                branch = value.decode("utf-8", "replace")
        elif kind == b"?" and not rest.endswith(b"/"):
            untracked.append(rest)
        elif kind in (b"1", b"u"):
            changed.append(rest.split(b" ", 7 if kind == b"1" else 9)[-1])
        elif kind == b"2":
            changed.append(rest.split(b" ", 8)[-1])
            next(parts, None)
    return _Changes(commit, branch, changed, untracked)


def _size(top: bytes, path: bytes) -> int:
    try:
        return os.lstat(os.path.join(top, path)).st_size
    except OSError:
        return 0


def _fitting(paths: Iterable[bytes], sizes: Mapping[bytes, int]) -> tuple[list[bytes], list[bytes]]:
    """The smallest files that fit under the limit together, and the others."""
    room = UNTRACKED_LIMIT
    taken: list[bytes] = []
    left: list[bytes] = []
    for path in sorted(paths, key=lambda path: (sizes[path], path)):
        room -= sizes[path]
        (taken if room >= 0 else left).append(path)
    return taken, left


class _Store(NamedTuple):
    """A repository's own files."""

    index_file: bytes
    objects: bytes


def _patch(
    top: str, store: _Store, untracked: Sequence[bytes], without: Sequence[bytes], against: str | None
) -> bytes:
    """The difference to a commit, made on a copy of the index that knows the untracked files too."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="outdo-") as folder:
        env = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        if os.path.exists(store.index_file):
            shutil.copy2(os.fsdecode(store.index_file), env["GIT_INDEX_FILE"])
        if untracked:
            # Even an empty new file is an object to Git: it goes to a folder of its own, not to the user's.
            env["GIT_OBJECT_DIRECTORY"] = os.path.join(folder, "objects")
            env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.fsdecode(store.objects)
            os.mkdir(env["GIT_OBJECT_DIRECTORY"])
            add = ["add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul"]
            git(top, ["--literal-pathspecs", *add], b"\0".join(untracked), env)
        base = against or git(top, ["hash-object", "-t", "tree", "--stdin"]).strip().decode()
        words = ["diff", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv"]
        words += ["--no-renames", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short"]
        but = [f":(top,exclude,literal){os.fsdecode(path)}" for path in without]
        patch = git(top, [*words, base, "--", ":(top)", *but], env=env)
    if len(patch) > PATCH_LIMIT:
        raise Refused(f"the difference to the commit is {len(patch) // 1_000_000} MB and was not recorded")
    return patch


# What Git tracks and ignores.


def _lists(listed: Sequence[bytes], path: bytes) -> bool:
    """Whether a sorted list of files has `path` or something in it."""
    file, folder = path.rstrip(b"/"), path.rstrip(b"/") + b"/"
    at, under = bisect_left(listed, file), bisect_left(listed, folder)
    return listed[at : at + 1] == [file] or any(one.startswith(folder) for one in listed[under : under + 1])


def ignored(root: str, paths: Sequence[Path]) -> set[Path]:
    """Those of `paths` that some rule of Git's ignores; none outside Git."""
    if not paths or not in_repository(root):
        return set()
    asked = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)  # `:a` alone would be a pathspec
    try:
        told = git(root, ["check-ignore", "-z", "--no-index", "--stdin"], asked, accepted=(0, 1))
    except Refused:
        return set()
    return {os.fsdecode(path[2:]) for path in told.split(b"\0")[:-1]}


def _folder(root: str, path: Path) -> str:
    """The nearest folder above `path` that is there."""
    folder = os.path.dirname(path.rstrip("/"))
    while folder and not os.path.isdir(os.path.join(root, folder)):
        folder = os.path.dirname(folder)
    return folder


def _rule(name: str) -> bytes:
    """A line of `.gitignore` that means this path and no other."""
    rule = re.sub(r"[\\*?\[\]]", r"\\\g<0>", name.rstrip("/"))
    rule = re.sub(r"[\r\n]", "?", rule)  # a line can't hold them; `?` is any one character
    spaces = len(rule) - len(rule.rstrip(" "))
    return os.fsencode(f"/{rule.rstrip(' ')}" + "\\ " * spaces)


def _take_out(file: str, rule: bytes) -> bool:
    """Removes every line that is this rule; says whether there was one."""
    try:
        with open(file, "rb") as opened:
            lines = opened.read().splitlines(keepends=True)
    except OSError:
        return False
    left = [line for line in lines if line.rstrip(b"\r\n") != rule]
    if len(left) == len(lines):
        return False
    if left:
        write_atomic(file, b"".join(left))
    else:
        os.unlink(file)
    return True


def _add(file: str, rules: Sequence[bytes]) -> bool:
    """Appends the rules that the file lacks, with its line ends; says whether it did."""
    try:
        with open(file, "rb") as opened:
            content = opened.read()
    except FileNotFoundError:
        content = b""
    except OSError:
        return False
    present = set(content.splitlines())
    fresh = [rule for rule in dict.fromkeys(rules) if rule not in present]
    if not fresh:
        return False
    end = b"\r\n" if b"\r\n" in content else b"\n"
    first = end if content and not content.endswith(b"\n") else b""
    try:
        with open(file, "ab") as opened:
            opened.write(first + b"".join(rule + end for rule in fresh))
    except OSError:
        return False
    return True
