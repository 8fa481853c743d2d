"""The folder a sandboxed stage works in: what is put into it, and what is taken out of it."""

import os
import stat
from collections.abc import Collection, Iterable, Iterator

from outdo.core.model import Path
from outdo.run.bubblewrap import under
from outdo.store.files import create, each, reflink, remove, write

LARGE = 256 << 20
"""Bytes beyond which a file is not copied into an enclosure, where the file system can't clone it, but linked."""

MOST_BINDS = 64
"""So many mounts cost 60 ms; a thousand would cost two seconds."""

_DROPPED = {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache"}


class Enclosure:
    """A folder on the project's file system whose `top` stands for the project's folder."""

    def __init__(self, folder: str, root: str, reads: Collection[Path], writes: Collection[Path]) -> None:
        above = max(
            (path.count("../") + (path == "..") for path in reads if path.startswith("..")), default=0
        )
        self.folder = folder
        self.top = "/".join([self.folder, *["up"] * above, os.path.basename(root)])
        self.scratch = f"{self.folder}/scratch"
        self.notes = f"{self.folder}/notes"
        self._root = root
        self._writes = frozenset(writes)
        self._declared = self._writes.union(reads)
        self._mounted: list[str] = []
        self._linked: set[str] = set()
        self._copied: dict[str, tuple[int, int]] = {}
        for folder in (self.top, self.scratch, self.notes):
            os.makedirs(folder)

    def place(self, path: Path) -> str:
        """Where a path of the project is in here."""
        return os.path.normpath(os.path.join(self.top, path))

    def has(self, path: Path) -> bool:
        """Whether something is in here under the path."""
        return os.path.lexists(self.place(path))

    def make_folder(self, path: Path) -> None:
        """The folder is there, with those above it."""
        os.makedirs(self.place(path), exist_ok=True)

    def leave_place(self, path: Path) -> None:
        """Something will be mounted at the path while the stage runs."""
        place = self.place(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        self._mounted.append(place)

    def link(self, path: Path) -> None:
        """The path leads to the project's own, which is not protected by this."""
        place = self.place(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(os.path.join(self._root, path), place)
        self._linked.add(place)

    def copy_in(self, paths: Iterable[Path]) -> None:
        """The files and folders are there as copies that the stage may change without harm; links are followed."""
        files: list[tuple[str, str]] = []
        for path in paths:
            files += self._files_of(os.path.join(self._root, path), self.place(path), ())
        each(self._copy, files)

    def _files_of(self, source: str, target: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if not os.path.isdir(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.lexists(target):
                yield source, target
            return
        real = os.path.realpath(source)
        if real in above:  # a link to a folder that it is in
            return
        os.makedirs(target, exist_ok=True)
        with os.scandir(source) as entries:
            for entry in entries:
                if entry.name not in _DROPPED:
                    yield from self._files_of(entry.path, f"{target}/{entry.name}", (*above, real))

    def _copy(self, pair: tuple[str, str]) -> None:
        source, target = pair
        try:
            status = os.stat(source)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(status.st_mode):
            return
        if not _copy_file(source, target, status):
            os.symlink(source, target)
            self._linked.add(target)
            return
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        self._copied[target] = (status.st_mtime_ns, status.st_size)

    def collect(self) -> list[Path]:
        """Moves what was written to the declared places into the project; returns the rest, which stays behind:
        files elsewhere, changed copies of inputs, and outputs that are no files or lead out of what is declared."""
        for place in self._mounted:
            _drop_empty(place)
        stray = [self._path(place) for place in self._strays(self.top)]
        for path in sorted(self._writes):
            place = self.place(path)
            if not os.path.lexists(place) or self._is_unchanged(place):
                continue
            if strange := [found for found in _all_in(place) if not self._may_leave(found)]:
                stray += map(self._path, strange)
            else:
                _move(place, os.path.join(self._root, path))
        return sorted(stray)

    def _path(self, place: str) -> Path:
        return (
            place[len(self.top) + 1 :]
            if place.startswith(f"{self.top}/")
            else os.path.relpath(place, self.top)
        )

    def _strays(self, folder: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.path in self._linked or self._path(entry.path) in self._writes:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _DROPPED:
                        yield from self._strays(entry.path)
                elif not self._is_unchanged(entry.path):
                    yield entry.path

    def _is_unchanged(self, place: str) -> bool:
        """Whether it is a copy that nobody wrote to."""
        status = os.lstat(place)
        return self._copied.get(place) == (status.st_mtime_ns, status.st_size)

    def _may_leave(self, place: str) -> bool:
        """Whether it is a file, or a link that leads to something declared."""
        mode = os.lstat(place).st_mode
        if not stat.S_ISLNK(mode):
            return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        target = os.path.normpath(os.path.join(os.path.dirname(place), os.readlink(place)))
        return covers(self._declared, self._path(target))


def covers(declared: Collection[Path], path: Path) -> bool:
    """Whether the path is declared, or in a folder that is; quick however many are declared."""
    while path and path != "/":
        if path in declared:
            return True
        path = os.path.dirname(path)
    return False


def to_bind(root: str, reads: list[Path], writes: Collection[Path]) -> tuple[list[Path], list[Path]]:
    """Which of the paths to mount and which files to copy, as mounts are costly: a folder of which all is wanted
    is mounted as one, and of the files that are still too many the largest are mounted."""
    folded = reads
    while len(folded) > MOST_BINDS and len(shorter := _fold(root, folded, writes)) < len(folded):
        folded = shorter
    if len(folded) <= MOST_BINDS:
        return folded, []
    folders = [path for path in folded if os.path.isdir(os.path.join(root, path))]
    files = sorted(set(folded) - set(folders), key=lambda path: -os.path.getsize(os.path.join(root, path)))
    room = max(0, MOST_BINDS - len(folders))
    return folders + files[:room], files[room:]


def _fold(root: str, paths: list[Path], writes: Collection[Path]) -> list[Path]:
    by_folder: dict[Path, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        by_folder.setdefault(folder, set()).add(name)
    folded: list[Path] = []
    for folder, names in by_folder.items():
        whole = (
            bool(folder) and not folder.endswith("..") and not any(under(path, [folder]) for path in writes)
        )
        if whole and set(os.listdir(os.path.join(root, folder))) - _DROPPED <= names:
            folded.append(folder)
        else:
            folded += [os.path.join(folder, name) for name in names]
    return folded


def _all_in(place: str) -> Iterator[str]:
    yield place
    if os.path.isdir(place) and not os.path.islink(place):
        with os.scandir(place) as entries:
            for entry in entries:
                yield from _all_in(entry.path)


def _copy_file(source: str, target: str, status: os.stat_result) -> bool:
    """Copies by a clone where the file system can; returns False, and nothing is there, for a large one elsewhere."""
    fd = create(target, stat.S_IMODE(status.st_mode) | stat.S_IWUSR)
    try:
        with open(source, "rb", buffering=0) as file:
            if reflink(file.fileno(), fd):
                return True
            if status.st_size <= LARGE:
                while piece := file.read(1 << 20):
                    write(fd, piece)
                return True
    finally:
        os.close(fd)
    os.unlink(target)
    return False


def _drop_empty(place: str) -> None:
    """Removes what bubblewrap left where something was mounted."""
    try:
        if os.path.isdir(place) and not os.path.islink(place):
            os.rmdir(place)
        elif os.lstat(place).st_size == 0:
            os.unlink(place)
    except OSError:
        pass


def _move(place: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(target) or os.path.isdir(place):
        remove(target)
    try:
        os.replace(place, target)
    except OSError:  # another file system
        import shutil

        remove(target)
        shutil.move(place, target)
