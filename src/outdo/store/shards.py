"""A folder of files by digest, in 256 shards, that knows which of them could still be lost with the power."""

import os
import threading
from collections.abc import Iterable, Iterator

from outdo.core.errors import StoreUnwritable
from outdo.core.model import Digest
from outdo.store.files import each

_FEW = 256
_MANY = 16
_READ = os.O_RDONLY | os.O_CLOEXEC


class Shards:
    """Files by digest, in `folder/ab/cdef…`; safe to call from several threads at once."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._unsynced: set[Digest] = set()
        self._asked: dict[str, int] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._failed: StoreUnwritable | None = None

    def place(self, digest: Digest) -> str:
        """Where the file of a digest would be, whether or not it is there; the digest is known to be one."""
        return f"{self.folder}/{digest[:2]}/{digest[2:]}"

    def take(self, path: str, digest: Digest) -> None:
        """The file at `path` is moved here, in the place of the one that was here."""
        place = self.place(digest)
        try:
            os.rename(path, place)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.rename(path, place)
        self.note(digest)

    def note(self, digest: Digest) -> None:
        """The file is flushed with the next ones."""
        with self._lock:
            self._unsynced.add(digest)

    def lacks(self, digest: Digest) -> bool:
        """Whether the file is known not to be here. When a shard is asked often it is listed, which is cheaper; what
        another process has put there since is then stored once more."""
        shard = digest[:2]
        names = self._listed.get(shard)
        if names is None:
            asked = self._asked[shard] = self._asked.get(shard, 0) + 1
            if asked < _MANY:
                return not os.access(self.place(digest), os.F_OK)
            names = self._listed[shard] = frozenset(self._names(shard))
        return digest[2:] not in names and digest not in self._unsynced

    def among(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those of these digests whose files are here; many are found by listing, which is cheaper."""
        shards: dict[str, list[Digest]] = {}
        for digest in digests:
            shards.setdefault(digest[:2], []).append(digest)
        found: set[Digest] = set()
        for shard, wanted in shards.items():
            if len(wanted) < _MANY:
                found.update(digest for digest in wanted if os.path.exists(self.place(digest)))
                continue
            names = set(self._names(shard))
            found.update(digest for digest in wanted if digest[2:] in names)
        return found

    def all(self) -> Iterator[Digest]:
        """The digests of all files that are here."""
        try:
            shards = os.listdir(self.folder)
        except FileNotFoundError:
            return
        for shard in shards:
            yield from (Digest(shard + name) for name in self._names(shard) if len(shard + name) == 64)

    def _names(self, shard: str) -> list[str]:
        try:
            return os.listdir(f"{self.folder}/{shard}")
        except (FileNotFoundError, NotADirectoryError):
            return []

    def sync(self) -> None:
        """Every file that was noted before this call survives a loss of power.

        Raises `StoreUnwritable` where the disk says it does not, then and ever after: what a failed flush lost is
        not known, and a second one would not tell."""
        with self._syncing:
            if self._failed:
                raise self._failed
            with self._lock:
                digests, self._unsynced = self._unsynced, set()
                self._asked, self._listed = {}, {}
            if not digests:
                return
            try:
                if len(digests) > _FEW:
                    _flush_file_system(self.folder)
                else:
                    each(lambda digest: _flush(self.place(digest)), sorted(digests), heavy=True)
                    each(_flush, sorted({f"{self.folder}/{digest[:2]}" for digest in digests}), heavy=True)
                    _flush(self.folder)
            except OSError as error:
                what = (
                    f"the disk could not be made to keep '{error.filename or self.folder}': {error.strerror}"
                )
                fix = "check the disk; `dmesg` says more; then run again"
                self._failed = StoreUnwritable(what, fix=fix)
                raise self._failed from error


def _flush(path: str) -> None:
    try:
        fd = os.open(path, _READ)
    except FileNotFoundError:
        return  # set aside since it was written: whoever reads it will miss it
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _flush_file_system(folder: str) -> None:
    """Flushes all of the file system that `folder` is on: for many files, far cheaper than one by one."""
    import ctypes

    fd = os.open(folder, _READ)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs"):
            os.sync()
        elif libc.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), folder)
    finally:
        os.close(fd)
