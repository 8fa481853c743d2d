"""A small process that outlives the engine just long enough to end what a killed engine left running.

`outdo.run.local` starts it as `python -I -S guard.py TOKEN TABLE PARENT` with the read end of a pipe as stdin. It
sleeps until the pipe or the parent is gone, then kills every process group in the table and every process that
carries the token. An engine that ends in order kills its guard instead. Nothing but os, select, sys and time is
imported, so that it starts in 10 ms of CPU and stays at 9 MB. docs/design/processes.md says why it is there.
"""

import os
import select
import sys
import time

TYPE_CHECKING = False  # importing `typing` would double the time to start
if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "OUTDO_GUARD"
"""The environment variable every process of a stage inherits: `token/attempt;`, for a run inside a run several."""

SLOT = 8
"""Bytes of one process group's number in the table; 0 is a free slot."""

_KERNEL_THREAD_OR_EXITING = 0x00200004
_KILL = 9
_QUIET_SCANS = 5
_PATIENCE = 30.0
_UNBORN = 10.0
"""Seconds that forks of the engine are waited for: one that is about to be a command of a stage carries no mark yet."""


def processes() -> list[int]:
    """The numbers of all processes that /proc shows; none where there is no /proc."""
    try:
        with os.scandir("/proc") as entries:
            return [int(entry.name) for entry in entries if entry.name.isdigit()]
    except OSError:
        return []


def carries(pid: int, mark: bytes) -> bool | None:
    """Whether a live process was started with `mark` in its MARK variable; None while it is between two programs."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            environ = b"\0" + file.readall()
    except OSError:
        return False
    if len(environ) == 1:
        return None if _is_between(pid) else False
    _, found, rest = environ.partition(b"\0" + MARK.encode() + b"=")
    return bool(found) and mark in b";" + rest.partition(b"\0")[0]


def alive(pid: int) -> bool:
    """Whether a process of this number is there: no zombie, and no mere thread of one."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            fields = dict(line.split(b":\t", 1) for line in file.readall().splitlines()[:6] if b":\t" in line)
    except OSError:
        return False
    return fields.get(b"Tgid") == str(pid).encode() and fields.get(b"State", b"Z")[:1] not in b"ZX"


def last_pid() -> int | None:
    """The number given to the youngest process or thread; None where the system does not tell."""
    try:
        with open("/proc/loadavg", "rb", buffering=0) as file:
            return int(file.read(200).rsplit(None, 1)[-1])
    except (OSError, ValueError):
        return None


def _is_between(pid: int) -> bool:
    """Whether no environment could be read as the process was just being given another: it is not at its end, no
    kernel thread, and has not got an empty one as by `env -i`."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.readall().rpartition(b")")[2].split()
    except OSError:
        return False
    if len(fields) < 49 or fields[0] in b"ZXx" or int(fields[6]) & _KERNEL_THREAD_OR_EXITING:
        return False
    begin, end = int(fields[47]), int(fields[48])
    return end == 0 or begin < end


def sweep(mark: bytes, groups: list[int]) -> None:
    """Kills the groups, and every carrier of the mark with its group, until several looks in a row find none and no
    fork of the engine is left."""
    for group in groups:
        _kill(os.killpg, group)
    quiet, began = 0, time.monotonic()
    while quiet < _QUIET_SCANS and time.monotonic() < began + _PATIENCE:
        quiet = 0 if time.monotonic() < began + _UNBORN and _has_forks() else quiet + 1
        for pid in processes():
            carried = carries(pid, mark)
            if carried is None or (carried and _kill_with_group(pid)):
                quiet = 0
        time.sleep(0.02)


def _kill_with_group(pid: int) -> bool:
    try:
        group = os.getpgid(pid)
    except OSError:
        return False
    return _kill(os.killpg, group) or _kill(os.kill, pid)


def _kill(how: "Callable[[int, int], None]", number: int) -> bool:
    try:
        how(number, _KILL)
    except OSError:
        return False
    return True


def _wait_for_end(parent: int) -> None:
    """Returns once nobody holds the pipe's other end, or the parent is gone although a fork of it still does."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    try:
        poll.register(os.pidfd_open(parent), select.POLLIN)
    except (AttributeError, OSError):
        os.read(0, 1)
        return
    if os.getppid() == parent:
        poll.poll()


def _has_forks() -> bool:
    """Whether someone holds the pipe's other end. Commands do not: it is closed when they begin."""
    poll = select.poll()
    poll.register(0, 0)
    return not poll.poll(0)


def main(token: str, table: int, parent: int) -> None:
    _wait_for_end(parent)
    slots = os.pread(table, os.fstat(table).st_size, 0)
    groups = [int.from_bytes(slots[at : at + SLOT], "little") for at in range(0, len(slots), SLOT)]
    sweep(f";{token}/".encode(), [group for group in groups if group > 1])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    os._exit(0)
