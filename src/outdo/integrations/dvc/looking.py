"""What paths of the workspace hold, as DVC says it: read only where that is not certain already."""

import os
import stat
from collections.abc import Mapping
from time import time_ns

from outdo.core.model import Digest, Entry, Path
from outdo.integrations.dvc.folders import Sums, scan_folder
from outdo.integrations.dvc.hashes import md5_of
from outdo.integrations.dvc.ignore import read_ignore
from outdo.integrations.dvc.names import entry_digest, name_of
from outdo.integrations.dvc.records import DOS2UNIX, MD5
from outdo.store.files import HEAVY, Mark, each, mark, unreadable
from outdo.store.folders import not_a_file
from outdo.store.statcache import StatCache

_TRIES = 5

Known = Mapping[Path, Mapping[Digest, Entry]]
"""What pointers say, by path and by digest."""


class Looking:
    """Looks at the paths of a project in the repository at `top`, in which it is the folder `inside`.

    `memory` is a stat cache for MD5s alone."""

    def __init__(self, top: str, inside: Path, memory: StatCache, known: Known) -> None:
        self.top = os.path.realpath(top)
        self.memory = memory
        self._inside = "" if inside == "." else f"{inside}/"
        self._known = known

    def place(self, path: Path) -> str:
        """Where a path of the project is on disk."""
        return f"{self.top}/{self._inside}{path}"

    def entry(self, path: Path) -> Entry | None:
        """What a path holds; None where nothing is. Where that is what its pointer says, it is the pointer's entry:
        DVC does not look at what else may differ, such as an executable bit."""
        found = self._found(path, MD5)
        known = self._known.get(path, {})
        if found is None or found.digest in known:
            return found and known[found.digest]
        if any(name_of(digest)[1] == DOS2UNIX for digest in known):
            old = self._found(path, DOS2UNIX)
            return known.get(old.digest, found) if old else found
        return found

    def content(self, path: Path, kind: str) -> Digest | None:
        """The digest of what is at a path, by this hash."""
        found = self._found(path, kind)
        return found.digest if found else None

    def sums(self, path: Path, kind: str = MD5) -> Sums:
        """What is in a folder, with the MD5s of all files."""
        return self._summed(self.scanned(path, kind), path, kind)[0]

    def scanned(self, path: Path, kind: str = MD5) -> Sums:
        """What is in a folder, with those MD5s that are certain."""
        full = f"{self._inside}{path}"
        found = scan_folder(self.place(path), full, read_ignore(self.top, os.path.dirname(full)))
        return Sums(self.key(path, kind), found, self.memory)

    def key(self, path: Path, kind: str = MD5) -> str:
        """Under which name the memory keeps a path."""
        return f"{self._inside}{path}" if kind == MD5 else f"{kind}:{self._inside}{path}"

    def md5(self, path: Path, status: os.stat_result, kind: str = MD5) -> str:
        """The MD5 of the file at a path that has this status."""
        key = self.key(path, kind)
        known = self.memory.get(key, mark(status), time_ns())
        if known:
            return known
        at = self.memory.clock.now()
        name, found = hash_file(self.place(path), kind)
        self.memory.put(key, found, Digest(name), device=status.st_dev, at=at)
        return name

    def _found(self, path: Path, kind: str) -> Entry | None:
        try:
            status = os.stat(self.place(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(error, path) from error
        if stat.S_ISREG(status.st_mode):
            return Entry(entry_digest(self.md5(path, status, kind), kind), status.st_size)
        if not stat.S_ISDIR(status.st_mode):
            raise not_a_file(path, status.st_mode)
        sums = self.scanned(path, kind)
        head = self.memory.head(sums.key)
        if head and head.signature and head.newest <= time_ns() and head.signature == sums.scan.signature():
            return head.entry
        return self._summed(sums, path, kind)[1]

    def _summed(self, sums: Sums, path: Path, kind: str) -> tuple[Sums, Entry]:
        """The MD5s with none missing, which are remembered, and what the folder holds."""
        sums.recall()
        found, at = sums.scan, self.memory.clock.now()

        def take_in(index: int) -> None:
            sums.set(index, *hash_file(f"{found.top}/{found.names[index]}", kind))

        missing = sums.missing()
        each(take_in, missing, heavy=found.size(missing) >= HEAVY * len(missing))
        entry = sums.entry(kind)[0]
        sums.remember(entry, os.stat(self.place(path)).st_dev, at)
        return sums, entry


def hash_file(place: str, kind: str = MD5) -> tuple[str, Mark]:
    """The MD5 of a file, and the mark that it had all the while."""
    for _ in range(_TRIES):
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unreadable(error, place) from error
        try:
            before = os.fstat(fd)
            name = md5_of(fd, kind)
            if mark(os.fstat(fd)) == mark(before):
                break
        finally:
            os.close(fd)
    return name, mark(before)
