"""The right to remove something from a remote, which has to be renewed, and what is set aside until it is certain.

A remote has no locks, and a process that was held up (stopped, its machine asleep) can't know it before it goes on. So
what goes is first set aside, and is removed for good only once the remote's own clock has shown that nobody can have
taken this for dead until then; otherwise it is put back. docs/design/collection.md says why nothing is lost.
"""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from msgspec import Struct

from outdo.core.errors import NotInRemote, StoreBusy, UserError
from outdo.store.depot import Shelf

BEAT = 3.0
LATE = 10.0
"""Seconds without renewal after which a collection stops by itself."""
DEAD = 30.0
"""Seconds after which others take it for dead. It is more than `LATE` as stamps may be whole seconds, of several
servers, and come through the cache of a mount."""

_AT_WORK = "collections"
_ASIDE = "aside"


class Mark(Struct, frozen=True):
    """What a collection says of itself."""

    name: str
    since: float
    """When it did so last, in seconds since 1970, by the remote's clock."""
    ended: bool
    """Whether its process is known to be no more, and with it all that it had asked for."""

    def dead(self, now: float) -> bool:
        """Whether others need not wait for it."""
        return self.ended or self.since < now - DEAD


class Removal:
    """The right to remove something; it is renewed as long as the process goes on, until `end`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._name = f"{_AT_WORK}/{os.urandom(12).hex()}"
        self._lock = threading.Lock()
        self._held = True
        self._since = self._renew()
        self._over = threading.Event()
        threading.Thread(target=self._go_on, daemon=True).start()

    def remove(self, names: Sequence[str]) -> None:
        """Nothing has these names any more. Raises `StoreBusy`, with all as it was, where this was held up for so long
        that others may have taken it for dead."""
        if self._is_held():
            aside = {name: _aside(self._name) + name.replace("/", "-") for name in names}
            self._shelf.move(aside)
            if self._is_held():
                self._shelf.remove(list(aside.values()))
                return
            clear(self._shelf, self._name)
        what = "this was held up for long, so others may work with the remote again"
        raise StoreBusy(what, fix="outdo gc again: it goes on from there")

    def end(self, *, sure: bool) -> None:
        """Others go on. If it is not `sure` that all that was asked for is done, they do so a little later."""
        with self._lock:
            self._over.set()
            if sure:
                self._shelf.remove([self._name])

    def now(self) -> float:
        """The time when this was renewed last."""
        return self._since

    def _is_held(self) -> bool:
        """Whether nobody can have taken this for dead until now."""
        with self._lock:
            return self._again()

    def _again(self) -> bool:
        since = self._renew()
        self._held = self._held and abs(since - self._since) < LATE
        self._since = since
        return self._held

    def _renew(self) -> float:
        self._shelf.put(self._name, _me(), replace=True)
        found = self._shelf.lying(_AT_WORK).get(self._name)
        return found.since if found else math.inf

    def _go_on(self) -> None:
        while not self._over.wait(BEAT):
            with self._lock:
                if self._over.is_set():
                    return
                with suppress(UserError):  # whoever removes finds out whether that was for too long
                    self._again()


@contextmanager
def removing(shelf: Shelf) -> Iterator[Removal]:
    """The right to remove, which others see before this begins."""
    removal = Removal(shelf)
    sure = False
    try:
        yield removal
        sure = True
    except StoreBusy:
        sure = True
        raise
    finally:
        removal.end(sure=sure)


def marks(shelf: Shelf) -> list[Mark]:
    """Who removes something now, or has been killed over it."""
    found: list[Mark] = []
    for name, lying in shelf.lying(_AT_WORK).items():
        try:
            content = b"".join(shelf.read(name)) if shelf.at_once else b""
        except NotInRemote:
            continue
        found.append(Mark(name, lying.since, _is_ended(content.decode("ascii", "replace"))))
    return found


def put_back(shelf: Shelf, name: str) -> list[str]:
    """What the collection of this name has set aside is at its place too; gives the names of what is still aside."""
    begin = _aside(name)
    aside = [there for there in shelf.lying(_ASIDE) if there.startswith(begin)]
    if aside:
        shelf.move({there: there.removeprefix(begin).replace("-", "/") for there in aside}, keep=True)
    return aside


def clear(shelf: Shelf, name: str) -> None:
    """Nothing tells of the collection of this name any more, and what it had set aside is at its place."""
    shelf.remove([*put_back(shelf, name), name])


def _aside(name: str) -> str:
    """How the names begin of what the collection of this name sets aside."""
    return f"{_ASIDE}/{os.path.basename(name)}-"


def _me() -> bytes:
    """This process's name in all the world: its kernel, where its number counts, its number, and when it began."""
    try:
        return f"{_world()} pid:{os.getpid()} {_stat(os.getpid())[1]}".encode()
    except OSError:
        return b""  # a system without /proc: others wait until it is dead


def _is_ended(text: str) -> bool:
    """Whether this is the name of a process that could be seen from here, and is not."""
    world, _, process = text.rpartition(" pid:")
    try:
        if not process or world != _world():
            return False
        pid, began = map(int, process.split())
        os.kill(max(pid, 1), 0)
        state, since = _stat(pid)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False  # another user's, which only that one may look at; or not of our making
    return state in "ZX" or since != began


def _world() -> str:
    """The running kernel, and among whom in it the numbers of processes count."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"


def _stat(pid: int) -> tuple[str, int]:
    """The state of a process, and when it began."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].decode().split()
    return fields[0], int(fields[19])
