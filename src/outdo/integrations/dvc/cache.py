"""DVC's cache: `files/md5/ab/cdef…`, read-only files that are never half written; DVC 2's `ab/cdef…` is only read."""

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count
from time import time_ns

from blake3 import blake3

from outdo.core.errors import Damaged, NotInStore
from outdo.core.model import Digest
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.hashes import md5_of
from outdo.integrations.dvc.md5 import md5
from outdo.integrations.dvc.records import DOS2UNIX, MD5
from outdo.store.files import Mark, create, drop, mark, reflink, unreadable, unwritable, write
from outdo.store.shards import Shards
from outdo.store.statcache import StatCache

_STEP = 1 << 20
_WRITABLE = 0o222
_GROUP_FOLDER = 0o2775


def object_name(name: str, kind: str = MD5) -> str:
    """What an object is called in a cache and at a remote; those of DVC 2 are at the top."""
    return f"{name[:2]}/{name[2:]}" if kind == DOS2UNIX else f"files/md5/{name[:2]}/{name[2:]}"


class Cache:
    """Objects by their MD5 in `folder`, which is a remote's layout too."""

    def __init__(self, folder: str, *, shared: bool = False, seals: StatCache | None = None) -> None:
        """`shared`: the user's group may write there too. `seals` remembers which objects were found to be right."""
        self.folder = folder
        self._shared = shared
        self._seals = seals
        self._made: set[str] = set()
        self._own = os.urandom(8).hex()
        self._count = count()
        self._good: dict[str, tuple[Digest, Mark]] = {}
        self._damaged: set[str] = set()

    # ---------------------------------------------------------------- reading

    def place(self, name: str, kind: str = MD5) -> str:
        """Where the object is kept."""
        return f"{self.folder}/{object_name(name, kind)}"

    def find(self, name: str, kind: str = MD5) -> str:
        """Where an object is, verified; raises `NotInStore`, or `Damaged` for one that is not what its name says."""
        self.seal(name, kind)
        return self.place(name, kind)

    def seal(self, name: str, kind: str = MD5) -> tuple[Digest, Mark]:
        """The BLAKE3 of an object's bytes and its mark: it is verified, unless that was done and nothing changed."""
        place = self.place(name, kind)
        try:
            found = mark(os.stat(place))
            known = self._good.get(place)
            if known is not None and known[1] == found:
                return known
            digest = self._seals.get(place, found, time_ns()) if self._seals else None
            if digest is None:
                digest, found = self._verify(place, name, kind)
        except FileNotFoundError:
            raise NotInStore(f"DVC's cache does not hold '{name}'", fix="outdo fetch") from None
        except OSError as error:
            raise unreadable(error, place) from error
        self._good[place] = digest, found
        return digest, found

    def _verify(self, place: str, name: str, kind: str) -> tuple[Digest, Mark]:
        at = self._seals.clock.now() if self._seals else 0
        hasher = blake3()
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            sound = md5_of(fd, kind, hasher.update) == name.removesuffix(".dir")
        finally:
            os.close(fd)
        if not sound:
            raise self._damage(place, name)
        digest, found = Digest(hasher.hexdigest()), mark(status)
        if self._seals:
            self._seals.put(place, found, digest, device=status.st_dev, at=at)
        return digest, found

    def _damage(self, place: str, name: str) -> Damaged:
        self._damaged.add(place)
        fix = f"remove '{place}', then outdo fetch"
        return Damaged(f"the object '{name}' in DVC's cache is not what its name says", fix=fix)

    def has(self, name: str, kind: str = MD5) -> bool:
        """Whether an object of this name is here and was not found to be damaged; it is verified when it is read."""
        place = self.place(name, kind)
        return place not in self._damaged and os.path.exists(place)

    @property
    def damaged(self) -> bool:
        """Whether any object was found to be damaged since this process began."""
        return bool(self._damaged)

    def lacking(self, names: Collection[str], kind: str = MD5) -> list[str]:
        """Those of these objects that are not here: for many in one go what `has` says of one."""
        shards = Shards(self.folder if kind == DOS2UNIX else f"{self.folder}/files/md5")
        here = shards.among(map(Digest, names))
        return [name for name in names if name not in here or self.place(name, kind) in self._damaged]

    def size(self, name: str, kind: str = MD5) -> int:
        """The bytes of an object; none where it is not here."""
        try:
            return os.stat(self.place(name, kind)).st_size
        except OSError:
            return 0

    def has_all(self, name: str, kind: str = MD5) -> bool:
        """Whether the object is here, and for a folder all that is in it."""
        if not self.has(name, kind) or not name.endswith(".dir"):
            return self.has(name, kind)
        return not self.lacking(set(self.files(name, kind).values()), kind)

    def get(self, name: str, kind: str = MD5) -> bytes:
        """The bytes of an object, verified."""
        place = self.place(name, kind)
        content = self._small(place) if kind == MD5 else None
        if content is None:
            with open(self.find(name, kind), "rb") as file:
                return file.read()
        if md5(content).hexdigest() != name.removesuffix(".dir"):
            raise self._damage(place, name)
        return content

    @staticmethod
    def _small(place: str) -> bytes | None:
        """The bytes of a small file, none of which are verified; None for any other, or where none can be read."""
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            size = os.fstat(fd).st_size
            content = os.read(fd, size + 1) if size <= _STEP else None
        except OSError:
            return None
        finally:
            os.close(fd)
        return content if content is not None and len(content) == size else None

    def files(self, name: str, kind: str = MD5) -> dict[str, str]:
        """The MD5s by path of a folder's object."""
        return listing.decode(self.get(name, kind))

    # ---------------------------------------------------------------- writing

    def put_listing(self, files: Mapping[str, str]) -> str:
        """The name of a folder's object, which the cache now holds. Its files come first: DVC takes a listing that
        is there for a promise that they are too."""
        content = listing.encode(files)
        name = listing.digest(content)
        if not self.has(name):
            self._publish(name, lambda fd: write(fd, content))
        return name

    def put_file(self, source: str, name: str, digest: Digest | None = None) -> None:
        """The cache holds the file `source`, whose MD5 is `name`; raises `Damaged` where it is not.

        A read-only file is shared by a link where the disk allows it, as nobody writes to it; else it is copied.
        `digest`, its BLAKE3, says that the file was read just now, and saves reading it before it is linked."""
        if self.has(name):
            return
        if not os.stat(source).st_mode & _WRITABLE and self._link(source, name, digest):
            return
        self._publish(name, lambda fd: self._copy(source, fd, name))

    def receive(self, name: str, pieces: Iterator[bytes], kind: str = MD5) -> int | None:
        """The size of an object that arrived in pieces and that the cache now holds; None where its bytes are not
        what its name says, and then the cache is as it was."""
        temporary = self._temporary(name, kind)
        hasher = md5()
        size = 0
        try:
            fd = create(temporary, 0o444)
            try:
                for piece in pieces:
                    write(fd, piece)
                    hasher.update(piece)
                    size += len(piece)
            finally:
                os.close(fd)
            found = hasher.hexdigest() if kind == MD5 else _md5_of_file(temporary, kind)
            if found != name.removesuffix(".dir"):
                drop(temporary)
                return None
            self.move(temporary, self.place(name, kind))
            return size
        except OSError as error:
            drop(temporary)
            raise unwritable(error, self.folder) from error
        except BaseException:
            drop(temporary)
            raise

    def _link(self, source: str, name: str, digest: Digest | None) -> bool:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode) or (digest is None and md5_of(fd) != name):
                return False
        finally:
            os.close(fd)
        temporary, place = self._temporary(name), self.place(name)
        try:
            os.link(source, temporary, follow_symlinks=True)
            self.move(temporary, place)
            if digest is not None:
                self._good[place] = digest, mark(os.stat(place))
        except OSError:
            return False
        finally:
            drop(temporary)
        return True

    @staticmethod
    def _copy(source: str, target: int, name: str) -> None:
        hasher = md5()
        with open(source, "rb", buffering=0) as file:
            shared = reflink(file.fileno(), target)
            while chunk := file.read(_STEP):
                hasher.update(chunk)
                if not shared:
                    write(target, chunk)
        if hasher.hexdigest() != name:
            raise Damaged(f"'{source}' changed while it was written to DVC's cache", fix="run again")

    def _publish(self, name: str, fill: Callable[[int], None]) -> None:
        temporary = self._temporary(name)
        try:
            fd = create(temporary, 0o444)
            try:
                fill(fd)
            finally:
                os.close(fd)
            self.move(temporary, self.place(name))
        except OSError as error:
            raise unwritable(error, self.folder) from error
        finally:
            drop(temporary)

    def move(self, temporary: str, place: str) -> None:
        """A finished file is the object at `place` now."""
        if self._shared:
            os.chmod(temporary, 0o444)  # whatever the user's umask is
        os.rename(temporary, place)
        self._damaged.discard(place)

    def _temporary(self, name: str, kind: str = MD5) -> str:
        """A name beside the object's, as DVC's own are: rename never leaves the file system."""
        folder = self.place(name, kind).rpartition("/")[0]
        if folder not in self._made:
            try:
                self.make(folder)
            except OSError as error:
                raise unwritable(error, self.folder) from error
            self._made.add(folder)
        return f"{folder}/tmp{self._own}{next(self._count)}"  # noqa: S108  as DVC's own begin

    def make(self, folder: str) -> None:
        """The folder is there, with the rights that the cache asks for."""
        if not self._shared or os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
            return
        self.make(os.path.dirname(folder))
        try:
            os.mkdir(folder)
        except FileExistsError:
            return
        os.chmod(folder, _GROUP_FOLDER)


def _md5_of_file(path: str, kind: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return md5_of(file.fileno(), kind)
