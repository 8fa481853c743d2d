"""The inside of folders that DVC's cache keeps: listings, and parts of them."""

from collections.abc import Callable, Sequence

from outdo.core.compare import FileChange, file_changes
from outdo.core.errors import CantTrack, Damaged, NotInStore
from outdo.core.model import Digest, Entry, Path
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.links import Links
from outdo.integrations.dvc.names import entry_digest, name_of
from outdo.integrations.dvc.records import MD5
from outdo.store.census import Census
from outdo.store.nodes import Tree, folders_of

_CLOSED = (".git", ".hg", ".dvc")


class Folders:
    """The `.dir` objects of the cache behind `links`."""

    def __init__(self, links: Links, census: Census) -> None:
        self._links = links
        self._census = census
        self._cache = links.cache
        self._made: dict[Digest, dict[Path, str]] = {}
        """Folders for which no object is there: parts of others."""
        self._read: dict[Digest, dict[Path, str]] = {}
        """The listing that was read last."""

    def files(self, folder: Entry) -> dict[Path, str]:
        """The MD5s by path of a kept folder; raises `NotInStore`, or `Damaged` also for names that can't be."""
        known = self._made.get(folder.digest) or self._read.get(folder.digest)
        if known is None:
            known = _checked(self._cache.files(*name_of(folder.digest)), folder)
            self._read = {folder.digest: known}
        return known

    def made(self, entry: Entry) -> dict[Path, str] | None:
        """The MD5s by path of a folder that has no object of its own, as it is a part of one; None for any other."""
        return self._made.get(entry.digest)

    def learn(self, folder: Entry, files: dict[Path, str]) -> None:
        """What a folder holds that is not kept here; for as long as the process lives."""
        self._made[folder.digest] = _checked(files, folder)

    def holds(self, entry: Entry) -> bool:
        """Whether the cache has all that it takes to restore this entry."""
        name, kind = name_of(entry.digest)
        if entry.kind == "file":
            return self._cache.has(name, kind)
        try:
            return self._whole(entry, lambda: not self._lost(entry))
        except (NotInStore, Damaged):
            return False

    def refuse_to_lack(self, path: Path, entry: Entry) -> None:
        """Raises `NotInStore` where the cache lacks a part of the folder that shall be at `path`."""

        def ask() -> bool:
            lost = self._lost(entry)
            if lost:
                raise lacking(path, lost[0])
            return True

        self._whole(entry, ask)

    def _whole(self, entry: Entry, ask: Callable[[], bool]) -> bool:
        # What is found to be damaged stays in the cache, and leaves no stamp there.
        believes = name_of(entry.digest)[1] == MD5 and not self._cache.damaged
        return self._census.holds(entry, ask) if believes else ask()

    def _lost(self, entry: Entry) -> list[str]:
        return self._cache.lacking(set(self.files(entry).values()), name_of(entry.digest)[1])

    def part(self, folder: Entry, name: Path) -> Entry | None:
        """What a kept folder has under a name; None where it has nothing."""
        files, kind = self.files(folder), name_of(folder.digest)[1]
        if name in files:
            return Entry(entry_digest(files[name], kind), self._cache.size(files[name], kind))
        inside = {path[len(name) + 1 :]: md5 for path, md5 in files.items() if path.startswith(f"{name}/")}
        if not inside:
            return None
        digest = entry_digest(listing.digest(listing.encode(inside)), kind)
        self._made[digest] = inside
        size = sum(self._cache.size(md5, kind) for md5 in inside.values())
        return Entry(digest, size, "tree", len(inside))

    def with_part(self, folder: Entry, name: Path, part: Entry | None) -> Entry:
        """The entry of a folder that has `part` under a name, or nothing, and else what `folder` has; it is kept."""
        files, kind = self.files(folder), name_of(folder.digest)[1]
        if kind != MD5:
            what = (
                f"'{name}' is in a folder that is tracked as DVC 2 did, to which DVC 3 adds only as a whole"
            )
            raise CantTrack(what, fix="add the folder itself once")
        kept = {path: md5 for path, md5 in files.items() if path != name and not path.startswith(f"{name}/")}
        for above in folders_of([name]):
            kept.pop(above, None)
        if part is not None and part.kind == "tree":
            kept.update({f"{name}/{path}": md5 for path, md5 in self.files(part).items()})
        elif part is not None:
            kept[name] = name_of(part.digest)[0]
        content = listing.encode(kept)
        digest = listing.digest(content)
        self._links.put_bytes(digest, content)
        return Entry(entry_digest(digest), self._sum(folder, files, kept), "tree", len(kept))

    def tree(self, folder: Entry) -> Tree:
        """All that is in a kept folder; a file that the cache lacks has no size."""
        files, kind = self.files(folder), name_of(folder.digest)[1]
        return Tree(
            [
                (path, entry_digest(files[path], kind), self._cache.size(files[path], kind), False)
                for path in sorted(files)
            ]
        )

    def changes(self, before: Entry, after: Entry) -> Sequence[FileChange]:
        """In what two kept folders differ."""
        old, new = (
            {path: (Digest(md5), False) for path, md5 in self.files(folder).items()}
            for folder in (before, after)
        )
        return file_changes(old, new)

    def _sum(self, folder: Entry, before: dict[Path, str], after: dict[Path, str]) -> int:
        """The bytes of a folder after a change, by what came and went: what stays need not be here."""
        size = self._cache.size
        went = sum(size(md5) for path, md5 in before.items() if after.get(path) != md5)
        came = sum(size(md5) for path, md5 in after.items() if before.get(path) != md5)
        return max(0, folder.size - went + came)


def _checked(files: dict[Path, str], folder: Entry) -> dict[Path, str]:
    parts = {part.lower() for path in files for part in path.split("/")}
    if not folders_of(files).isdisjoint(files) or not parts.isdisjoint(_CLOSED):
        raise Damaged(f"the folder '{folder.digest}' in DVC's cache holds a name that can't be")
    return files


def lacking(path: Path, name: str) -> NotInStore:
    return NotInStore(f"'{path}' needs '{name}', which DVC's cache does not hold", fix="outdo data fetch")
