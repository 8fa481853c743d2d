"""The inside of kept folders, read and changed at the cost of the part."""

from collections.abc import Iterable, Sequence

from outdo.core.compare import FileChange, file_changes
from outdo.core.model import Digest, Entry, Path
from outdo.store import trees
from outdo.store.edits import edit
from outdo.store.nodes import Tree
from outdo.store.objects import Objects
from outdo.store.trees import Get, Item


class FolderParts:
    """Parts of the folders in a store, as entries that can be restored, held and sent like any other.

    `get` gives the bytes of an object; it may ask a remote for those that the store lacks."""

    def __init__(self, objects: Objects, get: Get | None = None) -> None:
        self._objects = objects
        self._get = get or objects.get

    def part(self, folder: Entry, name: Path) -> Entry | None:
        """What a kept folder has under a name, a folder within it as an object of its own; None for nothing."""
        if folder.kind != "tree":
            return None
        return trees.part(self._get, folder.digest, name, self._objects.put_bytes)

    def with_part(self, folder: Entry, name: Path, part: Entry | None) -> Entry:
        """The entry of a folder that has `part` under a name, or nothing, and else what `folder` has; it is kept."""
        changes: dict[Path, Item | None] = {name: None}
        if part is not None and part.kind == "file":
            changes = {name: Item(name, "file", part.digest, part.size, part.executable)}
        elif part is not None:
            inside = trees.items(self._get, part.digest)
            changes |= {f"{name}/{item.path}": trees.moved(item, f"{name}/{item.path}") for item in inside}
            if len(changes) == 1:
                changes = {name: Item(name, "folder")}
        entry, objects = edit(self._get, folder.digest, changes)
        for content in objects:
            self._objects.put_bytes(content)
        return entry

    def tree(self, folder: Entry) -> Tree:
        """All that is in a kept folder; raises `NotInStore` or `Damaged`."""
        return trees.read(self._get, folder.digest)

    def changes(self, before: Entry, after: Entry) -> Sequence[FileChange]:
        """In what two kept folders differ."""
        found = list(trees.changes(self._get, before.digest, after.digest))
        return file_changes(_contents(one.before for one in found), _contents(one.after for one in found))


def _contents(items: Iterable[Item | None]) -> dict[Path, tuple[Digest, bool]]:
    return {
        item.path: (item.digest or Digest(f"link to {item.target}"), item.executable)
        for item in items
        if item is not None and item.kind != "folder"
    }
