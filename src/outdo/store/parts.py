"""The inside of kept folders, read and changed at the cost of the part."""

from collections.abc import Callable, Sequence

from outdo.core.compare import FileChange, file_changes
from outdo.core.model import Digest, Entry, Path
from outdo.store import trees
from outdo.store.objects import Objects
from outdo.store.trees import Tree


class FolderParts:
    """Parts of the folders in a store, as entries that can be restored, held and sent like any other.

    `get` gives the bytes of an object; it may ask a remote for those that the store lacks."""

    def __init__(self, objects: Objects, get: Callable[[Digest], bytes] | None = None) -> None:
        self._objects = objects
        self._get = get or objects.get

    def part(self, folder: Entry, name: Path) -> Entry | None:
        """What a kept folder has under a name, a folder within it as an object of its own; None for nothing."""
        if folder.kind != "tree":
            return None
        tree = self.tree(folder)
        for path, digest, size, executable in tree.files:
            if path == name:
                return Entry(digest, size, "file", 1, executable)
        inner = _below(tree, f"{name}/")
        if inner == Tree() and name not in tree.folders:
            return None
        return trees.entry(inner, self._objects.put_bytes(trees.encode(inner)))

    def with_part(self, folder: Entry, name: Path, part: Entry | None) -> Entry:
        """The entry of a folder that has `part` under a name, or nothing, and else what `folder` has; it is kept."""
        tree, prefix = self.tree(folder), f"{name}/"
        added = Tree()
        if part is not None and part.kind == "file":
            added = Tree([(name, part.digest, part.size, part.executable)])
        elif part is not None:
            inner = self.tree(part)
            added = Tree(
                [(prefix + path, *rest) for path, *rest in inner.files],  # type: ignore[misc]
                [(prefix + path, target) for path, target in inner.links],
                [prefix + path for path in inner.folders] or ([name] if inner == Tree() else []),
            )
        above = {name[:at] for at, c in enumerate(name) if c == "/"}
        made = Tree(
            sorted([*(row for row in tree.files if not _is_at(row[0], name)), *added.files]),
            sorted([*(row for row in tree.links if not _is_at(row[0], name)), *added.links]),
            sorted([*(p for p in tree.folders if not _is_at(p, name) and p not in above), *added.folders]),
        )
        return trees.entry(made, self._objects.put_bytes(trees.encode(made)))

    def tree(self, folder: Entry) -> Tree:
        """All that is in a kept folder; raises `NotInStore` or `Damaged`."""
        return trees.decode(self._get(folder.digest))

    def changes(self, before: Entry, after: Entry) -> Sequence[FileChange]:
        """In what two kept folders differ."""
        return file_changes(*(_contents(self.tree(entry)) for entry in (before, after)))


def _contents(tree: Tree) -> dict[Path, tuple[Digest, bool]]:
    links = {name: (Digest(f"link to {target}"), False) for name, target in tree.links}
    return {name: (digest, executable) for name, digest, _, executable in tree.files} | links


def _is_at(path: Path, name: Path) -> bool:
    return path == name or path.startswith(f"{name}/")


def _below(tree: Tree, prefix: str) -> Tree:
    cut = len(prefix)
    return Tree(
        [(path[cut:], *rest) for path, *rest in tree.files if path.startswith(prefix)],  # type: ignore[misc]
        [(path[cut:], target) for path, target in tree.links if path.startswith(prefix)],
        [path[cut:] for path in tree.folders if path.startswith(prefix)],
    )
