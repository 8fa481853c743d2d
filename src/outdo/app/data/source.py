"""Another repository at a commit: what is in it, and how its bytes are had."""

import os
import re
from collections.abc import Mapping
from functools import cached_property

from outdo.app.lazy import lazy
from outdo.core.errors import SourceFailed, UserError
from outdo.core.model import Entry, Path, Pipeline, Remote
from outdo.core.pointer import SUFFIX, read_pointer, trackable
from outdo.core.tracked import Tracked
from outdo.run import clones
from outdo.run.clones import Blob, Clone
from outdo.run.git import Refused
from outdo.store.lock import NAME as LOCK
from outdo.store.lock import read_lock

FILE = "outdo.yaml"
_URL = re.compile(r"(file|https?|ssh|git)://|[\w.-]+@[\w.-]+:")
_SECRET = re.compile(r"[a-z]+://[^/@]*:[^/@]*@")


class Source:
    """A repository at `url`, seen at one commit."""

    def __init__(self, url: str, found: Clone) -> None:
        self.url = url
        self.commit = found.commit
        self._clone = found
        self.blobs: Mapping[Path, Blob] = {blob.path: blob for blob in clones.blobs(found)}

    @cached_property
    def tracked(self) -> dict[Path, Tracked]:
        """What its pointers track, by path."""
        pointers = [
            blob for path, blob in self.blobs.items() if path.endswith(SUFFIX) and blob.mode != "120000"
        ]
        found: dict[Path, Tracked] = {}
        for blob, content in clones.read(self._clone, pointers):
            one = read_pointer(blob.path, content.decode("utf-8", "replace"))
            found[one.path] = one
        return found

    @cached_property
    def outs(self) -> dict[Path, Entry]:
        """What its stages wrote, as its lock file says, but for what Git has."""
        text = self.read(LOCK)
        records = read_lock(text) if text is not None else {}
        outs = {path: entry for record in records.values() for path, entry in record.outs.items()}
        return {path: entry for path, entry in outs.items() if path not in self.blobs and _is_inside(path)}

    @cached_property
    def kept(self) -> dict[Path, Entry]:
        """All that a store keeps for it."""
        entries = {path: one.entry for path, one in self.tracked.items() if one.entry is not None}
        return {**self.outs, **entries}

    @cached_property
    def remotes(self) -> Mapping[str, Remote]:
        """Its remotes, by name; a folder among them from where it is, where that is on this machine."""
        text = self.read(FILE)
        if text is None:
            return {}
        config = lazy("outdo.core.config")
        try:
            read = config.read_project(FILE, text.decode("utf-8", "replace"), self._text, "source")
        except UserError:
            return {}
        pipeline: Pipeline = read.pipeline
        return pipeline.remotes

    @property
    def folder(self) -> str | None:
        """Where it is on this machine; None where it is elsewhere."""
        place = self.url.removeprefix("file://")
        return os.path.abspath(place) if os.path.isdir(place) else None

    def read(self, path: Path) -> bytes | None:
        """The bytes of a file that Git has; None where there is none."""
        blob = self.blobs.get(path)
        if blob is None or blob.mode in ("120000", "160000"):
            return None
        return next(content for _, content in clones.read(self._clone, [blob]))

    def below(self, folder: Path) -> list[Blob]:
        """The files that Git has in a folder, but for pointers."""
        prefix = "" if folder in ("", ".") else f"{folder}/"
        pointers = {one.pointer for one in self.tracked.values()}
        return [blob for path, blob in self.blobs.items() if path.startswith(prefix) and path not in pointers]

    def contents(self, wanted: list[Blob]) -> list[tuple[Blob, bytes]]:
        """Files with their bytes."""
        return list(clones.read(self._clone, wanted))

    def _text(self, path: str) -> str | None:
        content = self.read(path)
        return None if content is None else content.decode("utf-8", "replace")


def open_source(cache: str, url: str, rev: str = "") -> Source:
    """The repository at `url` as it is at `rev`, fetched into a cache; raises `SourceFailed`."""
    if url.startswith("-") or (not is_address(url) and not os.path.isdir(url)):
        fix = "name a folder with a repository, or https://…, ssh://…, git://…, file://…, user@host:path"
        raise SourceFailed(f"'{url}' is no repository", fix=fix)
    if _SECRET.match(url):
        what = "a password or token stands in the address, and it would be written down"
        raise SourceFailed(what, fix="leave it out, and let Git's credential helper give it")
    try:
        found = clones.clone(cache, os.path.abspath(url) if os.path.isdir(url) else url, rev)
    except Refused as refused:
        what = f"the repository '{url}' can't be had: {refused}"
        raise SourceFailed(what, fix="check the address, the revision, and that Git may read it") from None
    return Source(url, found)


def _is_inside(path: Path) -> bool:
    """Whether a path of somebody else's lock is one in the repository, and the user's."""
    try:
        return trackable(path) == path
    except ValueError:
        return False


def is_address(word: str) -> bool:
    """Whether a word is the address of a repository elsewhere."""
    return bool(_URL.match(word)) and not word.startswith("-")


def is_repository(word: str) -> bool:
    """Whether a word names a repository: by its address, or as a folder with one in it."""
    return (
        is_address(word)
        or os.path.exists(os.path.join(word, ".git"))
        or os.path.isfile(os.path.join(word, "HEAD"))
    )
