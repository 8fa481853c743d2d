"""Changing a folder's tree in a few places, reading and writing only the nodes on the way there."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from outdo.core.model import Digest, Entry, Path
from outdo.store.nodes import Index, Node, Row, Tree, decode_node, is_cut
from outdo.store.trees import (
    Get,
    Item,
    Put,
    above,
    entry_of,
    into,
    items_of,
    load,
    root_row,
    row_of,
    tree_of,
)


def edit(get: Get, digest: Digest, changes: Mapping[Path, Item | None]) -> tuple[Entry, list[bytes]]:
    """What the folder holds once each of these paths holds its item, or with None nothing; and the objects that are
    new, parts before wholes.

    What was at or below such a path goes, and so does a file that an item's folder takes the place of. The result is
    the one that building the folder anew would give."""
    nodes = _Nodes(get, digest)
    made: dict[Digest, bytes] = {}
    root = _carry_out(nodes, _with_what_goes(nodes, changes), made)
    return entry_of(root), list(made.values())


class _Part(Struct):
    """A node with its place in its level."""

    path: Path
    """The first one in it."""
    digest: Digest
    entries: Sequence[Item | Row]
    paths: Sequence[Path]
    limit: Path | None
    """The first path of the next node."""


class _Nodes:
    """The nodes of a folder by level; each is read once."""

    def __init__(self, get: Get, digest: Digest) -> None:
        self.get = get
        self.root = decode_node(get(digest))
        self.row = root_row(self.root, digest)
        self.height = self.root.level if isinstance(self.root, Index) else 0
        self._parts: dict[Digest, tuple[Node, _Part]] = {}

    def seek(self, level: int, path: Path, *, before: bool = False) -> _Part:
        """The node of a level that `path` belongs to; with `before` the one that has what comes before it."""
        find = bisect_left if before else bisect_right
        node, part = self._read(self.row, self.height, None)
        while isinstance(node, Index) and node.level > level:
            rows, limit = node.nodes, part.limit
            place = max(0, find(part.paths, path) - 1)
            if place + 1 < len(rows):
                limit = part.paths[place + 1]
            node, part = self._read(rows[place], node.level - 1, limit)
        return part

    def has(self, path: Path) -> bool:
        """Whether an item is at this path."""
        part = self.seek(0, path)
        place = bisect_left(part.paths, path)
        return part.paths[place : place + 1] == [path]

    def below(self, path: Path) -> Iterator[Path]:
        """The paths of all items in a folder."""
        inside = f"{path}/"
        part = self.seek(0, inside)
        while True:
            for found in part.paths[bisect_left(part.paths, inside) :]:
                if not found.startswith(inside):
                    return
                yield found
            if part.limit is None:
                return
            part = self.seek(0, part.limit)

    def _read(self, row: Row, level: int, limit: Path | None) -> tuple[Node, _Part]:
        if row.digest not in self._parts:
            node = self.root if row is self.row else load(self.get, row, level, limit)
            entries = node.nodes if isinstance(node, Index) else list(items_of(node))
            part = _Part(row.path, row.digest, entries, [entry.path for entry in entries], limit)
            self._parts[row.digest] = node, part
        return self._parts[row.digest]


_Edits = dict[Path, Item | Row | None]
"""What the entries of one level become; with None they go."""


def _with_what_goes(nodes: _Nodes, changes: Mapping[Path, Item | None]) -> _Edits:
    wanted: _Edits = {}
    above: set[Path] = set()
    for path, item in changes.items():
        wanted.update((below, None) for below in nodes.below(path))
        folder = path.rpartition("/")[0]
        while item is not None and folder and folder not in above:
            above.add(folder)
            if nodes.has(folder):
                wanted[folder] = None
            folder = folder.rpartition("/")[0]
        if item is None and nodes.has(path):
            wanted[path] = None
    return wanted | {path: item for path, item in changes.items() if item is not None}


def _carry_out(nodes: _Nodes, edits: _Edits, made: dict[Digest, bytes]) -> Row:
    """The root, once all levels are as they are to be; only nodes that are new and in use are `made`."""
    put = into(made)
    for level in range(nodes.height + 1):
        if not edits:
            return nodes.row
        edits = _Level(nodes, level, put).rewrite(edits)
    rows = [row for _, row in sorted(edits.items()) if isinstance(row, Row)]
    if not edits:
        return nodes.row
    if not rows:
        return row_of(Tree(), put)
    root = above(rows, nodes.height, put)
    return _lowest(nodes, root, made)


def _lowest(nodes: _Nodes, root: Row, made: dict[Digest, bytes]) -> Row:
    """The root without the index nodes above it that have one node only."""
    while True:
        node = decode_node(made.get(root.digest) or nodes.get(root.digest))
        if isinstance(node, Tree) or len(node.nodes) > 1:
            return root
        made.pop(root.digest, None)
        root = node.nodes[0]


class _Level:
    """One level of a folder's nodes on its way to hold other entries."""

    def __init__(self, nodes: _Nodes, level: int, put: Put) -> None:
        self._nodes = nodes
        self._level = level
        self._put = put
        self._edits: _Edits = {}
        self._pending: list[Path] = []
        """The paths of the edits that are not carried out yet, the next one last."""
        self._result: _Edits = {}
        self._held: list[Item | Row] = []
        self._first = False
        """Whether what is held will be the first node of the level."""

    def rewrite(self, edits: _Edits) -> _Edits:
        """What that is to the level above: which nodes there are instead of which."""
        self._edits = edits
        self._pending = sorted(edits, reverse=True)
        while self._pending:
            self._rewrite_some()
        return self._result

    def _rewrite_some(self) -> None:
        """Rewrites from the node with the next edit on, until a node ends where one ended before."""
        part = self._nodes.seek(self._level, self._pending[-1])
        if self._pending[-1] <= part.path:  # it may have been cut there because of what goes now
            part = self._nodes.seek(self._level, part.path, before=True)
        self._first = part.path == self._nodes.row.path
        before: dict[Path, Digest] = {}
        while True:
            before[part.path] = part.digest
            self._result[part.path] = None
            for entry in self._merged(part):
                self._take(entry)
            if part.limit is None or self._ends_before(part.limit):
                break
            part = self._nodes.seek(self._level, part.limit)
        self._end()
        for path, digest in before.items():
            now = self._result[path]
            if isinstance(now, Row) and now.digest == digest:
                del self._result[path]

    def _merged(self, part: _Part) -> Iterator[Item | Row]:
        """The entries of a node with those that the edits put among them, in order."""
        for entry in part.entries:
            while self._pending and self._pending[-1] < entry.path:
                yield from self._next()
            if self._pending and self._pending[-1] == entry.path:
                yield from self._next()
            else:
                yield entry
        while self._pending and (part.limit is None or self._pending[-1] < part.limit):
            yield from self._next()

    def _next(self) -> Iterator[Item | Row]:
        entry = self._edits[self._pending.pop()]
        if entry is not None:
            yield entry

    def _take(self, entry: Item | Row) -> None:
        if self._held and is_cut(len(self._held), entry.path, self._level, first=self._first):
            self._end()
        self._held.append(entry)

    def _ends_before(self, path: Path) -> bool:
        if not self._held or self._pending[-1:] == [path]:
            return False
        return is_cut(len(self._held), path, self._level, first=self._first)

    def _end(self) -> None:
        if self._held:
            rows = [entry for entry in self._held if isinstance(entry, Row)]
            items = [entry for entry in self._held if isinstance(entry, Item)]
            row = row_of(Index(self._level, rows) if rows else tree_of(items), self._put)
            self._result[row.path] = row
            self._held = []
            self._first = False
