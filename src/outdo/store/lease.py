"""This process's hold on a store: what it stores or needs is not collected while it lives.

It is a lock on a file in `leases/`, which the kernel gives back when the process ends, however that is. It is taken
through a gate that is closed while objects are removed: whoever comes then waits for that.
"""

import os
import threading
from time import time_ns
from typing import TYPE_CHECKING

from blake3 import blake3

from outdo.store.atomic import write_atomic
from outdo.store.files import drop

if TYPE_CHECKING:
    from collections.abc import Callable

GATE = "gate"


class Lease:
    """This process's hold on the store at `root`; it is taken once, and kept until the process ends."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._taken = False
        self._since = 0
        self._give_back: Callable[[], object] | None = None
        self._lock = threading.Lock()
        self.user = ""
        """The project that the process works for, where the store is not that project's own."""

    def take(self) -> None:
        """What a result names, and what this process touches or stores, is not collected before it ends.

        A store that can't be written, or knows no locks, can't be collected either."""
        if not self._taken:
            with self._lock:
                if not self._taken:
                    try:
                        self._take()
                    except OSError:
                        pass
                    self._taken = True

    def touch(self, place: str) -> bool:
        """Whether the file of the store is there, and will be while this process lives."""
        try:
            status = os.stat(place)
            if status.st_ctime_ns < self._since:
                os.utime(place, ns=(time_ns(), status.st_mtime_ns))
        except OSError:  # another user's, which only that one may touch: it is stored anew
            return False
        return True

    def close(self) -> None:
        """This process needs nothing any more."""
        with self._lock:
            if self._give_back is not None:
                self._give_back()
            self._taken = False

    def _take(self) -> None:
        import fcntl
        import weakref

        folder = f"{self._root}/leases"
        os.makedirs(folder, exist_ok=True)
        gate = os.open(f"{folder}/{GATE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(gate, fcntl.LOCK_SH)
            put_back(self._root)
            self._register()
            path = f"{folder}/{os.getpid()}-{os.urandom(4).hex()}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            fcntl.flock(fd, fcntl.LOCK_EX)
            self._since = os.fstat(fd).st_mtime_ns
            self._give_back = weakref.finalize(self, _give_back, path, fd, os.getpid())
        finally:
            os.close(gate)

    def _register(self) -> None:
        if self.user:
            path = user_file(self._root, self.user)
            if not os.path.exists(path):
                write_atomic(path, os.fsencode(self.user))


def user_file(root: str, user: str) -> str:
    """Where a store notes that a project uses it."""
    return f"{root}/users/{blake3(os.fsencode(user)).hexdigest(8)}"


def put_back(root: str) -> None:
    """What a collection that was killed had taken out and not yet removed is in its place again.

    The gate is held, so nobody collects."""
    try:
        names = os.listdir(f"{root}/trash")
    except FileNotFoundError:
        return
    for name in names:
        restore(root, name)


def restore(root: str, name: str) -> None:
    """What was taken out as `objects-…` or `recipes-…` is in its place again, or another one of the same name is."""
    kind, _, digest = name.partition("-")
    place, out = f"{root}/{kind}/{digest[:2]}/{digest[2:]}", f"{root}/trash/{name}"
    if os.path.lexists(place):
        drop(out)
        return
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.rename(out, place)
    except FileNotFoundError:
        pass  # another process has just done it


def _give_back(path: str, fd: int, pid: int) -> None:
    if os.getpid() == pid:  # not a fork, which has it from its parent
        drop(path)
    os.close(fd)
