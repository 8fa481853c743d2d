"""Files that come in parts: what has come of them, until they are whole, given up, or forgotten."""

import hmac
import os
import threading
from collections.abc import Iterator, Sequence
from secrets import token_hex
from time import monotonic

from outdo.core.refusals import Invalid, Unknown
from outdo.store.files import drop
from outdo.store.tracking.files import File

KEPT_SECONDS = 24 * 3600.0
"""How long an upload may lie still before its parts are collected."""
MOST_UPLOADS = 1000
MOST_PARTS = 10_000


class Upload:
    """One file on its way, by whom its secret was given to."""

    def __init__(self, path: str, count: int) -> None:
        self.path = path
        self.count = count
        self.id = token_hex(16)
        self.secret = token_hex(32)
        self.touched = monotonic()
        self.parts: dict[int, tuple[str, File]] = {}
        """Where each part is, and what it is."""


class Parts:
    """All uploads in parts that are under way; they are forgotten with the process, whose scratch files go with it."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept = kept_seconds
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def begin(self, path: str, count: int) -> Upload:
        """A new upload of so many parts; raises `Invalid`."""
        if not 1 <= count <= MOST_PARTS:
            raise Invalid(
                f"Invalid value {count} for parameter 'num_parts': a file has 1 to {MOST_PARTS} parts"
            )
        self.collect()
        made = Upload(path, count)
        with self._lock:
            if len(self._uploads) >= MOST_UPLOADS:
                raise Invalid(f"{MOST_UPLOADS} files come in parts already; finish or abort one of them")
            self._uploads[made.id] = made
        return made

    def find(self, id_: str, path: str) -> Upload:
        """The upload of this id to this path; raises `Unknown`."""
        with self._lock:
            found = self._uploads.get(id_)
        if found is None or found.path != path:
            raise Unknown(f"No such upload: '{id_}'")
        found.touched = monotonic()
        return found

    def open(self, id_: str, secret: str, number: int) -> Upload:
        """The upload of this id, whose secret this is, and which has such a part; raises `Unknown`."""
        with self._lock:
            found = self._uploads.get(id_)
        same = found is not None and hmac.compare_digest(found.secret.encode(), secret.encode())
        if found is None or not same or not 1 <= number <= found.count:
            raise Unknown(f"No such upload, or no such part of it: '{id_}'")
        found.touched = monotonic()
        return found

    def put(self, upload: Upload, number: int, place: str, file: File) -> None:
        """The part is there, in place of an earlier one; raises `Unknown` where the upload is over."""
        with self._lock:
            if self._uploads.get(upload.id) is not upload:
                drop(place)
                raise Unknown(f"No such upload: '{upload.id}'")
            before = upload.parts.get(number)
            upload.parts[number] = (place, file)
        upload.touched = monotonic()
        if before is not None:
            drop(before[0])

    def places(self, upload: Upload, named: Sequence[tuple[int, str]]) -> Iterator[tuple[str, File]]:
        """Where the parts are, in order; raises `Invalid` where those that are named, by number and mark, are not all
        that the file has, as they came."""
        if [number for number, _ in named] != list(range(1, upload.count + 1)):
            raise Invalid(f"the parts of an upload are named 1 to {upload.count}, each once and in order")
        for number, mark in named:
            place, file = upload.parts.get(number, ("", None))
            if file is None or mark.strip('"') != file.digest:
                raise Invalid(f"part {number} did not come, or is another one than was sent")
            yield place, file

    def end(self, upload: Upload) -> None:
        """Nothing of the upload is left."""
        with self._lock:
            self._uploads.pop(upload.id, None)
            left = [place for place, _ in upload.parts.values()]
        for place in left:
            drop(place)

    def collect(self) -> None:
        """Nothing is left of uploads that have lain still for too long."""
        with self._lock:
            still = [one for one in self._uploads.values() if one.touched + self._kept < monotonic()]
        for one in still:
            self.end(one)

    def close(self) -> None:
        """Nothing is left of any."""
        with self._lock:
            left = list(self._uploads.values())
        for one in left:
            self.end(one)


def joined(places: Sequence[tuple[str, File]], whole: int) -> Iterator[bytes]:
    """The bytes of the parts, one after the other, each read as it was; `whole` is how many are read at once."""
    for place, file in places:
        left = file.size
        with open(place, "rb", buffering=0) as part:
            while piece := part.read(whole):
                left -= len(piece)
                yield piece
        if left:
            raise Invalid(f"a part has {file.size - left} bytes; {file.size} came")


def base(name: str) -> str:
    """The last part of a path as a client on any system writes it."""
    return os.path.basename(name.replace("\\", "/"))
