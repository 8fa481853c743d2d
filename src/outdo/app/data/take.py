"""Bytes of another repository, taken into a store: files of Git's, tracked data, outputs of stages."""

import os
from collections.abc import Iterator

from outdo.app.data.source import Source
from outdo.core.errors import NotInRemote, SourceFailed, UserError
from outdo.core.model import Digest, Entry, Path, Remote
from outdo.run.clones import Blob
from outdo.store import trees
from outdo.store.bucket import THREADS, connect
from outdo.store.depot import FolderDepot
from outdo.store.nodes import Tree
from outdo.store.objects import Objects
from outdo.store.parts import FolderParts
from outdo.store.transfer import Transfer
from outdo.store.travel import Tell


class Taking:
    """Takes what is asked of a source into a store: from the source's own store where that is on this machine, then
    from its remotes, in their order."""

    def __init__(self, source: Source, objects: Objects, tell: Tell) -> None:
        self._source = source
        self._objects = objects
        self._tell = tell
        self._transfers: list[Transfer] | None = None
        self.parts = FolderParts(objects, self._get)

    def find(self, path: Path) -> Entry | None:
        """What is kept for the source at a path, or in a folder around it; None where Git has it, or nobody."""
        for top, entry in self._source.kept.items():
            if path == top:
                return entry
            if path.startswith(f"{top}/"):
                return self.parts.part(entry, path[len(top) + 1 :])
        return None

    def take(self, path: Path) -> Entry:
        """What is at a path, once the store has all of it; raises `SourceFailed` where nothing is, and `NotInRemote`
        where its bytes can't be had."""
        entry = self.find(path)
        if entry is not None:
            self._fetch(path, entry)
            return self._without_git(path, entry)
        blob = self._source.blobs.get(path)
        if blob is not None and blob.mode != "160000":
            return self._of_git(path, blob)
        return self._without_git(path, self._folder(path))

    def _without_git(self, path: Path, entry: Entry) -> Entry:
        """The entry; raises `SourceFailed` where it has a `.git` in it, whose settings Git would obey here."""
        tree = self.parts.tree(entry) if entry.kind == "tree" else Tree([], [], [])
        names = (*(file[0] for file in tree.files), *(link[0] for link in tree.links), *tree.folders)
        for name in names:
            if ".git" in name.lower() and ".git" in name.lower().split("/"):
                what = f"'{path}/{name}' of {self._source.url} is in a `.git`, which Git would obey here"
                raise SourceFailed(what, fix="take another part of it")
        return entry

    def _of_git(self, path: Path, blob: Blob) -> Entry:
        if blob.mode == "120000":
            what = f"'{path}' is a link in {self._source.url}"
            raise SourceFailed(what, fix="name what it leads to")
        content = self._source.contents([blob])[0][1]
        return Entry(self._objects.put_bytes(content), len(content), "file", 1, blob.mode == "100755")

    def _folder(self, path: Path) -> Entry:
        """A folder with what Git has in it and what is kept for it."""
        prefix = "" if path == "." else f"{path}/"
        inside = {top: entry for top, entry in self._source.kept.items() if top.startswith(prefix)}
        found = self._source.below(path)
        if not inside and not found:
            what = f"{self._source.url} has no '{path}' at {self._source.commit[:10]}"
            raise SourceFailed(what, fix=f"outdo data ls {self._source.url}")
        tree = Tree([], [], [])
        for blob, content in self._source.contents([one for one in found if one.mode != "160000"]):
            name = blob.path[len(prefix) :]
            if blob.mode == "120000":
                target = os.fsdecode(content)
                trees.refuse_stray_link(path, name, target)
                tree.links.append((name, target))
            else:
                digest = self._objects.put_bytes(content)
                tree.files.append((name, digest, len(content), blob.mode == "100755"))
        entry = trees.build_tree(tree, self._objects.put_bytes)
        for top, kept in inside.items():
            self._fetch(top, kept)
            entry = self.parts.with_part(entry, top[len(prefix) :], kept)
        return entry

    def _fetch(self, path: Path, entry: Entry) -> None:
        if _holds(self._objects, self.parts, entry):
            return
        for transfer in self._ways():
            try:
                if not transfer.fetch([entry]).missing:
                    return
            except UserError:
                continue  # one remote may be out of reach, and another not
        if not _holds(self._objects, self.parts, entry):
            what = f"neither the store nor a remote of {self._source.url} has all of '{path}'"
            raise NotInRemote(what, fix="outdo push there; or declare a remote that can be reached from here")

    def _get(self, digest: Digest) -> bytes:
        if not self._objects.has(digest):
            for transfer in self._ways():
                try:
                    transfer.fetch([Entry(digest, 0)])
                except UserError:
                    continue
                if self._objects.has(digest):
                    break
        return self._objects.get(digest)

    def _ways(self) -> list[Transfer]:
        if self._transfers is None:
            self._transfers = list(self._reach())
        return self._transfers

    def _reach(self) -> Iterator[Transfer]:
        home = self._source.folder
        if home and os.path.isdir(os.path.join(home, ".outdo", "objects")):
            yield Transfer(
                self._objects, FolderDepot(os.path.join(home, ".outdo")), self._tell, FolderDepot.threads
            )
        for remote in self._source.remotes.values():
            place = _place(remote, home)
            if remote.scheme:
                yield Transfer(self._objects, connect(remote), self._tell, THREADS)
            elif place:
                yield Transfer(self._objects, FolderDepot(place), self._tell, FolderDepot.threads)


def _place(remote: Remote, home: str | None) -> str | None:
    """Where a folder remote is; a relative one is known only of a source on this machine."""
    url = os.path.expanduser(remote.url)
    if remote.scheme or (not os.path.isabs(url) and home is None):
        return None
    return os.path.normpath(os.path.join(home or "/", url))


def _holds(objects: Objects, parts: FolderParts, entry: Entry) -> bool:
    if entry.kind == "file":
        return objects.has(entry.digest)
    try:
        return all(objects.has(digest) for _, digest, _, _ in parts.tree(entry).files)
    except UserError:
        return False
