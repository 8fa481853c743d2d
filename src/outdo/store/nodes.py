"""The objects that a folder's tree is made of: leaves with its items, and above them index nodes with their leaves.

    {"tree":1,"files":[["model/weights.bin","<digest>",2097152,false]],"links":[["latest","model"]],"folders":["empty"]}
    {"tree":2,"level":1,"nodes":[["data/0.txt","<digest>",311,318464],["data/77.txt","<digest>",240,245760]]}

A small folder is one leaf. Items are in the order of their paths, and where a list of them is cut is decided by the
paths alone (docs/design/trees.md). A backslash is written twice, and a byte of a name that is not UTF-8 as `\\xNN`,
so every name that a file system knows comes back. What is read is not trusted.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from blake3 import blake3
from msgspec import DecodeError, Struct, ValidationError, json

from outdo.core.errors import Damaged
from outdo.core.model import Digest, Path

WHOLE = 512
"""Items up to which a folder is one object."""
MOST = 2048
"""Entries that no node has more of."""
LEVELS = 16
"""Levels that no tree has more of."""

_HEX = frozenset("0123456789abcdef")
_ESCAPED = r"\\(\\|x[89a-f][0-9a-f])"
_TARGET = r"(?:\.\./)*(?:\.\.|(?!\.\.(?:/|\Z))[^/\0]+(?:/(?!\.\.(?:/|\Z))[^/\0]+)*)"
"""Compiled when they are first needed, as in most commands they are not."""


class Tree(Struct, frozen=True, omit_defaults=True, tag_field="tree", tag=1, gc=False):
    """All that is in a folder, or the part of it that one leaf holds. Paths are relative to the folder; a folder in
    it is listed only where nothing is in that one."""

    files: list[tuple[Path, Digest, int, bool]] = []
    """Path, digest, size, executable."""
    links: list[tuple[Path, str]] = []
    """Path, and the target as it stands in the link."""
    folders: list[Path] = []


class Row(Struct, frozen=True, array_like=True, gc=False):
    """One node, in the index above it."""

    path: Path
    """Of its first item."""
    digest: Digest
    files: int
    """Files and links in it."""
    size: int


class Index(Struct, frozen=True, tag_field="tree", tag=2, gc=False):
    """The nodes of the level below, in order."""

    level: int
    nodes: list[Row]


Node = Tree | Index

_BEGINNINGS = (b'{"tree":1', b'{"tree":2')
_encode = json.Encoder().encode
_decode = json.Decoder(Node).decode


# Bytes.


def encode_node(node: Node) -> bytes:
    """The node's object."""
    if isinstance(node, Index):
        return _encode(Index(node.level, [_renamed(row, _escape(row.path)) for row in node.nodes]))
    plain = not node.links and not node.folders and _is_plain("\0".join([name for name, *_ in node.files]))
    return _encode(node if plain else _with_names(node, _escape))


def decode_node(content: bytes) -> Node:
    """The node that an object holds; raises `Damaged` where it is none, or where a name in it would lead out of the
    folder it is put into."""
    try:
        if not content.startswith(_BEGINNINGS):
            raise ValidationError("it begins otherwise")
        node: Node = _decode(content)
    except (DecodeError, ValidationError, UnicodeDecodeError) as error:
        raise Damaged(f"an object that should be a folder is none: {error}") from None
    if isinstance(node, Index):
        if b"\\\\" in content:
            node = Index(node.level, [_renamed(row, _unescape(row.path)) for row in node.nodes])
        _refuse_strange_index(node)
        return node
    if b"\\\\" in content:
        node = _with_names(node, _unescape)
    _refuse_strays(node)
    return node


def _with_names(tree: Tree, change: Callable[[str], str]) -> Tree:
    return Tree(
        [(change(name), digest, size, executable) for name, digest, size, executable in tree.files],
        [(change(name), change(target)) for name, target in tree.links],
        [change(name) for name in tree.folders],
    )


def _renamed(row: Row, path: Path) -> Row:
    return row if path == row.path else Row(path, row.digest, row.files, row.size)


# Where a list is cut.


def cuts(names: Sequence[Path], level: int) -> Iterator[tuple[int, int]]:
    """Where each node of a level begins and ends, for the names of all entries of that level in order."""
    start = 0
    for place, name in enumerate(names):
        if place and is_cut(place - start, name, level, first=start == 0):
            yield start, place
            start = place
    yield start, len(names)


def is_cut(held: int, name: Path, level: int, *, first: bool) -> bool:
    """Whether a node that holds so many entries ends before the entry `name`; `first` is the first one of its level.

    The first leaf is larger, so that small folders are one object; an index has two nodes, so that there is an end
    to the levels."""
    if held >= MOST:
        return True
    if held < (2 if level else WHOLE if first else 1):
        return False
    return blake3(name.encode("utf-8", "surrogateescape")).digest(level + 1) == bytes(level + 1)


# What is refused.


def folders_of(names: Iterable[Path]) -> set[Path]:
    """Every folder that these paths are in."""
    found: set[Path] = set()
    last = ""
    for name in names:
        folder = name.rpartition("/")[0]
        if folder == last:
            continue
        last = folder
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def stays(name: Path, target: str) -> bool:
    """Whether the link at `name` stays inside the folder. A target may climb only at its start: climbing behind a
    name could leave the folder through another link."""
    climbs = 0
    while target.startswith("../", 3 * climbs) or target[3 * climbs :] == "..":
        climbs += 1
    return bool(re.fullmatch(_TARGET, target)) and climbs <= name.count("/")


def _refuse_strays(tree: Tree) -> None:
    files = [name for name, *_ in tree.files]
    links = [name for name, _ in tree.links]
    names = files + links
    digests = [digest for _, digest, *_ in tree.files]
    every = [*names, *tree.folders]
    wrong = (
        _leads_out(every)
        or not _are_digests(digests)
        or any(size < 0 for _, _, size, _ in tree.files)
        or not all(map(_ascends, (files, links, tree.folders)))
        or len(set(every)) != len(every)
        or not folders_of(every).isdisjoint(every)
        or not all(stays(name, target) for name, target in tree.links)
    )
    if wrong:
        raise Damaged("an object that should be a folder holds a name, a link or a digest that can't be")


def _refuse_strange_index(index: Index) -> None:
    names = [row.path for row in index.nodes]
    wrong = (
        not names
        or not 1 <= index.level <= LEVELS
        or _leads_out(names)
        or not _are_digests([row.digest for row in index.nodes])
        or not _ascends(names)
        or any(row.files < 0 or row.size < 0 for row in index.nodes)
    )
    if wrong:
        raise Damaged("an object that should list the parts of a folder holds what can't be")


def _leads_out(names: Sequence[Path]) -> bool:
    """Whether any path is absolute, empty or has `.` or `..` in it; all are looked at in one text."""
    text = "/\n/".join(names)
    return bool(names) and any(part in f"/{text}/" for part in ("//", "/./", "/../", "\0"))


def _are_digests(digests: Sequence[Digest]) -> bool:
    return all(len(digest) == 64 for digest in digests) and _HEX.issuperset("".join(digests))


def _ascends(names: Sequence[Path]) -> bool:
    return all(map(operator.lt, names, names[1:]))


def _is_plain(text: str) -> bool:
    if "\\" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escape(name: str) -> str:
    if _is_plain(name):
        return name
    name = name.replace("\\", "\\\\")
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in name)


def _unescape(name: str) -> str:
    return re.sub(
        _ESCAPED, lambda found: "\\" if found[1] == "\\" else chr(0xDC00 + int(found[1][1:], 16)), name
    )
