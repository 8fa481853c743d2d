"""A file that becomes an object itself, by a hardlink: no byte is copied, and it is read-only from then on."""

import errno
import os
import stat

from outdo.core.model import Digest
from outdo.store.files import Mark, digest_of, drop, mark, seal, unreadable, unwritable
from outdo.store.objects import Objects, Stored

_NO_HARDLINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}
_READ = os.O_RDONLY | os.O_CLOEXEC
_TRIES = 10


def adopt(
    objects: Objects, path: str, found: Mark | None = None, digest: Digest | None = None
) -> Stored | None:
    """The file is itself the object now, by a hardlink, and read-only; no byte was copied.

    None where that can't be done (another file system, another owner, too many links), or the file is
    changing, or so large that it shall be kept as chunks. `digest` saves hashing a file that is still marked as
    it was `found`."""
    objects.lease.take()
    for _ in range(_TRIES):
        try:
            fd = os.open(path, _READ | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise unreadable(error, path) from error
        try:
            if found is None:
                found = mark(os.fstat(fd))
            if objects.chunks.wants(found[2]):
                return None
            if digest is None:
                digest = digest_of(fd, found[2])
            before = os.fstat(fd)
            if mark(before) == found:
                return _become(objects, fd, before, path, digest)
            found = digest = None
        finally:
            os.close(fd)
    return None


def _become(objects: Objects, fd: int, before: os.stat_result, path: str, digest: Digest) -> Stored | None:
    linked = None
    try:
        os.fchmod(fd, before.st_mode & 0o444 | stat.S_IRUSR)
        linked = _link(objects, fd, before, path, digest)
    except OSError as error:
        if error.errno not in _NO_HARDLINK:
            raise unwritable(error, objects.root) from error
    finally:
        if linked is None:
            _restore_mode(fd, before)
    return None if linked is None else Stored(digest, mark(linked))


def _link(
    objects: Objects, fd: int, before: os.stat_result, path: str, digest: Digest
) -> os.stat_result | None:
    """The status of the one file that `path` and the object are now; None where they did not become one."""
    place = objects.place(digest)
    for _ in range(_TRIES):
        try:
            _link_into(path, place)
        except FileExistsError:
            linked = _merge(objects, path, digest, before)
            if linked is None:
                continue
            return linked
        after = os.fstat(fd)
        if after.st_nlink != before.st_nlink + 1:
            after = os.stat(place)
        if seal(after) != seal(before):
            drop(place)  # the file was replaced or written to between its hashing and its linking
            return None
        objects.note(digest, after)
        return after
    return None


def _merge(objects: Objects, path: str, digest: Digest, before: os.stat_result) -> os.stat_result | None:
    """Makes one file of `path` and an object of the same bytes; returns its status, or None: try again.

    Of the two, the one that was just read stays, unless the object has other links already and is sound."""
    place = objects.place(digest)
    temporary = objects.temporary()
    try:
        there = os.stat(place)
        if not os.path.samestat(there, before):
            sound = there.st_nlink > 1 and objects.known_good(digest)
            os.link(place if sound else path, temporary)
            os.rename(temporary, path if sound else place)
            there = there if sound else before
        objects.lease.touch(place)
        here = os.stat(path)
    except FileNotFoundError:
        return None  # another thread has just put its file in the place of the object
    finally:
        drop(temporary)
    if not seal(here) == seal(os.stat(place)) == seal(there):
        return None
    objects.note(digest, here)
    return here


def _link_into(path: str, place: str) -> None:
    try:
        os.link(path, place)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.link(path, place)


def _restore_mode(fd: int, before: os.stat_result) -> None:
    try:
        os.fchmod(fd, stat.S_IMODE(before.st_mode))
    except OSError:
        pass  # it was never changed: the file belongs to someone else
