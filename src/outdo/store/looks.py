"""Looking at paths: what each holds, read only where that is not certain already."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import time_ns
from typing import Protocol

from outdo.core.errors import NotAFile, UserError
from outdo.core.graph import is_glob, is_url
from outdo.core.model import Digest, Entry, Path
from outdo.store.files import HEAVY, digest_of, each, mark, unreadable
from outdo.store.folders import (
    Contents,
    Scan,
    leads_into,
    not_a_file,
    scan_folder,
    scan_glob,
    unchanged,
)
from outdo.store.statcache import StatCache
from outdo.store.trees import digest_only


class Elsewhere(Protocol):
    """Tells what is at addresses, without fetching it."""

    @property
    def unreached(self) -> Mapping[Path, UserError]:
        """The addresses that were looked at of which it is not known what is there, and why."""
        ...

    def look(self, urls: Sequence[Path]) -> Mapping[Path, Entry]:
        """What is at each; one of which that is not known is left out."""
        ...

    def forget(self, url: Path) -> None:
        """The next look asks anew."""
        ...


class Nowhere:
    """Knows of no address."""

    unreached: Mapping[Path, UserError] = {}

    def look(self, urls: Sequence[Path]) -> Mapping[Path, Entry]:  # noqa: ARG002
        return {}

    def forget(self, url: Path) -> None:
        """Nothing is known that could be forgotten."""


_BIG = 1 << 20
_TRIES = 5


class Looks:
    """Looks at the paths of the project at `root`, whose links into the folders `stores` count as files."""

    def __init__(
        self,
        root: str,
        stores: Sequence[str],
        skipped: Iterable[str],
        cache: StatCache,
        elsewhere: Callable[[], Elsewhere],
    ) -> None:
        self.root = root
        self.stores = stores
        self.cache = cache
        self.elsewhere = elsewhere
        self._skipped = frozenset(skipped)

    def look(self, paths: Iterable[Path]) -> dict[Path, Entry]:
        """What each path holds; one that is not there is left out."""
        now, prefix, get = time_ns(), f"{self.root}/", self.cache.get
        found: dict[Path, Entry | None] = {}
        unknown: list[Path] = []
        far: list[Path] = []
        size = 0
        for path in paths:
            try:
                status = os.stat(path if path[:1] == "/" else prefix + path)
            except OSError as error:
                if is_url(path):
                    far.append(path)
                else:
                    found[path] = self._look_again(path, error)
                continue
            if stat.S_ISREG(status.st_mode):
                digest = get(path, mark(status), now)
                found[path] = file_entry(digest, status.st_size, status.st_mode) if digest else None
                if not digest:
                    unknown.append(path)
                    size += status.st_size
            elif stat.S_ISDIR(status.st_mode):
                found[path] = self._look_at_folder(path)
            else:
                raise not_a_file(path, status.st_mode)
        if unknown:
            at = self.cache.clock.now()

            def take_in(path: Path) -> None:
                found[path] = self._look_at_file(path, at)

            each(take_in, unknown, heavy=size >= HEAVY * len(unknown))
        if far:
            found.update(self.elsewhere().look(far))
        return {path: entry for path, entry in found.items() if entry is not None}

    def place(self, path: Path) -> str:
        """Where a path is on disk."""
        return path if path[:1] == "/" else f"{self.root}/{path}"

    def scan(self, path: Path) -> Scan:
        """The names and marks of all files in a folder."""
        return scan_folder(os.path.normpath(self.place(path)), self.stores, self._skipped)

    def read(self, contents: Contents, places: Iterable[int]) -> None:
        """The digests at these places are known; raises FileNotFoundError where a file was removed meanwhile."""
        at = self.cache.clock.now()

        def take_in(index: int) -> None:
            digest, status, _ = self._hash(f"{contents.scan.top}/{contents.scan.names[index]}", at)
            contents.set(index, digest, mark(status))

        unknown = [index for index in places if contents.digest(index) is None]
        each(take_in, unknown, heavy=contents.scan.size(unknown) >= HEAVY * len(unknown))

    def _look_again(self, path: Path, error: OSError) -> Entry | None:
        """What a path holds that could not be looked at like a file."""
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise unreadable(error, path) from error
        if is_glob(path):
            scan = scan_glob(self.root, path)
            return self._look_at_scan(path, scan) if scan.names else None
        place = self.place(path)
        if os.path.islink(place) and not leads_into(place, *self.stores):
            what = f"'{path}' is a link to '{os.readlink(place)}', where nothing is"
            raise NotAFile(what, fix="put the file there, or remove the link")
        return None

    def _look_at_folder(self, path: Path) -> Entry:
        return self._look_at_scan(path, self.scan(path))

    def _look_at_scan(self, path: Path, scan: Scan) -> Entry:
        for _ in range(_TRIES):
            entry = unchanged(path, scan, self.cache, time_ns())
            if entry is not None:
                return entry
            at = self.cache.clock.now()
            contents = Contents(path, scan, self.cache)
            contents.recall()
            try:
                self.read(contents, contents.files())
                entry = contents.entry(path, digest_only)
            except FileNotFoundError:
                scan = scan_glob(self.root, path) if scan.is_glob else self.scan(path)
                continue
            contents.remember(entry, os.stat(scan.top).st_dev, at)
            return entry
        raise NotAFile(
            f"files in '{path}' come and go while it is read", fix="wait until nothing writes to it"
        )

    def _look_at_file(self, path: Path, at: int) -> Entry | None:
        try:
            digest, status, at = self._hash(self.place(path), at)
        except FileNotFoundError:
            return None
        self.cache.put(path, mark(status), digest, device=status.st_dev, at=at)
        return file_entry(digest, status.st_size, status.st_mode)

    def _hash(self, place: str, at: int) -> tuple[Digest, os.stat_result, int]:
        """A file's digest, the status it had before it was read, and a time before that."""
        clock = self.cache.clock
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
            try:
                status = os.fstat(fd)
                if status.st_size > _BIG:
                    clock.wait_out(mark(status), status.st_dev)
                    at, status = clock.now(), os.fstat(fd)
                return digest_of(fd, status.st_size), status, at
            finally:
                os.close(fd)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unreadable(error, place) from error


def file_entry(digest: Digest, size: int, mode: int) -> Entry:
    """What a path with this file holds."""
    return Entry(digest, size, "file", 1, bool(mode & stat.S_IXUSR))
