"""Making a folder hold a tree: what is in the way is removed, what is missing is put in place, the rest stays."""

import os
import stat
from array import array
from collections.abc import Iterable

from outdo.core.clashes import Disk, refuse
from outdo.core.errors import NotInStore
from outdo.core.model import Digest, Entry, Path
from outdo.store.apart import make_apart
from outdo.store.files import HEAVY, each, mark, remove
from outdo.store.folders import Contents, Scan
from outdo.store.links import Links
from outdo.store.looks import Looks
from outdo.store.nodes import Tree, folders_of
from outdo.store.objects import Objects
from outdo.store.trees import refuse_file_as_folder


class Wanted:
    """All that a folder shall hold, in columns: at 1,000,000 files a third of the memory of tuples."""

    def __init__(self, leaves: Iterable[Tree]) -> None:
        self.names: list[Path] = []
        self.digests = bytearray()
        self.sizes = array("q")
        self.executable = bytearray()
        self.links: dict[Path, str] = {}
        self.folders: list[Path] = []
        for leaf in leaves:
            self.names += [name for name, *_ in leaf.files]
            self.digests += bytes.fromhex("".join([digest for _, digest, _, _ in leaf.files]))
            self.sizes.extend([size for _, _, size, _ in leaf.files])
            self.executable += bytes([executable for *_, executable in leaf.files])
            self.links |= leaf.links
            self.folders += leaf.folders
        self.above = folders_of(self.names) | folders_of(self.links) | folders_of(self.folders)
        """Every folder that something is in."""
        for names in (self.names, self.links, self.folders):
            refuse_file_as_folder(names, self.above)

    def refuse_clashes(self, path: Path) -> None:
        """Raises `CantTrack` where names in the folder at `path` differ only in case."""
        inside = (*self.names, *self.links, *self.folders)
        refuse((f"{path}/{name}" for name in inside), Disk(case=True))

    def digest(self, place: int) -> Digest:
        """What the file at this place shall hold."""
        return Digest(self.digests[32 * place : 32 * place + 32].hex())

    def refuse_to_lack(self, path: Path, objects: Objects) -> bool:
        """True; raises `NotInStore` where the store lacks a part of what shall be at `path`."""
        lost = objects.lacking(set(map(self.digest, range(len(self.names)))))
        if lost:
            raise NotInStore(f"'{path}' needs object {lost[0][:12]}…, which the store does not hold")
        return True


class Restoring:
    """The folder `path` of the workspace, at `place` on disk, on its way to hold what is wanted."""

    def __init__(self, path: Path, place: str, wanted: Wanted, looks: Looks) -> None:
        self._path = path
        self._place = place
        self._wanted = wanted
        self._looks = looks
        self._folders = wanted.above | set(wanted.folders)
        self._scan = Scan(place)
        """What holds already what it shall, in the order of what is wanted; a mode of 0 where it does not."""
        self._scan.names = wanted.names
        self._scan.marks = array("q", bytes(40 * len(wanted.names)))
        self._linked: set[Path] = set()
        """The links that are there."""

    def carry_out(self, links: Links, objects: Objects, entry: Entry, *, link: bool) -> None:
        """The folder holds what is wanted, all of which the store has, and the stat cache knows that."""
        made = False
        if not links.points:
            made = make_apart(objects.scratch, self._place, lambda apart: self._fill(apart, links, link=link))
        if not made:
            self._mend(links, link=link)
        self._remember(entry)

    def _fill(self, apart: str, links: Links, *, link: bool) -> None:
        """All that is wanted is in a new folder, each file under its own name."""
        wanted, scan = self._wanted, self._scan
        for folder in sorted(self._folders):
            os.mkdir(f"{apart}/{folder}")
        for name, target in wanted.links.items():
            os.symlink(target, f"{apart}/{name}")

        def make(index: int) -> None:
            path, executable = f"{apart}/{wanted.names[index]}", bool(wanted.executable[index])
            scan.set(index, links.make(wanted.digest(index), path, executable=executable, link=link))

        every = range(len(wanted.names))
        each(make, every, heavy=sum(wanted.sizes) >= HEAVY * len(every))

    def _mend(self, links: Links, *, link: bool) -> None:
        """What is too much in the folder, or stands in the way, is removed; what is missing is put."""
        wanted, scan = self._wanted, self._scan
        if stat.S_ISDIR(_mode(self._place)):
            self._clear()
        else:
            remove(self._place)
            os.mkdir(self._place)
        for folder in sorted(self._folders):
            _make_folder(f"{self._place}/{folder}")
        for name in wanted.links.keys() - self._linked:
            os.symlink(wanted.links[name], f"{self._place}/{name}")

        def put(index: int) -> None:
            place = f"{self._place}/{wanted.names[index]}"
            links.put(wanted.digest(index), place, executable=bool(wanted.executable[index]), link=link)
            scan.set(index, mark(os.stat(place)))

        missing = [index for index, mode in enumerate(scan.marks[4::5]) if not mode]
        each(put, missing, heavy=sum(map(wanted.sizes.__getitem__, missing)) >= HEAVY * len(missing))

    def _clear(self) -> None:
        """Removes what is too much and what stands in the way; notes what is sound."""
        contents = Contents(self._path, self._looks.scan(self._path), self._looks.cache)
        contents.recall()
        scan, sizes = contents.scan, self._wanted.sizes
        places = {name: place for place, name in enumerate(self._wanted.names)}
        may_be_sound = (
            index
            for index in contents.files()
            if (place := places.get(scan.names[index], -1)) >= 0 and sizes[place] == scan.mark(index)[2]
        )
        self._looks.read(contents, may_be_sound)
        surplus = folders_of(scan.names) - self._folders
        for folder in surplus:
            if folder.rpartition("/")[0] not in surplus:
                remove(f"{self._place}/{folder}")
        for index, name in enumerate(scan.names):
            place = places.get(name, -1)
            if place >= 0:
                if self._is_sound(contents, index, place):
                    self._scan.set(place, scan.mark(index))
            elif self._is_wanted_link(name, scan.mark(index)[4]):
                self._linked.add(name)
            elif name[-1] != "/" and name.rpartition("/")[0] not in surplus:
                remove(f"{self._place}/{name}")

    def _is_sound(self, contents: Contents, index: int, place: int) -> bool:
        mode = contents.scan.mark(index)[4]
        return (
            stat.S_ISREG(mode)
            and contents.digests[32 * index : 32 * index + 32]
            == self._wanted.digests[32 * place : 32 * place + 32]
            and bool(mode & stat.S_IXUSR) == bool(self._wanted.executable[place])
        )

    def _is_wanted_link(self, name: Path, mode: int) -> bool:
        target = self._wanted.links.get(name)
        return target is not None and stat.S_ISLNK(mode) and os.readlink(f"{self._place}/{name}") == target

    def _remember(self, entry: Entry) -> None:
        scan, digests = self._scan, self._wanted.digests
        for name in self._wanted.links:
            scan.add(name, mark(os.lstat(f"{self._place}/{name}")))
        for folder in self._wanted.folders:
            scan.add_folder(folder)
        contents = Contents(self._path, scan, self._looks.cache)
        contents.digests[: len(digests)] = digests
        contents.remember(entry, os.stat(self._place).st_dev, self._looks.cache.clock.now())


def _make_folder(place: str) -> None:
    try:
        os.mkdir(place)
    except FileExistsError:
        if not stat.S_ISDIR(_mode(place)):
            remove(place)
            os.mkdir(place)


def _mode(place: str) -> int:
    try:
        return os.lstat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
