"""What is in a folder: names and marks by one walk, digests only of what changed since the last one."""

import os
import stat
import struct
from array import array
from collections.abc import Container, Iterable, Iterator, Sequence

from blake3 import blake3

from outdo.core.errors import NotAFile
from outdo.core.graph import glob_pattern
from outdo.core.model import Digest, Entry, Path
from outdo.store.files import Mark, mark, unreadable
from outdo.store.nodes import Tree
from outdo.store.statcache import Head, Rows, StatCache
from outdo.store.trees import Put, build, refuse_stray_link

_pack = struct.Struct("5q").pack_into
_NONE = bytes(32)
_MOST = (1 << 63) - 1
_IGNORED = "__pycache__"
"""Python writes it into the folders it imports from: a stage would change its own dependency by reading it."""
_KIND, _FILE, _FOLDER, _LINK = 0o170000, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK
_HIDDEN = (".git", ".outdo")


class Scan:
    """The names and marks of all files in a folder, in the order in which the walk met them.

    A folder with nothing in it is a name with a `/` at its end. A link into the store counts as the file it
    leads to."""

    def __init__(self, top: str, *, is_glob: bool = False) -> None:
        self.top = top
        self.is_glob = is_glob
        self.names: list[Path] = []
        self.marks = array("q")
        """Five a name, flat: forty bytes a file, where a list of tuples takes 250."""

    def add(self, name: Path, found: Mark) -> None:
        self.names.append(name)
        try:
            self.marks.fromlist(list(found))
        except OverflowError:
            self.marks.extend(_fitted(found))

    def add_folder(self, name: Path) -> None:
        self.add(f"{name}/", (0, 0, 0, 0, stat.S_IFDIR))

    def mark(self, index: int) -> Mark:
        found = self.marks[5 * index : 5 * index + 5]
        return (found[0], found[1], found[2], found[3], found[4])

    def set(self, index: int, found: Mark) -> None:
        """Takes in that a file is marked so."""
        try:
            _pack(self.marks, 40 * index, *found)
        except struct.error:
            _pack(self.marks, 40 * index, *_fitted(found))

    def size(self, indexes: Iterable[int]) -> int:
        """The bytes of these files."""
        return sum(self.marks[5 * index + 2] for index in indexes)

    def text(self) -> bytes:
        """All names, joined by NUL, in the file system's own bytes."""
        return os.fsencode("\0".join(self.names))

    def signature(self, text: bytes = b"") -> bytes:
        """Digest over all names and marks; `text` spares joining the names again."""
        return blake3(memoryview(self.marks).cast("B")).update(text or self.text()).digest()

    def newest(self) -> int:
        """The latest stamp of any."""
        return max(max(self.marks[0::5], default=0), max(self.marks[1::5], default=0))


def _fitted(found: Mark) -> Mark:
    """A mark with numbers that no sane file has made to fit; a stamp stays one of the future, and is not believed."""
    mtime, ctime, size, inode, mode = found
    return (min(mtime, _MOST), min(ctime, _MOST), min(size, _MOST), inode & _MOST, mode)


def scan_folder(top: str, stores: Sequence[str], skipped: Container[str]) -> Scan:
    """What is in the folder at `top`; `stores` is where links into a store lead, `skipped` names absolute paths."""
    scan = Scan(top)
    todo = [""]
    while todo:
        prefix = todo.pop()
        before = len(scan.names) + len(todo)
        folder = f"{top}/{prefix}" if prefix else top
        try:
            fd = os.open(
                folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if prefix else 0)
            )
        except (FileNotFoundError, NotADirectoryError):
            continue  # removed meanwhile, or another kind of thing since
        except OSError as error:
            raise unreadable(error, folder) from error
        try:
            _scan_one(fd, prefix, scan, todo, stores, skipped)
        except OSError as error:
            raise unreadable(error, folder) from error
        finally:
            os.close(fd)
        if prefix and len(scan.names) + len(todo) == before:
            scan.add_folder(prefix[:-1])
    return scan


def _scan_one(
    fd: int, prefix: Path, scan: Scan, todo: list[Path], stores: Sequence[str], skipped: Container[str]
) -> None:
    """Adds what is in one folder; by its descriptor, as that spares the kernel walking the path for each file."""
    names, add = scan.names, scan.marks.fromlist
    with os.scandir(fd) as entries:
        for entry in entries:
            name = prefix + entry.name
            try:
                s = entry.stat(follow_symlinks=False)
                mode = s.st_mode
                if mode & _KIND == _FOLDER:
                    if entry.name != _IGNORED and f"{scan.top}/{name}" not in skipped:
                        todo.append(f"{name}/")
                    continue
                if mode & _KIND == _LINK and leads_into(f"{scan.top}/{name}", *stores):
                    s = entry.stat()
                    mode = s.st_mode
            except FileNotFoundError:
                continue  # removed meanwhile, or a link to an object that is gone: as good as not there
            try:
                add([s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, mode])
                names.append(name)
            except OverflowError:
                scan.add(name, mark(s))


def scan_glob(root: str, glob: Path) -> Scan:
    """The files that a glob means, links to files among them; sorted. Never goes into `.git` or `.outdo`."""
    fixed, wild = _split(glob)
    deep = None if "**" in wild else wild.count("/")
    matches = glob_pattern(glob).match
    found = []
    for name, entry in _walk(f"{root}/{fixed}" if fixed[:1] != "/" else fixed, fixed and f"{fixed}/", deep):
        if matches(name):
            try:
                status = entry.stat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((name, status))
    scan = Scan(root, is_glob=True)
    for name, status in sorted(found):
        scan.add(name, mark(status))
    return scan


def _split(glob: Path) -> tuple[Path, Path]:
    """The folder a glob begins in, and the rest with its wildcards."""
    parts = glob.split("/")
    count = next(i for i, part in enumerate(parts) if any(c in part for c in "*?["))
    return "/".join(parts[:count]), "/".join(parts[count:])


def _walk(folder: str, prefix: Path, deep: int | None) -> Iterator[tuple[Path, os.DirEntry[str]]]:
    todo = [(folder, prefix, deep)]
    while todo:
        folder, prefix, deep = todo.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        yield prefix + entry.name, entry
                    elif deep != 0 and entry.name != _IGNORED and entry.name not in _HIDDEN:
                        todo.append(
                            (entry.path, f"{prefix}{entry.name}/", None if deep is None else deep - 1)
                        )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise unreadable(error, folder) from error


def leads_into(path: str, *folders: str) -> bool:
    """Whether the link at `path` leads to something in one of these folders."""
    target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    return target.startswith(tuple(f"{folder}/" for folder in folders))


class Contents:
    """The digests of what a scan has found: those that the cache knows once they are recalled, others once `set`."""

    def __init__(self, key: Path, scan: Scan, cache: StatCache) -> None:
        self.key = key
        self.scan = scan
        self.digests = bytearray(32 * len(scan.names))
        """32 bytes a name; zeros where it is not known."""
        self._cache = cache

    def digest(self, place: int) -> Digest | None:
        """What the file at this place holds, where that is known."""
        found = self.digests[32 * place : 32 * place + 32]
        return Digest(found.hex()) if found != _NONE else None

    def recall(self) -> None:
        """The digests of all files that did not change since they were hashed are known."""
        rows = self._cache.rows(self.key)
        if rows is None:
            return
        former = os.fsdecode(rows.names).split("\0")
        if len(rows.marks) != 40 * len(former) or len(rows.digests) != 32 * len(former):
            return
        old, new = memoryview(rows.marks), memoryview(self.scan.marks).cast("B")
        places: dict[Path, int] = {}
        place = -1
        for index, name in enumerate(self.scan.names):
            place += 1
            if place >= len(former) or former[place] != name:  # most often nothing came or went before it
                places = places or {name: place for place, name in enumerate(former)}
                place = places.get(name, -1)
                if place < 0:
                    continue
            if old[40 * place : 40 * place + 40] == new[40 * index : 40 * index + 40]:
                self.digests[32 * index : 32 * index + 32] = rows.digests[32 * place : 32 * place + 32]

    def files(self) -> Sequence[int]:
        """The places of all regular files."""
        return [i for i, mode in enumerate(self.scan.marks[4::5]) if stat.S_ISREG(mode)]

    def set(self, place: int, digest: Digest, found: Mark) -> None:
        """Takes in what a file held while it was marked so."""
        self.digests[32 * place : 32 * place + 32] = bytes.fromhex(digest)
        self.scan.set(place, found)

    def check(self, path: Path) -> None:
        """Raises `NotAFile` for what no tree can hold."""
        for index, mode in enumerate(self.scan.marks[4::5]):
            if stat.S_ISLNK(mode):
                _target(self.scan, path, self.scan.names[index])
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise not_a_file(f"{path}/{self.scan.names[index]}", mode)

    def tree(self, path: Path) -> Tree:
        """All of it as a tree; raises `NotAFile` for what no tree can hold."""
        return self._leaf(path, self._order())

    def entry(self, path: Path, put: Put) -> Entry:
        """What the path holds, once the objects of its tree are put; never all of that is in memory."""
        order, names = self._order(), self.scan.names
        paths = [names[index].removesuffix("/") for index in order]
        return build(paths, lambda start, end: self._leaf(path, order[start:end]), put)

    def _order(self) -> list[int]:
        names = self.scan.names
        if any(map(stat.S_ISDIR, self.scan.marks[4::5])):
            names = [name.removesuffix("/") for name in names]
        return sorted(range(len(names)), key=names.__getitem__)

    def _leaf(self, path: Path, places: Iterable[int]) -> Tree:
        names, marks, digests = self.scan.names, self.scan.marks, self.digests
        files: list[tuple[Path, Digest, int, bool]] = []
        links: list[tuple[Path, str]] = []
        folders: list[Path] = []
        for place in places:
            name, mode = names[place], marks[5 * place + 4]
            if mode & _KIND == _FILE:
                digest = Digest(digests[32 * place : 32 * place + 32].hex())
                files.append((name, digest, marks[5 * place + 2], bool(mode & stat.S_IXUSR)))
            elif mode & _KIND == _LINK:
                links.append((name, _target(self.scan, path, name)))
            elif mode & _KIND == _FOLDER:
                folders.append(name[:-1])
            else:
                raise not_a_file(f"{path}/{name}", mode)
        return Tree(files, links, folders)

    def remember(self, entry: Entry, device: int, at: int) -> None:
        """Writes to the stat cache what the files held at the time `at`."""
        scan, clock = self.scan, self._cache.clock
        marks, newest, text = scan.marks, scan.newest(), scan.text()
        believed = not clock.hides((newest, newest, 0, 0, 0), device, at)
        if not believed:
            marks = marks[:]
            for index in range(len(scan.names)):
                if clock.hides(scan.mark(index), device, at):
                    marks[5 * index + 1] = 0
        signature = scan.signature(text) if believed else b""
        head = Head(self.key, signature, newest, entry)
        self._cache.put_folder(head, Rows(text, marks.tobytes(), bytes(self.digests)))


def unchanged(key: Path, scan: Scan, cache: StatCache, now: int) -> Entry | None:
    """What the folder holds, if nothing in it changed since that was last found out."""
    head = cache.head(key)
    if head is None or not head.signature or head.newest > now or head.signature != scan.signature():
        return None
    return head.entry


def not_a_file(path: Path, mode: int) -> NotAFile:
    kind = {
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    what = kind.get(stat.S_IFMT(mode), "neither a file nor a folder")
    return NotAFile(
        f"'{path}' is {what}, which can't be kept", fix="remove it, or let the stage put it elsewhere"
    )


def _target(scan: Scan, path: Path, name: Path) -> str:
    target = os.readlink(f"{scan.top}/{name}")
    refuse_stray_link(path, name, target)
    return target
