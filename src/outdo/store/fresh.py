"""Shards that a store does not have yet: filled apart, and moved into it whole.

No file in them has a second name before it is finished, and that would be a fifth of what it costs to store a small
one.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from outdo.core.model import Digest
from outdo.store.files import create, drop, unwritable, write
from outdo.store.objects import Objects
from outdo.store.shards import Shards

_TAKEN = {errno.ENOTEMPTY, errno.EEXIST}


@contextmanager
def filling(objects: Objects) -> Iterator[Objects]:
    """The same store, for whoever is about to put many small objects into it: what is put through this one can be read
    at the end only, and is there then, whatever ends it. Raises `StoreUnwritable`."""
    twin = copy(objects)
    try:
        fresh = Fresh(objects.shards, objects.temporary())
        twin.put_apart = fresh.put
        try:
            yield twin
        finally:
            fresh.settle()
    except OSError as error:
        raise unwritable(error, objects.root) from error


class Fresh:
    """Those of 256 `shards` that are not there yet, until they are settled; safe to call from several threads.

    They are filled in the folder `apart`, which this makes."""

    def __init__(self, shards: Shards, apart: str) -> None:
        self._shards = shards
        self._apart = apart
        self._put: list[Digest] = []
        os.makedirs(shards.folder, exist_ok=True)
        here = set(os.listdir(shards.folder))
        # A folder that hands its group down would not do so to what is moved into it.
        every = () if os.stat(shards.folder).st_mode & stat.S_ISGID else range(256)
        self._new = {shard for number in every if (shard := f"{number:02x}") not in here}
        os.mkdir(apart)
        for shard in self._new:
            os.mkdir(f"{apart}/{shard}")

    def put(self, digest: Digest, content: bytes) -> bool:
        """Whether a new shard has this content, which was just hashed; False where there is no such shard."""
        if digest[:2] not in self._new:
            return False
        path = f"{self._apart}/{digest[:2]}/{digest[2:]}"
        try:
            fd = create(path, 0o444)
        except FileExistsError:
            return True
        try:
            write(fd, content)
        except BaseException:
            drop(path)
            raise
        finally:
            os.close(fd)
        self._put.append(digest)
        return True

    def settle(self) -> None:
        """All that was put is where it belongs, and is flushed with what else is."""
        for shard in self._new:
            apart, place = f"{self._apart}/{shard}", f"{self._shards.folder}/{shard}"
            try:
                os.rmdir(apart)
            except OSError:
                self._move(apart, place)
        os.rmdir(self._apart)
        for digest in self._put:
            self._shards.note(digest)

    @staticmethod
    def _move(apart: str, place: str) -> None:
        try:
            os.rename(apart, place)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            for name in os.listdir(apart):  # somebody else has begun the same shard
                os.rename(f"{apart}/{name}", f"{place}/{name}")
            os.rmdir(apart)
