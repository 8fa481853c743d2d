"""Tracked data as a run had it: put back with the run's code, of which the pointers are a part."""

from collections.abc import Collection, Mapping

from outdo.app.data.checkout import put
from outdo.app.data.loss import Wanted, refuse_loss
from outdo.app.data.pointers import find_pointers, is_pointer, read_text
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.model import Path


class Former:
    """The tracked paths at, in or around those that a run has `read`, and those of pointers that come with its code:
    `coming` names the folder each is in. Those in `gone` it did not have."""

    def __init__(
        self, project: Project, read: Collection[Path], coming: Mapping[Path, str], gone: Collection[Path]
    ) -> None:
        self._tracking = Tracking(project)
        suffixes = [way.pointers.suffix for way in self._tracking.ways]
        here = {path: project.root for path in find_pointers(project.root, suffixes) if path not in gone}
        there = {path: folder for path, folder in coming.items() if is_pointer(path, suffixes)}
        found = [
            Wanted(Target(tracked), tracked.entry)
            for pointer, folder in {**here, **there}.items()
            if (text := read_text(folder, pointer)) is not None
            for tracked in self._tracking.way_of(pointer).pointers.read(pointer, text)
            if tracked.entry is not None
            and (pointer in there or any(_touch(tracked.path, path) for path in read))
        ]
        self._held = [one for one in found if self._keeps(one)]
        self.lost = tuple(one.target.path for one in found if not self._keeps(one))
        """What the store does not hold any more, or not yet."""

    def refuse_loss(self) -> None:
        """Raises `WouldOverwrite`, before anything is touched, where something that is kept nowhere would be lost."""
        refuse_loss(self._tracking, self._held, force=False)

    def put(self) -> tuple[Path, ...]:
        """The paths that did not hold what the run had, and do now; its pointers are in place."""
        return tuple(one.path for one in put(self._tracking, self._held, link=False).placed)

    def _keeps(self, one: Wanted) -> bool:
        return self._tracking.way(one.target.tracked).keeper.holds(one.entry)


def _touch(one: Path, other: Path) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
