"""Which objects and results of a remote nobody needs, and removing them.

Who else works with it can't be seen as on this machine. So what is young stays, with all that a young result names,
and all that pushes rely on; docs/design/collection.md says why that is enough.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from blake3 import blake3

from outdo.core.errors import Damaged, NotInRemote, NotInStore
from outdo.core.model import Digest, Key
from outdo.store import pushes, recipes, results
from outdo.store.collect import TREE, Reach, Waste
from outdo.store.depot import Shelf
from outdo.store.objects import Objects
from outdo.store.recipes import Recipe
from outdo.store.travel import object_name, recipe_name, result_name, side_by_side

_AT_ONCE = 500


class Young(NamedTuple):
    """Since when something counts as young, in seconds since 1970."""

    things: float
    """Objects, recipes and results: they stay."""
    pushes: float
    """Notes of pushes: what they name stays. A push may take long, so this is no short time."""


class RemoteStore:
    """A remote, to be collected, as it was when this was made."""

    def __init__(self, shelf: Shelf, objects: Objects, young: Young, threads: int) -> None:
        self._shelf = shelf
        self._objects = objects
        self._young = young
        self._threads = threads
        self._recipes = shelf.lying("recipes")
        self._files = shelf.lying("objects")
        self._old: dict[Key, list[Digest]] = {}
        """Results that may go, with what each names."""
        self.reach = Reach(self._get, self._begins)
        """What is needed; to be filled before `waste` is asked."""
        self._read_results()
        self.reach.add(pushes.relied_on(shelf, self._young.pushes))

    def waste(self) -> Waste:
        """What can go."""
        needless = [key for key, outs in self._old.items() if not all(one in self.reach for one in outs)]
        gone: list[Digest] = []
        for name, lying in self._recipes.items():
            digest = Digest(_digest(name))
            if _is_digest(digest) and digest not in self.reach and lying.since < self._young.things:
                gone.append(digest)
            else:
                recipe = self._recipe(digest)
                self.reach.add(chunk for chunk, _ in recipe.chunks) if recipe else None
        found = {
            digest: lying.size
            for name, lying in self._files.items()
            if _is_digest(digest := Digest(_digest(name)))
            and digest not in self.reach
            and lying.since < self._young.things
            and lying.size <= self._shelf.largest
        }
        return Waste(tuple(sorted(needless)), tuple(gone), found, 0, len(self._files) - len(found))

    def remove(self, shown: Waste) -> Waste:
        """What was removed: of what was shown, all that still nobody needs; results before the objects that they name.

        A push that begins meanwhile waits."""
        with pushes.collecting(self._shelf, self._young.pushes) as removal:
            self.reach.add(pushes.relied_on(self._shelf, self._young.pushes))
            waste = self.waste().within(shown)
            for names in (
                [*map(result_name, waste.results)],
                [*map(recipe_name, waste.recipes)],
                [*map(object_name, waste.objects)],
            ):
                for start in range(0, len(names), _AT_ONCE):
                    removal.remove(names[start : start + _AT_ONCE])
        return waste

    def _read_results(self) -> None:
        young: list[Digest] = []
        there = self._shelf.lying("results")

        def judge(name: str) -> None:
            try:
                record = results.decode(b"".join(self._shelf.read(name)))
            except NotInRemote:
                return
            if record is None:
                return  # of a newer Outdo, or damaged: it is not ours to judge
            outs = [entry.digest for entry in record.outs.values()]
            if there[name].since < self._young.things and _digest(name) == record.key:
                self._old[record.key] = outs
            else:
                young.extend(outs)

        side_by_side(judge, list(there), self._threads)
        self.reach.add(young)

    def _get(self, digest: Digest) -> bytes:
        try:
            return self._objects.get(digest)
        except (NotInStore, Damaged):
            content = b"".join(self._shelf.read(object_name(digest)))
            if blake3(content).hexdigest() != digest:
                raise Damaged(f"object {digest[:12]}… is damaged at the remote") from None
            return content

    def _begins(self, digest: Digest) -> bytes:
        try:
            with open(self._objects.place(digest), "rb", buffering=0) as file:
                return file.read(len(TREE)) or b""
        except OSError:
            pass
        if object_name(digest) not in self._files:
            return b""
        try:
            return next(self._pieces(digest), b"")
        except NotInRemote:
            return b""

    def _pieces(self, digest: Digest) -> Iterator[bytes]:
        return self._shelf.read(object_name(digest))

    def _recipe(self, digest: Digest) -> Recipe | None:
        known = self._objects.recipes.get(digest)
        try:
            return known or recipes.decode(b"".join(self._shelf.read(recipe_name(digest))))
        except NotInRemote:
            return None


def _digest(name: str) -> str:
    """The digest or key that a name at a remote stands for."""
    folder, base = os.path.split(name)
    return os.path.basename(folder) + base


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
