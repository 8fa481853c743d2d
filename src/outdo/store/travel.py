"""What all that travels between a store and a remote shares: the names there, how it is counted, and many at a time."""

import threading
from collections.abc import Callable, Collection, Iterable
from time import monotonic
from typing import TypeVar

from msgspec import Struct

from outdo.core.errors import UserError
from outdo.core.model import Digest, Key
from outdo.store.files import HEAVY, each

Item = TypeVar("Item")

_BLINK = 0.05
"""Seconds."""

SMALL = 4 << 20
"""Bytes up to which an object travels through memory, as nearly all chunks do."""


class Tally(Struct, frozen=True):
    """How far a transfer is."""

    objects: int = 0
    size: int = 0
    """Bytes that have travelled."""
    of_objects: int = 0
    of_size: int = 0
    """Bytes that have to, as far as is known."""
    waits: bool = False
    """Whether nothing travels until a collection at the remote has ended."""


Tell = Callable[[Tally], None]


class Moved(Struct, frozen=True):
    """What a transfer moved."""

    objects: int = 0
    size: int = 0
    results: int = 0
    there: int = 0
    """Objects that were at their destination already."""
    missing: tuple[Digest, ...] = ()
    """Objects that are at neither end, or were damaged there."""

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(
            self.objects + other.objects,
            self.size + other.size,
            self.results + other.results,
            self.there + other.there,
            (*self.missing, *other.missing),
        )


class Counter:
    """Counts what travels, in several threads, and tells it: the first, the last, and between them what an eye can
    follow."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._objects = self._size = self._of_objects = self._of_size = 0
        self._told = 0.0

    def expect(self, objects: int, size: int) -> None:
        """So many more are to travel."""
        with self._lock:
            self._of_objects += objects
            self._of_size += size
            tally = self._now()
        self._tell(tally)

    def count(self, size: int) -> None:
        """One has travelled."""
        now = monotonic()
        with self._lock:
            self._objects += 1
            self._size += size
            if now < self._told + _BLINK and self._objects < self._of_objects:
                return
            self._told = now
            tally = self._now()
        self._tell(tally)

    def _now(self) -> Tally:
        return Tally(self._objects, self._size, self._of_objects, self._of_size)


def object_name(digest: Digest) -> str:
    """What an object is called at a remote."""
    return f"objects/{digest[:2]}/{digest[2:]}"


def recipe_name(file: Digest) -> str:
    """What the recipe of a file is called at a remote."""
    return f"recipes/{file[:2]}/{file[2:]}"


def result_name(key: Key) -> str:
    """What a result is called at a remote."""
    return f"results/{key[:2]}/{key[2:]}"


def are_heavy(sizes: Collection[int]) -> bool:
    """Whether objects of these sizes are worth several threads also where nothing has to be waited for."""
    return sum(sizes) >= HEAVY * len(sizes)


def side_by_side(
    work: Callable[[Item], None], items: Iterable[Item], threads: int, *, heavy: bool = False
) -> None:
    """Does `work` for every item, each thread taking the next one; the first error ends all and is raised. No
    threads named are as many as `files.each` takes.

    Unlike that it hands out single items: one may be large, and the waiting is for a network."""
    if not threads:
        each(work, list(items), heavy=heavy)
        return
    rest = iter(list(items))
    lock = threading.Lock()
    errors: list[BaseException] = []

    def share() -> None:
        try:
            while not errors:
                with lock:
                    item = next(rest, _END)
                if isinstance(item, _End):
                    return
                work(item)
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=share, daemon=True) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    share()
    for helper in helpers:
        helper.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, UserError)), errors[0])


class _End:
    """Stands where no item is left."""


_END = _End()
