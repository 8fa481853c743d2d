"""Remotes in Google Cloud Storage, spoken to in its XML interface."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from blake3 import blake3

from outdo.core.errors import NotInRemote, RemoteFailed
from outdo.core.model import Digest, Entry, Key, Record, Remote
from outdo.store.bucket import Access, Bucket, connect
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.transfer import Transfer
from outdo.store.travel import object_name
from outdo.store.workspace import Workspace
from tests.contracts.gcs import gcs_server
from tests.contracts.s3 import BUCKET, WEED

pytestmark = [pytest.mark.slow, pytest.mark.skipif(WEED is None, reason="no seaweedfs here")]

SMALL = [os.urandom(1500) for _ in range(100)]
LARGE = os.urandom(20_000_000)
LOOPBACK = Access(client={"allow_http": True})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    with gcs_server(tmp_path_factory.mktemp("gcs")) as names:
        yield names


@pytest.fixture(autouse=True)
def _server(server: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.items():
        monkeypatch.setenv(name, value)


def bucket(prefix: str, name: str = BUCKET) -> Bucket:
    return connect(Remote(f"gs://{name}/{prefix}"), patient=False, access=LOOPBACK)


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


def test_what_is_there_is_listed_moved_set_aside_and_removed() -> None:
    there = bucket("lists")
    for name in ("objects/ab/c", "objects/ab/d", "objects/ab/ü e"):
        there.put(name, b"content")
    assert there.present(["objects/ab/c", "objects/ab/x"]) == {"objects/ab/c": 7}
    there.set_aside("objects/ab/c")
    assert there.listing("objects") == ["objects/ab/d", "objects/ab/ü e"]
    assert there.listing("quarantine") == ["quarantine/objects-ab-c"]
    there.move({"objects/ab/ü e": "kept/ü e", "objects/ab/gone": "kept/gone"})
    assert there.listing("kept") == ["kept/ü e"]
    there.remove(["objects/ab/d", "objects/ab/gone"])
    assert there.listing("objects") == []
    with pytest.raises(NotInRemote):
        b"".join(there.read("objects/ab/d"))


def test_an_object_damaged_there_is_set_aside_and_mended_by_a_push(tmp_path: Path) -> None:
    mine, yours = Objects(str(tmp_path / "mine")), Objects(str(tmp_path / "yours"))
    digest = mine.put_bytes(b"content")
    asked = [Entry(digest, 7)]
    there = bucket("damaged")
    there.put(object_name(digest), b"CONTENT")
    assert Transfer(yours, there, lambda _: None, 16).fetch(asked).missing == (digest,)
    assert there.present([object_name(digest)]) == {}
    assert Transfer(mine, there, lambda _: None, 16).send(asked).objects == 1
    assert Transfer(yours, there, lambda _: None, 16).fetch(asked).size == 7


def test_an_object_there_tells_its_state() -> None:
    there = bucket("raw")
    there.put("a.csv", b"first")
    ((name, (state, size)),) = there.states("a.csv").items()
    assert (name, size, there.states("a.csv")) == ("a.csv", 5, {name: (state, size)})
    there.put("a.csv", b"other", replace=True)
    assert there.states("a.csv")[name][0] not in ("", state)
    assert there.states("") == there.states("a.csv")


def test_what_it_refuses_is_told() -> None:
    with pytest.raises(RemoteFailed, match=r"gs://others/x refuses access") as failed:
        bucket("x", name="others").put("objects/ab/c", b"content")
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(failed.value)
