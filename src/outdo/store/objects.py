"""Bytes by their digest: written once, read-only, verified when read, set aside when damaged."""

import os
import threading
from collections.abc import Callable, Collection
from typing import NamedTuple
from weakref import proxy

from blake3 import blake3

from outdo.core.errors import Damaged, NotInStore
from outdo.core.model import Digest
from outdo.store.chunks import CHUNKED_FROM, Chunks
from outdo.store.files import (
    Mark,
    Scratch,
    Seal,
    copy,
    create,
    digest_of,
    drop,
    mark,
    open_file,
    reflink,
    seal,
    unreadable,
    unwritable,
    write,
)
from outdo.store.lease import Lease
from outdo.store.recipes import Recipes
from outdo.store.shards import Shards

_SMALL = 1 << 20
_TINY = 1 << 12
_READ = os.O_RDONLY | os.O_CLOEXEC


class Stored(NamedTuple):
    """A file that the store now holds, and how it was marked when its bytes were known to be those."""

    digest: Digest
    mark: Mark


class Objects:
    """The store's bytes, in `root/objects/ab/cdef…`; safe to call from several threads and processes at once.

    A file of `chunked_from` bytes or more is kept as chunks, which are objects, and a recipe; never if that is 0."""

    def __init__(self, root: str, chunked_from: int = CHUNKED_FROM, others: tuple[str, ...] = ()) -> None:
        """`others` are folders of another tool's cache, into which links of a workspace may lead too."""
        self.root = os.path.realpath(root)
        self.folder = f"{self.root}/objects"
        self.homes = (self.folder, *others, *map(os.path.realpath, others))
        """Where the bytes of links in a workspace may be kept."""
        self.damaged: list[Digest] = []
        """What was found damaged and set aside since this process began."""
        self.scratch = Scratch(os.path.join(self.root, "tmp"))
        self.lease = Lease(self.root)
        self._known: dict[Digest, Seal] = {}
        self.shards = Shards(self.folder)
        self.put_apart: Callable[[Digest, bytes], bool] | None = None
        """Whether a small new object was put elsewhere, to be moved here later."""
        self._lock = threading.Lock()
        self._reflinks: bool | None = None
        self.recipes = Recipes(self.root, self.damaged)
        # A proxy, as in a cycle the store would keep its scratch folder until some collection of garbage.
        self.chunks = Chunks(self.recipes, proxy(self), chunked_from)

    @property
    def reflinks(self) -> bool:
        """Whether the store's file system can share bytes between files, as far as is known."""
        return self._reflinks is not False

    # ---------------------------------------------------------------- reading

    def has(self, digest: Digest) -> bool:
        """Whether an object of this name is here; its bytes are verified only when they are read."""
        try:
            return self.whole(digest) or self.chunks.has(digest)
        except NotInStore:
            return False

    def whole(self, digest: Digest) -> bool:
        """Whether the object has a file of its own, and not only chunks."""
        try:
            os.stat(self.place(digest))
        except OSError:
            return False
        return True

    def lacking(self, digests: Collection[Digest]) -> list[Digest]:
        """Those of these objects that are not here: for many in one go what `has` says of one."""
        here = self.shards.among(digests)
        rest = [digest for digest in digests if digest not in here]
        cut = self.recipes.among(rest)
        return [digest for digest in rest if digest not in cut or not self.chunks.has(digest)]

    def rely(self, digest: Digest) -> bool:
        """As `has`; and it stays here while this process lives, though nothing may name it yet."""
        self.lease.take()
        if self.lease.touch(self.place(digest)):
            return True
        return self.lease.touch(self.recipes.place(digest)) and all(
            self.lease.touch(self.place(chunk)) for chunk in self.parts(digest)
        )

    def parts(self, digest: Digest) -> list[Digest]:
        """The chunks of an object that is kept as such, each once; none of any other."""
        recipe = self.recipes.get(digest) if digest.isalnum() else None
        return list(dict.fromkeys(chunk for chunk, _ in recipe.chunks)) if recipe else []

    def known_good(self, digest: Digest) -> bool:
        """Whether the object is here and its bytes are those its name says; a damaged one is set aside."""
        try:
            return self._sound(digest) or self.chunks.sound(digest)
        except (NotInStore, Damaged):
            return False

    def get(self, digest: Digest) -> bytes:
        """The bytes of an object, verified; raises `NotInStore` or `Damaged`."""
        try:
            fd, status = self._open(digest)
        except NotInStore:
            joined = bytearray()
            self.chunks.pour(digest, joined.extend)
            return bytes(joined)
        try:
            content = os.read(fd, status.st_size + 1)
            while len(content) != status.st_size and (more := os.read(fd, _SMALL)):
                content += more
        except OSError as error:
            raise self._damage(digest, status) from error
        finally:
            os.close(fd)
        if blake3(content).hexdigest() != digest:
            raise self._damage(digest, status)
        self._known[digest] = seal(status)
        return content

    def path(self, digest: Digest) -> str:
        """Where a file with the object's bytes is, verified unless this process has done so and it did not change.

        One that is kept as chunks is put together for this process, and gone with it. Raises `NotInStore` or
        `Damaged`. Nothing may be written to the file."""
        return self.file(digest) or self.chunks.join(digest)

    def file(self, digest: Digest) -> str | None:
        """Where the object's own file is, verified as for `path`; None where it has none, but chunks or nothing."""
        return self.place(digest) if self._sound(digest) else None

    def place(self, digest: Digest) -> str:
        """Where the object's file would be, whether or not it is there."""
        if len(digest) != 64 or not digest.isalnum():
            raise NotInStore(f"'{digest}' is not the digest of an object")
        return self.shards.place(digest)

    def copy_out(self, digest: Digest, target: int) -> None:
        """Writes the object's bytes to the open file `target`; raises `Damaged` after a copy that came out wrong."""
        try:
            fd, status = self._open(digest)
        except NotInStore:
            self.chunks.pour(digest, lambda piece: write(target, piece))
            return
        try:
            if status.st_size > _SMALL:
                sound = copy(fd, target) == digest
            else:
                content = os.read(fd, status.st_size + 1)
                sound = blake3(content).hexdigest() == digest
                write(target, content)
        finally:
            os.close(fd)
        if not sound:
            raise self._damage(digest, status)
        self._known[digest] = seal(status)

    def read_into(self, digest: Digest, view: memoryview) -> None:
        """The bytes of the object's own file, yet to be verified, fill `view`; raises `NotInStore`, or `Damaged` where
        they do not."""
        fd, status = self._open(digest)
        try:
            count = os.readv(fd, (view,)) if status.st_size == len(view) else -1
        except OSError as error:
            raise self._damage(digest, status) from error
        finally:
            os.close(fd)
        if count != len(view):
            raise self._damage(digest, status)

    # ---------------------------------------------------------------- writing

    def put_bytes(self, content: bytes) -> Digest:
        """Digest of `content`, which the store now holds."""
        digest = Digest(blake3(content).hexdigest())
        if not self.already(digest):
            self.put_new(digest, content)
        return digest

    def put_new(self, digest: Digest, content: bytes) -> None:
        """The store holds `content`, which was just hashed and whose digest was not here."""
        if self.put_apart and len(content) <= _TINY and self.put_apart(digest, content):
            return
        temporary = self.temporary()
        try:
            fd = create(temporary, 0o444)
            try:
                write(fd, content)
                status = os.fstat(fd) if len(content) > _TINY else None
            finally:
                os.close(fd)
            if status is None:  # to read a small one again costs hardly more than to know what it was
                self.shards.take(temporary, digest)
            else:
                self._publish(temporary, digest, status)
        except BaseException as error:
            drop(temporary)
            if isinstance(error, OSError):
                raise unwritable(error, self.root) from error
            raise

    def copy_in(self, path: str, found: Mark | None = None) -> Stored:
        """The store holds a copy of the file; its digest is that of the bytes that were written.

        `found`, how the file was marked before, saves asking again: the older a mark, the less it is believed."""
        fd = open_file(path)
        try:
            found = found or mark(os.fstat(fd))
            if found[2] <= _SMALL:
                content = os.read(fd, found[2] + 1)
                if len(content) == found[2]:
                    return Stored(self.put_bytes(content), found)
                os.lseek(fd, 0, os.SEEK_SET)
            return self._copy_large(fd)
        except OSError as error:
            raise unwritable(error, self.root) from error
        finally:
            os.close(fd)

    def _copy_large(self, fd: int) -> Stored:
        status = os.fstat(fd)
        if self.chunks.wants(status.st_size):
            return Stored(self.chunks.store(fd), mark(status))
        temporary = self.temporary()
        try:
            with open(create(temporary, 0o444), "wb", buffering=0) as target:
                digest = copy(fd, target.fileno())
                written = os.fstat(target.fileno())
            if not self.already(digest):
                self._publish(temporary, digest, written)
            return Stored(digest, mark(status))
        finally:
            drop(temporary)

    def clone_in(self, path: str, found: Mark | None = None, digest: Digest | None = None) -> Stored | None:
        """The store shares the file's bytes by reflink; None where that can't be done, or the file is changing, or so
        large that it shall be kept as chunks.

        `digest` saves hashing a file that is still marked as it was `found`."""
        if self._reflinks is False:
            return None
        if self._reflinks and found is not None and found[2] <= _TINY:
            return self.copy_in(path, found)  # it takes a block of the disk either way
        fd = open_file(path)
        temporary = self.temporary()
        try:
            before = os.fstat(fd)
            if self.chunks.wants(before.st_size):
                return None
            if digest is None or found != mark(before):
                digest = digest_of(fd, before.st_size)
            if not self.already(digest):
                with open(create(temporary, 0o444), "wb", buffering=0) as target:
                    if not reflink(fd, target.fileno()):
                        if before.st_dev == os.stat(self.root).st_dev:
                            self._reflinks = False
                        return None
                    self._reflinks = True
                    written = os.fstat(target.fileno())
                if mark(os.fstat(fd)) != mark(before) or written.st_size != before.st_size:
                    return None
                self._publish(temporary, digest, written)
            return Stored(digest, mark(before))
        except OSError as error:
            raise unwritable(error, self.root) from error
        finally:
            os.close(fd)
            drop(temporary)

    def already(self, digest: Digest) -> bool:
        """Whether the object is here, in a file of its own, and sound. It is flushed with the others all the same, as
        whoever wrote it may not have done so yet."""
        try:
            if self.shards.lacks(digest) or not self._sound(digest):
                return False
        except (NotInStore, Damaged):
            return False
        self.lease.take()
        if not self.lease.touch(self.place(digest)):
            return False
        self.shards.note(digest)
        return True

    def take(self, path: str, digest: Digest) -> None:
        """The file at `path`, in the scratch folder, is moved to where the object belongs; it was hashed just now."""
        self._publish(path, digest, os.stat(path))

    def temporary(self) -> str:
        """A path for a file that is to become an object; whoever asks holds the store from then on."""
        self.lease.take()
        try:
            return self.scratch.name()
        except OSError as error:
            raise unwritable(error, self.root) from error

    def note(self, digest: Digest, status: os.stat_result) -> None:
        """The file of an object, which has this status, was put here with the right bytes, and is yet to be flushed."""
        self._known[digest] = seal(status)
        self.shards.note(digest)

    # ---------------------------------------------------------------- durability

    def sync(self) -> None:
        """Every object that was written before this call survives a loss of power; raises `StoreUnwritable`."""
        self.shards.sync()
        self.recipes.sync()

    def close(self) -> None:
        """Nothing temporary of this process is left, and it needs nothing any more."""
        self.scratch.close()
        self.lease.close()

    # ---------------------------------------------------------------- inside

    def _publish(self, temporary: str, digest: Digest, written: os.stat_result) -> None:
        self.shards.take(temporary, digest)
        self._known[digest] = seal(written)

    def _open(self, digest: Digest) -> tuple[int, os.stat_result]:
        try:
            fd = os.open(self.place(digest), _READ | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise self._missing(digest) from None
        except OSError as error:
            raise unreadable(error, self.place(digest)) from error
        return fd, os.fstat(fd)

    def _sound(self, digest: Digest) -> bool:
        """Whether the object has a file of its own, whose bytes are right; raises `Damaged` where they are not."""
        try:
            status = os.stat(self.place(digest))
        except OSError:
            return False
        if self._known.get(digest) == seal(status):
            return True
        fd, status = self._open(digest)
        try:
            sound = digest_of(fd, status.st_size) == digest
        except OSError:
            sound = False
        finally:
            os.close(fd)
        if not sound:
            raise self._damage(digest, status)
        self._known[digest] = seal(status)
        return True

    def _damage(self, digest: Digest, status: os.stat_result) -> Damaged:
        """Moves the damaged file to `quarantine/`, unless a sound one has taken its place meanwhile."""
        self._known.pop(digest, None)
        aside = f"{self.root}/quarantine"
        try:
            os.makedirs(aside, exist_ok=True)
            if os.path.samestat(os.stat(self.place(digest)), status):
                os.rename(self.place(digest), f"{aside}/{digest}")
        except OSError:
            pass  # a read-only store keeps it, and it is found again by whoever reads it
        with self._lock:
            if digest not in self.damaged:
                self.damaged.append(digest)
        what = f"object {digest[:12]}… of the store is damaged; it was set aside and is not used"
        return Damaged(what, fix="run again: it is made anew")

    def _missing(self, digest: Digest) -> NotInStore:
        return NotInStore(f"the store does not hold object {digest[:12]}…", fix="run again: it is made anew")
