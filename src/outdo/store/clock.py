"""The file system's clock, and whether a stamp of it can still hide a change."""

import os
from time import monotonic_ns, sleep, time_ns

from outdo.store.files import Mark

_TICK = 20_000_000
"""Nanoseconds; twice the coarsest clock tick of Linux."""
_COARSE = 2_000_000_000
"""Where stamps are whole seconds: FAT counts in twos."""
_JIFFY = 900_000
"""Nanoseconds; a little less than the finest clock tick of Linux."""
_PROBES = 8
_TRIES = 3


class Clock:
    """Tells the time by stamping a file in `folder`, and so by the clock that stamps the files beside it.

    Two changes within one tick of that clock leave the same stamps, so a file that changed within the last tick may
    change once more unseen. Linux 6.13 and later has no such tick for a file that was looked at since its last
    change; that is found out by trying."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._tried = 0
        self._fine: int | None = None
        """The device on which every change that follows a look leaves another stamp, however soon it comes."""

    def now(self) -> int:
        """The time in nanoseconds, never later than by the process's own clock."""
        path = f"{self._folder}/clock"
        try:
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except FileNotFoundError:
                os.makedirs(self._folder, exist_ok=True)
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                while self._fine is None and self._tried < _TRIES:
                    self._tried += 1
                    self._try(fd)
                return min(_stamp(fd).st_mtime_ns, time_ns())
            finally:
                os.close(fd)
        except OSError:
            return time_ns()

    def hides(self, mark: Mark, device: int, at: int) -> bool:
        """Whether a change after `at` could leave a file with just this mark.

        Stamps of the future always could: the clock was set back and will come round to them."""
        newest = max(mark[0], mark[1])
        if newest > at:
            return True
        if device == self._fine:
            return False
        whole_seconds = mark[1] % 1_000_000_000 == 0
        return newest + (_COARSE if whole_seconds else _TICK) >= at

    def wait_out(self, mark: Mark, device: int) -> None:
        """Returns when the tick of a file's last change is over, where waiting for that is worth it."""
        newest = max(mark[0], mark[1])
        age = self.now() - newest
        while device != self._fine and 0 <= age <= _TICK:
            sleep((_TICK - age) / 1e9 + 0.001)
            age = self.now() - newest

    def _try(self, fd: int) -> None:
        began = monotonic_ns()
        status = _stamp(fd)
        stamps = {status.st_ctime_ns}
        for _ in range(_PROBES):
            stamps.add(_stamp(fd).st_ctime_ns)
        if len(stamps) == _PROBES + 1 and monotonic_ns() - began < _JIFFY:
            self._fine = status.st_dev


def _stamp(fd: int) -> os.stat_result:
    os.pwrite(fd, b"x", 0)
    return os.fstat(fd)
