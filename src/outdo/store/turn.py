"""One run at a time in a workspace: the second waits, and knows for whom."""

import fcntl
import os
import time
from collections.abc import Callable
from types import TracebackType

from msgspec import DecodeError, Struct, ValidationError, json

from outdo.store.files import unwritable

POLL = 0.1
"""Seconds between two tries: a lock that could be waited for without polling would not say who holds it."""


class Holder(Struct, frozen=True):
    """Who has the turn."""

    pid: int
    command: str
    since: float
    """Seconds since 1970."""


_decode = json.Decoder(Holder).decode


class Turn:
    """The right to change a workspace. The kernel gives it back when the process ends, however that is.

    `waiting` is called with the holder each time a wait begins for another one.
    """

    def __init__(self, path: str, command: str, waiting: Callable[[Holder | None], None]) -> None:
        self._path = path
        self._command = command
        self._waiting = waiting
        self._fd = -1

    def __enter__(self) -> "Turn":
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._wait()
            me = json.encode(Holder(os.getpid(), self._command, time.time()))
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, me, 0)
        except OSError as error:
            raise unwritable(error, self._path) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)

    def _wait(self) -> None:
        told: Holder | None = None
        first = True
        while not self._taken():
            holder = self._holder()
            if first or holder != told:
                self._waiting(holder)
                told, first = holder, False
            time.sleep(POLL)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> Holder | None:
        try:
            return _decode(os.pread(self._fd, 65536, 0))
        except (DecodeError, ValidationError):
            return None
