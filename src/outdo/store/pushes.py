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
from outdo.store.removal import Mark, Removal, clear, marks, put_back, removing

_NOTES = "pushes"
_USERS = "users"
DAY = 86400.0
_PAUSE = 0.3
_PATIENCE = 120.0


class Pusher(Struct, frozen=True):
    """A project that shares its data through a remote, in whichever clone."""

    id: str = ""
    """Of all its clones; empty where there is none."""
    name: str = ""


def announce(
    shelf: Shelf,
    digests: Iterable[Digest],
    pusher: Pusher,
    patience: float = _PATIENCE,
    waits: Callable[[], None] = lambda: None,
) -> None:
    """From now on no collection takes these objects away, nor what is in those that are folders. `waits` is called
    where one is at work; raises `StoreBusy` where it is for longer than the patience lasts."""
    name = f"{_NOTES}/{os.urandom(12).hex()}"
    shelf.put(name, "\n".join(digests).encode())
    if pusher.id:
        shelf.put(f"{_USERS}/{pusher.id}", pusher.name.encode())
    if not marks(shelf):
        return
    end = time.monotonic() + patience
    told = False
    while (dead := _dead(shelf, name)) is None:
        if not told:
            waits()
            told = True
        if time.monotonic() > end:
            what = "what nobody needs is being removed from the remote by `outdo gc`, and goes on for long"
            raise StoreBusy(what, fix="push again when it has ended")
        time.sleep(_PAUSE)
    for mark in dead:  # it may have been killed after it took something away too late
        put_back(shelf, mark.name)


def _dead(shelf: Shelf, note: str) -> list[Mark] | None:
    """The collections that are dead; None where one is at work. The clock is the remote's, which stamps the note first:
    whichever says later that it is at work finds out that it was late."""
    shelf.put(note, b"".join(shelf.read(note)), replace=True)
    now = shelf.lying(_NOTES)[note].since
    found = marks(shelf)
    return found if all(mark.dead(now) for mark in found) else None


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
def collecting(shelf: Shelf, before: float) -> Iterator[Removal]:
    """Pushes that begin now wait until the end. Notes from before `before` are gone then, and what is left of
    collections that were killed."""
    with removing(shelf) as removal:
        yield removal
        for mark in marks(shelf):
            # one that is only held up needs what it has set aside, to put it back
            if mark.ended or (mark.since < before and mark.dead(removal.now())):
                clear(shelf, mark.name)
        shelf.remove([note for note, lying in shelf.lying(_NOTES).items() if lying.since < before])


def _text(shelf: Shelf, name: str) -> str:
    try:
        return b"".join(shelf.read(name)).decode("utf-8", "replace")[:200]
    except NotInRemote:
        return ""
