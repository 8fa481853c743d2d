"""Making a folder hold a tree: what is in the way is removed, what is missing is put in place, the rest stays."""

import os
import stat

from outdo.core.model import Digest, Entry, Path
from outdo.store.files import HEAVY, Mark, each, mark, remove
from outdo.store.folders import Contents, Scan
from outdo.store.links import Links
from outdo.store.looks import Looks
from outdo.store.nodes import Tree, folders_of


class Restoring:
    """The folder `path` of the workspace, at `place` on disk, on its way to hold `tree`."""

    def __init__(self, path: Path, place: str, tree: Tree, looks: Looks) -> None:
        self._path = path
        self._place = place
        self._tree = tree
        self._looks = looks
        self._files: dict[Path, tuple[Digest, int, bool]] = {
            name: (digest, size, executable) for name, digest, size, executable in tree.files
        }
        self._links = dict(tree.links)
        self._folders = folders_of([*self._files, *self._links, *tree.folders]) | set(tree.folders)
        self._sound: dict[Path, Mark] = {}
        """What holds already what it shall."""

    def carry_out(self, links: Links, entry: Entry, *, link: bool) -> None:
        """The folder holds the tree, and the stat cache knows that."""
        if stat.S_ISDIR(_mode(self._place)):
            self._clear()
        else:
            remove(self._place)
            os.mkdir(self._place)
        for folder in sorted(self._folders):
            _make_folder(f"{self._place}/{folder}")
        for name, target in self._links.items():
            if name not in self._sound:
                os.symlink(target, f"{self._place}/{name}")

        def put(name: Path) -> None:
            digest, _, executable = self._files[name]
            place = f"{self._place}/{name}"
            links.put(digest, place, executable=executable, link=link)
            self._sound[name] = mark(os.stat(place))

        missing = [name for name in self._files if name not in self._sound]
        size = sum(self._files[name][1] for name in missing)
        each(put, missing, heavy=size >= HEAVY * len(missing))
        self._remember(entry)

    def _clear(self) -> None:
        """Removes what is too much and what stands in the way; notes what is sound."""
        contents = Contents(self._path, self._looks.scan(self._path), self._looks.cache)
        contents.recall()
        scan = contents.scan
        self._looks.read(contents, [index for index in contents.files() if self._may_be_sound(scan, index)])
        there = folders_of(scan.names)
        surplus = there - self._folders
        for folder in surplus:
            if folder.rpartition("/")[0] not in surplus:
                remove(f"{self._place}/{folder}")
        for index, name in enumerate(scan.names):
            if self._is_sound(contents, index):
                self._sound[name] = scan.mark(index)
            elif name not in self._files and name[-1] != "/" and name.rpartition("/")[0] not in surplus:
                remove(f"{self._place}/{name}")

    def _may_be_sound(self, scan: Scan, index: int) -> bool:
        wanted = self._files.get(scan.names[index])
        return wanted is not None and wanted[1] == scan.mark(index)[2]

    def _is_sound(self, contents: Contents, index: int) -> bool:
        name, mode = contents.scan.names[index], contents.scan.mark(index)[4]
        if stat.S_ISLNK(mode):
            return name in self._links and os.readlink(f"{self._place}/{name}") == self._links[name]
        if not stat.S_ISREG(mode) or name not in self._files:
            return False
        digest, _, executable = self._files[name]
        return contents.digests[index] == digest and bool(mode & stat.S_IXUSR) == executable

    def _remember(self, entry: Entry) -> None:
        scan = Scan(self._place)
        for name, found in self._sound.items():
            scan.names.append(name)
            scan.marks += found
        for folder in self._tree.folders:
            scan.add_folder(folder)
        contents = Contents(self._path, scan, self._looks.cache)
        for index, name in enumerate(scan.names):
            contents.digests[index] = self._files[name][0] if name in self._files else None
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
