"""How a file in the workspace shares its bytes with the store: reflink, hardlink, symlink or copy, whichever works."""

import errno
import os
import stat
from collections.abc import Callable, Iterator

from outdo.core.errors import Usage
from outdo.core.model import Digest
from outdo.store.adopting import adopt
from outdo.store.files import Mark, copy, create, drop, mark, reflink
from outdo.store.folders import leads_into
from outdo.store.objects import Objects, Stored

KINDS = ("reflink", "hardlink", "symlink", "copy")
_EXECUTABLE = 0o111
_TRIES = 10
_UNABLE = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}


class Links:
    """Stores files of a workspace and puts objects into it, by the first of the wanted kinds that can be had.

    An executable file is never a hardlink or symlink: its mode would be that of the object."""

    def __init__(self, objects: Objects, kinds: tuple[str, ...], root: str) -> None:
        strange = [kind for kind in kinds if kind not in KINDS]
        if strange:
            raise Usage(f"'{strange[0]}' is no kind of link", fix=f"use some of {', '.join(KINDS)}")
        self._objects = objects
        self._kinds = kinds[: kinds.index("copy")] if "copy" in kinds else kinds
        self._private_kinds = tuple(kind for kind in self._kinds if kind == "reflink")
        self._root = root
        self._clones = True
        """Whether the store's file system can clone, as far as is known."""
        self.points = "symlink" in self._kinds
        """Whether a file in the workspace may be a link whose target depends on where it is."""
        self.shares = "hardlink" in kinds or "symlink" in kinds
        """Whether a file in the workspace may be an object itself, and so must not be written to."""

    def through(self, objects: Objects) -> "Links":
        """The same, that stores by these objects."""
        return Links(objects, self._kinds, self._root)

    def store(self, path: str, found: Mark, digest: Digest | None, *, link: bool) -> Stored:
        """The file's digest, once the store holds it; with `link` the file may become one with the object.

        `digest` saves hashing a file that is still marked as it was `found`."""
        for kind in self._allowed(found[4], link=link):
            stored = None
            if kind == "reflink":
                stored = self._objects.clone_in(path, found, digest)
            elif kind == "hardlink":
                stored = adopt(self._objects, path, found, digest)
            elif kind == "symlink":
                stored = adopt(self._objects, path, found, digest) or self._objects.copy_in(path)
                if not self._objects.whole(stored.digest):
                    return stored
                self._point(path, self._objects.place(stored.digest))
                return Stored(stored.digest, mark(os.stat(path)))
            if stored is not None:
                return stored
        return self._objects.copy_in(path, found)

    def put(self, digest: Digest, path: str, *, executable: bool, link: bool) -> None:
        """The file at `path` holds the object's bytes, verified; it was put there whole or not at all.

        Raises `Damaged` or `NotInStore`, and OSError where it can't be written."""
        for kind in self._allowed(_EXECUTABLE if executable else 0, link=link):
            if self._linked(kind, digest, path, executable):
                return
        mode = 0o777 if executable else 0o666
        self._replace(lambda name: self._copy(digest, name, mode), path)

    def make(self, digest: Digest, path: str, *, executable: bool, link: bool) -> Mark:
        """The same where nothing is at `path`, nor anyone who looks; how the new file is marked."""
        for kind in self._allowed(_EXECUTABLE if executable else 0, link=link):
            if self._linked(kind, digest, path, executable):
                return mark(os.stat(path))
        return self._copy(digest, path, 0o777 if executable else 0o666)

    def part(self, path: str) -> None:
        """The file at `path` is one with no object: it is a private copy if it was, and may be written to."""
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            if leads_into(path, *self._objects.homes):
                self._replace(lambda name: _copy_file(path, name, 0o666), path)
        elif stat.S_ISREG(status.st_mode):
            if status.st_nlink > 1:
                mode = 0o777 if status.st_mode & _EXECUTABLE else 0o666
                self._replace(lambda name: _copy_file(path, name, mode), path)
            elif not status.st_mode & stat.S_IWUSR:
                os.chmod(path, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)

    def _allowed(self, mode: int, *, link: bool) -> tuple[str, ...]:
        """The kinds to try before the one that always works."""
        if link and not mode & _EXECUTABLE:
            return self._kinds
        return self._private_kinds

    def _linked(self, kind: str, digest: Digest, path: str, executable: bool) -> bool:
        objects = self._objects
        if kind == "reflink" and not (self._clones and objects.reflinks):
            return False
        place = objects.file(digest)
        if place is None:
            return False
        try:
            if kind == "hardlink":
                self._hardlink(place, path)
            elif kind == "symlink":
                self._point(path, place)
            else:
                mode = 0o777 if executable else 0o666
                self._replace(lambda name: _clone(place, name, mode), path)
        except OSError as error:
            if error.errno in _UNABLE:
                self._clones = self._clones and error.errno != errno.EOPNOTSUPP
                return False
            raise
        return True

    def _replace(self, make: Callable[[str], object], path: str, *, linked: bool = False) -> None:
        """Makes a file under a temporary name and puts it in the place of `path`; a rename leaves one that is `linked`
        to what is there already."""
        for temporary in self._temporaries(path):
            try:
                make(temporary)
                os.rename(temporary, path)
                if linked:
                    drop(temporary)
                return
            except OSError as error:
                drop(temporary)
                if error.errno != errno.EXDEV:
                    raise
            except BaseException:
                drop(temporary)
                raise
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)

    def _temporaries(self, path: str) -> Iterator[str]:
        """Where to make a file that shall be renamed to `path`: in the store, out of everyone's sight; or beside
        it, where the store is on another file system or can't be written."""
        try:
            yield self._objects.scratch.name()
        except OSError:
            pass
        yield f"{os.path.dirname(path)}/.{os.urandom(8).hex()}.outdo.tmp"

    def _copy(self, digest: Digest, name: str, mode: int) -> Mark:
        fd = create(name, mode)
        try:
            self._objects.copy_out(digest, fd)
            return mark(os.fstat(fd))
        finally:
            os.close(fd)

    def _hardlink(self, place: str, path: str) -> None:
        for _ in range(_TRIES):
            try:
                try:
                    os.link(place, path)
                except FileExistsError:
                    self._replace(lambda name: os.link(place, name), path, linked=True)
                return
            except FileNotFoundError:
                os.stat(place)  # else another process has just put its file in the place of the object
        os.link(place, path)

    def _point(self, path: str, place: str) -> None:
        """`path` is a link to `place`: a relative one within the project, so that the project can be moved."""
        inside = place.startswith(f"{self._root}/")
        target = os.path.relpath(place, os.path.dirname(path)) if inside else place
        self._replace(lambda name: os.symlink(target, name), path)


def _copy_file(path: str, name: str, mode: int) -> None:
    with open(path, "rb", buffering=0) as source, open(create(name, mode), "wb", buffering=0) as target:
        if not reflink(source.fileno(), target.fileno()):
            copy(source.fileno(), target.fileno())


def _clone(place: str, name: str, mode: int) -> None:
    with open(place, "rb", buffering=0) as source, open(create(name, mode), "wb", buffering=0) as target:
        if not reflink(source.fileno(), target.fileno()):
            raise OSError(errno.EOPNOTSUPP, "no reflink", name)
