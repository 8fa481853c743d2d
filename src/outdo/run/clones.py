"""Other repositories, fetched by Git into a cache of bare ones, and read from there: nothing of theirs is run."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blake3 import blake3

from outdo.core.model import Path
from outdo.run.git import Refused, git

SECONDS = 3600.0
"""How long a repository may take to be fetched."""
BATCH = 64_000_000
"""Bytes of blobs that are read at a time."""

_PROTOCOLS = {"GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git"}
_SAFE = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "gc.auto=0")


class Clone(NamedTuple):
    """A commit in a bare repository."""

    folder: str
    commit: str


class Blob(NamedTuple):
    """A file in a commit."""

    path: Path
    mode: str
    """`100644`, `100755`, `120000` for a link, `160000` for a repository within the repository."""
    name: str
    size: int


def clone(cache: str, url: str, rev: str = "") -> Clone:
    """The commit that `rev` means in the repository at `url` now, with all its files here; without `rev` the commit of
    its own branch. Raises `Refused`."""
    folder = os.path.join(cache, blake3(url.encode("utf-8", "surrogateescape")).hexdigest()[:20])
    if not os.path.exists(os.path.join(folder, "HEAD")):
        os.makedirs(cache, exist_ok=True)
        git(cache, [*_SAFE, "init", "--quiet", "--bare", "--", folder])
    if _is_commit(rev) and _known(folder, rev):
        return Clone(folder, rev)
    wanted = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+HEAD:refs/outdo/head"]
    words = ["fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
    git(folder, [*_SAFE, *words, "--", url, *wanted], env=_PROTOCOLS, seconds=SECONDS)
    commit = _known(folder, rev) if rev else _known(folder, "refs/outdo/head")
    if commit is None:
        raise Refused(f"it has no branch, tag or commit '{rev}'" if rev else "it has no commit yet")
    return Clone(folder, commit)


def blobs(found: Clone) -> list[Blob]:
    """All files of a commit."""
    listed: list[Blob] = []
    for line in git(found.folder, ["ls-tree", "-r", "-l", "-z", found.commit]).split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, _, name, size = about.decode().split()
        listed.append(Blob(os.fsdecode(path), mode, name, int(size) if size.isdigit() else 0))
    return listed


def read(found: Clone, wanted: Iterable[Blob]) -> Iterator[tuple[Blob, bytes]]:
    """The files with their bytes, some at a time."""
    batch: list[Blob] = []
    for blob in wanted:
        batch.append(blob)
        if sum(one.size for one in batch) > BATCH:
            yield from _read(found, batch)
            batch = []
    yield from _read(found, batch)


def _read(found: Clone, batch: list[Blob]) -> Iterator[tuple[Blob, bytes]]:
    asked = "".join(f"{blob.name}\n" for blob in batch).encode()
    answer = memoryview(git(found.folder, ["cat-file", "--batch"], asked) if batch else b"")
    at = 0
    for blob in batch:
        start = at + len(f"{blob.name} blob {blob.size}\n")
        at = start + blob.size + 1
        yield blob, bytes(answer[start : at - 1])


def _is_commit(word: str) -> bool:
    return len(word) == 40 and set(word) <= set("0123456789abcdef")


def _known(folder: str, rev: str) -> str | None:
    for name in (rev, f"refs/heads/{rev}", f"refs/tags/{rev}"):
        try:
            words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
            return git(folder, words).decode().strip() or None
        except Refused:
            continue
    return None
