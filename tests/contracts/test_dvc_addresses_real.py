"""Addresses in `dvc.lock` as DVC writes them, and both ways: from a web server, a real server of S3, and a disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import S3Store

from tests.contracts.pages import Web, web
from tests.contracts.real_dvc import both_say_the_same, dvc, init, outdo, reading
from tests.contracts.s3 import BUCKET, SECRETS, WEED, s3_server

pytestmark = pytest.mark.slow


@pytest.fixture
def page() -> Iterator[Web]:
    with web() as one:
        one.pages["/rows.csv"] = b"a,b\n"
        one.moved["/latest"] = "/rows.csv"
        yield one


def test_pages_of_the_web(tmp_path: Path, page: Web) -> None:
    repo = init(tmp_path / "repo")
    dvc(repo, "remote", "add", "web", page.url)
    urls = [f"{page.url}/rows.csv", f"{page.url}/latest?v=1", "remote://web/rows.csv"]
    both_say_the_same(reading(repo, *urls))
    page.pages["/rows.csv"] = b"changed"
    assert "changed deps" in dvc(repo, "status")
    assert "3 to run" in outdo(repo, "status")


def test_other_words_of_a_web_server(tmp_path: Path, page: Web) -> None:
    page.headers["/rows.csv"] = {"Content-MD5": "XrY7u+Ae7tCTyyK7j1rNww=="}
    page.pages["/weak.csv"] = b"1"
    page.headers["/weak.csv"] = {"ETag": 'W/"1"'}
    page.pages["/plain.csv"] = b""
    page.headers["/plain.csv"] = {"ETag": "12e5"}
    page.pages["/dated.csv"] = b"2"
    page.headers["/dated.csv"] = {
        "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT",
        "Content-Type": "text/csv; a=b",
    }
    page.pages["/bare.csv"] = b"3"
    page.headers["/bare.csv"] = {"Accept-Ranges": "none"}
    page.moved["/to-bare"] = "/bare.csv"
    page.pages["/my%20rows.csv"] = b"4"
    names = ("my rows.csv", "rows.csv", "weak.csv", "plain.csv", "dated.csv", "bare.csv", "to-bare")
    urls = [f"{page.url}/{name}" for name in names]
    both_say_the_same(reading(init(tmp_path / "repo"), *urls))


def test_paths_outside_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("2")
    repo = init(tmp_path / "repo")
    dvc(repo, "remote", "add", "disk", str(tmp_path))
    urls = [
        str(tmp_path / "file"),
        str(tmp_path / "folder"),
        "remote://disk/file",
        "remote://disk/folder",
        "../file",
    ]
    both_say_the_same(reading(repo, *urls))


@pytest.mark.skipif(WEED is None, reason="no seaweedfs here")
def test_objects_and_folders_of_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = init(tmp_path / "repo")
    (tmp_path / "server").mkdir()
    with s3_server(tmp_path / "server") as server:
        endpoint = f"http://127.0.0.1:{server.port}"
        for name, value in {**SECRETS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        store = S3Store(BUCKET, client_options={"allow_http": True})
        for name in ("one.csv", "my one.csv", "in/a.csv", "in/Z.csv", "in/sub/b.csv"):
            store.put(name, name.encode())
        dvc(repo, "remote", "add", "team", f"s3://{BUCKET}/in")
        dvc(repo, "remote", "modify", "team", "endpointurl", endpoint)
        urls = [
            f"s3://{BUCKET}/one.csv",
            f"s3://{BUCKET}/in",
            f"s3://{BUCKET}/in/",
            "remote://team/sub/b.csv",
        ]
        both_say_the_same(reading(repo, *urls))
        store.put("in/a.csv", b"changed")
        assert "2 to run" in outdo(repo, "status")
        outdo(repo, "run")
        assert "up to date" in dvc(repo, "status")
        reading(repo, f"s3://{BUCKET}/none.csv", "s3://none/x.csv")
        told = outdo(repo, "status")
        assert f"nothing is at 's3://{BUCKET}/none.csv'" in told
        assert "s3://none is not there" in told
    assert " retries" not in outdo(repo, "status")
    logged = b"".join(path.read_bytes() for path in (repo / ".outdo").rglob("*") if path.is_file())
    assert SECRETS["AWS_SECRET_ACCESS_KEY"].encode() not in logged


def test_a_stage_that_only_dvc_can_run_is_left_out_alone(tmp_path: Path) -> None:
    repo = init(tmp_path / "repo")
    (repo / "in.txt").write_text("1")
    (repo / "dvc.yaml").write_text(
        "stages:\n  near: {cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt]}\n"
        "  far: {cmd: cp out.txt far.txt, deps: [out.txt], outs: [{'s3://bucket/far.txt': {cache: false}}]}\n"
    )
    assert "it writes 's3://bucket/far.txt'" in outdo(repo, "run", code=1)
    assert "up to date" in dvc(repo, "status", "near")
