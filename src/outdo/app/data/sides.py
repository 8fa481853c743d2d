"""Tracked data as workspaces, commits and runs hold it."""

from collections.abc import Mapping

from outdo.app.data.tracking import Target, Tracking, is_pointer
from outdo.app.project import Project
from outdo.app.sides import Held
from outdo.core.model import Entry, Path
from outdo.core.tracked import Tracked
from outdo.run import revisions

Entries = Mapping[Path, Entry]


def both(project: Project, old: Held, new: Held) -> tuple[Entries, Entries]:
    """What tracked paths hold on two sides. A run knows only what its stages read, so of the other side no more is
    told either."""
    tracking = Tracking(project)
    one, other = (_held(tracking, side) for side in (old, new))
    if _is_run(old) and _is_run(new):
        return {}, {}  # what two runs read differs in ways that are no change of tracked data
    if _is_run(old) or _is_run(new):
        return _common(one, other), _common(other, one)
    return one, other


def tracked_in(tracking: Tracking, commit: str) -> dict[Path, Tracked]:
    """What the pointers in a commit say, by path."""
    root = tracking.project.root
    suffixes = tuple(way.pointers.suffix for way in tracking.ways)
    names = [name for name in revisions.names(root, commit) if is_pointer(name, suffixes)]
    texts = revisions.contents(root, commit, names) if names else {}
    found: dict[Path, Tracked] = {}
    for pointer, content in texts.items():
        for one in tracking.way_of(pointer).pointers.read(pointer, content.decode("utf-8", "replace")):
            found[one.path] = one
    return found


def _held(tracking: Tracking, held: Held) -> Entries:
    if held.here:
        return tracking.look([Target(one) for one in tracking.all.values()])
    if _is_run(held):
        return held.read
    if held.code is None or held.code.commit is None:
        return {}
    found = tracked_in(tracking, held.code.commit)
    return {path: one.entry for path, one in found.items() if one.entry is not None}


def _is_run(held: Held) -> bool:
    return not held.here and held.side.params is None


def _common(one: Entries, other: Entries) -> Entries:
    return {path: entry for path, entry in one.items() if path in other}
