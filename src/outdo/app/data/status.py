"""The verb `data status`: how tracked paths stand, in the workspace, in Git and in the store."""

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from outdo.app.data.loss import same
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.compare import FileChange, file_changes
from outdo.core.errors import UserError
from outdo.core.model import Digest, Entry, Path
from outdo.run.git import Refused, git, in_repository
from outdo.store.nodes import Tree

Workspace = Literal["same", "modified", "missing", "unknown"]
"""unknown: the pointer does not say what the path shall hold."""
InGit = Literal["committed", "added", "modified", "deleted", "none"]
"""How the pointer differs from the last commit; none: the project is in no repository."""


class Renamed(Struct, frozen=True):
    """A file that has another name in its folder and the same content."""

    before: Path
    after: Path


class State(Struct, frozen=True):
    """How one tracked path stands."""

    path: Path
    pointer: Path
    workspace: Workspace
    git: InGit
    held: bool
    """Whether the store has all that the pointer names."""
    entry: Entry | None = None
    """What the pointer names."""
    now: Entry | None = None
    """What the path holds."""
    files: tuple[FileChange, ...] = ()
    """Of a folder that was modified, what differs in it, where that was asked for."""
    renamed: tuple[Renamed, ...] = ()


class Status(Struct, frozen=True):
    """How all that was asked for stands."""

    paths: tuple[State, ...]

    @property
    def clean(self) -> bool:
        """Whether every path is as its pointer says, and every pointer as the last commit."""
        return all(
            one.workspace == "same" and one.git in ("committed", "none") and one.held for one in self.paths
        )


def status(project: Project, words: Sequence[Path] = (), *, granular: bool = False) -> Status:
    """How tracked paths stand; raises `NotTracked`."""
    tracking = Tracking(project)
    targets = tracking.meant(words)
    now = tracking.look(targets)
    in_git = _in_git(tracking)
    states = [_state(tracking, target, now.get(target.path), in_git, granular) for target in targets]
    if not words:
        known = {one.pointer for one in tracking.all.values()}
        states += [
            _gone(tracking, pointer)
            for pointer, kind in in_git.items()
            if kind == "deleted" and pointer not in known
        ]
    project.stat.save()
    return Status(tuple(states))


def _state(
    tracking: Tracking, target: Target, now: Entry | None, in_git: Mapping[Path, InGit], granular: bool
) -> State:
    way, pointer = tracking.way(target.tracked), target.tracked.pointer
    known = "none" if not in_repository(tracking.project.root) else in_git.get(pointer, "committed")
    try:
        entry = tracking.wanted(target)
        held = entry is None or way.keeper.holds(entry)
    except UserError:
        entry, held = None, False
    place: Workspace = "same"
    if now is None:
        place = "missing"
    elif entry is None:
        place = "unknown"
    elif not same(now, entry):
        place = "modified"
    files: tuple[FileChange, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    if (
        granular
        and place == "modified"
        and entry
        and entry.kind == "tree"
        and now
        and now.kind == "tree"
        and held
    ):
        files, renamed = _files(way.parts.tree(entry), way.keeper.listing(target.path))
    return State(target.path, pointer, place, known, held, entry, now, files, renamed)


def _gone(tracking: Tracking, pointer: Path) -> State:
    suffix = tracking.way_of(pointer).pointers.suffix
    return State(pointer.removesuffix(suffix), pointer, "unknown", "deleted", True)


def _files(before: Tree, after: Tree) -> tuple[tuple[FileChange, ...], tuple[Renamed, ...]]:
    old, new = contents(before), contents(after)
    found = file_changes(old, new)
    added: dict[tuple[Digest, bool], list[Path]] = {}
    for one in found:
        if one.kind == "added":
            added.setdefault(new[one.path], []).append(one.path)
    renamed = [
        Renamed(one.path, added[old[one.path]].pop())
        for one in found
        if one.kind == "removed" and added.get(old[one.path])
    ]
    moved = {path for one in renamed for path in (one.before, one.after)}
    return tuple(one for one in found if one.path not in moved or one.kind == "changed"), tuple(renamed)


def contents(tree: Tree) -> dict[Path, tuple[Digest, bool]]:
    """For each file and link of a folder what it is, to be compared."""
    links = {name: (Digest(f"link to {target}"), False) for name, target in tree.links}
    return {name: (digest, executable) for name, digest, _, executable in tree.files} | links


def _in_git(tracking: Tracking) -> dict[Path, InGit]:
    """The pointers that differ from the last commit, and how."""
    root = tracking.project.root
    if not in_repository(root):
        return {}
    globs = [f":(glob)**/*{way.pointers.suffix}" for way in tracking.ways]
    found: dict[Path, InGit] = {}
    kinds: Mapping[bytes, InGit] = {b"A": "added", b"D": "deleted"}
    try:
        words = [
            "diff",
            "--name-status",
            "-z",
            "--no-renames",
            "--no-ext-diff",
            "--relative",
            "HEAD",
            "--",
            *globs,
        ]
        told = git(root, words).split(b"\0")[:-1]
        for kind, name in zip(told[::2], told[1::2], strict=True):
            found[os.fsdecode(name)] = kinds.get(kind, "modified")
        words = ["ls-files", "-z", "--others", "--exclude-standard", "--", *globs]
        for name in git(root, words).split(b"\0")[:-1]:
            found[os.fsdecode(name)] = "added"
    except Refused:  # before the first commit
        return {one.pointer: "added" for one in tracking.all.values()}
    return found
