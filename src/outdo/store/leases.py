"""Who works with a store, and the right to remove something from it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from outdo.core.errors import StoreBusy
from outdo.store.files import drop, unwritable
from outdo.store.lease import GATE, user_file

_COLLECTOR = "collector"


class Held(Struct, frozen=True):
    """A process that works with the store."""

    pid: int
    since: int
    """When it began, in nanoseconds, by the clock of the store's file system."""


@contextmanager
def collecting(root: str) -> Iterator[int]:
    """Nobody else collects in this store meanwhile; gives the time, by the clock of its file system, in nanoseconds.

    Raises `StoreBusy`, also where the file system knows no locks."""
    path = f"{root}/leases/{_COLLECTOR}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise unwritable(error, path) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"another process collects in '{root}'", fix="wait until it has ended") from None
        except OSError:
            what = f"the file system of '{root}' knows no locks, so who works with it can't be seen"
            raise StoreBusy(what, fix="move the store to one that does") from None
        os.utime(fd)
        yield os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)


@contextmanager
def closed(root: str) -> Iterator[frozenset[Held]]:
    """Nobody begins to work with the store meanwhile; gives those who do already.

    Leases of processes that were killed are cleared away."""
    folder = f"{root}/leases"
    gate = os.open(f"{folder}/{GATE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        names = [name for name in os.listdir(folder) if name not in (GATE, _COLLECTOR)]
        yield frozenset(held for name in names if (held := _held(f"{folder}/{name}")) is not None)
    finally:
        os.close(gate)


def _held(path: str) -> Held | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        drop(path)
    except BlockingIOError:
        return Held(int(os.path.basename(path).partition("-")[0]), os.fstat(fd).st_mtime_ns)
    finally:
        os.close(fd)
    return None


def users(root: str) -> list[str]:
    """The folders of the projects that have worked with a store that is not their own."""
    try:
        names = sorted(os.listdir(f"{root}/users"))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if not name.endswith(".tmp"):
            with open(f"{root}/users/{name}", "rb") as file:
                found.append(os.fsdecode(file.read()))
    return found


def forget_user(root: str, user: str) -> None:
    """The project is no longer known to use the store."""
    drop(user_file(root, user))
