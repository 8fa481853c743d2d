"""A server that keeps its artifacts in a bucket: a real server of S3 on this machine."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from outdo.core.model import Digest, Remote
from outdo.store.bucket import Bucket, connect
from outdo.store.objects import Objects
from outdo.store.travel import object_name
from outdo.store.vault import BucketVault
from tests.contracts.s3 import BUCKET, SECRETS, Server, s3_server
from tests.contracts.served import FILES, Served, served

pytestmark = pytest.mark.slow

LARGE = os.urandom(1 << 20) * 60
PLACE = f"s3://{BUCKET}/artifacts"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in {**SECRETS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"}.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(s3: Server, home: Path) -> Iterator[Served]:
    with served(home, "--objects", PLACE) as running:
        yield running


@pytest.fixture
def bucket(s3: Server) -> Bucket:
    return connect(Remote(PLACE))


def memory(server: Served) -> int:
    """The most that the server ever had, in bytes."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


@pytest.mark.parametrize("content", [b"", b"x", b"y" * 5000, LARGE], ids=["empty", "one", "small", "large"])
def test_what_was_put_into_the_bucket_comes_back(server: Served, bucket: Bucket, content: bytes) -> None:
    assert server.put_file("0/x/artifacts/a.bin", content).status == 200
    assert server.file("0/x/artifacts/a.bin").said == content
    assert object_name(Digest(blake3(content).hexdigest())) in bucket.listing("objects")


@pytest.mark.parametrize("start", [0, 5, 20 << 20, len(LARGE) - 1])
def test_a_part_of_what_is_in_the_bucket_comes(server: Served, start: int) -> None:
    server.put_file("0/x/artifacts/parts.bin", LARGE)
    asked = {"Range": f"bytes={start}-{start + 9_999_999}"}
    reply = server.ask("GET", f"{FILES}/0/x/artifacts/parts.bin", headers=asked)
    assert (reply.status, reply.said == LARGE[start : start + 10_000_000]) == (206, True)


def test_a_large_artifact_is_never_held_in_memory(server: Served) -> None:
    before = memory(server)
    server.put_file("0/x/artifacts/large.bin", LARGE)
    with urllib.request.urlopen(f"{server.address}{FILES}/0/x/artifacts/large.bin", timeout=60) as answer:
        count = sum(len(piece) for piece in iter(lambda: answer.read(1 << 20), b""))
    assert count == len(LARGE)
    assert memory(server) - before < len(LARGE) * 0.7


def test_nothing_of_it_stays_at_home(server: Served, home: Path) -> None:
    server.put_file("0/x/artifacts/b.bin", b"z" * 100_000)
    assert [path for path in home.rglob("*") if path.is_file() and path.stat().st_size == 100_000] == []


def test_what_two_runs_log_is_there_once(server: Served, bucket: Bucket) -> None:
    server.put_file("0/one/artifacts/same.bin", b"the same" * 999)
    before = bucket.listing("objects")
    server.put_file("0/two/artifacts/same.bin", b"the same" * 999)
    assert bucket.listing("objects") == before


def test_a_version_is_of_the_files_in_the_bucket(server: Served) -> None:
    run = server.run()
    server.put_file(f"0/{run}/artifacts/model/weights", b"w" * 3000)
    server.post("registered-models/create", name="delay")
    made = server.post("model-versions/create", name="delay", source=f"runs:/{run}/model", run_id=run)
    assert made.status == 200


def test_bytes_that_are_not_what_was_put_are_never_given_out_whole(
    server: Served, bucket: Bucket, tmp_path: Path
) -> None:
    content = b"precious" * 4000
    server.put_file("0/x/artifacts/c.bin", content)
    name = object_name(Digest(blake3(content).hexdigest()))
    bucket.put(name, b"!" + content[1:], replace=True)
    vault = BucketVault(bucket, Objects(str(tmp_path)))
    with pytest.raises(Exception, match="damaged"):
        b"".join(vault.read(Digest(blake3(content).hexdigest())))
    assert server.file("0/x/artifacts/c.bin").status == 404


def test_a_bucket_that_can_not_be_had_is_told_at_the_start(s3: Server, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "outdo.cli.main", "server", "--home", str(tmp_path), "--port", "0"]
    env = {**os.environ, "AWS_SECRET_ACCESS_KEY": "wrong", "NO_COLOR": "1"}
    done = subprocess.run([*words, "--objects", PLACE], capture_output=True, text=True, env=env, timeout=60)
    assert (done.returncode, "E411" in done.stderr, "AWS_SECRET_ACCESS_KEY" in done.stderr) == (1, True, True)
