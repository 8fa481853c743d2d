"""DVC's cache: `files/md5/ab/cdef…`, read-only files that are never half written; DVC 2's `ab/cdef…` is only read."""

import os
import stat
from collections.abc import Callable, Mapping
from hashlib import md5

from outdo.core.errors import Damaged, NotInStore
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.hashes import md5_of
from outdo.integrations.dvc.records import DOS2UNIX, MD5
from outdo.store.files import create, drop, reflink, unreadable, unwritable, write

_STEP = 1 << 20
_WRITABLE = 0o222


class Cache:
    """Objects by their MD5 in `folder`, which is a remote's layout too."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._made: set[str] = set()
        self._good: set[str] = set()

    def place(self, name: str) -> str:
        """Where DVC 3 keeps the object."""
        return f"{self.folder}/files/md5/{name[:2]}/{name[2:]}"

    def old_place(self, name: str) -> str:
        """Where DVC 2 kept it."""
        return f"{self.folder}/{name[:2]}/{name[2:]}"

    def find(self, name: str, kind: str = MD5) -> str:
        """Where an object is, verified once a process; raises `NotInStore`, or `Damaged` for one that is not what
        its name says. A damaged one stays where it is: the cache is DVC's."""
        place = self.old_place(name) if kind == DOS2UNIX else self.place(name)
        if place in self._good:
            return place
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotInStore(f"DVC's cache does not hold '{name}'", fix="dvc fetch") from None
        except OSError as error:
            raise unreadable(error, place) from error
        try:
            sound = md5_of(fd, kind) == name.removesuffix(".dir")
        finally:
            os.close(fd)
        if not sound:
            fix = f"remove '{place}', then dvc fetch"
            raise Damaged(f"the object '{name}' in DVC's cache is not what its name says", fix=fix)
        self._good.add(place)
        return place

    def has(self, name: str, kind: str = MD5) -> bool:
        """Whether an object of this name is here; its bytes are verified when they are read."""
        return os.path.exists(self.old_place(name) if kind == DOS2UNIX else self.place(name))

    def has_all(self, name: str, kind: str = MD5) -> bool:
        """Whether the object is here, and for a folder all that is in it."""
        if not self.has(name, kind) or not name.endswith(".dir"):
            return self.has(name, kind)
        return all(self.has(part, kind) for part in self.files(name, kind).values())

    def get(self, name: str, kind: str = MD5) -> bytes:
        """The bytes of an object, verified."""
        with open(self.find(name, kind), "rb") as file:
            return file.read()

    def files(self, name: str, kind: str = MD5) -> dict[str, str]:
        """The MD5s by path of a folder's object."""
        return listing.decode(self.get(name, kind))

    def put_listing(self, files: Mapping[str, str]) -> str:
        """The name of a folder's object, which the cache now holds. Its files come first: DVC takes a listing that
        is there for a promise that they are too."""
        content = listing.encode(files)
        name = listing.digest(content)
        if not self.has(name):
            self._publish(name, lambda fd: write(fd, content))
        return name

    def put_file(self, source: str, name: str) -> None:
        """The cache holds the file `source`, whose MD5 is `name`; raises `Damaged` where it is not.

        A read-only file is shared by a link where the disk allows it, as nobody writes to it; else it is copied."""
        if self.has(name):
            return
        if not os.stat(source).st_mode & _WRITABLE and self._link(source, name):
            return
        self._publish(name, lambda fd: self._copy(source, fd, name))

    def _link(self, source: str, name: str) -> bool:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode) or md5_of(fd) != name:
                return False
        finally:
            os.close(fd)
        temporary = self._temporary(name)
        try:
            os.link(source, temporary, follow_symlinks=True)
            os.rename(temporary, self.place(name))
        except OSError:
            return False
        finally:
            drop(temporary)
        return True

    @staticmethod
    def _copy(source: str, target: int, name: str) -> None:
        hasher = md5(usedforsecurity=False)
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
            os.rename(temporary, self.place(name))
        except OSError as error:
            raise unwritable(error, self.folder) from error
        finally:
            drop(temporary)

    def _temporary(self, name: str) -> str:
        """A name beside the object's, as DVC's own are: rename never leaves the file system."""
        folder = os.path.dirname(self.place(name))
        if folder not in self._made:
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError as error:
                raise unwritable(error, self.folder) from error
            self._made.add(folder)
        return os.path.join(folder, f"tmp{os.urandom(8).hex()}")
