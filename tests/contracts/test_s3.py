"""Remotes in a real server of S3, on good days and on bad ones."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from outdo.core.errors import RemoteFailed, SourceFailed
from outdo.core.model import Digest, Entry, Key, Record, Remote
from outdo.store import trees
from outdo.store.address import Address
from outdo.store.bucket import Bucket, connect
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.transfer import Transfer
from outdo.store.travel import object_name
from outdo.store.workspace import Workspace
from tests.contracts.s3 import BUCKET, SECRETS, WEED, Proxy, Server, s3_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(WEED is None, reason="no seaweedfs here")]

SMALL = [os.urandom(1500) for _ in range(150)]
LARGE = os.urandom(20_000_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    made = Proxy(server.port)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return blake3(request.node.name.encode()).hexdigest()[:12]


def at(port: int, prefix: str) -> Remote:
    return Remote(f"s3://{BUCKET}/{prefix}", endpoint=f"http://127.0.0.1:{port}")


def store(folder: Path) -> Objects:
    return Objects(str(folder))


def transfer(objects: Objects, bucket: Bucket) -> Transfer:
    return Transfer(objects, bucket, lambda _: None, 16)


def test_a_folder_goes_there_and_comes_back(server: Server, prefix: str, tmp_path: Path) -> None:
    mine, yours = store(tmp_path / "mine"), store(tmp_path / "yours")
    data = tmp_path / "work" / "data"
    data.mkdir(parents=True)
    for index, content in enumerate([*SMALL, LARGE]):
        (data / f"{index:03}").write_bytes(content)
    entry = Workspace(str(data.parent), mine, StatCache(str(tmp_path / "mine")), ("copy",)).save("data")
    record = Record(Key("ab" * 32), ("make",), outs={"data": entry})
    bucket = connect(at(server.port, prefix))
    moved = transfer(mine, bucket).send([entry], [record])
    assert (moved.objects, moved.results) == (152, 1)
    assert transfer(mine, bucket).send([entry], [record]).objects == 0
    assert transfer(yours, bucket).keys() == [record.key]
    assert transfer(yours, bucket).result(record.key) == record
    assert transfer(yours, bucket).fetch([entry]).objects == 152
    assert all(yours.known_good(Digest(blake3(content).hexdigest())) for content in [*SMALL, LARGE])


def test_a_put_never_replaces_what_is_there(server: Server, prefix: str) -> None:
    bucket = connect(at(server.port, prefix))
    bucket.put("objects/ab/c", b"first")
    bucket.put("objects/ab/c", b"second")
    assert b"".join(bucket.read("objects/ab/c")) == b"first"
    bucket.put("objects/ab/c", b"second", replace=True)
    assert b"".join(bucket.read("objects/ab/c")) == b"second"


def test_a_server_that_is_overloaded_for_a_while_is_asked_again(proxy: Proxy, prefix: str) -> None:
    bucket = connect(at(proxy.port, prefix))
    proxy.refuse = 3
    bucket.put("objects/ab/c", b"content")
    proxy.refuse = 3
    assert b"".join(bucket.read("objects/ab/c")) == b"content"


def test_a_download_that_is_cut_goes_on_where_it_was(proxy: Proxy, prefix: str, tmp_path: Path) -> None:
    mine, yours = store(tmp_path / "mine"), store(tmp_path / "yours")
    (tmp_path / "large").write_bytes(LARGE)
    digest = mine.copy_in(str(tmp_path / "large")).digest
    connect(at(proxy.port, prefix)).put(object_name(digest), mine.path(digest))
    proxy.cut, proxy.cut_after = 3, 3_000_000
    impatient = connect(at(proxy.port, prefix))
    assert transfer(yours, impatient).fetch([Entry(digest, len(LARGE))]).size == len(LARGE)
    assert proxy.cut == 0
    assert yours.known_good(digest)


def test_an_upload_that_is_cut_leaves_nothing_wrong_there(
    proxy: Proxy, server: Server, prefix: str, tmp_path: Path
) -> None:
    mine = store(tmp_path / "mine")
    digests = [mine.put_bytes(content) for content in SMALL[:40]]
    proxy.cut, proxy.cut_after = 10, 1
    cut = transfer(mine, connect(at(proxy.port, prefix)))
    cut.send([Entry(digest, 1500) for digest in digests])
    straight = connect(at(server.port, prefix))
    for digest in digests:
        assert blake3(b"".join(straight.read(object_name(digest)))).hexdigest() == digest


def test_a_server_that_stays_away_is_told(prefix: str, tmp_path: Path) -> None:
    bucket = connect(at(9, prefix), patient=False)
    with pytest.raises(RemoteFailed, match="failed at"):
        bucket.put("objects/ab/c", b"content")


def test_wrong_credentials_are_told(server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(RemoteFailed, match="refuses access"):
        connect(at(server.port, prefix)).put("objects/ab/c", b"content")


def test_an_object_damaged_there_is_set_aside_and_mended_by_a_push(
    server: Server, prefix: str, tmp_path: Path
) -> None:
    mine, yours = store(tmp_path / "mine"), store(tmp_path / "yours")
    digest = mine.put_bytes(b"content")
    asked = [Entry(digest, 7)]
    bucket = connect(at(server.port, prefix))
    bucket.put(object_name(digest), b"CONTENT")
    assert transfer(yours, bucket).fetch(asked).missing == (digest,)
    assert bucket.present([object_name(digest)]) == {}
    assert transfer(mine, bucket).send(asked).objects == 1
    assert transfer(yours, bucket).fetch(asked).size == 7


def test_two_clones_share_results_through_it(server: Server, prefix: str, tmp_path: Path) -> None:
    mine, yours = tmp_path / "mine", tmp_path / "yours"
    mine.mkdir()
    (mine / "outdo.yaml").write_text(
        f"remotes: {{team: {{url: 's3://{BUCKET}/{prefix}', endpoint: 'http://127.0.0.1:{server.port}'}}}}\n"
        "stages: {make: {cmd: 'mkdir d; echo a > d/a; echo b > d/b', outs: [d]}}\n"
    )
    assert "1 ran" in outdo(mine, "run")
    assert "3 objects pushed" in outdo(mine, "push")
    yours.mkdir()
    shutil.copy(mine / "outdo.yaml", yours)
    assert "1 restored" in outdo(yours, "run")
    assert (yours / "d" / "b").read_text() == "b\n"


def outdo(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "outdo.cli.main", *words],
        cwd=folder,
        text=True,
        stdout=-1,
        stderr=-2,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_data_under_a_prefix_is_taken_and_later_only_what_changed(
    server: Server, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    bucket = connect(at(server.port, prefix))
    bucket.put("in/a", b"1")
    bucket.put("in/deep/b", b"22")
    mine = store(tmp_path / "mine")
    address = Address(f"s3://{BUCKET}/{prefix}/in", mine, str(tmp_path / "cache"))
    first = address.take()
    assert [row[0] for row in trees.read(mine.get, first.entry.digest).files] == ["a", "deep/b"]
    assert address.state() == first.etag
    bucket.put("in/a", b"changed", replace=True)
    assert address.state() != first.etag
    assert address.take().entry.size == len(b"changed22")
    one = Address(f"s3://{BUCKET}/{prefix}/in/a", mine, str(tmp_path / "cache")).take()
    assert mine.get(one.entry.digest) == b"changed"
    with pytest.raises(SourceFailed, match="nothing is at"):
        Address(f"s3://{BUCKET}/{prefix}/none", mine, str(tmp_path / "cache")).take()
