"""Which files of some folders are read while one looks on, by Linux's inotify through ctypes."""

import ctypes
import os
import select
import struct
import threading
from collections.abc import Iterable

_CLOSED_UNWRITTEN = 0x10
_CREATED = 0x100
_MOVED_IN = 0x80
_OVERFLOW = 0x4000
_IS_FOLDER = 0x40000000
_MASK = _CLOSED_UNWRITTEN | _CREATED | _MOVED_IN | 0x01000000  # only folders
_EVENT = struct.Struct("iIII")


class Inotify:
    """Notes who is closed without having been written to, in a thread of its own, until `stop`."""

    def __init__(self, folders: Iterable[str]) -> None:
        """Raises OSError where there is no inotify."""
        self.read: set[str] = set()
        self.made: set[str] = set()
        self.incomplete = False
        """Whether there were more folders or events than the kernel would handle."""
        self._names: dict[int, str] = {}
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError as error:
            raise OSError("no inotify") from error
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        for folder in folders:
            number = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), ctypes.c_uint32(_MASK))
            if number < 0:
                self.incomplete = True
            else:
                self._names[number] = folder
        self._wake, self._bell = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Takes in what has happened so far, and ends."""
        if self._fd < 0:
            return
        os.write(self._bell, b"!")
        self._thread.join()
        for fd in (self._fd, self._wake, self._bell):
            os.close(fd)
        self._fd = -1

    def _listen(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            while events := self._next():
                self._take(events)
            if self._wake in ready:
                return

    def _next(self) -> bytes:
        try:
            return os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return b""

    def _take(self, events: bytes) -> None:
        at = 0
        while at < len(events):
            number, mask, _, length = _EVENT.unpack_from(events, at)
            at += _EVENT.size + length
            if mask & _OVERFLOW:
                self.incomplete = True
            elif number in self._names and not mask & _IS_FOLDER:
                name = events[at - length : at].rstrip(b"\0")
                path = os.path.join(self._names[number], os.fsdecode(name))
                (self.read if mask & _CLOSED_UNWRITTEN else self.made).add(path)
