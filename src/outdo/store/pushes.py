"""Who works with a remote: each push leaves a note of what it relies on, and a collection says that it is at work.

A push finds old objects at the remote and does not send them again, so a collection has to know of them before it
removes anything. The push writes its note, then looks for a collection, then asks what is there. The collection says
that it is at work, then reads the notes, then removes. So either it has read the note, or the push has seen it and
waits. All times are those of the remote's clock, and no lock of the remote's is needed.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from outdo.core.errors import NotInRemote, StoreBusy
from outdo.core.model import Digest
from outdo.store.collect import digests_in
from outdo.store.depot import Shelf

_NOTES = "pushes"
_AT_WORK = "collections"
_USERS = "users"
DAY = 86400.0
_DEAD = 900.0
"""Seconds after which a collection that has not said that it is at work any more is not."""
_BEAT = 60.0
_PAUSE = 0.3
_PATIENCE = 120.0


class Pusher(Struct, frozen=True):
    """A project that shares its data through a remote, in whichever clone."""

    id: str = ""
    """Of all its clones; empty where there is none."""
    name: str = ""


def announce(shelf: Shelf, digests: Iterable[Digest], pusher: Pusher, patience: float = _PATIENCE) -> None:
    """From now on no collection takes these objects away, nor what is in those that are folders. Raises `StoreBusy`
    where one is at work for longer than the patience lasts."""
    name = f"{_NOTES}/{os.urandom(12).hex()}"
    shelf.put(name, "\n".join(digests).encode())
    if pusher.id:
        shelf.put(f"{_USERS}/{pusher.id}", pusher.name.encode())
    if not shelf.lying(_AT_WORK):
        return
    end = time.monotonic() + patience
    while _at_work(shelf, name):
        if time.monotonic() > end:
            what = "what nobody needs is being removed from the remote by `outdo gc`, and goes on for long"
            raise StoreBusy(what, fix="push again when it has ended")
        time.sleep(_PAUSE)


def _at_work(shelf: Shelf, note: str) -> bool:
    """Whether a collection is at work; the clock is the remote's, as the note was stamped by it."""
    stamps = [one.since for one in shelf.lying(_AT_WORK).values()]
    shelf.put(note, b"".join(shelf.read(note)), replace=True)
    now = shelf.lying(_NOTES)[note].since
    return any(stamp > now - _DEAD for stamp in stamps)


def relied_on(shelf: Shelf, before: float) -> Iterator[Digest]:
    """What pushes rely on that began after `before`, in seconds since 1970."""
    for name, lying in shelf.lying(_NOTES).items():
        if lying.since < before:
            continue
        try:
            content = b"".join(shelf.read(name))
        except NotInRemote:
            continue
        yield from digests_in(content)


def users(shelf: Shelf) -> list[Pusher]:
    """Every project that has pushed here."""
    names = list(shelf.lying(_USERS))
    return [Pusher(os.path.basename(name), _text(shelf, name)) for name in names]


def forget(shelf: Shelf, pushers: Iterable[Pusher]) -> None:
    """These projects use the remote no more."""
    names = [f"{_USERS}/{one.id}" for one in pushers]
    if names:
        shelf.remove(names)


@contextmanager
def collecting(shelf: Shelf, before: float) -> Iterator[Callable[[], None]]:
    """Pushes that begin now wait until the end. What is yielded is to be called before anything is removed, every time:
    it raises `StoreBusy` where this process was held up for so long that a push may have gone on. Notes from before
    `before` are gone at the end."""
    name = f"{_AT_WORK}/{os.urandom(12).hex()}"
    shelf.put(name, b"", replace=True)
    last = time.time()

    def beat() -> None:
        nonlocal last
        now = time.time()  # goes on while the machine sleeps, which the monotonic clock may not
        if not 0 <= now - last < _DEAD / 3:
            what = "this was held up for long, so others may work with the remote again"
            raise StoreBusy(what, fix="outdo gc again: it goes on from there")
        if now - last > _BEAT:
            shelf.put(name, b"", replace=True)
            last = now

    try:
        yield beat
    finally:
        old = [note for note, lying in shelf.lying(_NOTES).items() if lying.since < before]
        working = shelf.lying(_AT_WORK)
        now = max((one.since for one in working.values()), default=0.0)
        dead = [other for other, lying in working.items() if lying.since < now - _DEAD]
        shelf.remove([name, *dead, *old])


def _text(shelf: Shelf, name: str) -> str:
    try:
        return b"".join(shelf.read(name)).decode("utf-8", "replace")[:200]
    except NotInRemote:
        return ""
