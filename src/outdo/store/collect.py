"""Which objects and results of a store nobody needs, and removing them.

What is needed is marked from its names; the rest goes, unless it is younger than the longest work in progress. An
object is first moved out and looked at once more: one that somebody came to need in that moment is moved back.
docs/design/collection.md says why nothing is lost.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from msgspec import Struct

from outdo.core.errors import Damaged, NotInRemote, NotInStore
from outdo.core.model import Digest, Key
from outdo.store.files import drop, unwritable
from outdo.store.lease import put_back, restore
from outdo.store.nodes import Index, decode_node
from outdo.store.objects import Objects
from outdo.store.results import Results
from outdo.store.trees import Get

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_NAME = re.compile(r"[0-9a-f]{62}")
TREE = b'{"tree":'

Begins = Callable[[Digest], bytes]
"""The first bytes of an object, as many as are at hand; none where it is not here."""


def digests_in(text: bytes) -> Iterator[Digest]:
    """Everything in a text that may be the name of an object. So a text that can't be parsed (of a newer Outdo, with
    Git's conflict marks in it) keeps what it names too."""
    return (Digest(found.decode()) for found in _DIGEST.findall(text))


class Reach:
    """All objects that can be reached from some."""

    def __init__(self, get: Get, begins: Begins) -> None:
        self._get = get
        self._begins = begins
        self._found: set[bytes] = set()
        self._walked: set[bytes] = set()
        """The nodes of folders among them."""

    def __contains__(self, digest: str) -> bool:
        return bytes.fromhex(digest) in self._found

    def add(self, digests: Iterable[Digest]) -> None:
        """These can be reached, and all that is in those that are folders."""
        for digest in digests:
            name = bytes.fromhex(digest)
            if name not in self._walked and self._begins(digest).startswith(TREE):
                self._add_folder(digest)
            self._found.add(name)

    def _add_folder(self, root: Digest) -> None:
        todo = [root]
        while todo:
            digest = todo.pop()
            name = bytes.fromhex(digest)
            if name in self._walked:
                continue
            self._found.add(name)
            self._walked.add(name)
            try:
                node = decode_node(self._get(digest))
            except (NotInStore, Damaged, NotInRemote):
                continue  # a file that begins like a folder; or what was in it can't be put together any more
            if isinstance(node, Index):
                todo += [row.digest for row in node.nodes]
            else:
                self._found.update(bytes.fromhex(file) for _, file, _, _ in node.files)


class Waste(Struct, frozen=True):
    """What nobody needs."""

    results: tuple[Key, ...] = ()
    """Of the run cache: they name objects that go."""
    recipes: tuple[Digest, ...] = ()
    """Of large files, whose chunks are objects."""
    objects: Mapping[Digest, int] = {}
    """With their sizes."""
    shared: int = 0
    """Bytes of those objects that are one with files in a workspace, and are free once those are gone too."""
    kept: int = 0
    """Objects that stay."""

    @property
    def size(self) -> int:
        """Bytes of the objects."""
        return sum(self.objects.values())

    def within(self, shown: "Waste") -> "Waste":
        """What is in `shown` too."""
        objects = {digest: size for digest, size in self.objects.items() if digest in shown.objects}
        results, recipes = set(shown.results), set(shown.recipes)
        return Waste(
            tuple(key for key in self.results if key in results),
            tuple(digest for digest in self.recipes if digest in recipes),
            objects,
            self.shared,
            self.kept + len(self.objects) - len(objects),
        )


class LocalStore:
    """The store of this machine. What is younger than `before`, in nanoseconds, always stays; while others work with
    the store, all results do too, as any of them may be about to be restored."""

    def __init__(self, objects: Objects, results: Results, before: int, *, in_use: bool) -> None:
        self._objects = objects
        self._results = results
        self._before = before
        self._in_use = in_use
        self.reach = Reach(objects.get, self._begins)
        """What is needed; to be filled before `waste` is asked."""

    def waste(self) -> Waste:
        """What can go."""
        results = self._needless_results()
        recipes = []
        for place, digest in _shards(f"{self._objects.root}/recipes"):
            if digest not in self.reach and self._is_old(os.stat(place)):
                recipes.append(digest)
            else:
                self._reach_chunks(digest)
        found: dict[Digest, int] = {}
        shared = kept = 0
        for place, digest in _shards(self._objects.folder):
            status = None if digest in self.reach else os.lstat(place)
            if status is None or not self._is_old(status):
                kept += 1
                continue
            found[digest] = status.st_size
            shared += status.st_size if status.st_nlink > 1 else 0
        return Waste(tuple(results), tuple(recipes), found, shared, kept)

    def remove(self, waste: Waste) -> None:
        """What can go still, of what could, is gone: results before the objects that they name.

        Nobody may take a lease meanwhile. Raises `StoreUnwritable`."""
        try:
            put_back(self._objects.root)
            os.makedirs(f"{self._objects.root}/trash", exist_ok=True)
            for key in waste.results:
                self._results.drop(key)
            for digest in waste.recipes:
                if not self._take_out("recipes", digest):
                    self._reach_chunks(digest)
            for digest in waste.objects:
                if digest not in self.reach:
                    self._take_out("objects", digest)
            for place in _unfinished(f"{self._objects.root}/results", f"{self._objects.root}/recipes"):
                with suppress(FileNotFoundError):  # it has just been finished
                    if self._is_old(os.lstat(place)):
                        drop(place)
        except OSError as error:
            raise unwritable(error, self._objects.root) from error

    def _needless_results(self) -> list[Key]:
        old = []
        for key in self._results.keys():  # noqa: SIM118  not a mapping
            record = self._results.get(key)
            if record is None:
                continue  # of a newer Outdo, or damaged: it counts as unknown, and is not ours to judge
            if self._in_use or not self._is_old(os.stat(self._results.place(key))):
                self.reach.add(entry.digest for entry in record.outs.values())
            else:
                old.append((key, [entry.digest for entry in record.outs.values()]))
        return [key for key, digests in old if not all(digest in self.reach for digest in digests)]

    def _reach_chunks(self, digest: Digest) -> None:
        recipe = self._objects.recipes.get(digest)
        if recipe is not None:
            self.reach.add(chunk for chunk, _ in recipe.chunks)

    def _is_old(self, status: os.stat_result) -> bool:
        return max(status.st_mtime_ns, status.st_ctime_ns) < self._before

    def _begins(self, digest: Digest) -> bytes:
        try:
            with open(self._objects.place(digest), "rb", buffering=0) as file:
                return file.read(len(TREE)) or b""
        except OSError:
            return b""

    def _take_out(self, kind: str, digest: Digest) -> bool:
        """Whether the file was old, was not touched while it was moved out, and is removed."""
        place = f"{self._objects.root}/{kind}/{digest[:2]}/{digest[2:]}"
        out = f"{self._objects.root}/trash/{kind}-{digest}"
        try:
            before = os.lstat(place)
            if not self._is_old(before):
                return False
            os.rename(place, out)
        except FileNotFoundError:
            return True
        if _Traits.of(os.lstat(out)) != _Traits.of(before):
            restore(self._objects.root, os.path.basename(out))
            return False
        drop(out)
        return True


class _Traits(NamedTuple):
    """What changes of an object's file when somebody comes to need it, but not when it is moved."""

    inode: int
    links: int
    touched: int
    written: int

    @classmethod
    def of(cls, status: os.stat_result) -> "_Traits":
        return cls(status.st_ino, status.st_nlink, status.st_atime_ns, status.st_mtime_ns)


def _unfinished(*folders: str) -> Iterator[str]:
    """What processes that were killed have left beside the files that they were about to write."""
    for folder in folders:
        for place, _, names in os.walk(folder):
            yield from (f"{place}/{name}" for name in names if name.endswith(".tmp"))


def _shards(folder: str) -> Iterator[tuple[str, Digest]]:
    """The places and digests of all files in the shards of a folder."""
    try:
        shards = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for shard in shards:
        if len(shard) == 2:
            for name in os.listdir(f"{folder}/{shard}"):
                if _NAME.fullmatch(name):
                    yield f"{folder}/{shard}/{name}", Digest(shard + name)
