"""The `dvc.lock` of results that the workspace does not hold now: told from what our store and DVC's cache have."""

import posixpath
from collections.abc import Callable, Mapping, Sequence

from outdo.core.digest import digest_bytes
from outdo.core.errors import Damaged, NotInStore
from outdo.core.graph import is_glob, is_url
from outdo.core.model import Digest, Entry, Path, Record, Stage, StageName
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.adoption import Adoption, far_item, item_of, params_of
from outdo.integrations.dvc.hashes import Found, md5_bytes, md5_of
from outdo.integrations.dvc.lockfile import DvcLock
from outdo.integrations.dvc.records import MD5, Item, StageLock
from outdo.store import trees
from outdo.store.objects import Objects

InGit = Callable[[Path], bytes | None]
"""The bytes of a file that Git has in the commit; None where it has none."""


class FormerLock:
    """Tells `dvc.lock` of results; what they name, DVC's cache has too by then."""

    def __init__(self, adoption: Adoption, objects: Objects, text: str, in_git: InGit) -> None:
        """`text` is the lock as the commit has it."""
        self._adoption = adoption
        self._cache = adoption.repository.cache
        self._objects = objects
        self._lock = DvcLock(text)
        self._in_git = in_git

    def told(
        self, stages: Sequence[Stage], records: Mapping[StageName, Record]
    ) -> tuple[str, list[StageName]]:
        """The lock with these results, and the stages that it can't tell of: what they read is nowhere any more."""
        found: dict[str, StageLock] = {}
        untold: list[StageName] = []
        for stage in stages:
            record = records.get(stage.name)
            if record is None:
                continue
            said = self._said(stage, record)
            if said is None:
                untold.append(stage.name)
            else:
                found[stage.name] = said
        return self._lock.with_stages(found), untold

    def _said(self, stage: Stage, record: Record) -> StageLock | None:
        known = self._items(stage)
        far = {path: far_item(path, entry) for path, entry in record.deps.items() if is_url(path)}
        here = {path: entry for path, entry in record.deps.items() if not is_url(path)}
        deps = {path: self._found(path, entry, known.get(path)) for path, entry in here.items()}
        outs = {path: self._found(path, entry, known.get(path)) for path, entry in record.outs.items()}
        if None in (*far.values(), *deps.values(), *outs.values()) or any(map(is_glob, deps)):
            return None
        for out in stage.outs:
            found = outs.get(out.path)
            if out.cache and found is not None and not self._keep(record.outs[out.path], found):
                return None
        return StageLock(
            stage.script,
            (
                *filter(None, far.values()),
                *(item_of(stage, path, found) for path, found in deps.items() if found),
            ),
            params_of(stage, record.params),
            tuple(item_of(stage, path, found) for path, found in outs.items() if found),
        )

    def _items(self, stage: Stage) -> Mapping[Path, Item]:
        said = self._lock.stages.get(stage.name)
        items = (*said.deps, *said.outs) if said else ()
        return {posixpath.normpath(posixpath.join(stage.wdir, item.path)): item for item in items}

    def _found(self, path: Path, entry: Entry, said: Item | None) -> Found | None:
        """What an entry is to DVC: by the lock, by our store, by the workspace, or by Git."""
        if said is not None and said.hash == MD5 and self._adoption.twins.entry(said) == entry:
            files = self._cache.files(said.md5) if said.is_folder else None
            return Found(said.md5, entry.size, said.isexec, files)
        try:
            if entry.kind == "file":
                return Found(self._md5(entry.digest), entry.size, entry.executable)
            items = list(trees.items(self._objects.get, entry.digest))
            if all(item.kind == "file" for item in items):
                files = {item.path: self._md5(item.digest) for item in items}
                return Found(listing.digest(listing.encode(files)), entry.size, False, files)
        except (NotInStore, Damaged):
            pass
        here = self._adoption.look(path, entry)
        content = self._in_git(path) if here is None and entry.kind == "file" else None
        if content is not None and digest_bytes(content) == entry.digest:
            return Found(md5_bytes(content), entry.size, entry.executable)
        return here

    def _md5(self, digest: Digest) -> str:
        with open(self._objects.path(digest), "rb", buffering=0) as file:
            return md5_of(file.fileno())

    def _keep(self, entry: Entry, found: Found) -> bool:
        """Whether DVC's cache has it; of a folder its files first, as the listing promises them."""
        if self._cache.has_all(found.md5):
            return True
        try:
            if found.files is None:
                self._cache.put_file(self._objects.path(entry.digest), found.md5, entry.digest)
                return True
            for item in trees.items(self._objects.get, entry.digest):
                name = found.files[item.path]
                if not self._cache.has(name):
                    self._cache.put_file(self._objects.path(item.digest), name, item.digest)
        except (NotInStore, Damaged):
            return False
        self._cache.put_listing(found.files)
        return True
