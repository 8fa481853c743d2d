"""Data at an address: a file or folder on this machine, a page of the web, a name or a prefix in a bucket."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from blake3 import blake3
from msgspec import DecodeError, Struct, ValidationError, msgpack

from outdo.core.errors import SourceFailed, UserError
from outdo.core.model import Entry, Path, Remote
from outdo.core.urls import tells_secret
from outdo.store.atomic import write_atomic
from outdo.store.bucket import THREADS, Bucket, connect
from outdo.store.files import create, drop, write
from outdo.store.nodes import Tree
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.states import open_page, page_failed, page_state
from outdo.store.travel import side_by_side
from outdo.store.trees import build_tree
from outdo.store.workspace import Workspace

BUCKETS = ("s3", "gs", "az")
_STEP = 1 << 20


class Taken(Struct, frozen=True):
    """What was taken from an address, and what its server calls that state; empty, where it does not say."""

    entry: Entry
    etag: str


_Known = dict[Path, tuple[str, Entry]]
_known = msgpack.Decoder(_Known).decode


class Address:
    """The data at `url`; `cache` is a folder of ours for what was taken before."""

    def __init__(self, url: str, objects: Objects, cache: str) -> None:
        refuse_secret(url)
        self.url = url
        self._objects = objects
        self._cache = cache
        self._scheme = url.partition("://")[0].lower() if "://" in url else ""
        if self._scheme not in ("", "file", "http", "https", *BUCKETS):
            fix = "name a path, or file://…, http(s)://…, s3://…, gs://…, az://…"
            raise SourceFailed(f"'{self._scheme}://' is no kind of address that data is taken from", fix=fix)

    def state(self) -> str:
        """What the server calls the state that is there now; empty where it does not say. Raises `SourceFailed`."""
        if self._scheme in BUCKETS:
            return _state(self._listed())
        if self._scheme in ("http", "https"):
            with open_page(self.url, "HEAD") as answer:
                return page_state(self.url, answer)
        return ""

    def take(self) -> Taken:
        """What is there now, once the store has it; of a prefix only what is not here yet is fetched. Raises
        `SourceFailed`."""
        if self._scheme in BUCKETS:
            return self._of_bucket()
        if self._scheme in ("http", "https"):
            return self._of_web()
        return Taken(self._of_disk(), "")

    # A path.

    def _of_disk(self) -> Entry:
        place = os.path.abspath(self.url.removeprefix("file://"))
        folder, name = os.path.split(place)
        if not os.path.exists(place):
            raise SourceFailed(f"nothing is at '{place}'", fix="check the path")
        stat = StatCache(self._cache)
        try:
            entry = Workspace(folder, self._objects, stat).save(name, link=False)
        except FileNotFoundError:
            raise SourceFailed(f"'{place}' was removed meanwhile") from None
        stat.save()
        return entry

    # The web.

    def _of_web(self) -> Taken:
        from http.client import HTTPException

        temporary = self._objects.scratch.name()
        try:
            with open_page(self.url, "GET") as answer:
                fd = create(temporary, 0o644)
                try:
                    size = 0
                    while piece := answer.read(_STEP):
                        write(fd, piece)
                        size += len(piece)
                except (OSError, HTTPException) as error:
                    raise self._failed(f"it broke off: {error}") from None
                finally:
                    os.close(fd)
                told, etag = answer.headers.get("Content-Length"), page_state(self.url, answer)
            if told is not None and told.isdigit() and int(told) != size:
                raise self._failed(f"it broke off after {size} of {told} bytes")
            return Taken(Entry(self._objects.copy_in(temporary).digest, size), etag)
        finally:
            drop(temporary)

    def _failed(self, why: str) -> SourceFailed:
        return page_failed(self.url, why)

    # A bucket.

    def _bucket(self) -> tuple[Bucket, Path]:
        parts = urlsplit(self.url)
        return connect(Remote(f"{parts.scheme}://{parts.netloc}")), parts.path.strip("/")

    def _listed(self) -> dict[Path, tuple[str, int]]:
        bucket, name = self._bucket()
        found = bucket.states(name)
        if not found:
            raise SourceFailed(f"nothing is at '{self.url}'", fix="check the name")
        return found

    def _of_bucket(self) -> Taken:
        bucket, top = self._bucket()
        listed = self._listed()
        known = self._load()
        taken: _Known = {
            name: known[name]
            for name, (etag, _) in listed.items()
            if etag and name in known and known[name][0] == etag and self._objects.has(known[name][1].digest)
        }

        def fetch(name: Path) -> None:
            taken[name] = (listed[name][0], self._receive(bucket.read(name), listed[name][1]))

        side_by_side(fetch, [name for name in listed if name not in taken], THREADS)
        self._save(taken)
        if set(listed) == {top}:
            return Taken(taken[top][1], _state(listed))
        rows = [(name[len(top) + 1 :] if top else name, entry) for name, (_, entry) in taken.items()]
        tree = Tree([(name, entry.digest, entry.size, False) for name, entry in sorted(rows)])
        return Taken(build_tree(tree, self._objects.put_bytes), _state(listed))

    def _receive(self, pieces: Iterator[bytes], told: int) -> Entry:
        temporary = self._objects.scratch.name()
        try:
            fd = create(temporary, 0o644)
            try:
                for piece in pieces:
                    write(fd, piece)
                size = os.fstat(fd).st_size
            finally:
                os.close(fd)
            if size != told:
                raise self._failed(f"{size} of {told} bytes arrived")
            return Entry(self._objects.copy_in(temporary).digest, size)
        finally:
            drop(temporary)

    def _load(self) -> _Known:
        try:
            with open(self._kept(), "rb") as file:
                return _known(file.read())
        except (OSError, DecodeError, ValidationError):
            return {}

    def _save(self, known: _Known) -> None:
        try:
            write_atomic(self._kept(), msgpack.encode(known))
        except (UserError, OSError):
            pass  # it only saves fetching again

    def _kept(self) -> str:
        return os.path.join(self._cache, "addresses", blake3(self.url.encode()).hexdigest()[:32])


def refuse_secret(url: str) -> None:
    """Raises `SourceFailed` where a password or a token is in an address, which a pointer would tell to everyone."""
    if tells_secret(url):
        what = "a password, a token or a signature stands in the address, and the pointer would tell it to everyone"
        raise SourceFailed(what, fix="leave it out; credentials come from the environment")


def _state(listed: dict[Path, tuple[str, int]]) -> str:
    """One word for the states of all files."""
    if len(listed) == 1:
        return next(iter(listed.values()))[0].strip('"')
    return blake3(msgpack.encode(sorted(listed.items()))).hexdigest()[:32]
