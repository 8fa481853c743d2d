"""What a store lacks of a remote: named once it is hashed, and set aside there where it is wrong."""

import os
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping

from blake3 import blake3

from outdo.core.errors import Damaged, NotInRemote, NotInStore
from outdo.core.model import Digest, Entry
from outdo.store import recipes, trees
from outdo.store.adopting import adopt
from outdo.store.depot import Depot
from outdo.store.files import create, drop, mark, write
from outdo.store.nodes import LEVELS, Index
from outdo.store.objects import Objects
from outdo.store.recipes import LARGEST_RECIPE, Recipe
from outdo.store.travel import SMALL, Counter, Moved, are_heavy, object_name, recipe_name, side_by_side

LARGE = 16 << 20
"""Bytes of a file from which on it is asked for as chunks first."""

_TRIES = 10


class Receiving:
    """Fetches objects of one remote into one store."""

    def __init__(self, objects: Objects, depot: Depot, counter: Counter, threads: int) -> None:
        self._objects = objects
        self._depot = depot
        self._counter = counter
        self._threads = threads
        self._lock = threading.Lock()

    def fetch(self, entries: Iterable[Entry]) -> Moved:
        """The store has all that is in these entries, as far as the remote has it; the rest is told."""
        entries = list(entries)
        folders = dict.fromkeys(entry.digest for entry in entries if entry.kind == "tree")
        first = self._fetch_folders(folders)
        files = {entry.digest: entry.size for entry in entries if entry.kind == "file"}
        for digest in folders:
            files.update(self._files(digest))
        second = self._fetch_files(files)
        if first.objects or second.objects:
            self._objects.sync()
        return first + second

    def _fetch_files(self, sizes: Mapping[Digest, int]) -> Moved:
        """Files as they are at the remote: the large ones as chunks, if there is a recipe, all others as objects."""
        wanted = {file: sizes[file] for file in self._wanted(sizes)}
        cut = self._recipes({file: size for file, size in wanted.items() if size >= LARGE})
        first = self._fetch_objects(
            {**{file: size for file, size in wanted.items() if file not in cut}, **_chunks(cut)}
        )
        others = {file: wanted[file] for file in first.missing if file in wanted and file not in cut}
        late = self._recipes({file: size for file, size in others.items() if size < LARGE})
        second = self._fetch_objects(_chunks(late))
        lost = {*first.missing, *second.missing}
        missing = [file for file in others if file not in late]
        missing += [file for file, recipe in {**cut, **late}.items() if not self._join(file, recipe, lost)]
        there = len(sizes) - len(wanted) + first.there + second.there
        return Moved(first.objects + second.objects, first.size + second.size, 0, there, tuple(missing))

    def _recipes(self, sizes: Mapping[Digest, int]) -> dict[Digest, Recipe]:
        """The recipes that the remote has for some files of these sizes."""
        found: dict[Digest, Recipe] = {}

        def ask(file: Digest) -> None:
            recipe = self._recipe(file, sizes[file])
            if recipe is not None:
                found[file] = recipe

        side_by_side(ask, list(sizes), self._threads)
        return found

    def _recipe(self, file: Digest, size: int) -> Recipe | None:
        """The remote's recipe for a file; one that is wrong twice is set aside there."""
        for _ in range(2):
            content = b""
            try:
                for piece in self._depot.read(recipe_name(file)):
                    content += piece
                    if len(content) > LARGEST_RECIPE:
                        break
            except NotInRemote:
                return None
            recipe = recipes.decode(content)
            if recipe is not None and recipe.size == size:
                return recipe
        self._depot.set_aside(recipe_name(file))
        return None

    def _join(self, file: Digest, recipe: Recipe, lost: set[Digest]) -> bool:
        """Whether the store has the file now that all its chunks have arrived; a recipe that does not make it is set
        aside at the remote. A chunk that was here before and turns out to be damaged is fetched."""
        chunks = self._objects.chunks
        for _ in range(_TRIES):
            if not lost.isdisjoint(chunk for chunk, _ in recipe.chunks):
                return False
            try:
                if chunks.prove(recipe, file, lambda _: None):
                    return chunks.keep(file, recipe)
            except (Damaged, NotInStore):
                lost = set(self._fetch_objects(dict(chunks.lacking(recipe))).missing)
            else:
                self._depot.set_aside(recipe_name(file))
                return False
        return False

    def _fetch_objects(self, sizes: Mapping[Digest, int]) -> Moved:
        wanted = self._wanted(sizes)
        self._counter.expect(len(wanted), sum(sizes[digest] for digest in wanted))
        missing: list[Digest] = []
        arrived: list[int] = []

        def fetch(digest: Digest) -> None:
            size = self._receive(digest)
            with self._lock:
                if size is None:
                    missing.append(digest)
                else:
                    arrived.append(size)

        largest_first = sorted(wanted, key=sizes.__getitem__, reverse=True)
        heavy = are_heavy([sizes[digest] for digest in wanted])
        side_by_side(fetch, largest_first, self._threads, heavy=heavy)
        return Moved(len(arrived), sum(arrived), 0, len(sizes) - len(wanted), tuple(missing))

    def _wanted(self, digests: Collection[Digest]) -> list[Digest]:
        """Those that are not here, or would not stay until something names them."""
        lacking = self._objects.lacking(digests)
        absent = set(lacking)
        return lacking + [one for one in digests if one not in absent and not self._objects.rely(one)]

    def _receive(self, digest: Digest) -> int | None:
        """Size of an object that the store now holds; None where the remote has none that is right.

        One that arrives wrong is asked for again. Wrong twice, and in the same way, it is wrong there, and is set
        aside, so that a push by whoever has it sends it again."""
        wrong: set[str] = set()
        for _ in range(2):
            try:
                found, size = self._take(digest)
            except NotInRemote:
                return None
            self._counter.count(size)
            if found == digest:
                return size
            if found in wrong:
                self._depot.set_aside(object_name(digest))
            wrong.add(found)
        return None

    def _take(self, digest: Digest) -> tuple[str, int]:
        """Digest and size of what arrived; it is in the store if it is what was asked for, and nowhere else."""
        pieces = self._depot.read(object_name(digest))
        content = b""
        for piece in pieces:
            content += piece
            if len(content) > SMALL:
                return self._spool(digest, content, pieces)
        found = blake3(content).hexdigest()
        if found == digest:
            self._objects.put_new(digest, content)
        return found, len(content)

    def _spool(self, digest: Digest, content: bytes, pieces: Iterator[bytes]) -> tuple[str, int]:
        temporary = self._objects.scratch.name()
        hasher = blake3(content)
        try:
            fd = create(temporary, 0o644)
            try:
                write(fd, content)
                for piece in pieces:
                    hasher.update(piece)
                    write(fd, piece)
                status = os.fstat(fd)
            finally:
                os.close(fd)
            found = hasher.hexdigest()
            if found == digest and adopt(self._objects, temporary, mark(status), digest) is None:
                self._objects.copy_in(temporary)
        finally:
            drop(temporary)
        return found, status.st_size

    def _fetch_folders(self, folders: Iterable[Digest]) -> Moved:
        """The store has the trees of these folders, level by level."""
        moved = Moved()
        level = dict.fromkeys(folders, 0)
        for _ in range(LEVELS + 1):
            if not level:
                break
            moved += self._fetch_objects(level)
            nodes = (trees.node(self._objects.get, digest) for digest in level)
            level = {row.digest: 0 for node in nodes if isinstance(node, Index) for row in node.nodes}
        return moved

    def _files(self, folder: Digest) -> dict[Digest, int]:
        """The files of a folder with their sizes; none where a part of its tree is not here."""
        try:
            parts = trees.leaves(self._objects.get, folder)
            return {file: size for part in parts for _, file, size, _ in part.files}
        except (NotInStore, Damaged):
            return {}


def _chunks(cut: Mapping[Digest, Recipe]) -> dict[Digest, int]:
    return {chunk: size for recipe in cut.values() for chunk, size in recipe.chunks}
