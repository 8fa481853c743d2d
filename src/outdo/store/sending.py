"""What a remote lacks of a store: sent as it is read, parts before wholes, so that whatever is there is complete."""

import os
import threading
from collections.abc import Iterable, Mapping, Sequence

from outdo.core.errors import Damaged, NotInStore
from outdo.core.model import Digest, Entry, Record
from outdo.store import recipes, results, trees
from outdo.store.depot import Depot
from outdo.store.nodes import Index
from outdo.store.objects import Objects
from outdo.store.recipes import Recipe
from outdo.store.travel import (
    SMALL,
    Counter,
    Moved,
    are_heavy,
    object_name,
    recipe_name,
    result_name,
    side_by_side,
)


class Sending:
    """Sends objects and results of one store to one remote."""

    def __init__(self, objects: Objects, depot: Depot, counter: Counter, threads: int) -> None:
        self._objects = objects
        self._depot = depot
        self._counter = counter
        self._threads = threads
        self._lock = threading.Lock()

    def send(self, entries: Iterable[Entry], records: Sequence[Record] = ()) -> Moved:
        """The remote has all that is in these entries, then the results; what this store lacks too is told, and a
        result that names it stays here."""
        entries = list(entries)
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
            moved += also
        complete = [r for r in records if incomplete.isdisjoint(e.digest for e in r.outs.values())]
        return moved + Moved(results=self._send_results(complete))

    def _levels(self, folders: Iterable[Digest]) -> list[dict[Digest, list[Digest]]]:
        """The nodes of these folders with the files or nodes that each names, by level; those below come first."""
        levels: dict[int, dict[Digest, list[Digest]]] = {}
        todo = [(digest, 0) for digest in dict.fromkeys(folders)]
        while todo:
            digest, level = todo.pop()
            node = trees.node(self._objects.get, digest)
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
        self._counter.expect(len(sizes), sum(sizes.values()))

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
            self._counter.count(sizes[digest])

        largest_first = sorted(sizes, key=sizes.__getitem__, reverse=True)
        side_by_side(send, largest_first, self._threads, heavy=are_heavy(sizes.values()))
        if sizes:
            self._depot.settle()
        lost = set(missing)
        moved = [size for digest, size in sizes.items() if digest not in lost]
        return Moved(len(moved), sum(moved), 0, len(digests) - len(sizes) - len(missing), tuple(missing))

    def _send_results(self, records: Sequence[Record]) -> int:
        names = {result_name(record.key): record for record in records}
        there = self._depot.present(list(names))
        new = [name for name in names if name not in there]
        side_by_side(lambda name: self._depot.put(name, results.encode(names[name])), new, self._threads)
        if new:
            self._depot.settle()
        return len(new)
