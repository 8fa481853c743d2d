"""A part of an artifact: what is left of a download that broke off, and nothing of another file."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from outdo.server.ranges import NoSuchPart, Part, wanted
from tests.contracts.served import API, FILES, Reply, Served, served

CONTENT = bytes(range(256)) * 20_000
PATH = "0/r/artifacts/model.bin"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", (0, 100)),
        ("bytes=40-", (40, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=40-59", (40, 60)),
        ("bytes=40-1000", (40, 100)),
        ("bytes=-30", (70, 100)),
        ("bytes=-1000", (0, 100)),
        (" Bytes=1-2 ", (1, 3)),
        ("", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
        ("bytes=²-", None),
        (f"bytes={'9' * 50}-", None),
    ],
)
def test_a_part_is_what_the_header_says_and_else_all_is_given(asked: str, part: Part | None) -> None:
    assert wanted(asked, "", '"x"', 100) == part


@pytest.mark.parametrize(("asked", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0)])
def test_a_part_behind_the_end_is_none(asked: str, size: int) -> None:
    with pytest.raises(NoSuchPart):
        wanted(asked, "", '"x"', size)


@pytest.mark.parametrize("condition", ['"y"', 'W/"x"', "Mon, 23 Nov 2026 10:00:00 GMT"])
def test_of_a_file_that_is_another_by_now_all_is_given(condition: str) -> None:
    assert wanted("bytes=40-", condition, '"x"', 100) is None
    assert wanted("bytes=40-", '"x"', '"x"', 100) == (40, 100)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home")) as running:
        assert running.put_file(PATH, CONTENT).status == 200
        yield running


def ranged(server: Served, asked: str, path: str = f"{FILES}/{PATH}", **more: str) -> Reply:
    return server.ask("GET", path, headers={"Range": asked, **more})


@pytest.mark.parametrize("start", [0, 1, 1 << 20, (1 << 20) + 7, len(CONTENT) - 1])
def test_what_is_left_comes_and_says_what_it_is(server: Served, start: int) -> None:
    reply = ranged(server, f"bytes={start}-")
    assert (reply.status, reply.said) == (206, CONTENT[start:])
    assert reply.headers["content-range"] == f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert reply.headers["content-length"] == str(len(CONTENT) - start)


def test_a_piece_from_the_middle_comes(server: Served) -> None:
    assert ranged(server, "bytes=1000000-3000000").said == CONTENT[1000000:3000001]


def test_all_comes_with_what_a_later_request_needs(server: Served) -> None:
    reply = server.file(PATH)
    assert (reply.status, reply.headers["accept-ranges"]) == (200, "bytes")
    rest = ranged(server, "bytes=9-", **{"If-Range": reply.headers["etag"]})
    assert (rest.status, rest.said) == (206, CONTENT[9:])
    assert ranged(server, "bytes=9-", **{"If-Range": '"of another"'}).said == CONTENT


def test_behind_the_end_is_nothing(server: Served) -> None:
    reply = ranged(server, f"bytes={len(CONTENT)}-")
    assert (reply.status, reply.said) == (416, b"")
    assert reply.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_the_files_of_a_run_come_in_parts_too(server: Served) -> None:
    run = server.run()
    server.put_file(f"0/{run}/artifacts/a.bin", CONTENT)
    assert ranged(server, "bytes=-5", f"/get-artifact?run_id={run}&path=a.bin").said == CONTENT[-5:]
    assert ranged(server, "bytes=0-", f"{API}/artifacts/list?run_id={run}").status == 200


def test_curl_goes_on_where_a_download_broke_off(server: Served, tmp_path: Path) -> None:
    broken = tmp_path / "model.bin"
    broken.write_bytes(CONTENT[: len(CONTENT) // 2])
    words = ["curl", "-sS", "-f", "-C", "-", "-o", str(broken), "-w", "%{size_download}"]
    done = subprocess.run(
        [*words, f"{server.address}{FILES}/{PATH}"], capture_output=True, text=True, timeout=30, check=True
    )
    assert (broken.read_bytes() == CONTENT, int(done.stdout)) == (True, len(CONTENT) - len(CONTENT) // 2)
