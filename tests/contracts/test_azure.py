"""Remotes in Azure, spoken to through Microsoft's own server for tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from outdo.core.errors import NotInRemote, RemoteFailed
from outdo.core.model import Digest, Key, Record, Remote
from outdo.store.bucket import Access, Bucket, connect
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.transfer import Transfer
from outdo.store.workspace import Workspace
from tests.contracts.azure import CONTAINER, NODE, NPM, azure_server, connection_string

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None or NPM is None, reason="the server needs node and npm"),
]

SMALL = [os.urandom(1500) for _ in range(100)]
LARGE = os.urandom(20_000_000)
LOOPBACK = Access(client={"allow_http": True})


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with azure_server(tmp_path_factory.mktemp("azure")) as port:
        yield port


@pytest.fixture(autouse=True)
def _server(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", f"http://127.0.0.1:{port}")


def bucket(prefix: str, container: str = CONTAINER) -> Bucket:
    return connect(Remote(f"az://{container}/{prefix}"), patient=False, access=LOOPBACK)


def test_a_folder_goes_there_and_comes_back(tmp_path: Path) -> None:
    mine, yours = Objects(str(tmp_path / "mine")), Objects(str(tmp_path / "yours"))
    data = tmp_path / "work" / "data"
    data.mkdir(parents=True)
    for index, content in enumerate([*SMALL, LARGE]):
        (data / f"{index:03}").write_bytes(content)
    entry = Workspace(str(data.parent), mine, StatCache(str(tmp_path / "mine")), ("copy",)).save("data")
    record = Record(Key("ab" * 32), ("make",), outs={"data": entry})
    there = bucket("folder")
    sent = Transfer(mine, there, lambda _: None, 16)
    assert sent.send([entry], [record]).objects == len(SMALL) + 2
    assert sent.send([entry], [record]).objects == 0
    got = Transfer(yours, there, lambda _: None, 16)
    assert (got.keys(), got.result(record.key)) == ([record.key], record)
    assert got.fetch([entry]).objects == len(SMALL) + 2
    assert all(yours.known_good(Digest(blake3(content).hexdigest())) for content in [*SMALL, LARGE])


def test_a_put_never_replaces_what_is_there() -> None:
    there = bucket("puts")
    there.put("objects/ab/c", b"first")
    there.put("objects/ab/c", b"second")
    assert b"".join(there.read("objects/ab/c")) == b"first"
    there.put("objects/ab/c", b"second", replace=True)
    assert b"".join(there.read("objects/ab/c")) == b"second"


def test_what_is_there_is_listed_set_aside_and_removed() -> None:
    there = bucket("lists")
    for name in ("objects/ab/c", "objects/ab/d"):
        there.put(name, b"content")
    assert there.present(["objects/ab/c", "objects/ab/e"]) == {"objects/ab/c": 7}
    there.set_aside("objects/ab/c")
    assert there.listing("objects") == ["objects/ab/d"]
    assert there.listing("quarantine") == ["quarantine/objects-ab-c"]
    there.remove(["objects/ab/d", "objects/ab/gone"])
    assert there.listing("objects") == []
    with pytest.raises(NotInRemote):
        b"".join(there.read("objects/ab/d"))


def test_a_container_that_is_not_there_is_told() -> None:
    with pytest.raises(RemoteFailed, match=r"az://nowhere/x.* has no place for 'objects/ab/c'"):
        bucket("x", container="nowhere").put("objects/ab/c", b"content")


def test_a_wrong_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=")
    with pytest.raises(RemoteFailed, match="refuses access") as failed:
        bucket("x").put("objects/ab/c", b"content")
    assert "AZURE_STORAGE_ACCOUNT_KEY" in str(failed.value)


def test_a_connection_string_says_who_asks_and_where(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_USE_EMULATOR")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection_string(port))
    there = connect(Remote(f"az://{CONTAINER}/string"), patient=False)
    there.put("objects/ab/c", b"content")
    assert there.listing("objects") == ["objects/ab/c"]
