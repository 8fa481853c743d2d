"""What travels between a store and a remote: only what is missing, verified at both ends, parts before wholes.

Chunks go before the recipe of the file that is made of them, files before the folders that name them, and those before
the results that name them, each kind only once the former is settled. So whatever is there is complete, whenever a
transfer breaks off, and the next one goes on.
"""

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from blake3 import blake3
from msgspec import Struct

from outdo.core.errors import Damaged, NotInRemote, NotInStore, UserError
from outdo.core.model import Digest, Entry, Key, Record
from outdo.store import recipes, results, trees
from outdo.store.depot import Depot
from outdo.store.files import create, drop, mark, write
from outdo.store.nodes import LEVELS, Index, Node, decode_node
from outdo.store.objects import Objects
from outdo.store.recipes import LARGEST_RECIPE, Recipe

Item = TypeVar("Item")

SMALL = 4 << 20
"""Bytes up to which an object travels through memory, as nearly all chunks do."""

LARGE = 16 << 20
"""Bytes of a file from which on it is asked for as chunks first."""


_TRIES = 10


class Tally(Struct, frozen=True):
    """How far a transfer is."""

    objects: int = 0
    size: int = 0
    """Bytes that have travelled."""
    of_objects: int = 0
    of_size: int = 0
    """Bytes that have to, as far as is known."""


Tell = Callable[[Tally], None]
Announce = Callable[[Iterable[Digest]], None]


class Moved(Struct, frozen=True):
    """What a transfer moved."""

    objects: int = 0
    size: int = 0
    results: int = 0
    there: int = 0
    """Objects that were at their destination already."""
    missing: tuple[Digest, ...] = ()
    """Objects that are at neither end, or were damaged there."""


class Transfer:
    """Moves objects and results between one store and one remote."""

    def __init__(
        self, objects: Objects, depot: Depot, tell: Tell, threads: int = 8, announce: Announce | None = None
    ) -> None:
        """`announce` is told what the remote is to have, before it is asked what it has."""
        self._announce = announce
        self._objects = objects
        self._depot = depot
        self._tell = tell
        self._threads = threads
        self._lock = threading.Lock()
        self._tally = Tally()

    # ---------------------------------------------------------------- there

    def send(self, entries: Iterable[Entry], records: Sequence[Record] = ()) -> Moved:
        """The remote has all that is in these entries, then the results; what this store lacks too is told, and a
        result that names it stays here."""
        entries = list(entries)
        if self._announce and entries:
            outs = (entry.digest for record in records for entry in record.outs.values())
            self._announce(dict.fromkeys([*(entry.digest for entry in entries), *outs]))
        files = {entry.digest: None for entry in entries if entry.kind == "file"}
        levels = self._levels(entry.digest for entry in entries if entry.kind == "tree")
        if levels:
            files.update((file, None) for names in levels[0].values() for file in names)
        moved = self._send_files(list(files))
        incomplete = set(moved.missing)
        for level in levels:
            whole = [digest for digest, names in level.items() if incomplete.isdisjoint(names)]
            also = self._send_objects(whole)
            incomplete |= {*also.missing, *(level.keys() - whole)}
            moved = _both(moved, also)
        complete = [r for r in records if incomplete.isdisjoint(e.digest for e in r.outs.values())]
        return _both(moved, Moved(results=self._send_results(complete)))

    def _levels(self, folders: Iterable[Digest]) -> list[dict[Digest, list[Digest]]]:
        """The nodes of these folders with the files or nodes that each names, by level; those below come first."""
        levels: dict[int, dict[Digest, list[Digest]]] = {}
        todo = [(digest, 0) for digest in dict.fromkeys(folders)]
        while todo:
            digest, level = todo.pop()
            node = self._node(digest)
            names: list[Digest] = []
            if isinstance(node, Index):
                level = node.level
                names = [row.digest for row in node.nodes]
                known = levels.get(level - 1, {})
                todo += [(below, level - 1) for below in names if below not in known]
            elif node is not None:
                names = [file for _, file, _, _ in node.files]
            levels.setdefault(level, {})[digest] = names
        return [levels[level] for level in sorted(levels)]

    def _send_files(self, files: Sequence[Digest]) -> Moved:
        """Files as objects, where they are such here or there; else as chunks, and then the recipes."""
        moved = self._send_objects(files)
        cut = {file: recipe for file in moved.missing if (recipe := self._objects.recipes.get(file))}
        others = [file for file in moved.missing if file not in cut]
        there = self._depot.present([recipe_name(file) for file in others]) if others else {}
        chunks = self._send_objects(list(dict.fromkeys(chunk for r in cut.values() for chunk, _ in r.chunks)))
        lost = set(chunks.missing)
        whole = {file: r for file, r in cut.items() if lost.isdisjoint(chunk for chunk, _ in r.chunks)}
        self._send_recipes(whole)
        missing = [file for file in others if recipe_name(file) not in there]
        missing += [file for file in cut if file not in whole]
        size, there_already = moved.size + chunks.size, moved.there + chunks.there
        return Moved(moved.objects + chunks.objects, size, 0, there_already, tuple(missing))

    def _send_recipes(self, cut: Mapping[Digest, Recipe]) -> None:
        contents = {recipe_name(file): recipes.encode(recipe) for file, recipe in cut.items()}
        there = self._depot.present(list(contents)) if contents else {}
        new = [name for name, content in contents.items() if there.get(name) != len(content)]
        side_by_side(
            lambda name: self._depot.put(name, contents[name], replace=name in there), new, self._threads
        )
        if new:
            self._depot.settle()

    def _send_objects(self, digests: Sequence[Digest]) -> Moved:
        there = self._depot.present([object_name(digest) for digest in digests])
        sizes: dict[Digest, int] = {}
        damaged: set[Digest] = set()
        missing: list[Digest] = []
        for digest in digests:
            remote = there.get(object_name(digest))
            try:
                size = os.stat(self._objects.place(digest)).st_size
            except FileNotFoundError:
                if remote is None:
                    missing.append(digest)
                continue
            if remote != size:
                sizes[digest] = size
                if remote is not None:
                    damaged.add(digest)
        self._expect(len(sizes), sum(sizes.values()))

        def send(digest: Digest) -> None:
            try:
                source: bytes | str = (
                    self._objects.get(digest) if sizes[digest] <= SMALL else self._objects.path(digest)
                )
            except (Damaged, NotInStore):
                with self._lock:
                    missing.append(digest)
                return
            self._depot.put(object_name(digest), source, replace=digest in damaged)
            self._count(sizes[digest])

        side_by_side(send, sorted(sizes, key=sizes.__getitem__, reverse=True), self._threads)
        if sizes:
            self._depot.settle()
        moved = [digest for digest in sizes if digest not in missing]
        size = sum(sizes[digest] for digest in moved)
        return Moved(len(moved), size, 0, len(digests) - len(sizes) - len(missing), tuple(missing))

    def _send_results(self, records: Sequence[Record]) -> int:
        names = {result_name(record.key): record for record in records}
        there = self._depot.present(list(names))
        new = [name for name in names if name not in there]
        side_by_side(lambda name: self._depot.put(name, results.encode(names[name])), new, self._threads)
        if new:
            self._depot.settle()
        return len(new)

    # ---------------------------------------------------------------- back

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
        return _both(first, second)

    def keys(self) -> list[Key]:
        """Of all results that the remote has."""
        names = self._depot.listing("results")
        return [Key(name.removeprefix("results/").replace("/", "")) for name in names]

    def result(self, key: Key) -> Record | None:
        """What the remote knows under a key; None where it knows nothing, or what it has can't be read."""
        try:
            content = b"".join(self._depot.read(result_name(key)))
        except NotInRemote:
            return None
        record = results.decode(content)
        return record if record is not None and record.key == key else None

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
                if chunks.prove(recipe, lambda _: None) == file:
                    return chunks.keep(file, recipe)
            except (Damaged, NotInStore):
                lost = set(self._fetch_objects(dict(chunks.lacking(recipe))).missing)
            else:
                self._depot.set_aside(recipe_name(file))
                return False
        return False

    def _fetch_objects(self, sizes: Mapping[Digest, int]) -> Moved:
        wanted = self._wanted(sizes)
        self._expect(len(wanted), sum(sizes[digest] for digest in wanted))
        missing: list[Digest] = []
        arrived: list[int] = []

        def fetch(digest: Digest) -> None:
            size = self._receive(digest)
            with self._lock:
                if size is None:
                    missing.append(digest)
                else:
                    arrived.append(size)

        side_by_side(fetch, sorted(wanted, key=sizes.__getitem__, reverse=True), self._threads)
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
            self._count(size)
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
            if found == digest and self._objects.adopt(temporary, mark(status), digest) is None:
                self._objects.copy_in(temporary)
        finally:
            drop(temporary)
        return found, status.st_size

    # ---------------------------------------------------------------- inside

    def _fetch_folders(self, folders: Iterable[Digest]) -> Moved:
        """The store has the trees of these folders, level by level."""
        moved = Moved()
        level = dict.fromkeys(folders, 0)
        for _ in range(LEVELS + 1):
            if not level:
                break
            moved = _both(moved, self._fetch_objects(level))
            nodes = map(self._node, level)
            level = {row.digest: 0 for node in nodes if isinstance(node, Index) for row in node.nodes}
        return moved

    def _files(self, folder: Digest) -> dict[Digest, int]:
        """The files of a folder with their sizes; none where a part of its tree is not here."""
        try:
            parts = trees.leaves(self._objects.get, folder)
            return {file: size for part in parts for _, file, size, _ in part.files}
        except (NotInStore, Damaged):
            return {}

    def _node(self, digest: Digest) -> Node | None:
        """A part of a folder's tree; None where it is not here."""
        try:
            return decode_node(self._objects.get(digest))
        except (NotInStore, Damaged):
            return None

    def _expect(self, objects: int, size: int) -> None:
        now = self._tally
        self._tally = Tally(now.objects, now.size, now.of_objects + objects, now.of_size + size)
        self._tell(self._tally)

    def _count(self, size: int) -> None:
        with self._lock:
            now = self._tally
            self._tally = Tally(now.objects + 1, now.size + size, now.of_objects, now.of_size)
        self._tell(self._tally)


def _both(one: Moved, other: Moved) -> Moved:
    return Moved(
        one.objects + other.objects,
        one.size + other.size,
        one.results + other.results,
        one.there + other.there,
        (*one.missing, *other.missing),
    )


def object_name(digest: Digest) -> str:
    """What an object is called at a remote."""
    return f"objects/{digest[:2]}/{digest[2:]}"


def recipe_name(file: Digest) -> str:
    """What the recipe of a file is called at a remote."""
    return f"recipes/{file[:2]}/{file[2:]}"


def result_name(key: Key) -> str:
    """What a result is called at a remote."""
    return f"results/{key[:2]}/{key[2:]}"


def side_by_side(work: Callable[[Item], None], items: Iterable[Item], threads: int) -> None:
    """Does `work` for every item, each thread taking the next one; the first error ends all and is raised.

    Unlike `files.each` it hands out single items: one may be large, and the waiting is for a network."""
    rest = iter(list(items))
    lock = threading.Lock()
    errors: list[BaseException] = []

    def share() -> None:
        try:
            while not errors:
                with lock:
                    item = next(rest, _END)
                if isinstance(item, _End):
                    return
                work(item)
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=share, daemon=True) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    share()
    for helper in helpers:
        helper.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, UserError)), errors[0])


def _chunks(cut: Mapping[Digest, Recipe]) -> dict[Digest, int]:
    return {chunk: size for recipe in cut.values() for chunk, size in recipe.chunks}


class _End:
    """Stands where no item is left."""


_END = _End()
