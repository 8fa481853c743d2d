"""Folders as objects, of any size: written canonically, read in part, changed in part, compared in part.

The same content always gives the same digest, however it came about. docs/design/trees.md says how and why.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from blake3 import blake3
from msgspec import Struct

from outdo.core.errors import Damaged, NotAFile, NotInStore
from outdo.core.model import Digest, Entry, Path
from outdo.store.nodes import (
    Index,
    Node,
    Row,
    Tree,
    cuts,
    decode_node,
    encode_node,
    folders_of,
    stays,
)

Get = Callable[[Digest], bytes]
"""The verified bytes of an object, as `Objects.get` returns them; raises `NotInStore` or `Damaged`."""
Put = Callable[[bytes], Digest]
"""Keeps an object, as `Objects.put_bytes` does."""


class Item(Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing in a folder: a file, a link, or a folder with nothing in it."""

    path: Path
    """From the folder."""
    kind: Literal["file", "link", "folder"] = "file"
    digest: Digest = Digest("")
    size: int = 0
    executable: bool = False
    target: str = ""


class Change(Struct, frozen=True, gc=False):
    """A path at which two folders differ; None where one has nothing there."""

    path: Path
    before: Item | None
    after: Item | None


# Writing.


def encode(tree: Tree) -> list[bytes]:
    """The objects of a folder, its root last. The tree may be in any order."""
    found: dict[Digest, bytes] = {}
    build_tree(tree, into(found))
    return list(found.values())


def build_tree(tree: Tree, put: Put) -> Entry:
    """What a path with this tree holds, once its objects are put; the tree may be in any order."""
    if not tree.links and not tree.folders:
        files = sorted(tree.files)
        return build([name for name, *_ in files], lambda start, end: Tree(files[start:end]), put)
    items = sorted(items_of(tree), key=_path)
    return build([item.path for item in items], lambda start, end: tree_of(items[start:end]), put)


def build(names: Sequence[Path], leaf: Callable[[int, int], Tree], put: Put) -> Entry:
    """What a path with these items holds, once the objects are put. `names` are the paths of all items, in order;
    `leaf` makes the tree of those from one place up to another, so that not all have to be in memory."""
    rows = []
    for start, end in cuts(names, 0):
        tree = leaf(start, end)
        rows.append(row_of(tree, put))
    return entry_of(above(rows, 0, put))


def above(rows: list[Row], level: int, put: Put) -> Row:
    """The root above these nodes of a level."""
    while len(rows) > 1:
        level += 1
        spans = cuts([row.path for row in rows], level)
        rows = [row_of(Index(level, rows[start:end]), put) for start, end in spans]
    return rows[0]


def row_of(node: Node, put: Put) -> Row:
    """The node as the index above it lists it, once its object is put."""
    return root_row(node, put(encode_node(node)))


def root_row(node: Node, digest: Digest) -> Row:
    """The node as an index would list it."""
    first, _, files, size = _summary(node)
    return Row(first, digest, files, size)


def entry_of(root: Row) -> Entry:
    """What a path holds whose tree has this root."""
    return Entry(root.digest, root.size, "tree", root.files)


def into(found: dict[Digest, bytes]) -> Put:
    """Keeps objects in memory, in the order in which they are put."""

    def put(content: bytes) -> Digest:
        digest = digest_only(content)
        found[digest] = content
        return digest

    return put


def digest_only(content: bytes) -> Digest:
    """Keeps nothing: for a folder that is only looked at."""
    return Digest(blake3(content).hexdigest())


# Reading.


def read(get: Get, digest: Digest) -> Tree:
    """All that is in a folder; raises `Damaged` for what no folder can be, and `NotInStore`."""
    parts = list(leaves(get, digest))
    if len(parts) == 1:
        return parts[0]
    tree = Tree(
        [file for part in parts for file in part.files],
        [link for part in parts for link in part.links],
        [folder for part in parts for folder in part.folders],
    )
    names = [name for name, *_ in tree.files] + [name for name, _ in tree.links] + tree.folders
    refuse_file_as_folder(names, folders_of(names))
    return tree


def refuse_file_as_folder(names: Iterable[Path], folders: set[Path]) -> None:
    """Raises `Damaged` where a file, a link or an empty folder is named that something is in."""
    if not folders.isdisjoint(names):
        raise Damaged("an object that should be a folder has a file where a folder is")


def leaves(get: Get, digest: Digest, low: Path = "", high: Path | None = None) -> Iterator[Tree]:
    """The leaves that may hold paths from `low` up to `high`, in order; read one after the other, and each is what
    the index above it says."""
    root = decode_node(get(digest))
    if isinstance(root, Tree):
        yield root
        return
    todo = _inner(root, None, low, high)
    while todo:
        row, level, limit = todo.pop()
        node = load(get, row, level, limit)
        if isinstance(node, Tree):
            yield node
        else:
            todo += _inner(node, limit, low, high)


def _inner(
    index: Index, limit: Path | None, low: Path, high: Path | None
) -> list[tuple[Row, int, Path | None]]:
    """The nodes below an index that are asked for, the last one first; each with its level and its end."""
    rows = index.nodes
    ends: list[Path | None] = [row.path for row in rows[1:]]
    ends.append(limit)
    found = [
        (row, index.level - 1, end)
        for row, end in zip(rows, ends, strict=True)
        if (end is None or end > low) and (high is None or row.path < high)
    ]
    return found[::-1]


def load(get: Get, row: Row, level: int, limit: Path | None) -> Node:
    """The node that a row names; raises `Damaged` where it is not what the row says, or goes on beyond `limit`."""
    node = decode_node(get(row.digest))
    first, last, files, size = _summary(node)
    right = (
        level == (node.level if isinstance(node, Index) else 0)
        and (first, files, size) == (row.path, row.files, row.size)
        and first != ""
        and (limit is None or last < limit)
    )
    if not right:
        raise Damaged("a part of a folder is not what the index above it says")
    return node


def items(get: Get, digest: Digest, under: Path = "") -> Iterator[Item]:
    """What is in a folder, or in the part of it at or below the path `under`; in order, read as it is asked for."""
    if not under:
        for leaf in leaves(get, digest):
            yield from items_of(leaf)
        return
    itself = find(get, digest, under)
    if itself is not None:
        yield itself
        return
    inside = f"{under}/"
    for leaf in leaves(get, digest, inside, f"{under}0"):  # '0' comes after '/'
        yield from (item for item in items_of(leaf) if item.path.startswith(inside))


def find(get: Get, digest: Digest, path: Path) -> Item | None:
    """The item at a path of a folder; None where there is none, or a folder with something in it."""
    for leaf in leaves(get, digest, path, f"{path}\0"):
        for item in items_of(leaf):
            if item.path == path:
                return item
    return None


def part(get: Get, digest: Digest, under: Path, put: Put) -> Entry | None:
    """What the folder or file at a path of a folder holds by itself, once its objects are put; None where nothing is
    there. A link is an entry in no folder, so None too."""
    if not under:
        return entry_of(root_row(decode_node(get(digest)), digest))
    found = list(items(get, digest, under))
    if not found:
        return None
    if found[0].path == under:
        item = found[0]
        if item.kind == "folder":
            return build_tree(Tree(), put)
        return Entry(item.digest, item.size, "file", 1, item.executable) if item.kind == "file" else None
    inside = len(under) + 1
    return build_tree(tree_of([moved(item, item.path[inside:]) for item in found]), put)


def node(get: Get, digest: Digest) -> Node | None:
    """A part of a folder's tree; None where it is not here, or not sound."""
    try:
        return decode_node(get(digest))
    except (NotInStore, Damaged):
        return None


def nodes(get: Get, digest: Digest) -> Iterator[Digest]:
    """The digests of all nodes of a folder, those below before those above: the order in which to send them."""
    root = decode_node(get(digest))
    if isinstance(root, Index):
        yield from _nodes(get, root, None)
    yield digest


def _nodes(get: Get, index: Index, limit: Path | None) -> Iterator[Digest]:
    for row, level, end in reversed(_inner(index, limit, "", None)):
        if level:
            node = load(get, row, level, end)
            assert isinstance(node, Index)
            yield from _nodes(get, node, end)
        yield row.digest


# Comparing.


def changes(get: Get, before: Digest, after: Digest) -> Iterator[Change]:
    """Where the second folder differs from the first, in order of the paths; parts that are equal are not read."""
    old, new = _unlike(get, before, after)
    one, other = _flow(get, old), _flow(get, new)
    here, there = next(one, None), next(other, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.path < there.path):
            assert here is not None
            yield Change(here.path, here, None)
            here = next(one, None)
        elif here is None or there.path < here.path:
            yield Change(there.path, None, there)
            there = next(other, None)
        else:
            if here != there:
                yield Change(here.path, here, there)
            here, there = next(one, None), next(other, None)


_Span = tuple[Row, int, Path | None]
"""A node that is not read yet, its level and its end."""


def _unlike(get: Get, before: Digest, after: Digest) -> tuple[list[_Span], list[_Span]]:
    """The leaves of each of two folders that the other one has not."""
    sides = [[_root(get, before)], [_root(get, after)]]
    while True:
        shared = {span[0].digest for span in sides[0]} & {span[0].digest for span in sides[1]}
        sides = [[span for span in side if span[0].digest not in shared] for side in sides]
        level = max((span[1] for side in sides for span in side), default=0)
        if not level:
            return sides[0], sides[1]
        sides = [[lower for span in side for lower in _lowered(get, span, level)] for side in sides]


def _root(get: Get, digest: Digest) -> _Span:
    node = decode_node(get(digest))
    return root_row(node, digest), node.level if isinstance(node, Index) else 0, None


def _lowered(get: Get, span: _Span, level: int) -> list[_Span]:
    row, its, limit = span
    if its < level:
        return [span]
    node = load(get, row, level, limit)
    assert isinstance(node, Index)
    return _inner(node, limit, "", None)[::-1]


def _flow(get: Get, spans: Iterable[_Span]) -> Iterator[Item]:
    for row, level, limit in spans:
        node = load(get, row, level, limit) if row.path else decode_node(get(row.digest))
        assert isinstance(node, Tree)
        yield from items_of(node)


# Items.


def items_of(tree: Tree) -> Iterable[Item]:
    """What a tree lists, in order of the paths if it is so itself."""
    files = [Item(path, "file", digest, size, executable) for path, digest, size, executable in tree.files]
    if not tree.links and not tree.folders:
        return files
    links = [Item(path, "link", target=target) for path, target in tree.links]
    return sorted([*files, *links, *(Item(path, "folder") for path in tree.folders)], key=_path)


def tree_of(items: Iterable[Item]) -> Tree:
    """The tree that lists these items, in their order."""
    files: list[tuple[Path, Digest, int, bool]] = []
    links: list[tuple[Path, str]] = []
    folders: list[Path] = []
    for item in items:
        if item.kind == "file":
            files.append((item.path, item.digest, item.size, item.executable))
        elif item.kind == "link":
            links.append((item.path, item.target))
        else:
            folders.append(item.path)
    return Tree(files, links, folders)


def moved(item: Item, path: Path) -> Item:
    """The same thing at another path."""
    return Item(path, item.kind, item.digest, item.size, item.executable, item.target)


def refuse_stray_link(path: Path, name: Path, target: str) -> None:
    """Raises `NotAFile` where the link at `name` leads out of the folder `path`."""
    if stays(name, target):
        return
    what = f"'{path}/{name}' is a link to '{target}', which is not inside '{path}', so the folder can't be kept whole"
    raise NotAFile(what, fix="put the file itself there, or name what the link leads to as a dependency")


def _path(item: Item) -> Path:
    return item.path


def _summary(node: Node) -> tuple[Path, Path, int, int]:
    """First and last path of a node, and how many files and bytes are in it; of an index, what it says. No paths
    where it is empty."""
    if isinstance(node, Index):
        rows = node.nodes
        return rows[0].path, rows[-1].path, sum(row.files for row in rows), sum(row.size for row in rows)
    ends = [(each[0][0], each[-1][0]) for each in (node.files, node.links) if each]
    if node.folders:
        ends.append((node.folders[0], node.folders[-1]))
    files, size = len(node.files) + len(node.links), sum(size for _, _, size, _ in node.files)
    return min((end[0] for end in ends), default=""), max((end[1] for end in ends), default=""), files, size
