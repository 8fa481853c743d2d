"""A remote in a cloud: S3 and what speaks it, Google Cloud Storage, Azure, and HTTP to read only."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from outdo.core.errors import NotInRemote, RemoteFailed, UserError
from outdo.core.model import Remote
from outdo.core.wording import first_line
from outdo.store import azure
from outdo.store.depot import Lying
from outdo.store.files import each

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import ObjectStore

Answer = TypeVar("Answer")

THREADS = 32
PAGE = 1000
"""Names that one answer to a listing holds."""

CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": f"{azure.CONNECTION}, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""What an environment has to have for each kind of bucket."""

_ATTEMPTS = re.compile(r" in [0-9.]+[a-zµ]+, after [0-9]+ retries, .*?retry_timeout: \S+ +-")
"""What obstore says of how often it tried, and how fast: not the same twice."""
_MACHINE = "://169.254.169.254/"
"""Where a machine in a cloud has credentials: asked last, where there are none else."""
_FEW = 64
_PART = 8 << 20
_PARTS = 9000
_RESUMES = 5


class Bucket:
    """Objects by name in a bucket or on a web server."""

    threads = THREADS
    at_once = False
    largest: float = 5 << 30
    """What S3 copies in one request."""

    def __init__(self, store: "ObjectStore", place: str, *, lists: bool = True) -> None:
        self._store = store
        self._place = place
        self._lists = lists
        """Whether it can be asked what is in a folder; a plain web server can't."""

    def present(self, names: Sequence[str]) -> dict[str, int]:
        shards: dict[str, list[str]] = {}
        for name in names:
            shards.setdefault(os.path.dirname(name), []).append(name)
        found: dict[str, int] = {}
        if not self._lists or len(names) <= max(_FEW, len(shards)):
            each(lambda name: self._head(name, found), names, THREADS)
            return found
        first, *others = shards
        size = self._note(first, shards[first], found)
        if len(others) * (1 + size // PAGE) < len(names):  # one shard tells how large the others are
            each(partial(self._note_all, shards, found), others, THREADS)
        else:
            rest = [name for shard in others for name in shards[shard]]
            each(lambda name: self._head(name, found), rest, THREADS)
        return found

    def listing(self, folder: str) -> list[str]:
        import obstore

        def ask() -> list[str]:
            pages = obstore.list(self._store, folder, chunk_size=PAGE)
            return sorted(item["path"] for page in pages for item in page)

        return self._answer(folder, ask)

    def lying(self, folder: str) -> dict[str, Lying]:
        import obstore

        def ask() -> dict[str, Lying]:
            pages = obstore.list(self._store, folder, chunk_size=PAGE)
            return {
                item["path"]: Lying(item["size"], item["last_modified"].timestamp())
                for page in pages
                for item in page
            }

        return self._answer(folder, ask)

    def remove(self, names: Sequence[str]) -> None:
        import obstore

        try:
            self._answer(names[0] if names else "", lambda: obstore.delete(self._store, list(names)))
        except NotInRemote:
            pass  # one of them was gone already

    def move(self, names: Mapping[str, str], *, keep: bool = False) -> None:
        import obstore

        moved: list[str] = []

        def copy(name: str) -> None:
            try:
                self._answer(name, lambda: obstore.copy(self._store, name, names[name]))
            except NotInRemote:
                return
            moved.append(name)

        there = self.present(list(names.values())) if keep else {}
        each(copy, [name for name, other in names.items() if other not in there], THREADS)
        if moved and not keep:
            self.remove(moved)

    def states(self, name: str) -> dict[str, tuple[str, int]]:
        """For the object of this name, else for all in the folder of this name, what the server calls its state (its
        `ETag`), and its size."""
        import obstore

        def ask() -> dict[str, tuple[str, int]]:
            try:
                found = [obstore.head(self._store, name)] if name else []
            except FileNotFoundError:
                found = []
            pages = [found] if found else obstore.list(self._store, name or None, chunk_size=PAGE)
            return {item["path"]: (item["e_tag"] or "", item["size"]) for page in pages for item in page}

        return self._answer(name, ask)

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        try:
            if isinstance(source, bytes):
                self._answer(name, lambda: self._put_small(name, source, replace=replace))
            else:
                self._answer(name, lambda: self._put_large(name, source))
        except NotInRemote:
            fix = "make the bucket or container first, or check its name"
            raise RemoteFailed(f"{self._place} has no place for '{name}'", fix=fix) from None

    def read(self, name: str) -> Iterator[bytes]:
        """A connection that breaks off is made again from where it broke."""
        done, resumes, answer = 0, 0, self._answer(name, lambda: self._get(name, 0))
        size = answer.meta["size"]
        while done < size:
            try:
                for piece in answer.stream(min_chunk_size=1 << 20):
                    done += len(piece)
                    resumes = 0
                    yield bytes(piece)
            except Exception as error:
                resumes += 1
                if resumes > _RESUMES:
                    raise self._failed(name, error) from error
            if done < size:
                answer = self._answer(name, partial(self._get, name, done))

    def set_aside(self, name: str) -> None:
        import obstore

        try:
            obstore.copy(self._store, name, f"quarantine/{name.replace('/', '-')}")
            obstore.delete(self._store, name)
        except Exception:  # noqa: S110  whoever may only read leaves it, and it is found again
            pass

    def settle(self) -> None:
        """Nothing is to be done: a bucket answers once it has stored."""

    def _head(self, name: str, found: dict[str, int]) -> None:
        import obstore

        try:
            found[name] = self._answer(name, lambda: obstore.head(self._store, name)["size"])
        except NotInRemote:
            pass

    def _note_all(self, shards: dict[str, list[str]], found: dict[str, int], shard: str) -> None:
        self._note(shard, shards[shard], found)

    def _note(self, shard: str, names: Sequence[str], found: dict[str, int]) -> int:
        """Notes the sizes of those in one shard, and returns how many there are in it."""
        import obstore

        def ask() -> dict[str, int]:
            pages = obstore.list(self._store, shard, chunk_size=PAGE)
            return {item["path"]: item["size"] for page in pages for item in page}

        here = self._answer(shard, ask)
        found.update({name: here[name] for name in names if name in here})
        return len(here)

    def _put_small(self, name: str, content: bytes, *, replace: bool) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotSupportedError

        try:
            mode: Any = "overwrite" if replace else "create"
            obstore.put(self._store, name, content, mode=mode, use_multipart=False)
        except AlreadyExistsError:
            pass  # someone else has just put the same
        except NotSupportedError:
            obstore.put(self._store, name, content, use_multipart=False)

    def _put_large(self, name: str, path: str) -> None:
        import obstore

        size = os.stat(path).st_size
        obstore.put(self._store, name, Path(path), chunk_size=max(_PART, size // _PARTS), max_concurrency=4)
        there = obstore.head(self._store, name)["size"]
        if there != size:
            raise RemoteFailed(f"{self._place} stored {there} of {size} bytes of '{name}'", fix="push again")

    def _get(self, name: str, start: int) -> "GetResult":
        import obstore

        options: GetOptions = {"range": {"offset": start}} if start else {}
        return obstore.get(self._store, name, options=options)

    def _answer(self, name: str, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except UserError:
            raise
        except FileNotFoundError:
            what = f"{self._place} does not hold '{name}'"
            raise NotInRemote(what, fix="outdo push, where it was made") from None
        except Exception as error:
            raise self._failed(name, error) from error

    def _failed(self, name: str, error: Exception) -> RemoteFailed:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            names = CREDENTIALS.get(self._place.partition("://")[0])
            fix = f"set {names} in the environment" if names else "it is readable to others only"
            return RemoteFailed(f"{self._place} refuses access to '{name}'", fix=fix)
        if _MACHINE in str(error):
            what = f"{self._place} wants to know who asks, and no credentials are here"
            needed = f"set {CREDENTIALS[self._place.partition('://')[0]]} in the environment"
            return RemoteFailed(what, fix=needed)
        if "404 Not Found" in str(error):
            return RemoteFailed(f"{self._place} is not there", fix="make it first, or check its name")
        fix = "check the address and the network; the same command goes on from there"
        why = _ATTEMPTS.sub(":", first_line(error))
        return RemoteFailed(f"{self._place} failed at '{name}': {why}", fix=fix)


class Access(Struct, frozen=True):
    """What a remote asks for beside its address, in the words of obstore: credentials, for instance."""

    config: Mapping[str, Any] = {}
    client: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return "Access(…)"  # so that no secret gets into a log


def connect(remote: Remote, *, patient: bool = True, access: Access = Access()) -> Bucket:  # noqa: B008  frozen
    """The bucket that a remote names; nothing is asked of it yet. What `access` says counts before the environment.

    One that is not `patient` gives up within seconds: for a run that can compute what it does not get."""
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    options: dict[str, Any] = {
        "connect_timeout": "5s" if patient else "2s",
        "read_timeout": "60s" if patient else "10s",
        "timeout": "1h",
    }
    config: dict[str, Any] = {}
    if remote.scheme == "s3":
        config["checksum_algorithm"] = "SHA256"
        if remote.endpoint:
            config["endpoint"] = remote.endpoint
        if remote.region:
            config["region"] = remote.region
    if remote.anonymous and not remote.read_only:
        config["skip_signature"] = True
    if remote.scheme == "az":
        config.update(azure.known(os.environ))
    config.update(access.config)
    variable = {"s3": "AWS_ENDPOINT_URL", "az": "AZURE_STORAGE_ENDPOINT"}.get(remote.scheme, "")
    endpoint = config.get("endpoint") or os.environ.get(variable, "")
    if remote.scheme == "http" or endpoint.startswith("http://"):
        options["allow_http"] = True
    retries: Any = {
        "max_retries": 8 if patient else 1,
        "retry_timeout": timedelta(seconds=120 if patient else 4),
        "backoff": {
            "init_backoff": timedelta(milliseconds=50),
            "max_backoff": timedelta(seconds=8),
            "base": 2,
        },
    }
    open_store: Any = from_url
    options.update(access.client)
    try:
        store = open_store(remote.url, client_options=options, retry_config=retries, **config)
    except (BaseError, ValueError) as error:
        what = f"'{remote.url}' can't be used as a remote: {first_line(error)}"
        needed = CREDENTIALS.get(remote.scheme)
        fix = f"set {needed} in the environment, and check the address" if needed else "check the address"
        raise RemoteFailed(what, fix=fix) from error
    return Bucket(store, remote.url, lists=not remote.read_only)
