"""A folder that is made where nobody looks, and moved to its place at once: it comes whole or not at all, and no file
in it needs a second name until it is finished."""

import errno
import os
import stat
from collections.abc import Callable

from outdo.store.files import Scratch, remove

_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def make_apart(scratch: Scratch, place: str, fill: Callable[[str], None]) -> bool:
    """Whether there is now a folder at `place` that `fill` has filled, given its path for the time being.

    False where something is there that is to be mended, or where it can't be made elsewhere; then there is what was
    there. The same if `fill` raises."""
    if _is_filled(place):
        return False
    apart = _begin(scratch, os.path.dirname(place))
    if apart is None:
        return False
    try:
        fill(apart)
        if not os.path.isdir(place) or os.path.islink(place):
            remove(place)
        os.rename(apart, place)
    except BaseException as error:
        remove(apart)
        if isinstance(error, OSError) and error.errno in _TAKEN:  # somebody was faster
            return False
        raise
    return True


def _is_filled(place: str) -> bool:
    try:
        return not os.path.islink(place) and bool(os.listdir(place))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _begin(scratch: Scratch, above: str) -> str | None:
    """A new folder that can be moved into `above`; None where that is on another file system, or hands its group
    down."""
    status = os.stat(above)
    try:
        apart = scratch.name()
        os.mkdir(apart)
    except OSError:
        return None  # a store that can't be written
    if status.st_dev == os.stat(apart).st_dev and not status.st_mode & stat.S_ISGID:
        return apart
    os.rmdir(apart)
    return None
