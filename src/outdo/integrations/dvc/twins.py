"""What DVC's cache holds, under our digests: so it is restored like anything that was computed here."""

from msgspec import Struct

from outdo.core.errors import Damaged, NotInStore
from outdo.core.model import Digest, Entry
from outdo.integrations.dvc.cache import Cache
from outdo.integrations.dvc.records import MD5, Item
from outdo.store.adopting import adopt
from outdo.store.files import each
from outdo.store.nodes import Tree, folders_of
from outdo.store.objects import Objects
from outdo.store.trees import build_tree, into


class _Twin(Struct, frozen=True):
    """An object of DVC's cache."""

    name: str
    kind: str


class Twins:
    """DVC's `cache` beside our `objects`; may be called from several threads at once."""

    def __init__(self, cache: Cache, objects: Objects) -> None:
        self._cache = cache
        self._objects = objects
        self._files: dict[Digest, _Twin] = {}
        self._folders: dict[Digest, tuple[_Twin, dict[Digest, bytes], dict[str, str]]] = {}
        """By tree: the listing's name, the tree's objects, and the MD5s by path."""

    def entry(self, item: Item) -> Entry | None:
        """What a path that holds this item holds; None where DVC's cache lacks it, or a part of it."""
        if not item.md5:
            return None
        try:
            if item.is_folder:
                return self.folder(item.md5, item.hash, self._cache.files(item.md5, item.hash))
            digest, size = self._file(item.md5, item.hash)
        except (NotInStore, Damaged):
            return None
        return Entry(digest, size, "file", 1, item.isexec)

    def item(self, path: str, entry: Entry, kind: str = MD5) -> Item | None:
        """The item at `path` that holds an entry which came from here; None for any other."""
        known = self._files.get(entry.digest)
        if entry.kind == "tree" and entry.digest in self._folders:
            known = self._folders[entry.digest][0]
        return Item(path, known.name, kind) if known is not None and known.kind == kind else None

    def holds(self, entry: Entry) -> bool:
        """Whether `bring` can be asked for this entry."""
        return entry.digest in (self._folders if entry.kind == "tree" else self._files)

    def bring(self, entry: Entry) -> None:
        """Our store holds the entry, if it came from here: by links, where the disk allows it. Raises `NotInStore` or
        `Damaged`."""
        if entry.kind != "tree":
            self._take_in(entry.digest)
        elif entry.digest in self._folders:
            twin, nodes, files = self._folders[entry.digest]
            each(self._take_in, [self._file(md5, twin.kind)[0] for md5 in dict.fromkeys(files.values())])
            for content in nodes.values():
                self._objects.put_bytes(content)

    def _file(self, name: str, kind: str) -> tuple[Digest, int]:
        digest, found = self._cache.seal(name, kind)
        self._files[digest] = _Twin(name, kind)
        return digest, found[2]

    def folder(self, name: str, kind: str, files: dict[str, str]) -> Entry:
        """What a folder with these MD5s by path holds, of which `name` is the listing; raises `NotInStore` or `Damaged`
        where DVC's cache does not have all of its files."""
        if not folders_of(files).isdisjoint(files):
            raise Damaged(f"the folder '{name}' in DVC's cache has a file and a folder of one name")
        known: dict[str, tuple[Digest, int]] = {}

        def take_in(md5: str) -> None:
            known[md5] = self._file(md5, kind)

        each(take_in, list(dict.fromkeys(files.values())))
        nodes: dict[Digest, bytes] = {}
        tree = Tree([(path, *known[files[path]], False) for path in sorted(files)])
        entry = build_tree(tree, into(nodes))
        self._folders[entry.digest] = _Twin(name, kind), nodes, files
        return entry

    def _take_in(self, digest: Digest) -> None:
        twin = self._files.get(digest)
        if twin is None or self._objects.has(digest):
            return
        place = self._cache.find(twin.name, twin.kind)
        sealed, found = self._cache.seal(twin.name, twin.kind)
        if sealed != digest:
            raise Damaged(f"the object '{twin.name}' in DVC's cache changed", fix="run again")
        if adopt(self._objects, place, found, digest) is None and self._objects.clone_in(place) is None:
            self._objects.copy_in(place)
