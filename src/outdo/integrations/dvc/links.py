"""How files of the workspace share their bytes with DVC's cache: as `cache.type` says, by the first kind that works."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial

from outdo.core.errors import Damaged, NotInStore
from outdo.integrations.dvc.cache import Cache
from outdo.integrations.dvc.hashes import md5_of
from outdo.integrations.dvc.md5 import md5
from outdo.integrations.dvc.records import DOS2UNIX
from outdo.store.files import Mark, Scratch, create, drop, mark, reflink, unreadable, write
from outdo.store.folders import leads_into

_SMALL = 1 << 20
_TINY = 1 << 12
_TRIES = 5
_EXECUTABLE = 0o111
_UNABLE = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
_READ = os.O_RDONLY | os.O_CLOEXEC


class Links:
    """Stores files in `cache` and puts its objects into the workspace.

    `kinds` are those of `cache.type`; an executable file is never a link, as its mode would be the object's."""

    def __init__(self, cache: Cache, kinds: tuple[str, ...], scratch: Scratch) -> None:
        self.cache = cache
        self._kinds = kinds[: kinds.index("copy")] if "copy" in kinds else kinds
        self.scratch = scratch
        self._made: set[str] = set()
        self._reflinks = "reflink" in self._kinds
        """Whether the file systems can do it, as far as is known."""
        self.shares = "hardlink" in self._kinds or "symlink" in self._kinds
        """Whether a file in the workspace may be an object itself, and so must not be written to."""

    # ---------------------------------------------------------------- into the cache

    def store(self, path: str, found: Mark, known: str = "") -> tuple[str, Mark]:
        """The MD5 of the file at `path`, once the cache holds it, and the mark that the file has then. `known` is the
        MD5 of a file that is still marked as it was `found`; it saves all work where the cache has that too."""
        for kind in self._allowed(found[4]):
            if kind == "reflink":
                stored = None if known and self._has(known, found[2]) else self._clone_in(path)
            else:
                stored = self._adopt(path)
                if stored is not None and kind == "symlink":
                    self._replace(partial(os.symlink, self.cache.place(stored[0])), path)
                    stored = stored[0], mark(os.stat(path))
            if stored is not None:
                return stored
        if known and self._has(known, found[2]):
            return known, found
        return self._copy_in(path)

    def put_bytes(self, name: str, content: bytes) -> None:
        """The cache holds this object, whose name is that of its content."""
        if self._has(name, len(content)):
            return
        for temporary in self._temporaries(self.cache.folder):
            fd = create(temporary, 0o444)
            try:
                write(fd, content)
            finally:
                os.close(fd)
            if self._published(temporary, name):
                return

    def _copy_in(self, path: str) -> tuple[str, Mark]:
        fd = _open(path)
        try:
            status = os.fstat(fd)
            if status.st_size <= _SMALL:
                content = os.read(fd, status.st_size + 1)
                if len(content) == status.st_size:
                    name = md5(content).hexdigest()
                    self.put_bytes(name, content)
                    return name, mark(status)
            for temporary in self._temporaries(self.cache.folder):
                os.lseek(fd, 0, os.SEEK_SET)
                name, _ = _copy(fd, temporary, 0o444)
                if self._has(name, status.st_size):
                    drop(temporary)
                    break
                if self._published(temporary, name):
                    break
            return name, mark(status)
        finally:
            os.close(fd)

    def _clone_in(self, path: str) -> tuple[str, Mark] | None:
        """As `_copy_in`, where the cache can share the file's bytes; None where it can't, or the file is changing."""
        if not self._reflinks:
            return None
        fd = _open(path)
        try:
            before = os.fstat(fd)
            if before.st_size <= _TINY:
                return None  # it takes a block of the disk either way
            for temporary in self._temporaries(self.cache.folder):
                target = create(temporary, 0o444)
                try:
                    self._reflinks = reflink(fd, target)
                finally:
                    os.close(target)
                name = md5_of(fd) if self._reflinks else ""
                if not name or mark(os.fstat(fd)) != mark(before):
                    drop(temporary)
                    return None
                if self._published(temporary, name):
                    return name, mark(before)
        finally:
            os.close(fd)
        return None

    def _adopt(self, path: str) -> tuple[str, Mark] | None:
        """The same where the file itself becomes the object, read-only, by a hardlink; None where that can't be."""
        for _ in range(_TRIES):
            fd = _open(path)
            try:
                before, name = os.fstat(fd), md5_of(fd)
                if mark(os.fstat(fd)) != mark(before):
                    continue
                place = self.cache.place(name)
                os.fchmod(fd, 0o444)
                if self._has(name, before.st_size):
                    if not os.path.samestat(os.stat(place), before):
                        self._replace(partial(os.link, self.cache.find(name)), path, linked=True)
                else:
                    self.cache.make(os.path.dirname(place))
                    drop(place)
                    os.link(path, place)
                return name, mark(os.stat(path))
            except FileExistsError:
                continue  # another thread has just put the same
            except OSError as error:
                os.fchmod(fd, stat.S_IMODE(before.st_mode))
                if error.errno not in _UNABLE:
                    raise
                return None
            finally:
                os.close(fd)
        return None

    def _has(self, name: str, size: int) -> bool:
        """Whether the object is there with all its bytes; one that was cut short is put anew."""
        try:
            return os.stat(self.cache.place(name)).st_size == size
        except FileNotFoundError:
            return False

    def _published(self, temporary: str, name: str) -> bool:
        """Whether a finished file is the object of this name now; it is gone either way."""
        if name[:2] not in self._made:
            self.cache.make(os.path.dirname(self.cache.place(name)))
            self._made.add(name[:2])
        return _renamed(temporary, self.cache.place(name), self.cache.move)

    # ---------------------------------------------------------------- out of it

    def put(self, name: str, kind: str, path: str, *, executable: bool = False) -> None:
        """The file at `path` holds the object's bytes, verified; it was put there whole or not at all.

        Raises `Damaged` or `NotInStore`, and OSError where it can't be written."""
        for link in self._allowed(_EXECUTABLE if executable else 0):
            if self._linked(link, name, kind, path):
                return
        self._replace(partial(self._copy_out, name, kind, 0o777 if executable else 0o666), path)

    def make(self, name: str, kind: str, path: str) -> Mark:
        """The same where nothing is at `path`, nor anyone who looks; how the new file is marked."""
        for link in self._kinds:
            if self._linked(link, name, kind, path):
                return mark(os.stat(path))
        return self._copy_out(name, kind, 0o666, path)

    def part(self, path: str) -> None:
        """The file at `path` is one with no object, and may be written to."""
        status = os.lstat(path)
        mode = 0o777 if status.st_mode & _EXECUTABLE else 0o666
        if stat.S_ISLNK(status.st_mode):
            if self.owns(path):
                self._replace(partial(_copy_file, path, 0o666), path)
        elif status.st_nlink > 1:
            self._replace(partial(_copy_file, path, mode), path)
        elif not status.st_mode & stat.S_IWUSR:
            os.chmod(path, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)

    def owns(self, path: str) -> bool:
        """Whether the link at `path` leads into the cache."""
        return leads_into(path, self.cache.folder)

    def _allowed(self, mode: int) -> tuple[str, ...]:
        """The kinds to try before the one that always works."""
        if mode & _EXECUTABLE:
            return ("reflink",) if "reflink" in self._kinds else ()
        return self._kinds

    def _linked(self, link: str, name: str, kind: str, path: str) -> bool:
        if link == "reflink" and not self._reflinks:
            return False
        place = self.cache.find(name, kind)
        try:
            if link == "reflink":
                self._replace(partial(_clone, place), path)
            else:
                make = os.link if link == "hardlink" else os.symlink
                self._replace(partial(make, place), path, linked=True)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            self._reflinks = self._reflinks and link != "reflink"
            return False
        return True

    def _copy_out(self, name: str, kind: str, mode: int, target: str) -> Mark:
        place = self.cache.place(name, kind)
        try:
            fd = os.open(place, _READ)
        except FileNotFoundError:
            raise NotInStore(f"DVC's cache does not hold '{name}'", fix="outdo data fetch") from None
        except OSError as error:
            raise unreadable(error, place) from error
        try:
            found, made = _copy(fd, target, mode)
            if kind == DOS2UNIX and found != name:
                os.lseek(fd, 0, os.SEEK_SET)
                found = md5_of(fd, kind)
        finally:
            os.close(fd)
        if found != name:
            self.cache.find(name, kind)  # tells that it is damaged, and remembers that
            raise Damaged(f"the object '{name}' in DVC's cache is not what its name says")
        return made

    # ---------------------------------------------------------------- both

    def _replace(self, make: Callable[[str], object], path: str, *, linked: bool = False) -> None:
        """Makes a file under a temporary name and puts it in the place of `path`; `linked`: it is a link to a file."""
        for temporary in self._temporaries(os.path.dirname(path)):
            try:
                make(temporary)
                moved = _renamed(temporary, path)
            except BaseException:
                drop(temporary)
                raise
            if moved:
                if linked:
                    drop(temporary)  # a rename leaves it where both are links to one file
                return
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)

    def _temporaries(self, folder: str) -> Iterator[str]:
        """Where to make a file that shall be renamed into `folder` or below: out of everyone's sight; or there, where
        that is on another file system."""
        try:
            yield self.scratch.name()
        except OSError:
            pass
        os.makedirs(folder, exist_ok=True)
        yield f"{folder}/.{os.urandom(8).hex()}.tmp"


def _renamed(temporary: str, path: str, move: Callable[[str, str], None] = os.rename) -> bool:
    """Whether the file could be moved; where it is to go to another file system, it is removed."""
    try:
        move(temporary, path)
    except OSError as error:
        drop(temporary)
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _copy(source: int, target: str, mode: int) -> tuple[str, Mark]:
    """The MD5 of what was copied from an open file to a new one, and how that is marked."""
    size = os.fstat(source).st_size
    fd = create(target, mode)
    try:
        content = os.read(source, min(size, _SMALL) + 1)
        write(fd, content)
        hasher = md5(content)
        if len(content) != size:
            view = memoryview(bytearray(_SMALL))
            while count := os.readv(source, (view,)):
                hasher.update(view[:count])
                write(fd, view[:count])
        return hasher.hexdigest(), mark(os.fstat(fd))
    finally:
        os.close(fd)


def _clone(place: str, target: str) -> None:
    with open(place, "rb", buffering=0) as source, open(create(target, 0o666), "wb", buffering=0) as made:
        if not reflink(source.fileno(), made.fileno()):
            raise OSError(errno.EOPNOTSUPP, "no reflink", target)


def _copy_file(path: str, mode: int, target: str) -> None:
    fd = _open(path)
    try:
        _copy(fd, target, mode)
    finally:
        os.close(fd)


def _open(path: str) -> int:
    try:
        return os.open(path, _READ)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(error, path) from error
