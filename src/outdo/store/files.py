"""Small certain steps on files: hash, copy, clone, remove, and names for what is not finished yet."""

import errno
import os
import stat
import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Generic, TypeVar

from blake3 import blake3

from outdo.core.errors import NotAFile, StoreUnwritable, Unreadable
from outdo.core.model import Digest

Item = TypeVar("Item")

Mark = tuple[int, int, int, int, int]
"""What `stat` tells of a file: mtime and ctime in nanoseconds, size, inode, mode. An edit changes at least one."""

Seal = tuple[int, int, int]
"""Inode, mtime and size an object had when its bytes were last known to be right. Not its ctime: every hardlink
that is made or removed changes that."""

_TINY = 1 << 16
_SMALL = 1 << 20
_LARGE = 32 << 20
_STEP = 16
_WAITING_THREADS = 8
_REFLINK = 0x40049409
_NO_REFLINK = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EPERM}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
THREADS = max(2, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4))


HEAVY = 1 << 18
"""Bytes of a file from which on its hashing or copying takes long enough to be shared among threads."""


def mark(status: os.stat_result) -> Mark:
    """The mark of a file from its status."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode)


def seal(status: os.stat_result) -> Seal:
    """What the bytes of an object are known to be right by."""
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def digest_of(fd: int, size: int) -> Digest:
    """Digest of all that `fd` holds from where it stands; `size` is what is expected, and only steers the work.

    Reads rather than maps: a file that is cut short meanwhile would end the process by SIGBUS, and one buffer
    that stays in the processor's cache is faster than faulting every page in."""
    if size <= _SMALL:
        content = os.read(fd, size + 1)
        if len(content) == size:
            return Digest(blake3(content).hexdigest())
        hasher = blake3(content)
        buffer = bytearray(_SMALL)
    else:
        hasher = blake3(max_threads=blake3.AUTO if size >= _LARGE else 1)
        buffer = bytearray(4 * _SMALL if size >= _LARGE else _SMALL)
    view = memoryview(buffer)
    while count := os.readv(fd, (buffer,)):
        hasher.update(view[:count])
    return Digest(hasher.hexdigest())


def copy(source: int, target: int) -> Digest:
    """Digest of the bytes that were copied from one open file to the other."""
    hasher = blake3()
    buffer = bytearray(_TINY)  # a large one costs more than all else about a small file
    while count := os.readv(source, (buffer,)):
        with memoryview(buffer) as view:
            hasher.update(view[:count])
            write(target, view[:count])
        if count == len(buffer) < _SMALL:
            buffer = bytearray(_SMALL)
    return Digest(hasher.hexdigest())


def write(target: int, content: bytes | memoryview) -> None:
    """Writes all of `content`, however many calls it takes."""
    done = os.write(target, content)
    while done < len(content):
        content = content[done:]
        done = os.write(target, content)


def reflink(source: int, target: int) -> bool:
    """Whether `target` now shares the bytes of `source`, each written on its own from now on."""
    import fcntl

    try:
        fcntl.ioctl(target, _REFLINK, source)
    except OSError as error:
        if error.errno in _NO_REFLINK:
            return False
        raise
    return True


def create(path: str, mode: int) -> int:
    """A new file open for writing, with the rights that `mode` and the user's umask leave."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def open_file(path: str) -> int:
    """The file at `path`, open for reading; raises FileNotFoundError, or what `unreadable` makes of another error."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(error, path) from error


def drop(path: str) -> None:
    """No file is at `path` any more; for a temporary one, on the way out of a failure."""
    try:
        os.unlink(path)
    except OSError:
        pass


def remove(path: str) -> None:
    """Nothing is at `path` any more; what a link leads to is never touched."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path)
        return
    folders = [path]
    for folder in folders:
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                _unlink(entry.path, folder)
    for folder in reversed(folders):
        os.rmdir(folder)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except PermissionError:
        os.chmod(folder, stat.S_IRWXU)
        with os.scandir(folder) as entries:
            return list(entries)


def _unlink(path: str, folder: str) -> None:
    try:
        os.unlink(path)
    except PermissionError:
        os.chmod(folder, stat.S_IRWXU)
        os.unlink(path)


def each(
    work: Callable[[Item], None], items: Sequence[Item], threads: int = 0, *, heavy: bool = False
) -> None:
    """Does `work` for every item; the first error ends it and is raised.

    As many `threads` as are named share it; else as many as there are processors where it is `heavy`, or some more
    where it is seen to wait for a disk. Short calls that find all in memory
    are done by this thread alone: handing Python's lock to and fro costs more than a second thread gains."""
    heavy = heavy or threads > 0
    crew = _Crew(work, items, 1 if heavy else _STEP)
    if not heavy:
        before = _waits()
        while crew.do_some() and (now := _waits()) - before < _STEP:
            before = now
    crew.do_all(threads or (THREADS if heavy else _WAITING_THREADS))


class _Crew(Generic[Item]):
    """Items that several threads share, a few at a time."""

    def __init__(self, work: Callable[[Item], None], items: Sequence[Item], step: int) -> None:
        self._work = work
        self._items = items
        self._step = step
        self._next = 0
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def do_some(self) -> bool:
        """Does the next few; False once none is left."""
        with self._lock:
            start = self._next
            self._next = start + self._step
        for item in self._items[start : start + self._step]:
            self._work(item)
        return self._next < len(self._items)

    def do_all(self, threads: int) -> None:
        """Does all that is left in so many threads, this one among them."""
        left = -(-(len(self._items) - self._next) // self._step)
        helpers = [threading.Thread(target=self._help, daemon=True) for _ in range(min(threads, left) - 1)]
        for helper in helpers:
            helper.start()
        self._help()
        for helper in helpers:
            helper.join()
        if self._error is not None:
            raise self._error

    def _help(self) -> None:
        try:
            while self._error is None and self.do_some():
                pass
        except BaseException as error:
            self._error = self._error or error


def _waits() -> int:
    """How often this thread has had to wait: for a block that memory did not hold, for a disk or for a network."""
    import resource

    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw


def unwritable(error: OSError, path: str) -> Exception:
    """What to raise for an `error` in writing `path`: with the way out, where it is not a fault of ours."""
    place = error.filename if isinstance(error.filename, str) else path
    if error.errno in _FULL:
        return StoreUnwritable(f"no room is left to write '{place}'", fix="free some space and run again")
    if error.errno == errno.EROFS:
        fix = "mount it for writing, or use a store elsewhere"
        return StoreUnwritable(f"'{place}' is on a read-only file system", fix=fix)
    if error.errno in _CLOSED:
        return StoreUnwritable(f"'{place}' may not be written by this user", fix=f"chmod -R u+w '{path}'")
    if error.errno == errno.EIO:
        return StoreUnwritable(f"the disk failed to write '{place}'", fix="check the disk; `dmesg` says more")
    return error


def unreadable(error: OSError, path: str) -> Exception:
    """What to raise for an `error` in reading `path`: with the way out, where it is not a fault of ours."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unreadable(f"'{path}' may not be read by this user", fix=f"chmod -R u+r '{path}'")
    if error.errno == errno.EIO:
        return Unreadable(f"the disk failed to read '{path}'", fix="check the disk; `dmesg` says more")
    if error.errno == errno.ELOOP:
        return NotAFile(f"'{path}' is a link that leads back to itself", fix="remove it or mend it")
    return error


class Scratch:
    """A folder for files that are not finished, one per process; what killed processes left is swept away.

    A process holds a lock on its own folder as long as it lives, so a folder whose lock is free has no owner."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._own = ""
        self._count = count()
        self._give_back: Callable[[], object] | None = None
        self._lock = threading.Lock()

    def name(self) -> str:
        """A path that no file has and that only this call was given."""
        if not self._own:
            with self._lock:
                if not self._own:
                    self._own = self._take()
        return f"{self._own}/{os.getpid()}-{next(self._count)}"  # a fork has its parent's folder and count

    def close(self) -> None:
        """Nothing of this process is left in the folder; so it is too once this is no longer used."""
        with self._lock:
            if self._give_back is not None:
                self._give_back()
            self._own = ""

    def _take(self) -> str:
        import weakref

        os.makedirs(self._folder, exist_ok=True)
        with os.scandir(self._folder) as entries:
            for left in entries:
                self._sweep(left.path)
        while True:
            own = f"{self._folder}/{os.getpid()}-{os.urandom(4).hex()}"
            os.mkdir(own)
            held = _claim(own)
            if held is not None:
                self._give_back = weakref.finalize(self, _give_back, own, held, os.getpid())
                return own

    @staticmethod
    def _sweep(left: str) -> None:
        try:
            fd = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if _lock(fd):
                remove(left)
        except OSError:
            pass
        finally:
            os.close(fd)


def _claim(own: str) -> int | None:
    """A hold on a folder that was just made; None where another process was about to sweep it, or has."""
    import fcntl

    try:
        held = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sweeping = False
    except BlockingIOError:
        sweeping = True
    except OSError:  # a file system that knows no locks: nobody sweeps there either
        sweeping = False
    if sweeping or not os.path.exists(own):
        os.close(held)
        return None
    return held


def _give_back(own: str, held: int, pid: int) -> None:
    try:
        if os.getpid() == pid:  # not a fork, which has it from its parent
            remove(own)
    except OSError:
        pass
    finally:
        os.close(held)


def _lock(fd: int) -> bool:
    """Whether `fd` is now locked by this process; a file system that knows no locks says no."""
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
