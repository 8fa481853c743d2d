"""The run cache: for every key ever computed in this store, what came out.

One small file a key, all in one folder, so that runs in several workspaces add to it at once and a remote can carry
it. A result only names objects; whether the store still holds their bytes is asked where it is used.
"""

import os

from msgspec import DecodeError, ValidationError, msgpack

from outdo.core.model import Key, Record
from outdo.store.atomic import write_atomic
from outdo.store.files import drop

_encode = msgpack.Encoder(order="sorted").encode
_decode = msgpack.Decoder(Record).decode


def encode(record: Record) -> bytes:
    """A result as it is kept."""
    return _encode(record)


def decode(content: bytes) -> Record | None:
    """The result that these bytes are; None where they are none."""
    try:
        return _decode(content)
    except (DecodeError, ValidationError):
        return None


class Results:
    """Records by key, under `root/results`."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "results")
        self.claims = os.path.join(root, "claims")
        """The folder in which processes say what they compute."""

    def get(self, key: Key) -> Record | None:
        """The result of a key; None where it is unknown, or its file is damaged, which then counts as unknown."""
        try:
            with open(self.place(key), "rb") as file:
                record = decode(file.read())
        except OSError:
            return None
        return record if record is not None and record.key == key else None

    def put(self, record: Record) -> None:
        """Remembers a result in place of any former one of its key; raises `StoreUnwritable`."""
        write_atomic(self.place(record.key), _encode(record))

    def drop(self, key: Key) -> None:
        """Nothing is known under a key any more."""
        drop(self.place(key))

    def keys(self) -> list[Key]:
        """Of all results that this store knows."""
        try:
            names = os.listdir(self._root)
        except FileNotFoundError:
            return []
        return sorted(Key(name) for name in names if len(name) == 64)

    def place(self, key: Key) -> str:
        """Where the result of a key would be, whether or not it is there."""
        return os.path.join(self._root, key)
