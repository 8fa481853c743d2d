"""Former code, read from Git's objects: the work tree, the index and the history stay as they are."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from outdo.core.compare import Kind, LineChange
from outdo.core.model import Path
from outdo.run.git import Refused, git, in_repository

MOST = 1000
"""How many files a patch between two revisions is of."""
_KINDS: Mapping[bytes, Kind] = {b"A": "added", b"D": "removed"}


class Revision(Struct, frozen=True):
    """A commit, and what differs from it; no commit stands for no code at all."""

    commit: str | None
    patch: bytes = b""


def resolve(root: str, word: str) -> str | None:
    """The commit that a branch, a tag or an expression such as `HEAD~2` means; None where Git knows none."""
    if not in_repository(root) or word.startswith("-"):
        return None
    words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{word}^{{commit}}"]
    try:
        return git(root, words).decode().strip() or None
    except Refused:
        return None


def is_experiment(root: str, word: str) -> bool:
    """Whether DVC keeps an experiment of this name, in `refs/exps`."""
    if not in_repository(root) or "/" in word:
        return False
    try:
        listed = git(root, ["for-each-ref", "--format=%(refname)", "refs/exps"]).decode("utf-8", "replace")
    except Refused:
        return False
    return any(ref.rpartition("/")[2] == word for ref in listed.splitlines())


def names(root: str, commit: str) -> list[Path]:
    """All files of the project at `root` in a commit."""
    listed = git(root, ["ls-tree", "-r", "-z", "--name-only", commit])
    return [os.fsdecode(name) for name in listed.split(b"\0")[:-1]]


def contents(root: str, commit: str, paths: Iterable[Path]) -> dict[Path, bytes]:
    """What these files of the project at `root` held in a commit; those that were not there are left out."""
    return _files(_objects(root, _names(commit, paths)))


def peek(root: str, word: str, paths: Iterable[Path]) -> tuple[str, dict[Path, bytes]] | None:
    """The commit that a word means, as `resolve` finds it, and what these files held in it, by one question."""
    if not in_repository(root) or word.startswith("-") or "\n" in word:
        return None
    name = f"{word}^{{commit}}"
    try:
        found = _objects(root, {"": name, **_names(name, paths)})
    except Refused:
        return None
    commit = found.pop("", None)
    return None if commit is None else (commit.name, _files(found))


class _Object(NamedTuple):
    name: str
    kind: bytes
    content: bytes


def _names(commit: str, paths: Iterable[Path]) -> dict[Path, str]:
    """What Git calls these files of a commit; none for a path that it can't be asked for so."""
    return {path: f"{commit}:./{path}" for path in paths if "\n" not in path and not path.startswith("/")}


def _objects(root: str, names: Mapping[Path, str]) -> dict[Path, _Object]:
    """The objects that Git has under these names, in one process."""
    asked = {path: os.fsencode(name) for path, name in names.items()}
    answer = git(root, ["cat-file", "--batch"], b"".join(name + b"\n" for name in asked.values()))
    found: dict[Path, _Object] = {}
    at = 0
    for path, name in asked.items():
        start = answer.index(b"\n", at) + 1
        head = answer[at : start - 1]
        if head in (name + b" missing", name + b" ambiguous"):
            at = start
            continue
        digest, kind, length = head.split(b" ")
        at = start + int(length) + 1
        found[path] = _Object(digest.decode(), kind, answer[start : at - 1])
    return found


def _files(found: Mapping[Path, _Object]) -> dict[Path, bytes]:
    return {path: one.content for path, one in found.items() if one.kind == b"blob"}


def line_changes(
    root: str, before: Revision, after: Revision, without: Sequence[Path] = ()
) -> list[LineChange]:
    """The files under `root` that differ between two revisions, but for those at or in `without`.

    Raises `Refused` where Git can't tell, for instance as it has lost a commit."""
    if before == after:
        return []
    with _Trees(root) as trees:
        old, new = (trees.of(each) for each in (before, after))
        but = [f":(exclude,literal){path.rstrip('/')}" for path in without]
        words = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative", "-z"]
        words += ["--numstat", "--raw", old, new, "--", ".", *but]
        return sorted(parsed(git(root, words, env=trees.env)), key=lambda change: change.path)


def patch_between(root: str, before: Revision, after: Revision, paths: Sequence[Path]) -> bytes:
    """The lines of these files that differ between two revisions, as `git diff` shows them.

    Raises `Refused` where Git can't tell."""
    if before == after:
        return b""
    with _Trees(root) as trees:
        old, new = (trees.of(each) for each in (before, after))
        words = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--relative"]
        return git(root, ["--literal-pathspecs", *words, old, new, "--", *paths[:MOST]], env=trees.env)


def edited(root: str) -> set[Path]:
    """The files under `root` that differ from the last commit, or are new and not ignored."""
    changed = git(root, ["diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD", "--", "."])
    new = git(root, ["ls-files", "-z", "--others", "--exclude-standard"])
    return {os.fsdecode(name) for name in (changed + new).split(b"\0")[:-1]}


def tracked_among(root: str, paths: Sequence[Path]) -> set[Path]:
    """Those of these files that Git tracks."""
    if not paths:
        return set()
    listed = git(root, ["ls-files", "-z", "--cached"]).split(b"\0")
    return {os.fsdecode(name) for name in listed}.intersection(paths)


def check_out(root: str, revision: Revision, paths: Sequence[Path], folder: str) -> str:
    """Writes these files of the project at `root`, as a revision has them, below `folder`, and returns the folder that
    stands for `root` there. Raises `Refused`."""
    prefix = os.fsdecode(git(root, ["rev-parse", "--show-prefix"]).rstrip(b"\n"))
    place = os.path.join(folder, prefix)
    os.makedirs(place, exist_ok=True)
    if paths:
        with _Trees(root) as trees:
            tree = trees.of(revision)
            env = {**trees.env, "GIT_INDEX_FILE": os.path.join(trees.folder, "files")}
            git(root, ["read-tree", tree], env=env)
            names = b"".join(os.fsencode(path) + b"\0" for path in paths)
            git(root, ["checkout-index", "-z", "--stdin", "--force", f"--prefix={folder}/"], names, env)
    return place


def commit_of(root: str, revision: Revision, files: Mapping[Path, str], message: str) -> str:
    """A commit with the code of a revision and these files of the project (path: where its bytes are), on top of the
    revision's commit; the commit itself where there is nothing to add. Only objects are written."""
    import tempfile

    prefix = os.fsdecode(git(root, ["rev-parse", "--show-prefix"]).rstrip(b"\n"))
    with tempfile.TemporaryDirectory(prefix="outdo-") as scratch:
        env = {"GIT_INDEX_FILE": os.path.join(scratch, "index")}
        git(root, ["read-tree", revision.commit or "HEAD"], env=env)
        if revision.patch:
            top = os.fsdecode(git(root, ["rev-parse", "--show-toplevel"]).rstrip(b"\n"))
            git(top, ["apply", "--cached", "--whitespace=nowarn", "-"], revision.patch, env)
        for path, place in files.items():
            blob = git(root, ["hash-object", "-w", "--no-filters", place]).decode().strip()
            git(root, ["update-index", "--add", "--cacheinfo", f"100644,{blob},{prefix}{path}"], env=env)
        tree = git(root, ["write-tree"], env=env).decode().strip()
    if revision.commit and tree == git(root, ["rev-parse", f"{revision.commit}^{{tree}}"]).decode().strip():
        return revision.commit
    above = ["-p", revision.commit] if revision.commit else []
    return git(root, ["commit-tree", tree, *above, "-F", "-"], message.encode()).decode().strip()


def add_branch(root: str, name: str, commit: str) -> None:
    """A new branch at a commit; raises `Refused` where there is one of this name, or it is no name for one."""
    git(root, ["check-ref-format", "--branch", name])
    git(root, ["update-ref", f"refs/heads/{name}", commit, "0" * 40])


class _Lines(NamedTuple):
    added: int | None
    removed: int | None


def parsed(told: bytes) -> Iterable[LineChange]:
    """What `git diff --numstat --raw -z` says."""
    kinds: dict[bytes, Kind] = {}
    lines: dict[bytes, _Lines] = {}
    parts = iter(told.split(b"\0"))
    for part in parts:
        if part.startswith(b":"):
            kinds[next(parts)] = _KINDS.get(part.rsplit(b" ", 1)[-1][:1], "changed")
        elif part:
            added, removed, path = part.split(b"\t", 2)
            lines[path] = _Lines(*(None if count == b"-" else int(count) for count in (added, removed)))
    for path, kind in kinds.items():
        count = lines.get(path, _Lines(None, None))
        yield LineChange(os.fsdecode(path), kind, *count)


class _Trees:
    """Trees of revisions, made in a folder of their own where they are in no commit: most are, and need none."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._scratch = ExitStack()
        self._top = ""
        self.env: dict[str, str] = {}
        """What Git needs to know to find the trees."""

    def __enter__(self) -> "_Trees":
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    @cached_property
    def folder(self) -> str:
        """A folder that is there until the trees are closed."""
        import tempfile

        return self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="outdo-"))

    def of(self, revision: Revision) -> str:
        """The name of the tree that a revision is."""
        if revision.commit and not revision.patch:
            return f"{revision.commit}^{{tree}}"
        self._begin()
        env = {**self.env, "GIT_INDEX_FILE": os.path.join(self.folder, "index")}
        base = revision.commit or git(self._top, ["mktree"], env=env).decode().strip()
        if not revision.patch:
            return base
        git(self._top, ["read-tree", base], env=env)
        git(self._top, ["apply", "--cached", "--whitespace=nowarn", "-"], revision.patch, env)
        return git(self._top, ["write-tree"], env=env).decode().strip()

    def _begin(self) -> None:
        """Has what Git writes from now on land in the folder."""
        if self._top:
            return
        asked = ["rev-parse", "--show-toplevel", "--git-path", "objects"]
        top, objects = git(self._root, asked).removesuffix(b"\n").rsplit(b"\n", 1)
        self._top = os.fsdecode(top)
        self.env["GIT_OBJECT_DIRECTORY"] = os.path.join(self.folder, "objects")
        known = os.fsdecode(os.path.join(os.fsencode(self._root), objects))
        self.env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = known
        os.mkdir(self.env["GIT_OBJECT_DIRECTORY"])
