"""The tracked paths of a project: found, read, and which of them a person means."""

import os
from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from outdo.app.data.pointers import find_pointers, is_pointer, read_text
from outdo.app.data.ways import ways
from outdo.app.project import Project
from outdo.core.errors import BadPath, BadPointer, Mistakes, NotTracked, UserError
from outdo.core.hints import did_you_mean
from outdo.core.model import Entry, Path
from outdo.core.tracked import Tracked
from outdo.integrations.ports import Way


class Target(Struct, frozen=True):
    """What a person means: a tracked path, or a part of a tracked folder."""

    tracked: Tracked
    name: Path = ""
    """The part, by its path in the folder; empty means all."""

    @property
    def path(self) -> Path:
        return f"{self.tracked.path}/{self.name}" if self.name else self.tracked.path


class Tracking:
    """What is tracked in a project, as its pointer files say now."""

    def __init__(self, project: Project, known: Sequence[Path] | None = None) -> None:
        """`known` are the names of pointer files of whichever way, where they have been found already."""
        self.project = project
        self._known = known
        self.ways: Sequence[Way] = ways(project)
        """The first is how new paths are tracked."""

    @cached_property
    def pointers(self) -> Sequence[Path]:
        """The pointer files of its ways, sorted."""
        suffixes = [way.pointers.suffix for way in self.ways]
        if self._known is None:
            return find_pointers(self.project.root, suffixes)
        return [name for name in self._known if is_pointer(name, suffixes)]

    @cached_property
    def all(self) -> dict[Path, Tracked]:
        """Every tracked path; raises `Mistakes` with all that is wrong in any pointer."""
        found: dict[Path, Tracked] = {}
        mistakes: list[UserError] = []
        for pointer in self.pointers:
            try:
                for tracked in self.read(pointer):
                    other = found.get(tracked.path)
                    if other is not None and self.way(other) is not self.way(tracked):
                        if self.way(other) is self.ways[0]:
                            continue  # on its way from one to the other: the first counts
                    elif other is not None:
                        what = f"'{tracked.path}' is tracked by '{found[tracked.path].pointer}' too"
                        raise BadPointer(what, where=pointer, fix="remove one of the two")
                    found[tracked.path] = tracked
            except Mistakes as several:
                mistakes += several.mistakes
            except UserError as error:
                mistakes.append(error)
        if mistakes:
            raise mistakes[0] if len(mistakes) == 1 else Mistakes(mistakes)
        return found

    def read(self, pointer: Path) -> Sequence[Tracked]:
        """What one pointer file tracks."""
        text = read_text(self.project.root, pointer)
        return [] if text is None else self.way_of(pointer).pointers.read(pointer, text)

    def way_of(self, pointer: Path) -> Way:
        """The way of tracking that a pointer file is of."""
        return next(way for way in self.ways if pointer.endswith(way.pointers.suffix))

    def way(self, tracked: Tracked) -> Way:
        """The way in which a path is tracked."""
        return self.way_of(tracked.pointer)

    def wanted(self, target: Target) -> Entry | None:
        """What a target shall hold; None where its pointer does not say yet, or its folder has no such part. Raises
        `NotInStore` where a part is asked for and the folder's own listing is not here."""
        entry = target.tracked.entry
        return self.way(target.tracked).parts.part(entry, target.name) if entry and target.name else entry

    def look(self, targets: Iterable[Target]) -> dict[Path, Entry]:
        """What targets hold in the workspace; one that is not there is left out."""
        by_way: dict[str, tuple[Way, list[Path]]] = {}
        for target in targets:
            if os.path.lexists(os.path.join(self.project.root, target.path)):
                way = self.way(target.tracked)
                by_way.setdefault(way.pointers.suffix, (way, []))[1].append(target.path)
        return {path: one for way, paths in by_way.values() for path, one in way.keeper.look(paths).items()}

    def around(self, path: Path) -> Target | None:
        """What is tracked at a path or around it; looks for the pointers on the way only, where they are beside."""
        name = path
        while name:
            for way in self.ways:
                pointer = f"{name}{way.pointers.suffix}"
                if os.path.lexists(os.path.join(self.project.root, pointer)):
                    for tracked in self.read(pointer):
                        if path == tracked.path or path.startswith(f"{tracked.path}/"):
                            return Target(tracked, path[len(tracked.path) + 1 :])
            name = name.rpartition("/")[0]
        if len(self.ways) > 1:  # a `.dvc` file may name several paths, or have a name of its own
            for tracked in self.all.values():
                if path == tracked.path or path.startswith(f"{tracked.path}/"):
                    return Target(tracked, path[len(tracked.path) + 1 :])
        return None

    def inside(self, folder: Path) -> list[Tracked]:
        """What is tracked in a folder that is not itself."""
        return [one for one in self.all.values() if folder == "." or one.path.startswith(f"{folder}/")]

    def meant(self, words: Sequence[Path]) -> list[Target]:
        """What is meant by paths from the project's folder: tracked paths, parts of them, their pointers, and folders
        with tracked paths in them; all, where none is named. Raises `NotTracked`."""
        if not words:
            return [Target(tracked) for tracked in self.all.values()]
        found: dict[Path, Target] = {}
        for word in words:
            for target in self._meant(word):
                found[target.path] = target
        return list(found.values())

    def _meant(self, word: Path) -> Iterable[Target]:
        suffixes = tuple(way.pointers.suffix for way in self.ways)
        if word.endswith(suffixes) and os.path.isfile(os.path.join(self.project.root, word)):
            return [Target(tracked) for tracked in self.read(word)]
        target = self.around(word)
        if target is not None:
            return [target]
        below = self.inside(word)
        if not below:
            hint = did_you_mean(word, self.all) or f"outdo data add {word}"
            raise NotTracked(f"'{word}' is not tracked", fix=hint)
        return [Target(tracked) for tracked in below]


def from_here(root: str, words: Iterable[str]) -> list[Path]:
    """Paths as a person wrote them in the current folder, from the project's folder; raises `BadPath`."""
    here = os.path.relpath(os.path.realpath(os.curdir), os.path.realpath(root))
    found: list[Path] = []
    for word in words:
        if os.path.isabs(word):
            folder, name = os.path.split(os.path.normpath(word))
            path = os.path.relpath(os.path.join(os.path.realpath(folder), name), os.path.realpath(root))
        else:
            path = os.path.normpath(os.path.join(here, word))
        if path == ".." or path.startswith("../"):
            raise BadPath(f"'{word}' is outside the project's folder", fix="copy it into the project first")
        found.append(path)
    return found
