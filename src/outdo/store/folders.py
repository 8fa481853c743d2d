"""What is in a folder: names and marks by one walk, digests only of what changed since the last one."""

import os
import stat
from collections.abc import Container, Iterable, Iterator, Sequence

from blake3 import blake3
from msgspec import msgpack

from outdo.core.errors import NotAFile
from outdo.core.graph import glob_pattern
from outdo.core.model import Digest, Entry, Path
from outdo.store.files import Mark, mark, unreadable
from outdo.store.nodes import Tree
from outdo.store.statcache import Head, Rows, StatCache
from outdo.store.trees import refuse_stray_link

_NONE = "0" * 64
_IGNORED = "__pycache__"
"""Python writes it into the folders it imports from: a stage would change its own dependency by reading it."""
_KIND, _FOLDER, _LINK = 0o170000, stat.S_IFDIR, stat.S_IFLNK
_HIDDEN = (".git", ".outdo")


class Scan:
    """The names and marks of all files in a folder, in the order in which the walk met them.

    A folder with nothing in it is a name with a `/` at its end. A link into the store counts as the file it
    leads to."""

    def __init__(self, top: str, *, is_glob: bool = False) -> None:
        self.top = top
        self.is_glob = is_glob
        self.names: list[Path] = []
        self.marks: list[int] = []
        """Five a name, flat: at 100,000 files a fifth of the memory of tuples."""

    def add(self, name: Path, status: os.stat_result) -> None:
        self.names.append(name)
        self.marks += mark(status)

    def add_folder(self, name: Path) -> None:
        self.names.append(f"{name}/")
        self.marks += (0, 0, 0, 0, stat.S_IFDIR)

    def mark(self, index: int) -> Mark:
        found = self.marks[5 * index : 5 * index + 5]
        return (found[0], found[1], found[2], found[3], found[4])

    def size(self, indexes: Iterable[int]) -> int:
        """The bytes of these files."""
        return sum(self.marks[5 * index + 2] for index in indexes)

    def signature(self) -> bytes:
        """Digest over all names and marks."""
        hasher = blake3(msgpack.encode(self.marks))
        return hasher.update(os.fsencode("\0".join(self.names))).digest()

    def newest(self) -> int:
        """The latest stamp of any."""
        return max(max(self.marks[0::5], default=0), max(self.marks[1::5], default=0))


def scan_folder(top: str, store: str, skipped: Container[str]) -> Scan:
    """What is in the folder at `top`; `store` is where links into the store lead, `skipped` names absolute paths."""
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
            _scan_one(fd, prefix, scan, todo, store, skipped)
        except OSError as error:
            raise unreadable(error, folder) from error
        finally:
            os.close(fd)
        if prefix and len(scan.names) + len(todo) == before:
            scan.add_folder(prefix[:-1])
    return scan


def _scan_one(
    fd: int, prefix: Path, scan: Scan, todo: list[Path], store: str, skipped: Container[str]
) -> None:
    """Adds what is in one folder; by its descriptor, as that spares the kernel walking the path for each file."""
    names, marks = scan.names, scan.marks
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
                if mode & _KIND == _LINK and leads_into(f"{scan.top}/{name}", store):
                    s = entry.stat()
                    mode = s.st_mode
            except FileNotFoundError:
                continue  # removed meanwhile, or a link to an object that is gone: as good as not there
            names.append(name)
            marks += (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, mode)


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
        scan.add(name, status)
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


def leads_into(path: str, folder: str) -> bool:
    """Whether the link at `path` leads to something in `folder`."""
    target = os.path.join(os.path.dirname(path), os.readlink(path))
    return os.path.normpath(target).startswith(f"{folder}/")


class Contents:
    """The digests of what a scan has found: those that the cache knows once they are recalled, others once `set`."""

    def __init__(self, key: Path, scan: Scan, cache: StatCache) -> None:
        self.key = key
        self.scan = scan
        self.digests: list[Digest | None] = [None] * len(scan.names)
        self._cache = cache

    def recall(self) -> None:
        """The digests of all files that did not change since they were hashed are known."""
        rows = self._cache.rows(self.key)
        if rows is None:
            return
        scan, old = self.scan, rows.marks
        digests = rows.digests.hex()
        places = {name: place for place, name in enumerate(os.fsdecode(rows.names).split("\0"))}
        if len(old) != 5 * len(places) or len(digests) != 64 * len(places):
            return
        for index, name in enumerate(scan.names):
            place = places.get(name)
            if place is not None and old[5 * place : 5 * place + 5] == scan.marks[5 * index : 5 * index + 5]:
                self.digests[index] = Digest(digests[64 * place : 64 * place + 64])

    def files(self) -> Sequence[int]:
        """The places of all regular files."""
        return [i for i, mode in enumerate(self.scan.marks[4::5]) if stat.S_ISREG(mode)]

    def set(self, place: int, digest: Digest, found: Mark) -> None:
        """Takes in what a file held while it was marked so."""
        self.digests[place] = digest
        self.scan.marks[5 * place : 5 * place + 5] = found

    def check(self, path: Path) -> None:
        """Raises `NotAFile` for what no tree can hold."""
        for index, mode in enumerate(self.scan.marks[4::5]):
            if stat.S_ISLNK(mode):
                _target(self.scan, path, self.scan.names[index])
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise not_a_file(f"{path}/{self.scan.names[index]}", mode)

    def tree(self, path: Path) -> Tree:
        """All of it as a tree; raises `NotAFile` for what no tree can hold."""
        scan = self.scan
        files: list[tuple[Path, Digest, int, bool]] = []
        links: list[tuple[Path, str]] = []
        folders: list[Path] = []
        modes, sizes = scan.marks[4::5], scan.marks[2::5]
        for index, name in enumerate(scan.names):
            mode = modes[index]
            if stat.S_ISREG(mode):
                digest = self.digests[index]
                assert digest is not None
                files.append((name, digest, sizes[index], bool(mode & stat.S_IXUSR)))
            elif stat.S_ISLNK(mode):
                links.append((name, _target(scan, path, name)))
            elif stat.S_ISDIR(mode):
                folders.append(name[:-1])
            else:
                raise not_a_file(f"{path}/{name}", mode)
        return Tree(sorted(files), sorted(links), sorted(folders))

    def remember(self, entry: Entry, device: int, at: int) -> None:
        """Writes to the stat cache what the files held at the time `at`."""
        scan, clock = self.scan, self._cache.clock
        marks, newest = scan.marks, scan.newest()
        believed = not clock.hides((newest, newest, 0, 0, 0), device, at)
        if not believed:
            marks = marks[:]
            for index in range(len(scan.names)):
                if clock.hides(scan.mark(index), device, at):
                    marks[5 * index + 1] = 0
        names = os.fsencode("\0".join(scan.names))
        digests = bytes.fromhex("".join([digest or _NONE for digest in self.digests]))
        signature = scan.signature() if believed else b""
        self._cache.put_folder(Head(self.key, signature, newest, entry), Rows(names, marks, digests))


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
