"""What travels between DVC's cache and a remote of DVC's: only what is missing, verified, files before listings."""

import os
import threading
from collections.abc import Iterable, Sequence

from outdo.core.errors import Damaged, NotInRemote, NotInStore, RemoteFailed
from outdo.core.model import Digest
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.cache import Cache, object_name
from outdo.integrations.dvc.hashes import md5_bytes
from outdo.integrations.dvc.records import Item, StageLock
from outdo.integrations.dvc.remotes import Reached
from outdo.integrations.dvc.runcache import RunCache, parse_result
from outdo.store.travel import SMALL, Counter, Moved, Tell, are_heavy, side_by_side

Object = tuple[str, str]
"""Name and kind of hash."""


class Exchange:
    """Moves objects between one cache and one remote; what is at either is complete whenever it breaks off."""

    def __init__(self, cache: Cache, runs: RunCache, remote: Reached, tell: Tell) -> None:
        self._cache = cache
        self._runs = runs
        self._depot = remote.depot
        self._remote = remote
        self._counter = Counter(tell)
        self._lock = threading.Lock()

    # ---------------------------------------------------------------- there

    def send(self, items: Iterable[Item]) -> Moved:
        """The remote has all that these items hold; `missing` are the objects that the cache lacks too.

        Raises `RemoteFailed` for a remote that can only be read."""
        if self._remote.read_only:
            fix = "push to a folder, s3://, gs:// or azure://"
            raise RemoteFailed(f"DVC's remote '{self._remote.name}' can only be read", fix=fix)
        folders: dict[Object, list[Object]] = {}
        files: dict[Object, None] = {}
        lost: list[Object] = []
        for item in items:
            one = (item.md5, item.hash)
            if not item.md5 or one in folders:
                continue
            if not item.is_folder:
                files[one] = None
                continue
            try:
                folders[one] = [(md5, item.hash) for md5 in self._cache.files(*one).values()]
            except (NotInStore, Damaged):
                lost.append(one)
        files.update((part, None) for parts in folders.values() for part in parts)
        moved = self._send(list(files))
        missing = set(moved.missing)
        gone = {object_name(name, kind) for name, kind in files if name in missing}
        whole = [
            one for one, parts in folders.items() if gone.isdisjoint(object_name(*part) for part in parts)
        ]
        return moved + self._send([*whole, *lost])

    def _send(self, objects: Sequence[Object]) -> Moved:
        there = self._depot.present([object_name(*one) for one in objects]) if objects else {}
        sizes: dict[Object, int] = {}
        missing: list[str] = []
        for one in objects:
            remote = there.get(object_name(*one))
            try:
                size = os.stat(self._cache.place(*one)).st_size
            except FileNotFoundError:
                if remote is None:
                    missing.append(one[0])
                continue
            if remote != size:
                sizes[one] = size
        self._counter.expect(len(sizes), sum(sizes.values()))

        def send(one: Object) -> None:
            name = object_name(*one)
            try:
                small = sizes[one] <= SMALL
                source: bytes | str = self._cache.get(*one) if small else self._cache.find(*one)
            except (Damaged, NotInStore):
                with self._lock:
                    missing.append(one[0])
                return
            self._depot.put(name, source, replace=name in there)
            self._counter.count(sizes[one])

        largest_first = sorted(sizes, key=sizes.__getitem__, reverse=True)
        side_by_side(send, largest_first, self._remote.threads, heavy=are_heavy(sizes.values()))
        if sizes:
            self._depot.settle()
        lost = set(missing)
        sent = [size for (name, _), size in sizes.items() if name not in lost]
        kept = sum(one not in sizes and one[0] not in lost for one in objects)
        return Moved(len(sent), sum(sent), 0, kept, _names(missing))

    def send_runs(self) -> Moved:
        """The remote has the run cache too, with the objects that its results name, as far as they are here."""
        names = self._runs.names()
        known = {name: found for name in names if (found := self._runs.read(name)) is not None}
        moved = self.send(item for _, found in known.values() for item in found.outs)
        there = self._depot.present(names) if names else {}
        new = [name for name, (_, found) in known.items() if name not in there and self._whole(found, moved)]
        side_by_side(lambda name: self._depot.put(name, known[name][0]), new, self._remote.threads)
        if new:
            self._depot.settle()
        return Moved(moved.objects, moved.size, len(new), moved.there)

    # ---------------------------------------------------------------- back

    def fetch(self, items: Iterable[Item]) -> Moved:
        """The cache has all that these items hold, as far as the remote has it; the rest is told."""
        wanted = dict.fromkeys((item.md5, item.hash) for item in items if item.md5)
        listings: dict[Object, bytes] = {}
        missing: list[str] = []

        def ask(one: Object) -> None:
            if not self._cache.has(*one):
                content = self.listing(*one)
                if content is not None:
                    listings[one] = content
                else:
                    missing.append(one[0])

        folders = [one for one in wanted if one[0].endswith(".dir")]
        side_by_side(ask, folders, self._remote.threads)
        files = dict.fromkeys(one for one in wanted if one not in folders)
        for one in folders:
            if one in listings or self._cache.has(*one):
                named = listing.decode(listings[one]) if one in listings else self._cache.files(*one)
                files.update((part, None) for part in ((md5, one[1]) for md5 in named.values()))
        moved = self._fetch(list(files))
        lacking = set(moved.missing)
        size = 0
        for one, content in listings.items():
            if lacking.isdisjoint(listing.decode(content).values()):
                size += self._cache.receive(one[0], iter([content]), one[1]) or 0
        there = len(folders) - len(listings) - len(missing)
        return moved + Moved(len(listings), size, 0, there, _names(missing))

    def fetch_runs(self) -> Moved:
        """The run cache has every result of the remote, with the objects that those name."""
        here = set(self._runs.names())
        new = [name for name in self._depot.listing("runs") if name not in here]
        found: dict[str, StageLock] = {}
        side_by_side(lambda name: self._note(name, found), new, self._remote.threads)
        moved = self.fetch(item for one in found.values() for item in one.outs)
        whole = [one for one in found.values() if self._whole(one, moved)]
        for one in whole:
            self._runs.put(one)
        return Moved(moved.objects, moved.size, len(whole), moved.there)

    def results(self, key: str) -> list[StageLock]:
        """What the remote's run cache has under a key."""
        found: dict[str, StageLock] = {}
        for name in self._depot.listing(f"runs/{key[:2]}/{key}"):
            self._note(name, found)
        return list(found.values())

    def _note(self, name: str, found: dict[str, StageLock]) -> None:
        try:
            text = b"".join(self._depot.read(name)).decode()
        except (NotInRemote, UnicodeDecodeError):
            return
        result = parse_result(name, text)
        if result is not None:
            found[name] = result

    def listing(self, name: str, kind: str) -> bytes | None:
        """A folder's listing as the remote has it; None where it lacks it, or has something else."""
        try:
            content = b"".join(self._depot.read(object_name(name, kind)))
        except NotInRemote:
            return None
        return content if f"{md5_bytes(content)}.dir" == name else None

    def _fetch(self, objects: Sequence[Object]) -> Moved:
        lacking = {
            kind: set(self._cache.lacking([name for name, its in objects if its == kind], kind))
            for kind in {kind for _, kind in objects}
        }
        wanted = [one for one in objects if one[0] in lacking[one[1]]]
        self._counter.expect(len(wanted), 0)  # how large they are is not worth a question each
        missing: list[str] = []
        arrived: list[int] = []

        def fetch(one: Object) -> None:
            size = self._receive(*one)
            with self._lock:
                if size is None:
                    missing.append(one[0])
                else:
                    arrived.append(size)

        side_by_side(fetch, wanted, self._remote.threads)
        return Moved(len(arrived), sum(arrived), 0, len(objects) - len(wanted), _names(missing))

    def _receive(self, name: str, kind: str) -> int | None:
        """The size of an object that the cache now holds; None where the remote lacks it, or it arrived wrong twice."""
        for _ in range(2):
            try:
                size = self._cache.receive(name, self._depot.read(object_name(name, kind)), kind)
            except NotInRemote:
                return None
            if size is not None:
                self._counter.count(size)
                return size
        return None

    # ---------------------------------------------------------------- inside

    def _whole(self, result: StageLock, moved: Moved) -> bool:
        """Whether all that a result names came along, or was there."""
        return all(
            item.md5 not in moved.missing and (not item.is_folder or self._cache.has_all(item.md5, item.hash))
            for item in result.outs
        )


def _names(missing: Iterable[str]) -> tuple[Digest, ...]:
    return tuple(map(Digest, missing))
