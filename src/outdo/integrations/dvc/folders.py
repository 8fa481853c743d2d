"""What is in a folder that DVC tracks: names and marks by one walk, MD5s only of what changed since the last one."""

import os
import stat
from array import array
from collections.abc import Callable, Sequence
from time import time_ns

from outdo.core.errors import NotAFile
from outdo.core.model import Entry, Path
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.ignore import DEFAULT, Ignore
from outdo.integrations.dvc.ignore import NAME as IGNORE
from outdo.integrations.dvc.names import entry_digest
from outdo.integrations.dvc.records import MD5
from outdo.store.files import Mark, mark, unreadable
from outdo.store.folders import Scan, not_a_file
from outdo.store.statcache import Head, Rows, StatCache

_KIND, _FOLDER, _LINK, _FILE = 0o170000, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFREG
_NEVER = (".git", ".hg", ".dvc")
_STRANGE = frozenset((*_NEVER, IGNORE))
_NONE = "0" * 32


class Sums:
    """The MD5s of what a scan has found: those that `memory` knows once they are recalled, others once `set`."""

    def __init__(self, key: Path, scan: Scan, memory: StatCache) -> None:
        self.key = key
        self.scan = scan
        self.md5s: list[str] = [""] * len(scan.names)
        self._memory = memory

    def recall(self) -> None:
        """The MD5s of all files that did not change since they were hashed are known."""
        rows = self._memory.rows(self.key)
        if rows is None:
            return
        digests = rows.digests.hex()
        names = os.fsdecode(rows.names).split("\0") if rows.names else []
        if len(rows.marks) != 40 * len(names) or len(digests) != 32 * len(names):
            return
        scan, old = self.scan, array("q", rows.marks)
        places = {name: place for place, name in enumerate(names)}
        now = time_ns()
        for index, name in enumerate(scan.names):
            place = places.get(name)
            if place is None or old[5 * place : 5 * place + 5] != scan.marks[5 * index : 5 * index + 5]:
                continue
            if old[5 * place] <= now and old[5 * place + 1] <= now:
                self.md5s[index] = digests[32 * place : 32 * place + 32]

    def missing(self) -> Sequence[int]:
        """The places of the files whose MD5 is not known."""
        return [index for index, md5 in enumerate(self.md5s) if not md5]

    def set(self, index: int, md5: str, found: Mark) -> None:
        """Takes in what a file held while it was marked so."""
        self.md5s[index] = md5
        self.scan.set(index, found)

    def files(self) -> dict[Path, str]:
        """The MD5s by path."""
        return dict(zip(self.scan.names, self.md5s, strict=True))

    def add(self, name: Path, md5: str, found: Mark) -> None:
        """Takes in one more file."""
        self.scan.add(name, found)
        self.md5s.append(md5)

    def only(self, indexes: Sequence[int]) -> "Sums":
        """The same of these files alone."""
        part = Scan(self.scan.top)
        for index in indexes:
            part.add(self.scan.names[index], self.scan.mark(index))
        kept = Sums(self.key, part, self._memory)
        kept.md5s = [self.md5s[index] for index in indexes]
        return kept

    def entry(self, kind: str = MD5) -> tuple[Entry, bytes]:
        """What the folder holds, and the text of its `.dir` object."""
        content = listing.encode(self.files())
        size = sum(self.scan.marks[2::5])
        digest = entry_digest(listing.digest(content), kind)
        return Entry(digest, size, "tree", len(self.md5s)), content

    def remember(self, entry: Entry, device: int, at: int) -> None:
        """Writes to the memory what the files held at the time `at`."""
        scan, clock = self.scan, self._memory.clock
        marks, newest, text = scan.marks, scan.newest(), scan.text()
        believed = not clock.hides((newest, newest, 0, 0, 0), device, at)
        if not believed:
            marks = marks[:]
            for index in range(len(scan.names)):
                if clock.hides(scan.mark(index), device, at):
                    marks[5 * index + 1] = 0
        digests = bytes.fromhex("".join([md5 or _NONE for md5 in self.md5s]))
        signature = scan.signature(text) if believed else b""
        rows = Rows(text, marks.tobytes(), digests)
        self._memory.put_folder(Head(self.key, signature, newest, entry), rows)


def scan_folder(top: str, path: Path, ignore: Ignore) -> Scan:
    """The files in the folder at `top`, which is `path` in the repository, that DVC sees. A link to a file counts as
    the file, and one to a folder is passed by, as DVC does.

    Raises `NotAFile` for what DVC can't keep: a link that leads nowhere, a pipe, a name that is no text, rules of
    its own inside."""
    found = Scan(top)
    hides = None if ignore is DEFAULT else ignore.hides_itself
    todo = [""]
    while todo:
        prefix = todo.pop()
        folder = f"{top}/{prefix}" if prefix else top
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            continue  # removed meanwhile
        except OSError as error:
            raise unreadable(error, folder) from error
        try:
            _scan_one(fd, prefix, path, found, todo, hides)
        except OSError as error:
            raise unreadable(error, folder) from error
        finally:
            os.close(fd)
    try:
        "\0".join(found.names).encode()
    except UnicodeEncodeError:
        raise NotAFile(
            f"'{path}' holds a name that is not UTF-8, which DVC can't keep", fix="rename it"
        ) from None
    return found


def _scan_one(
    fd: int, prefix: Path, path: Path, found: Scan, todo: list[Path], hides: Callable[..., bool] | None
) -> None:
    """Adds what is in one folder."""
    names, add = found.names, found.marks.fromlist
    with os.scandir(fd) as entries:
        for entry in entries:
            name = prefix + entry.name
            try:
                s = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # removed meanwhile
            if hides is not None and hides(f"{path}/{name}", is_folder=s.st_mode & _KIND == _FOLDER):
                continue
            if s.st_mode & _KIND != _FILE or entry.name in _STRANGE:
                other = _other(entry, s, name, path, todo)
                if other is None:
                    continue
                s = other
            try:
                add([s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino, s.st_mode])
                names.append(name)
            except OverflowError:
                found.add(name, mark(s))


def _other(
    entry: os.DirEntry[str], status: os.stat_result, name: Path, path: Path, todo: list[Path]
) -> os.stat_result | None:
    """The status of the file that an entry stands for; None for a folder, which is yet to do, and what DVC does not
    see."""
    if entry.name in _NEVER:
        return None
    kind = status.st_mode & _KIND
    if kind == _LINK:
        try:
            status = entry.stat()
        except OSError:
            what = f"'{path}/{name}' is a link that leads nowhere"
            raise NotAFile(what, fix="remove it, or mend what it leads to") from None
        kind = status.st_mode & _KIND
        if kind == _FOLDER:
            return None
    if kind == _FOLDER:
        todo.append(f"{name}/")
        return None
    if kind != _FILE:
        raise not_a_file(f"{path}/{name}", status.st_mode)
    if entry.name == IGNORE:
        what = f"'{path}/{name}' is inside a folder that DVC tracks, where DVC refuses it"
        raise NotAFile(what, fix=f"move its lines to a {IGNORE} above '{path}'")
    return status
