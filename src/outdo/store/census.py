"""Which folders a store was found to hold whole: believed as long as nothing came to it or left it.

To ask for 100,000 objects takes half as long as to look at the files. But each that comes or goes leaves a stamp on
the folder that it is in, and those are few.
"""

import os
from collections.abc import Callable, Iterator, Sequence

from blake3 import blake3
from msgspec import DecodeError, Struct, ValidationError, msgpack

from outdo.core.errors import UserError
from outdo.core.model import Digest, Entry
from outdo.store.atomic import write_atomic
from outdo.store.clock import Clock

_MANY = 2048
"""Files of a folder from which on asking for each takes longer than looking at the store's folders."""
_MOST = 256


class Whole(Struct, frozen=True, array_like=True):
    """What was found while the store's folders had these stamps."""

    signature: bytes
    folders: list[Digest]


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Whole).decode


class Census:
    """Remembers in the file at `path` what the objects in `folders`, and in the folders within those, are enough for.

    May be lost or damaged at any time without harm; `clock` is that of the file system."""

    def __init__(self, path: str, folders: Sequence[str], clock: Clock) -> None:
        self._path = path
        self._folders = folders
        self._clock = clock

    def holds(self, entry: Entry, ask: Callable[[], bool]) -> bool:
        """Whether all of a folder is there: as it was found before, if nothing came or went since; else as `ask`
        finds."""
        if entry.files < _MANY:
            return ask()
        at, (signature, newest, device) = self._clock.now(), self._look()
        known = self._known(signature)
        if entry.digest in known:
            return True
        whole = ask()
        if whole and not self._clock.hides((newest, newest, 0, 0, 0), device, at):
            try:
                write_atomic(self._path, _encode(Whole(signature, [*known, entry.digest][-_MOST:])))
            except (UserError, OSError):
                pass  # it is asked again
        return whole

    def _known(self, signature: bytes) -> list[Digest]:
        try:
            with open(self._path, "rb", buffering=0) as file:
                found = _decode(file.read())
        except (OSError, DecodeError, ValidationError):
            return []
        return found.folders if found.signature == signature else []

    def _look(self) -> tuple[bytes, int, int]:
        """Digest over the stamps of all folders, the latest of those, and the device."""
        hasher, newest, device = blake3(os.fsencode("\0".join(self._folders))), 0, 0
        for folder in self._folders:
            for path in _all(folder):
                try:
                    status = os.stat(path)
                except FileNotFoundError:
                    continue
                device, newest = status.st_dev, max(newest, status.st_mtime_ns, status.st_ctime_ns)
                stamps = f"{path}\0{status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {device}\0"
                hasher.update(os.fsencode(stamps))
        return hasher.digest(), newest, device


def _all(folder: str) -> Iterator[str]:
    """A folder and those within it."""
    try:
        with os.scandir(folder) as entries:
            yield folder
            yield from sorted(entry.path for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
