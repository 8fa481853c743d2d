"""MD5s of files and folders, as DVC means them, in parallel, and remembered while nothing changed."""

import os
import stat
from collections.abc import Callable, Mapping
from time import time_ns

from msgspec import Struct

from outdo.core.errors import NotAFile
from outdo.core.model import Digest
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.ignore import NAME as IGNORE
from outdo.integrations.dvc.ignore import Ignore, read_ignore
from outdo.integrations.dvc.md5 import md5
from outdo.integrations.dvc.records import DOS2UNIX, MD5
from outdo.store.files import each, mark, unreadable
from outdo.store.statcache import StatCache

_STEP = 1 << 20
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_SAMPLE = 512
_MOST_NOT_TEXT = 0.30
_EXECUTABLE = 0o111


class Found(Struct, frozen=True):
    """What a path holds, as DVC says it."""

    md5: str
    size: int
    isexec: bool = False
    files: Mapping[str, str] | None = None
    """Of a folder the MD5s of its files by path; None for a file."""

    @property
    def nfiles(self) -> int | None:
        return None if self.files is None else len(self.files)


class Hashes:
    """Hashes what is in the repository at `root`. `cache` is one for MD5s alone: its digests are of that kind."""

    def __init__(self, root: str, cache: StatCache) -> None:
        self._root = root
        self._cache = cache

    def look(self, path: str, kind: str = MD5) -> Found | None:
        """What a path of the repository holds; None where nothing is, `NotAFile` for what DVC can't track."""
        place = os.path.join(self._root, path)
        try:
            status = os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(error, path) from error
        if stat.S_ISREG(status.st_mode):
            return Found(self._md5(path, kind), status.st_size, bool(status.st_mode & _EXECUTABLE))
        if not stat.S_ISDIR(status.st_mode):
            raise NotAFile(f"'{path}' is neither a file nor a folder")
        return self._look_at_folder(path, kind)

    def save(self) -> None:
        """What was hashed is remembered by the next process."""
        self._cache.save()

    def _look_at_folder(self, path: str, kind: str) -> Found:
        names, size = walk(self._root, path, read_ignore(self._root, os.path.dirname(path)))
        files: dict[str, str] = {}

        def take_in(name: str) -> None:
            files[name] = self._md5(f"{path}/{name}", kind)

        each(take_in, names)
        return Found(listing.digest(listing.encode(files)), size, files=files)

    def _md5(self, path: str, kind: str) -> str:
        place = os.path.join(self._root, path)
        key = path if kind == MD5 else f"{kind}:{path}"
        try:
            known = self._cache.get(key, mark(os.stat(place)), time_ns())
            if known is not None:
                return known
            at = self._cache.clock.now()
            with open(place, "rb", buffering=0) as file:
                before = os.fstat(file.fileno())
                digest = md5_of(file.fileno(), kind)
                same = mark(os.fstat(file.fileno())) == mark(before)
        except OSError as error:
            raise unreadable(error, path) from error
        if same:
            self._cache.put(key, mark(before), Digest(digest), device=before.st_dev, at=at)
        return digest


def md5_of(fd: int, kind: str = MD5, also: Callable[[memoryview], object] | None = None) -> str:
    """The MD5 of all that `fd` holds from where it stands; DVC 2's takes CRLF in text as LF. `also` sees the bytes
    as they pass."""
    hasher = md5()
    buffer = bytearray(_STEP)
    view = memoryview(buffer)
    while count := _fill(fd, view):
        chunk = view[:count]
        if also is not None:
            also(chunk)
        if kind == DOS2UNIX and is_text(bytes(chunk[:_SAMPLE])):
            hasher.update(bytes(chunk).replace(b"\r\n", b"\n"))
        else:
            hasher.update(chunk)
    return hasher.hexdigest()


def md5_bytes(content: bytes) -> str:
    """The MD5 of some bytes."""
    return md5(content).hexdigest()


def is_text(sample: bytes) -> bool:
    """Whether DVC 2 takes a file for text by its first bytes: no NUL, and few that text does not have."""
    if b"\0" in sample:
        return False
    return not sample or len(sample.translate(None, _TEXT)) / len(sample) <= _MOST_NOT_TEXT


def walk(root: str, path: str, ignore: Ignore) -> tuple[list[str], int]:
    """The files in a folder that DVC sees, from that folder, and their size in all. Folders behind links are not."""
    names: list[str] = []
    size = 0
    todo = [""]
    while todo:
        folder = todo.pop()
        with os.scandir(os.path.join(root, path, folder)) as entries:
            found = list(entries)
        for entry in found:
            name = f"{folder}{entry.name}"
            is_folder = entry.is_dir(follow_symlinks=False)
            if ignore.hides_itself(f"{path}/{name}", is_folder=is_folder):
                continue
            if is_folder:
                todo.append(f"{name}/")
            elif entry.is_file():
                names.append(name)
                size += entry.stat().st_size
            if entry.name == IGNORE:
                what = f"'{path}/{name}' is inside a folder that DVC tracks, where DVC refuses it"
                raise NotAFile(what, fix=f"move its lines to a {IGNORE} above '{path}'")
    return names, size


def _fill(fd: int, view: memoryview) -> int:
    """Reads until the buffer is full or the file ends: DVC 2 looks for text anew at each full step."""
    done = 0
    while done < len(view) and (count := os.readv(fd, (view[done:],))):
        done += count
    return done
