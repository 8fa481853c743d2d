"""Where a remote keeps its bytes, by name: what every kind of it can do, and the kind that is a folder.

Names are `objects/ab/cdef…`, `recipes/ab/cdef…` and `results/ab/cdef…`, in shards of two characters, so that what is
there can be asked by listing. All may be called from many threads at once.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from time import time
from typing import NamedTuple, Protocol, TypeVar

from outdo.core.errors import NotInRemote, RemoteFailed
from outdo.store.files import copy, create, drop, each, reflink, write

Answer = TypeVar("Answer")

_STEP = 1 << 20
_FEW = 8
_OLD = 2 * 86400.0


class Lying(NamedTuple):
    """What lies at a remote under a name."""

    size: int
    since: float
    """Seconds since 1970, by the remote's clock."""


class Shelf(Protocol):
    """A remote that can be looked through and cleared; raises `RemoteFailed`."""

    at_once: bool
    """Whether nothing that a process has asked for is carried out after its end."""
    largest: float
    """Bytes of the largest that can be moved."""

    def lying(self, folder: str) -> Mapping[str, Lying]:
        """All that is in a folder and those below it, by name."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes in pieces; raises `NotInRemote`."""
        ...

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        """The name holds these bytes."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Nothing has these names any more."""
        ...

    def move(self, names: Mapping[str, str], *, keep: bool = False) -> None:
        """Each of these that is there has its other name instead, and at no moment neither of them.

        With `keep` what has the other name stays, and the first one is kept where removing it is a step of its own."""
        ...


class Depot(Protocol):
    """Bytes by name at a remote; raises `RemoteFailed` where it can't be reached, or refuses."""

    def present(self, names: Sequence[str]) -> Mapping[str, int]:
        """The size of each of these that is there."""
        ...

    def listing(self, folder: str) -> list[str]:
        """All names in a folder and those below it."""
        ...

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        """The name holds these bytes, or those of the file at this path: all of them, or it is as before.

        Without `replace` what is there already stays."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes in pieces; raises `NotInRemote`."""
        ...

    def set_aside(self, name: str) -> None:
        """Nothing has the name any more; what had it is under `quarantine/`, if that may be written."""
        ...

    def settle(self) -> None:
        """What was put survives a loss of power there."""
        ...


class FolderDepot:
    """A folder on a disk, or on one that is mounted."""

    threads = 0
    """As many as it is seen to take: a disk may be in memory, or across the world."""
    at_once = True
    largest = math.inf

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders: set[str] = set()
        self._absent: set[str] = set()
        """What was asked for last and not there: to ask again before it is put costs a tenth of putting it."""
        self._own = os.urandom(12).hex()
        self._count = count()

    def present(self, names: Sequence[str]) -> dict[str, int]:
        shards: dict[str, list[str]] = {}
        for name in names:
            shards.setdefault(os.path.dirname(name), []).append(name)
        found: dict[str, int] = {}
        self._answer(lambda: each(lambda shard: self._look(shard, shards[shard], found), list(shards), 8))
        self._absent = {name for name in names if name not in found}
        return found

    def listing(self, folder: str) -> list[str]:
        def walk() -> list[str]:
            found: list[str] = []
            for place, _, files in os.walk(f"{self._root}/{folder}"):
                found += [os.path.relpath(f"{place}/{file}", self._root) for file in files if file[0] != "."]
            return sorted(found)

        return self._answer(walk)

    def lying(self, folder: str) -> dict[str, Lying]:
        def look() -> dict[str, Lying]:
            self._ask_anew(folder)
            found: dict[str, Lying] = {}
            for name in self.listing(folder):
                try:
                    status = os.stat(f"{self._root}/{name}")
                except FileNotFoundError:
                    continue
                found[name] = Lying(status.st_size, max(status.st_mtime, status.st_ctime))
            return found

        return self._answer(look)

    def remove(self, names: Sequence[str]) -> None:
        def unlink() -> None:
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(f"{self._root}/{name}")

        self._answer(unlink)

    def move(self, names: Mapping[str, str], *, keep: bool = False) -> None:
        def rename() -> None:
            for folder in {os.path.dirname(other) for other in names.values()}:
                os.makedirs(f"{self._root}/{folder}", exist_ok=True)
            for name, other in names.items():
                place = f"{self._root}/{other}"
                if not (keep and os.path.lexists(place)):
                    with suppress(FileNotFoundError):
                        os.rename(f"{self._root}/{name}", place)

        self._answer(rename)

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        place = f"{self._root}/{name}"
        if not replace and name not in self._absent and os.access(place, os.F_OK):
            return
        self._answer(lambda: self._put(place, source))

    def read(self, name: str) -> Iterator[bytes]:
        try:
            fd = os.open(f"{self._root}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                step = min(_STEP, os.fstat(fd).st_size + 1)
                piece = os.read(fd, step)
                while len(piece) == step:
                    yield piece
                    piece = os.read(fd, step)
                if piece:
                    yield piece
            finally:
                os.close(fd)
        except FileNotFoundError:
            raise _missing(name) from None
        except OSError as error:
            raise _failed(error, self._root) from error

    def set_aside(self, name: str) -> None:
        aside = f"{self._root}/quarantine/{name.replace('/', '-')}"
        try:
            os.makedirs(os.path.dirname(aside), exist_ok=True)
            os.rename(f"{self._root}/{name}", aside)
        except OSError:
            pass  # a folder that may only be read keeps it, and it is found again by whoever reads it

    def settle(self) -> None:
        import ctypes

        def flush() -> None:
            if not os.path.isdir(self._root):
                return
            fd = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                if not hasattr(libc, "syncfs"):
                    os.sync()
                elif libc.syncfs(fd) != 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), self._root)
            finally:
                os.close(fd)

        self._answer(flush)

    def _ask_anew(self, folder: str) -> None:
        """A mount may answer for a minute with what it knows of a folder, but not once it has changed it itself."""
        temporary = f"{self._root}/{folder}/.{os.urandom(12).hex()}"
        with suppress(OSError):
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            os.unlink(temporary)

    def _look(self, shard: str, names: Sequence[str], found: dict[str, int]) -> None:
        """Notes the sizes of those that are in one shard."""
        if len(names) > _FEW:
            try:
                here = set(os.listdir(f"{self._root}/{shard}"))
            except FileNotFoundError:
                return
            _sweep(f"{self._root}/{shard}/{name}" for name in here if name[0] == ".")
            names = [name for name in names if name[len(shard) + 1 :] in here]
        for name in names:
            try:
                found[name] = os.stat(f"{self._root}/{name}").st_size
            except FileNotFoundError:
                continue

    def _put(self, place: str, source: bytes | str) -> None:
        folder = place.rpartition("/")[0]
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        # In one folder a rename costs half of that between two.
        temporary = f"{folder}/.{self._own}-{next(self._count)}"
        try:
            fd = create(temporary, 0o444)
            try:
                if isinstance(source, bytes):
                    write(fd, source)
                else:
                    _copy(source, fd)
            finally:
                os.close(fd)
            os.rename(temporary, place)
        except BaseException:
            drop(temporary)
            raise

    def _answer(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except OSError as error:
            raise _failed(error, self._root) from error


def _sweep(paths: Iterable[str]) -> None:
    """Removes what transfers that were killed have left, once it is so old that none can still be at it."""
    for path in paths:
        try:
            if os.stat(path).st_mtime < time() - _OLD:
                drop(path)
        except FileNotFoundError:
            continue


def _copy(path: str, target: int) -> None:
    with open(path, "rb", buffering=0) as source:
        if not reflink(source.fileno(), target):
            copy(source.fileno(), target)


def _missing(name: str) -> NotInRemote:
    return NotInRemote(f"the remote does not hold '{name}'", fix="outdo push, where it was made")


def _failed(error: OSError, root: str) -> RemoteFailed:
    what = f"the remote's folder '{root}' can't be used: {error.strerror or error}"
    return RemoteFailed(what, fix="check that it is mounted, has room, and may be written by this user")
