"""A commit beside the files as they are, in two questions to Git; the work tree, the index and the history stay as they
are."""

import os
from collections.abc import Collection, Sequence

from msgspec import Struct

from outdo.core.compare import LineChange
from outdo.core.model import Path
from outdo.run.git import git
from outdo.run.revisions import parsed
from outdo.run.source import UNTRACKED_LIMIT

_UNMERGED, _UNTRACKED = b"M", b"?"
_LOOKED_INTO = 8000
"""Bytes of a file that Git looks for a NUL in, to tell whether it is text."""


class Here(Struct, frozen=True):
    """The files under a folder, and in what they differ from a commit."""

    changes: Sequence[LineChange]
    """By path."""
    names: Sequence[Path]
    """All files that Git tracks or would track, and those of the commit, in any order; also what is no code."""


def beside(
    root: str, commit: str, without: Collection[Path], data: tuple[str, ...], *, back: bool = False
) -> Here | None:
    """The files under `root` beside a commit, but for what is at or in `without`, and new files whose names end in
    `data`. With `back` the changes lead from the files to the commit.

    None where only a tree of the whole workspace (`read_code`, `line_changes`) tells what differs: Git has left a merge
    open, or was told to forget a file, or new files are large, or some files have attributes of their own. Raises
    `Refused` where Git can't tell."""
    apart = frozenset(path.rstrip("/") for path in without)
    files: list[Path] = []
    new: list[Path] = []
    for line in git(root, ["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard"]).split(
        b"\0"
    ):
        kind, _, name = line.partition(b" ")
        path = os.fsdecode(name)
        if kind == _UNMERGED:
            return None
        if not path or path.endswith("/"):
            continue  # a repository in the repository is no code of this one
        files.append(path)
        if kind == _UNTRACKED and not path.endswith(data) and not _is_in(path, apart):
            new.append(path)
    added = _new(root, new, back=back) if new else []
    if added is None or (new and any(path.endswith(".gitattributes") for path in files)):
        return None
    words = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative", "-z"]
    words += ["--ignore-submodules=dirty", "--numstat", "--raw", *(["-R"] if back else []), commit, "--", "."]
    changed = {change.path: change for change in parsed(git(root, words))}
    if not changed.keys().isdisjoint(new):
        return None  # the commit has it, and the index does not
    code = [change for change in changed.values() if not _is_in(change.path, apart)]
    return Here(sorted([*code, *added], key=lambda change: change.path), [*{*files, *changed}])


def _new(root: str, paths: Sequence[Path], *, back: bool) -> list[LineChange] | None:
    """Files that Git does not track yet, counted as Git counts lines; None where that is much to read."""
    left = UNTRACKED_LIMIT
    found: list[LineChange] = []
    for path in paths:
        content = _content(os.path.join(root, path), left)
        if content is None:
            continue  # gone since, or no file that Git could take
        left -= len(content)
        if left < 0:
            return None
        is_text = b"\0" not in content[:_LOOKED_INTO]
        lines = content.count(b"\n") + (not content.endswith(b"\n") if content else 0) if is_text else None
        none = 0 if is_text else None
        found.append(
            LineChange(path, "removed", none, lines) if back else LineChange(path, "added", lines, none)
        )
    return found


def _content(place: str, limit: int) -> bytes | None:
    """What a file holds, or a link points to; more than `limit` bytes are not read."""
    try:
        if os.path.islink(place):
            return os.fsencode(os.readlink(place))
        with open(place, "rb") as file:
            return file.read(limit + 1)
    except OSError:
        return None


def _is_in(path: Path, folders: Collection[Path]) -> bool:
    """Whether a path is one of these, or in one."""
    while path and path not in folders:
        path = path.rpartition("/")[0]
    return bool(path)
