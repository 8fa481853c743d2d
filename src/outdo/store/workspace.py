"""The files of a project as values: looked at, stored, put back, removed; never through a link out of the project."""

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from time import time_ns

from outdo.core.errors import BadPath, Damaged, NotInStore
from outdo.core.graph import is_glob, is_url
from outdo.core.model import Digest, Entry, Path
from outdo.store import trees
from outdo.store.census import Census
from outdo.store.files import HEAVY, Mark, each, mark, remove, unwritable
from outdo.store.folders import Contents, leads_into, not_a_file, scan_glob
from outdo.store.fresh import filling
from outdo.store.links import Links
from outdo.store.looks import Elsewhere, Looks, Nowhere, file_entry
from outdo.store.nodes import Tree
from outdo.store.objects import Objects, Stored
from outdo.store.restoring import Restoring, Wanted
from outdo.store.statcache import StatCache

_BIG = 1 << 20
_MANY = 2048
"""Files of a folder from which on new shards are filled apart."""
_WRITABLE = 0o222


class Workspace:
    """The project at `root`; all of it may be called from several threads at once."""

    def __init__(
        self,
        root: str,
        objects: Objects,
        stat: StatCache,
        links: tuple[str, ...] = ("reflink", "hardlink", "copy"),
        elsewhere: Callable[[], Elsewhere] | None = None,
    ) -> None:
        """`elsewhere` gives what is asked for dependencies that are addresses; without it there are none."""
        self.root = os.path.realpath(root)
        self._objects = objects
        self._cache = stat
        self._links = Links(objects, links, self.root)
        # The work tree of a trial is inside the folder that the store is in.
        store = objects.folder if self.root.startswith(f"{objects.root}/") else objects.root
        self._closed = (f"{self.root}/.git", f"{self.root}/.outdo", store)
        self._census = Census(f"{stat.folder}/whole", (objects.folder, objects.recipes.folder), stat.clock)
        self._looks = Looks(self.root, objects.homes, self._closed, stat, elsewhere or Nowhere)

    # ---------------------------------------------------------------- looking

    def look(self, paths: Iterable[Path]) -> dict[Path, Entry]:
        """What each path holds: a file, a folder, or the files that a glob means; one that is not there is left out.

        Raises `NotAFile` or `Unreadable` for what can't be looked at."""
        return self._looks.look(paths)

    def expand(self, glob: Path) -> list[Path]:
        """The files that a glob means, sorted; what is in `.git` or `.outdo` is never among them."""
        return scan_glob(self.root, glob).names

    def forget(self, path: Path) -> None:
        """The next look at `path` reads it."""
        if is_url(path):
            self._looks.elsewhere().forget(path)
        else:
            self._cache.forget(path)

    def listing(self, path: Path) -> Tree:
        """What is in a folder, or what a glob means, with the digest of each file."""
        return self._contents(path).tree(path)

    def holds(self, entry: Entry) -> bool:
        """Whether the store has all that it takes to restore this entry; it stays so while this process lives."""
        self._objects.lease.take()
        if entry.kind == "file":
            return self._objects.has(entry.digest)
        return self._census.holds(entry, lambda: self._holds_folder(entry))

    # ---------------------------------------------------------------- writing

    def save(self, path: Path, *, cache: bool = True, link: bool = True) -> Entry:
        """What an output holds, once the store holds it too; without `cache` it is only looked at.

        With `link` its files may become one with their objects, and are then read-only; else they stay as they are.
        Raises FileNotFoundError where nothing is there, and `StoreUnwritable`."""
        if not cache:
            entry = self.look([path]).get(path)
            if entry is None:
                raise FileNotFoundError(path)
            return entry
        place = self._writable(path)
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):  # what a link of the user's leads to is the user's
            link = link and leads_into(place, self._objects.folder)
            status = os.stat(place)
        if stat.S_ISDIR(status.st_mode):
            return self._save_folder(path, link=link)
        if not stat.S_ISREG(status.st_mode):
            raise not_a_file(path, status.st_mode)
        stored = self._store(
            place, mark(status), self._cache.get(path, mark(status), time_ns()), self._links, link=link
        )
        clock = self._cache.clock
        if stored.mark[2] > _BIG:
            clock.wait_out(stored.mark, status.st_dev)
        self._cache.put(path, stored.mark, stored.digest, device=status.st_dev, at=clock.now())
        return file_entry(stored.digest, stored.mark[2], stored.mark[4])

    def keep_copy(self, path: Path) -> None:
        """The store has a copy of all that a path holds now, and of a folder or a glob its tree too; the path stays as
        it is. So a later change to it can be shown."""
        if os.path.isfile(self._looks.place(path)):
            self._objects.copy_in(self._looks.place(path))
            return
        contents = self._contents(path)
        for index in contents.files():
            digest = contents.digest(index)
            if digest is None or not self._objects.rely(digest):
                self._objects.copy_in(f"{contents.scan.top}/{contents.scan.names[index]}")
        contents.entry(path, self._objects.put_bytes)

    def restore(self, path: Path, entry: Entry, *, link: bool = True) -> None:
        """The path holds `entry`; of a folder only what differs is touched. Each file is put in place whole.

        With `link` files may be one with their objects, and are then read-only. Raises `Damaged` or `NotInStore`
        where the store lacks a part, `StoreUnwritable` where the workspace can't be written, and `CantTrack`
        where a disk that knows no case can't hold all the names."""
        place = self._writable(path)
        self._objects.lease.take()
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if entry.kind == "tree":
                wanted = Wanted(trees.leaves(self._objects.get, entry.digest))
                if os.path.lexists(
                    f"{self.root}/.OUTDO"
                ):  # the folder `.outdo`, on a disk that knows no case
                    wanted.refuse_clashes(path)
                self._census.holds(entry, lambda: wanted.refuse_to_lack(path, self._objects))
                Restoring(path, place, wanted, self._looks).carry_out(
                    self._links, self._objects, entry, link=link
                )
            else:
                self._restore_file(path, place, entry, link=link)
        except OSError as error:
            raise unwritable(error, place) from error

    def remove(self, path: Path) -> None:
        """Nothing is at `path` any more; what a link leads to stays."""
        place = self._writable(path)
        try:
            remove(place)
        except OSError as error:
            raise unwritable(error, place) from error

    def unprotect(self, path: Path) -> None:
        """No file at or in `path` is one with an object any more: each may be written to."""
        place = self._writable(path)
        try:
            if os.path.isdir(place) and not os.path.islink(place):
                scan = self._looks.scan(path)
                each(
                    self._links.part,
                    [f"{place}/{name}" for name in scan.names if name[-1] != "/"],
                    heavy=True,
                )
            elif os.path.lexists(place):
                self._links.part(place)
        except OSError as error:
            raise unwritable(error, place) from error

    # ---------------------------------------------------------------- inside

    def _holds_folder(self, entry: Entry) -> bool:
        try:
            parts = trees.leaves(self._objects.get, entry.digest)
            return not self._objects.lacking({file[1] for part in parts for file in part.files})
        except (NotInStore, Damaged):
            return False

    def _contents(self, path: Path) -> Contents:
        scan = scan_glob(self.root, path) if is_glob(path) else self._looks.scan(path)
        contents = Contents(path, scan, self._cache)
        contents.recall()
        self._looks.read(contents, contents.files())
        return contents

    def _save_folder(self, path: Path, *, link: bool) -> Entry:
        contents = Contents(path, self._looks.scan(path), self._cache)
        contents.recall()
        contents.check(path)
        scan = contents.scan

        def store(index: int) -> None:
            place = f"{scan.top}/{scan.names[index]}"
            stored = self._store(place, scan.mark(index), contents.digest(index), links, link=link)
            contents.set(index, stored.digest, stored.mark)

        files = contents.files()
        with filling(self._objects) if len(files) >= _MANY else nullcontext(self._objects) as objects:
            links = self._links.through(objects)
            each(store, files, heavy=scan.size(files) >= HEAVY * len(files))
        entry = contents.entry(path, self._objects.put_bytes)
        contents.remember(entry, os.stat(scan.top).st_dev, self._cache.clock.now())
        return entry

    def _store(self, place: str, found: Mark, digest: Digest | None, links: Links, *, link: bool) -> Stored:
        """The file is in the store; `digest` is what is certain of it, and saves all work where that is there too."""
        if digest:
            linked = not (link and self._links.shares) or not found[4] & _WRITABLE
            if self._objects.rely(digest) and (linked or not self._objects.whole(digest)):
                return Stored(digest, mark(os.stat(place)))
        try:
            return links.store(place, found, digest, link=link)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unwritable(error, place) from error

    def _restore_file(self, path: Path, place: str, entry: Entry, *, link: bool) -> None:
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            pass
        else:
            if stat.S_ISREG(status.st_mode) and self.look([path]).get(path) == entry:
                return
            if stat.S_ISDIR(status.st_mode):
                remove(place)
        self._links.put(entry.digest, place, executable=entry.executable, link=link)
        status = os.stat(place)
        at = self._cache.clock.now()
        self._cache.put(path, mark(status), entry.digest, device=status.st_dev, at=at)

    def _writable(self, path: Path) -> str:
        """Where a path of the project is on disk; raises `BadPath` where writing there would leave the project."""
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or path[:1] == "/":
            raise BadPath(f"'{path}' is not a path in the project that may be written")
        parent = os.path.realpath(f"{self.root}/{folder}") if folder else self.root
        place = f"{parent}/{name}"
        if not f"{parent}/".startswith(f"{self.root}/"):
            raise BadPath(
                f"'{path}' leads out of the project, to '{place}'", fix="write inside the project's folder"
            )
        if any(f"{place}/".startswith(f"{closed}/") for closed in self._closed):
            raise BadPath(
                f"'{path}' is inside '.git' or Outdo's own folder", fix="write elsewhere in the project"
            )
        return place
