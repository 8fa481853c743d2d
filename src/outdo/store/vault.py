"""Where the bytes of artifacts are: in the store at the server's home, or in a bucket."""

import sys
from collections.abc import Iterator
from typing import Protocol

from blake3 import blake3

from outdo.core.errors import Damaged, Usage
from outdo.core.model import Digest, Remote
from outdo.store.adopting import adopt
from outdo.store.bucket import connect
from outdo.store.depot import Depot
from outdo.store.files import Scratch
from outdo.store.objects import Objects
from outdo.store.travel import object_name

BUCKETS = ("s3", "gs", "az")
STEP = 1 << 20


class Vault(Protocol):
    """Bytes by their digest; all may be called from many threads at once."""

    scratch: Scratch
    """Where uploads wait until they are whole."""

    def keep(self, path: str, digest: Digest) -> None:
        """The file at this path, whose digest this is, is kept, and survives a loss of power; the path may be gone."""
        ...

    def put(self, content: bytes) -> Digest:
        """The digest of these bytes, which are kept like a file."""
        ...

    def read(self, digest: Digest, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end` in pieces; raises `NotInStore`, and `Damaged` before the last piece of
        what is not sound."""
        ...

    def close(self) -> None:
        """Nothing is held any more."""
        ...


class FolderVault:
    """The store in a folder."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.scratch = objects.scratch

    def keep(self, path: str, digest: Digest) -> None:
        if not self._objects.rely(digest) and adopt(self._objects, path, digest=digest) is None:
            self._objects.copy_in(path)
        self._objects.sync()

    def put(self, content: bytes) -> Digest:
        digest = self._objects.put_bytes(content)
        self._objects.sync()
        return digest

    def read(self, digest: Digest, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with open(self._objects.path(digest), "rb", buffering=0) as file:
            file.seek(start)
            left = sys.maxsize if end is None else end - start
            while left and (piece := file.read(min(STEP, left))):
                left -= len(piece)
                yield piece

    def close(self) -> None:
        self._objects.sync()
        self._objects.close()


class BucketVault:
    """A bucket, in which objects are named as at a remote."""

    def __init__(self, depot: Depot, objects: Objects) -> None:
        self._depot = depot
        self._objects = objects
        self.scratch = objects.scratch

    def keep(self, path: str, digest: Digest) -> None:
        name = object_name(digest)
        if not self._depot.present([name]):
            self._depot.put(name, path)

    def put(self, content: bytes) -> Digest:
        digest = Digest(blake3(content).hexdigest())
        self._depot.put(object_name(digest), content)
        return digest

    def read(self, digest: Digest, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        hasher = blake3()
        held = b""
        at = 0
        for piece in self._depot.read(
            object_name(digest)
        ):  # all of it, as a part can't tell whether it is sound
            hasher.update(piece)
            inner = piece[max(0, start - at) : None if end is None else max(0, end - at)]
            at += len(piece)
            if held and inner:
                yield held
            held = inner or held
        if hasher.hexdigest() != digest:
            self._depot.set_aside(object_name(digest))
            raise Damaged(
                f"object {digest[:12]}… of the bucket is damaged; it was set aside", fix="log it again"
            )
        yield held

    def close(self) -> None:
        self._objects.close()


def open_vault(objects: Objects, address: str) -> Vault:
    """The store in a folder; what `address` says where that is a bucket. Raises `Usage` and `RemoteFailed`."""
    scheme = address.partition("://")[0] if "://" in address else ""
    if not scheme:
        return FolderVault(objects)
    if scheme not in BUCKETS or "@" in address.partition("://")[2].partition("/")[0]:
        raise Usage(
            "artifacts can be kept in a folder, or at s3://…, gs://… or az://…",
            fix="--objects s3://BUCKET/PREFIX; credentials come from the environment",
        )
    depot = connect(Remote(address.rstrip("/")))
    depot.present(
        [object_name(Digest("0" * 64))]
    )  # so that what is wrong is said now, and not at the first upload
    return BucketVault(depot, objects)
