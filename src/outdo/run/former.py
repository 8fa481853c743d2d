"""What locks and pointers have said in a repository's history, read from Git's objects."""

import os
from collections.abc import Iterator, Sequence

from outdo.core.errors import UnknownRevision
from outdo.core.keeping import Span
from outdo.run.git import Refused, git, in_repository
from outdo.run.revisions import resolve

_FILES = (":(top,glob)**/outdo.lock", ":(top,glob)**/*.outdo")
"""All of the repository, as a project's folder may have had another name."""
_AT_ONCE = 500


def former_texts(root: str, span: Span) -> Iterator[bytes]:
    """The text of every lock and pointer in this part of the history, and in the index; none outside Git.

    Raises `Refused` where Git can't tell, and `UnknownRevision`."""
    if not in_repository(root):
        return
    blobs = set(_in_index(root))
    blobs.update(_in_history(root) if span.all else _in_commits(root, _tips(root, span)))
    names = sorted(blob for blob in blobs if blob.strip("0"))
    for start in range(0, len(names), _AT_ONCE):
        yield from _texts(root, names[start : start + _AT_ONCE])


def _in_index(root: str) -> Iterator[str]:
    for line in git(root, ["ls-files", "--stage", "-z", "--", *_FILES]).split(b"\0")[:-1]:
        yield line.split(b" ")[1].decode()


def _in_history(root: str) -> Iterator[str]:
    words = ["log", "--all", "--reflog", "--full-history", "-m", "--root", "--raw", "--no-abbrev"]
    words += ["--no-renames", "--no-ext-diff", "--format=", "-z"]
    try:
        git(root, ["rev-parse", "--verify", "--quiet", "HEAD"])
        words.append("HEAD")
    except Refused:
        pass  # before the first commit
    for part in git(root, [*words, "--", *_FILES]).split(b"\0"):
        if part.lstrip(b"\n").startswith(b":"):
            _, _, before, after, _ = part.split(b" ", 4)
            yield before.decode()
            yield after.decode()


def _tips(root: str, span: Span) -> Iterator[str]:
    for word in span.revisions:
        commit = resolve(root, word)
        if commit is None:
            raise UnknownRevision(f"Git does not know '{word}'", fix="git branch --all; git tag")
        yield commit
    kinds = ["refs/heads", "refs/remotes"] * span.branches + ["refs/tags"] * span.tags
    if kinds:
        words = ["for-each-ref", "--format=%(objectname)^{commit}", *kinds]
        for name in git(root, words).decode().split():
            commit = resolve(root, name)
            if commit is not None:
                yield commit
    head = resolve(root, "HEAD")
    if head is not None:
        yield head


def _in_commits(root: str, commits: Iterator[str]) -> Iterator[str]:
    for commit in dict.fromkeys(commits):
        for line in git(root, ["ls-tree", "-r", "-z", "--full-tree", commit]).split(b"\0")[:-1]:
            about, _, path = line.partition(b"\t")
            if path.endswith(b".outdo") or os.path.basename(path) == b"outdo.lock":
                yield about.split(b" ")[2].decode()


def _texts(root: str, blobs: Sequence[str]) -> Iterator[bytes]:
    answer = git(root, ["cat-file", "--batch"], "".join(f"{blob}\n" for blob in blobs).encode())
    at = 0
    for blob in blobs:
        end = answer.index(b"\n", at)
        about = answer[at:end].split(b" ")
        at = end + 1
        if about[1:2] == [b"missing"]:
            raise Refused(f"Git has lost the object {blob[:12]}, a lock or a pointer of a former commit")
        length = int(about[2])
        yield answer[at : at + length]
        at += length + 1
