"""Artifacts that come in parts: whole in the end, or not there."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import json

from outdo.core.model import Digest
from outdo.core.refusals import Unknown
from outdo.server.parts import Parts
from outdo.store.tracking.files import File
from tests.contracts.served import Reply, Served, served
from tests.contracts.test_mlflow_same import python

MPU = "/api/2.0/mlflow-artifacts/mpu"
JSON = {"Content-Type": "application/json"}
PIECES = [b"a" * 100_000, b"b" * 100_000, b"end"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Served]:
    with served(home) as running:
        yield running


def call(server: Served, what: str, folder: str, name: str = "/tmp/big.bin", **asked: Any) -> Reply:
    return server.ask("POST", f"{MPU}/{what}/{folder}", json.encode({"path": name, **asked}), JSON)


def begin(server: Served, folder: str, count: int = len(PIECES)) -> Any:
    return call(server, "create", folder, num_parts=count).said


def put(server: Served, part: Any, content: bytes) -> Reply:
    return server.ask("PUT", urlsplit(part["url"]).path, content, part["headers"])


def sent(server: Served, upload: Any) -> list[dict[str, Any]]:
    """What a client says of the parts that it has sent."""
    marks = [
        put(server, part, piece).headers["etag"]
        for part, piece in zip(upload["credentials"], PIECES, strict=True)
    ]
    return [{"part_number": number, "etag": mark} for number, mark in enumerate(marks, 1)]


@pytest.mark.parametrize("secret", ["", "0" * 64, "\xe9"])
def test_a_part_without_the_secret_of_its_upload_is_not_taken(server: Served, secret: str) -> None:
    part = begin(server, "0/secret/artifacts")["credentials"][0]
    assert put(server, {**part, "headers": {"x-outdo-upload": secret}}, b"x").status == 404


def test_parts_become_one_artifact(server: Served) -> None:
    upload = begin(server, "0/joined/artifacts")
    parts = sent(server, upload)
    assert (
        call(server, "complete", "0/joined/artifacts", upload_id=upload["upload_id"], parts=parts).said == {}
    )
    assert server.file("0/joined/artifacts/big.bin").said == b"".join(PIECES)


def test_a_part_may_come_twice_and_the_last_counts(server: Served) -> None:
    upload = begin(server, "0/again/artifacts", 1)
    (part,) = upload["credentials"]
    first, second = (put(server, part, piece).headers["etag"] for piece in (b"first", b"second"))
    for mark, status in ((first, 400), (second, 200)):
        parts = [{"part_number": 1, "etag": mark}]
        done = call(server, "complete", "0/again/artifacts", upload_id=upload["upload_id"], parts=parts)
        assert done.status == status
    assert server.file("0/again/artifacts/big.bin").said == b"second"


def test_nothing_is_there_before_the_end_nor_after_an_abort(server: Served) -> None:
    upload = begin(server, "0/aborted/artifacts")
    sent(server, upload)
    assert server.file("0/aborted/artifacts/big.bin").status == 404
    assert call(server, "abort", "0/aborted/artifacts", upload_id=upload["upload_id"]).said == {}
    assert put(server, upload["credentials"][0], b"x").status == 404
    assert server.file("0/aborted/artifacts/big.bin").status == 404


@pytest.mark.parametrize(
    "spoil",
    [
        lambda parts: parts[:-1],
        lambda parts: [*parts, parts[0]],
        lambda parts: parts[::-1],
        lambda parts: [{**parts[0], "etag": parts[1]["etag"]}, *parts[1:]],
        lambda parts: [],
    ],
)
def test_an_upload_of_other_parts_than_came_is_refused_and_may_be_finished_yet(
    server: Served, spoil: Any
) -> None:
    upload = begin(server, "0/spoilt/artifacts")
    parts = sent(server, upload)
    wrong = call(server, "complete", "0/spoilt/artifacts", upload_id=upload["upload_id"], parts=spoil(parts))
    assert (wrong.status, wrong.code) == (400, "INVALID_PARAMETER_VALUE")
    assert (
        call(server, "complete", "0/spoilt/artifacts", upload_id=upload["upload_id"], parts=parts).status
        == 200
    )


def test_a_part_needs_the_secret_of_its_upload(server: Served) -> None:
    first, second = (begin(server, "0/secret/artifacts") for _ in range(2))
    part = first["credentials"][0]
    for headers in ({}, {"x-outdo-upload": "x"}, second["credentials"][0]["headers"]):
        assert server.ask("PUT", urlsplit(part["url"]).path, b"x", headers).status == 404
    assert part["headers"]["x-outdo-upload"] not in part["url"]


def test_an_upload_is_of_one_path(server: Served) -> None:
    upload = begin(server, "0/one/artifacts")
    parts = sent(server, upload)
    other = call(server, "complete", "0/other/artifacts", upload_id=upload["upload_id"], parts=parts)
    assert other.code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    ("folder", "name", "count"),
    [
        ("../x", "a", 1),
        ("..%2fx", "a", 1),
        ("0", "..", 1),
        ("0", "/", 1),
        ("0", "", 1),
        ("0", "a", 0),
        ("0", "a", 10_001),
    ],
)
def test_what_can_not_be_is_refused_in_words(server: Served, folder: str, name: str, count: int) -> None:
    refused = call(server, "create", folder, name, num_parts=count)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_a_server_that_ends_leaves_no_parts(tmp_path: Path) -> None:
    with served(tmp_path) as own:
        upload = begin(own, "0/left/artifacts")
        put(own, upload["credentials"][0], PIECES[0])
        before = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        own.stop()
    after = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert before - after >= len(PIECES[0]) // 2


def test_parts_that_lie_still_are_collected(tmp_path: Path) -> None:
    parts = Parts(kept_seconds=0.05)
    upload = parts.begin("a/b", 1)
    place = tmp_path / "part"
    place.write_bytes(b"x")
    parts.put(upload, 1, str(place), File(Digest("d"), 1))
    time.sleep(0.1)
    parts.collect()
    assert not place.exists()
    with pytest.raises(Unknown):
        parts.find(upload.id, "a/b")


CLIENT = """
import hashlib, sys
import mlflow
from pathlib import Path

mlflow.set_tracking_uri(sys.argv[1])
Path("big.bin").write_bytes(bytes(range(256)) * 60_000)
with mlflow.start_run() as run:
    mlflow.log_artifact("big.bin", "folder")
got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="folder/big.bin", dst_path="got")
print(Path(got).read_bytes() == Path("big.bin").read_bytes())
"""


@pytest.mark.slow
def test_the_real_client_sends_a_large_file_in_parts(tmp_path: Path) -> None:
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1000000",
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "5242880",
    }
    with served(tmp_path / "home", "--log", "json") as ours:
        done = subprocess.run(
            [python(), "-c", CLIENT, ours.address], env=env, cwd=tmp_path, capture_output=True, text=True
        )
    assert "True" in done.stdout, done.stderr
