"""Tracked data as workspaces, commits and runs hold it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from outdo.app.data.pointers import find_pointers, is_pointer
from outdo.app.lazy import lazy
from outdo.app.project import POINTERS, Project
from outdo.app.sides import Held
from outdo.core.model import Entry, Path
from outdo.run import revisions
from outdo.run.comparing import Here

if TYPE_CHECKING:
    from outdo.app.data.tracking import Tracking

Entries = Mapping[Path, Entry]


def both(project: Project, old: Held, new: Held, here: Here | None = None) -> tuple[Entries, Entries]:
    """What tracked paths hold on two sides. A run knows only what its stages read, so of the other side no more is
    told either. `here` is what Git has told of the workspace beside a commit."""
    if _is_run(old) and _is_run(new):
        return {}, {}  # what two runs read differs in ways that are no change of tracked data
    pointers = [_pointers(project.root, side, here) for side in (old, new)]
    if not any(pointers):
        return {}, {}  # without loading what reads them
    one, other = (_held(project, side, names) for side, names in zip((old, new), pointers, strict=True))
    if _is_run(old) or _is_run(new):
        return _common(one, other), _common(other, one)
    return one, other


def _pointers(root: str, held: Held, here: Here | None) -> Sequence[Path]:
    """The names of the pointer files that one side has, of whichever way; none of a run."""
    if here is not None:  # names of both sides: what one of them lacks is seen when it is read
        return sorted(name for name in here.names if is_pointer(name, POINTERS))
    if held.here:
        return find_pointers(root, POINTERS)
    if _is_run(held) or held.code is None or held.code.commit is None:
        return ()
    return [name for name in revisions.names(root, held.code.commit) if is_pointer(name, POINTERS)]


def _held(project: Project, held: Held, pointers: Sequence[Path]) -> Entries:
    if _is_run(held):
        return held.read
    tracking_module = lazy("outdo.app.data.tracking")
    tracking: Tracking = tracking_module.Tracking(project, pointers)
    if held.here:
        return tracking.look([tracking_module.Target(one) for one in tracking.all.values()])
    if held.code is None or held.code.commit is None:
        return {}
    texts = revisions.contents(project.root, held.code.commit, tracking.pointers) if pointers else {}
    found: dict[Path, Entry] = {}
    for pointer, content in texts.items():
        for one in tracking.way_of(pointer).pointers.read(pointer, content.decode("utf-8", "replace")):
            if one.entry is not None:
                found[one.path] = one.entry
            else:
                found.pop(one.path, None)
    return found


def _is_run(held: Held) -> bool:
    return not held.here and held.side.params is None


def _common(one: Entries, other: Entries) -> Entries:
    return {path: entry for path, entry in one.items() if path in other}
