"""The bytes of tracked paths in DVC's cache: looked at, kept, put back."""

import os
import stat
from collections.abc import Iterable
from time import time_ns

from outdo.core.errors import BadPath, NotAFile
from outdo.core.model import Digest, Entry, Path
from outdo.integrations.dvc.folders import Sums
from outdo.integrations.dvc.links import Links
from outdo.integrations.dvc.looking import Looking
from outdo.integrations.dvc.names import entry_digest, name_of
from outdo.integrations.dvc.parts import Folders, lacking
from outdo.store.apart import make_apart
from outdo.store.files import HEAVY, Mark, each, mark, remove, unwritable
from outdo.store.folders import Scan, not_a_file
from outdo.store.nodes import Tree, folders_of

_CLOSED = (".git", ".hg", ".dvc", ".outdo")


class Bytes:
    """The workspace that `looking` sees, and the cache behind `links`; what is in its folders, `folders` know."""

    def __init__(self, looking: Looking, links: Links, folders: Folders) -> None:
        self._looking = looking
        self._links = links
        self._folders = folders
        self._memory = looking.memory

    def look(self, paths: Iterable[Path]) -> dict[Path, Entry]:
        """What each path holds; one that is not there is left out."""
        found = {path: self._looking.entry(path) for path in paths}
        return {path: entry for path, entry in found.items() if entry is not None}

    def listing(self, path: Path) -> Tree:
        """What is in a folder, with the MD5 of each file."""
        sums = self._looking.sums(path)
        sizes = sums.scan.marks[2::5]
        rows = zip(sums.scan.names, sums.md5s, sizes, strict=True)
        return Tree(sorted((name, entry_digest(md5), size, False) for name, md5, size in rows))

    def holds(self, entry: Entry) -> bool:
        """Whether the cache has all that it takes to restore this entry."""
        return self._folders.holds(entry)

    # ---------------------------------------------------------------- keeping

    def save(self, path: Path, *, link: bool = True) -> Entry:  # noqa: ARG002  `cache.type` says how files are linked
        """What a path holds, once DVC's cache has it; raises FileNotFoundError where nothing is there."""
        place = self._writable(path)
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            status = _behind(path, place)
        if stat.S_ISDIR(status.st_mode):
            return self._save_folder(path)
        if not stat.S_ISREG(status.st_mode):
            raise not_a_file(path, status.st_mode)
        key, at = self._looking.key(path), self._memory.clock.now()
        known = self._memory.get(key, mark(status), time_ns())
        name, found = self._stored(place, mark(status), known or "")
        if self._links.shares:
            at = self._memory.clock.now()
        self._memory.put(key, found, Digest(name), device=status.st_dev, at=at)
        return Entry(entry_digest(name), found[2], executable=bool(found[4] & stat.S_IXUSR))

    def _save_folder(self, path: Path) -> Entry:
        sums, at = self._looking.scanned(path), self._memory.clock.now()
        sums.recall()
        scan = sums.scan

        def store(index: int) -> None:
            place = f"{scan.top}/{scan.names[index]}"
            sums.set(index, *self._stored(place, scan.mark(index), sums.md5s[index]))

        indexes = range(len(scan.names))
        each(store, indexes, heavy=scan.size(indexes) >= HEAVY * len(indexes))
        entry, content = sums.entry()
        try:
            self._links.put_bytes(entry.digest, content)
        except OSError as error:
            raise unwritable(error, self._links.cache.folder) from error
        if self._links.shares:
            at = self._memory.clock.now()
        sums.remember(entry, os.stat(scan.top).st_dev, at)
        return entry

    def _stored(self, place: str, found: Mark, known: str) -> tuple[str, Mark]:
        try:
            return self._links.store(place, found, known)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unwritable(error, place) from error

    # ---------------------------------------------------------------- putting back

    def restore(self, path: Path, entry: Entry, *, link: bool = True) -> None:  # noqa: ARG002
        """The path holds `entry`; of a folder only what differs is touched, and what is too much in it is removed.

        Raises `Damaged` or `NotInStore`, before anything is touched where a part is not there at all."""
        place = self._writable(path)
        try:
            if entry.kind == "tree":
                self._restore_folder(path, place, entry)
            else:
                self._restore_file(path, place, entry)
        except OSError as error:
            raise unwritable(error, place) from error

    def _restore_file(self, path: Path, place: str, entry: Entry) -> None:
        name, kind = name_of(entry.digest)
        if not self._links.cache.has(name, kind):
            raise lacking(path, name)
        if os.path.isdir(place) and not os.path.islink(place):
            remove(place)
        if not os.path.lexists(place) or self._looking.content(path, kind) != entry.digest:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            self._links.put(name, kind, place, executable=entry.executable)
        elif entry.executable != bool(os.stat(place).st_mode & stat.S_IXUSR):
            self._links.put(name, kind, place, executable=entry.executable)
        status, at = os.stat(place), self._memory.clock.now()
        self._memory.put(
            self._looking.key(path, kind), mark(status), Digest(name), device=status.st_dev, at=at
        )

    def _restore_folder(self, path: Path, place: str, entry: Entry) -> None:
        kind = name_of(entry.digest)[1]
        self._folders.refuse_to_lack(path, entry)
        sums = Sums(self._looking.key(path, kind), Scan(place), self._memory)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not make_apart(self._links.scratch, place, lambda apart: self._fill(apart, entry, sums)):
            sums = self._mended(path, place, entry)
        sums.remember(entry, os.stat(place).st_dev, self._memory.clock.now())

    def _fill(self, apart: str, entry: Entry, sums: Sums) -> None:
        """All of a folder is in a new one, each file under its own name."""
        kind = name_of(entry.digest)[1]
        files = self._folders.files(entry)
        for folder in sorted(folders_of(files)):
            os.mkdir(f"{apart}/{folder}")
        found: dict[Path, Mark] = {}

        def make(name: Path) -> None:
            found[name] = self._links.make(files[name], kind, f"{apart}/{name}")

        each(make, list(files), heavy=entry.size >= HEAVY * len(files))
        for name, marks in found.items():
            sums.add(name, files[name], marks)

    def _mended(self, path: Path, place: str, entry: Entry) -> Sums:
        """What is in the folder, once what is too much in it is gone and what was missing is put."""
        kind = name_of(entry.digest)[1]
        files = self._folders.files(entry)
        if not os.path.isdir(place) or os.path.islink(place):
            remove(place)
            os.makedirs(place)
        sums = self._cleared(path, place, files, kind)
        sound = set(sums.scan.names)
        missing = [name for name in files if name not in sound]
        for folder in sorted(folders_of(missing)):
            _make_folder(f"{path}/{folder}", f"{place}/{folder}")
        found: dict[Path, Mark] = {}

        def put(name: Path) -> None:
            target = f"{place}/{name}"
            self._links.put(files[name], kind, target)
            found[name] = mark(os.stat(target))

        each(put, missing, heavy=entry.size >= HEAVY * len(files))
        for name, marks in found.items():
            sums.add(name, files[name], marks)
        return sums

    def _cleared(self, path: Path, place: str, files: dict[Path, str], kind: str) -> Sums:
        """What is sound in the folder, once all else that DVC sees is gone from it."""
        sums = self._looking.sums(path, kind)
        names = sums.scan.names
        kept = sums.only([index for index, name in enumerate(names) if files.get(name) == sums.md5s[index]])
        for name in set(names) - set(kept.scan.names):
            remove(f"{place}/{name}")
        for folder in sorted(folders_of(names) - folders_of(files), reverse=True):
            try:
                os.rmdir(f"{place}/{folder}")
            except OSError:
                pass  # it holds what DVC does not see
        for name in files:
            if stat.S_ISDIR(_mode(f"{place}/{name}")):
                what = f"'{path}/{name}' shall be a file, and is a folder that holds what DVC does not see"
                raise NotAFile(what, fix="move it away")
        return kept

    def _writable(self, path: Path) -> str:
        """Where a path of the project is; raises `BadPath` where writing there would leave the repository."""
        name = os.path.basename(path)
        parts = {part.lower() for part in path.split("/")}
        if name in ("", ".", "..") or path[:1] == "/" or not parts.isdisjoint(_CLOSED):
            raise BadPath(f"'{path}' is not a path in the project that may be written")
        place = self._looking.place(path)
        parent = os.path.realpath(os.path.dirname(place))
        inside = f"{parent}/".removeprefix(f"{self._looking.top}/")
        if inside == f"{parent}/" or inside.partition("/")[0] in _CLOSED:
            what = f"'{path}' leads out of the project, to '{parent}/{name}'"
            raise BadPath(what, fix="write inside the project's folder")
        return f"{parent}/{name}"


def _behind(path: Path, place: str) -> os.stat_result:
    """The status of the file that a link leads to."""
    try:
        status = os.stat(place)
    except OSError:
        raise NotAFile(f"'{path}' is a link that leads nowhere", fix="remove it, or mend it") from None
    if stat.S_ISDIR(status.st_mode):
        raise NotAFile(f"'{path}' is a link to a folder", fix="track the folder that it leads to")
    return status


def _make_folder(path: Path, place: str) -> None:
    """A folder is there, and no link to one: what is put into it stays in the project."""
    try:
        os.mkdir(place)
    except FileExistsError:
        mode = _mode(place)
        if stat.S_ISLNK(mode):
            os.unlink(place)
            os.mkdir(place)
        elif not stat.S_ISDIR(mode):
            what = f"'{path}' shall be a folder, and is a file that DVC does not see"
            raise NotAFile(what, fix="move it away") from None


def _mode(place: str) -> int:
    try:
        return os.lstat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
