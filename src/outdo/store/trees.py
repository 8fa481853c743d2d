"""Folders as objects: a small canonical JSON text of what is in them, the same for the same content.

    {"tree":1,"files":[["model/weights.bin","<digest>",2097152,false]],"links":[["latest","model"]],"folders":["empty"]}

Sorted by path. A backslash is written twice, and a byte of a name that is not UTF-8 as `\\xNN`, so every name that
a file system knows comes back.
"""

import re
from collections.abc import Iterable

from msgspec import DecodeError, Struct, ValidationError, json

from outdo.core.errors import Damaged, NotAFile
from outdo.core.model import Digest, Entry, Path

_HEX = frozenset("0123456789abcdef")
_ESCAPED = re.compile(r"\\(\\|x[89a-f][0-9a-f])")
_TARGET = re.compile(r"(?:\.\./)*(?:\.\.|(?!\.\.(?:/|\Z))[^/\0]+(?:/(?!\.\.(?:/|\Z))[^/\0]+)*)")


class Tree(Struct, frozen=True, omit_defaults=True, tag_field="tree", tag=1, gc=False):
    """All that is in a folder. Paths are relative to it; a folder is listed only where nothing is in it."""

    files: list[tuple[Path, Digest, int, bool]] = []
    """Path, digest, size, executable."""
    links: list[tuple[Path, str]] = []
    """Path, and the target as it stands in the link."""
    folders: list[Path] = []


_BEGINNING = b'{"tree":1'
_encode = json.Encoder().encode
_decode = json.Decoder(Tree).decode


def encode(tree: Tree) -> bytes:
    """The tree's object."""
    names = [name for name, *_ in tree.files]
    plain = not tree.links and not tree.folders and _is_plain("\0".join(names))
    if not plain:
        tree = Tree(
            [(_escape(name), digest, size, executable) for name, digest, size, executable in tree.files],
            [(_escape(name), _escape(target)) for name, target in tree.links],
            [_escape(name) for name in tree.folders],
        )
    return _encode(tree)


def decode(content: bytes) -> Tree:
    """The tree that an object holds; raises `Damaged` where it is none, or where a name in it would lead out of
    the folder it is put into."""
    try:
        if not content.startswith(_BEGINNING):
            raise ValidationError("it begins otherwise")
        tree = _decode(content)
    except (DecodeError, ValidationError, UnicodeDecodeError) as error:
        raise Damaged(f"an object that should be a folder is none: {error}") from None
    if b"\\\\" in content:
        tree = Tree(
            [(_unescape(name), digest, size, executable) for name, digest, size, executable in tree.files],
            [(_unescape(name), _unescape(target)) for name, target in tree.links],
            [_unescape(name) for name in tree.folders],
        )
    _refuse_strays(tree)
    return tree


def entry(tree: Tree, digest: Digest) -> Entry:
    """What a path with this tree holds."""
    size = sum(size for _, _, size, _ in tree.files)
    return Entry(digest, size, "tree", len(tree.files) + len(tree.links))


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


def refuse_stray_link(path: Path, name: Path, target: str) -> None:
    """Raises `NotAFile` where the link at `name` leads out of the folder `path`.

    A target may climb only at its start: climbing behind a name could leave the folder through another link."""
    if _stays(name, target):
        return
    what = f"'{path}/{name}' is a link to '{target}', which is not inside '{path}', so the folder can't be kept whole"
    raise NotAFile(what, fix="put the file itself there, or name what the link leads to as a dependency")


def _stays(name: Path, target: str) -> bool:
    climbs = 0
    while target.startswith("../", 3 * climbs) or target[3 * climbs :] == "..":
        climbs += 1
    return bool(_TARGET.fullmatch(target)) and climbs <= name.count("/")


def _refuse_strays(tree: Tree) -> None:
    names = [name for name, *_ in tree.files]
    digests = "".join([digest for _, digest, *_ in tree.files])
    names += [name for name, _ in tree.links]
    paths = "/\n/".join([*names, *tree.folders])
    wrong = (
        _leads_out(f"/{paths}/", len(names) + len(tree.folders))
        or any(len(digest) != 64 for _, digest, *_ in tree.files)
        or not _HEX.issuperset(digests)
        or any(size < 0 for _, _, size, _ in tree.files)
        or len({*names, *tree.folders}) != len(names) + len(tree.folders)
        or not folders_of([*names, *tree.folders]).isdisjoint(names)
        or not all(_stays(name, target) for name, target in tree.links)
    )
    if wrong:
        raise Damaged("an object that should be a folder holds a name, a link or a digest that can't be")


def _leads_out(paths: str, count: int) -> bool:
    """Whether any path is absolute, empty or has `.` or `..` in it; all are looked at in one text."""
    return bool(count) and any(part in paths for part in ("//", "/./", "/../", "\0"))


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
    return _ESCAPED.sub(lambda found: "\\" if found[1] == "\\" else chr(0xDC00 + int(found[1][1:], 16)), name)
