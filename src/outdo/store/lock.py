"""`outdo.lock`: what each stage of this project read and wrote when it last ran; committed beside the code.

JSON, sorted, one value a line, so that Git merges what two people ran apart. It says nothing of when or by whom:
the same results give the same bytes.
"""

import os
from collections.abc import Mapping

from msgspec import DecodeError, Struct, ValidationError, json, structs

from outdo.core.errors import BadLock
from outdo.core.model import Place, Record, StageName
from outdo.store.atomic import write_atomic

NAME = "outdo.lock"


class _File(Struct, frozen=True):
    schema: int
    stages: dict[StageName, Record]


_decoder = json.Decoder(_File)
_encoder = json.Encoder(order="sorted")


class Lock:
    """The records in a project's lock file, and the bytes they were read from."""

    def __init__(self, path: str, *, durable: bool = True) -> None:
        """Without `durable` what is saved need not survive a loss of power, as in a work tree that won't either."""
        self._path = path
        self._durable = durable
        self._text = b""
        self.records: dict[StageName, Record] = {}
        try:
            with open(path, "rb") as file:
                self._text = file.read()
        except FileNotFoundError:
            return
        self.records = read_lock(self._text)

    def save(self, records: Mapping[StageName, Record]) -> None:
        """Writes the records where they differ from what is in the file; raises `StoreUnwritable`."""
        plain = _plain(records)
        text = text_of(plain)
        if text != self._text:
            write_atomic(self._path, text, durable=self._durable)
            self._text = text
        self.records = plain


def text_of(records: Mapping[StageName, Record]) -> bytes:
    """A lock file with these records."""
    return json.format(_encoder.encode(_File(1, _plain(records))), indent=2) + b"\n"


def _plain(records: Mapping[StageName, Record]) -> dict[StageName, Record]:
    """The records without what differs from run to run."""
    return {
        name: structs.replace(record, run=None, seconds=0.0, logged={}) for name, record in records.items()
    }


def read_lock(text: bytes) -> dict[StageName, Record]:
    """The records in the text of a lock file; raises `BadLock`."""
    try:
        file = _decoder.decode(text)
    except (DecodeError, ValidationError) as error:
        for number, line in enumerate(text.split(b"\n"), 1):
            if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
                fix = f"git checkout --theirs {NAME} (or --ours), then outdo run"
                raise BadLock(
                    "Git's conflict marks are in the lock file", where=Place(NAME, number), fix=fix
                ) from None
        fix = f"git checkout -- {NAME}; or delete it: what is in the store is restored, not run again"
        raise BadLock(f"the lock file can't be read: {error}", where=Place(NAME), fix=fix) from None
    if file.schema != 1:
        fix = "upgrade outdo: pip install --upgrade outdo"
        raise BadLock(f"the lock file is of a newer Outdo (schema {file.schema})", where=Place(NAME), fix=fix)
    return file.stages


def lock_path(root: str) -> str:
    """Where a project's lock file is."""
    return os.path.join(root, NAME)
