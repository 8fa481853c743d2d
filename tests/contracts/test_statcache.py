"""The stat cache: believes only what no edit can have changed since, and is never missed."""

import os
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from outdo.core.model import Digest, Entry
from outdo.store.clock import Clock
from outdo.store.files import Mark, mark
from outdo.store.statcache import Head, Rows, StatCache

D1, D2 = Digest("1" * 64), Digest("2" * 64)
SECOND = 1_000_000_000
HERE, ELSEWHERE = 7, 8
NOW = 1_800_000_000 * SECOND + 123_456_789
LATER = NOW + 10 * SECOND
FILE = (NOW, NOW, 10, 42, 0o100644)
ENTRY = Entry(D1, 10, "tree", 1)
HEAD = Head("data", b"s" * 32, NOW, ENTRY)
ROWS = Rows(b"a", array("q", FILE).tobytes(), b"d" * 32)


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(str(tmp_path))


def again(tmp_path: Path) -> StatCache:
    """The same cache, as the next process finds it."""
    return StatCache(str(tmp_path))


def known(cache: StatCache, path: str = "a", found: Mark = FILE, now: int = LATER) -> Digest | None:
    return cache.get(path, found, now)


def put(cache: StatCache, path: str = "a", found: Mark = FILE, at: int = LATER) -> None:
    cache.put(path, found, D1, device=ELSEWHERE, at=at)


# ---------------------------------------------------------------- single files


def test_a_file_with_the_same_mark_is_known(cache: StatCache) -> None:
    put(cache)
    assert known(cache) == D1


@pytest.mark.parametrize("part", range(5), ids=["mtime", "ctime", "size", "inode", "mode"])
def test_any_other_part_of_the_mark_makes_a_file_unknown(cache: StatCache, part: int) -> None:
    put(cache)
    changed = [*FILE]
    changed[part] -= 1
    assert known(cache, found=(changed[0], changed[1], changed[2], changed[3], changed[4])) is None


def test_what_is_known_is_known_to_the_next_process(cache: StatCache, tmp_path: Path) -> None:
    put(cache)
    cache.save()
    assert known(again(tmp_path)) == D1


def test_a_file_hashed_within_a_tick_of_its_change_is_not_believed(cache: StatCache) -> None:
    put(cache, at=NOW + 1_000_000)
    assert known(cache) is None


def test_a_file_hashed_within_a_tick_replaces_what_was_believed(cache: StatCache) -> None:
    put(cache)
    put(cache, at=NOW + 1_000_000)
    assert known(cache) is None


def test_a_stamp_in_whole_seconds_needs_two_of_them(cache: StatCache) -> None:
    whole = NOW // SECOND * SECOND
    put(cache, "fat", (whole, whole, 10, 42, 0o100644), at=whole + SECOND)
    put(cache, "ext4", (whole, whole + 1, 10, 42, 0o100644), at=whole + SECOND)
    assert known(cache, "fat", (whole, whole, 10, 42, 0o100644)) is None
    assert known(cache, "ext4", (whole, whole + 1, 10, 42, 0o100644)) == D1


def test_a_stamp_of_the_future_is_not_believed(cache: StatCache) -> None:
    put(cache, at=NOW - SECOND)
    assert known(cache) is None


def test_once_the_clock_is_set_back_nothing_later_is_believed(cache: StatCache) -> None:
    put(cache)
    assert known(cache, now=NOW - SECOND) is None


def test_a_forgotten_file_is_unknown(cache: StatCache) -> None:
    put(cache)
    cache.forget("a")
    assert known(cache) is None


@pytest.mark.parametrize("path", ["new\nline", "ünïcode", "a b"])
def test_any_path_is_known_to_the_next_process(cache: StatCache, tmp_path: Path, path: str) -> None:
    put(cache, path)
    cache.save()
    assert known(again(tmp_path), path) == D1


def test_a_path_that_is_no_text_does_not_keep_others_from_being_saved(
    cache: StatCache, tmp_path: Path
) -> None:
    put(cache, "bytes\udcff")
    put(cache, "a")
    cache.save()
    assert known(again(tmp_path), "a") == D1


# ---------------------------------------------------------------- folders


def test_a_folder_is_known_to_the_next_process(cache: StatCache, tmp_path: Path) -> None:
    cache.put_folder(HEAD, ROWS)
    fresh = again(tmp_path)
    assert fresh.head("data") == HEAD
    assert fresh.rows("data") == ROWS


def test_a_folder_never_seen_is_unknown(cache: StatCache) -> None:
    assert cache.head("data") is None
    assert cache.rows("data") is None


def test_a_forgotten_folder_is_unknown(cache: StatCache) -> None:
    cache.put_folder(HEAD, ROWS)
    cache.forget("data")
    assert cache.head("data") is None
    assert cache.rows("data") is None


def test_a_very_long_path_is_known(cache: StatCache, tmp_path: Path) -> None:
    path = "ünï/" * 1000
    cache.put_folder(Head(path, b"", NOW, ENTRY), ROWS)
    assert again(tmp_path).head(path) == Head(path, b"", NOW, ENTRY)


# ---------------------------------------------------------------- damage

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "flipped bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "foreign": lambda content: b"SQLite format 3\0" * 100,
    "a huge length": lambda content: b"\xff" * 8 + content[8:],
}


@pytest.fixture(params=DAMAGE)
def broken(request: pytest.FixtureRequest, cache: StatCache, tmp_path: Path) -> StatCache:
    put(cache)
    cache.save()
    cache.put_folder(HEAD, ROWS)
    for path in [tmp_path / "stat" / "files", *(tmp_path / "stat" / "trees").iterdir()]:
        path.write_bytes(DAMAGE[request.param](path.read_bytes()))
    return again(tmp_path)


def test_a_damaged_file_is_dropped(broken: StatCache) -> None:
    assert known(broken) is None
    assert broken.rows("data") is None


def test_a_damaged_cache_is_made_anew(broken: StatCache, tmp_path: Path) -> None:
    put(broken)
    broken.save()
    broken.put_folder(HEAD, ROWS)
    assert known(again(tmp_path)) == D1
    assert again(tmp_path).rows("data") == ROWS


def test_a_cache_that_can_not_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("not a folder")
    cache = again(tmp_path)
    put(cache)
    cache.save()
    cache.put_folder(HEAD, ROWS)
    assert known(cache) == D1
    assert cache.clock.now() <= time.time_ns()


# ---------------------------------------------------------------- the clock


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(str(tmp_path))


def test_the_clock_does_not_run_ahead(clock: Clock) -> None:
    assert time.time_ns() - SECOND < clock.now() <= time.time_ns()


def test_the_clock_runs(clock: Clock) -> None:
    before = clock.now()
    time.sleep(0.02)
    assert clock.now() > before


def test_a_file_written_after_a_look_at_the_clock_is_hidden_or_newer(clock: Clock, tmp_path: Path) -> None:
    at = clock.now()
    (tmp_path / "a").write_text("a")
    assert clock.hides(mark(os.stat(tmp_path / "a")), ELSEWHERE, at)


def test_where_no_edit_is_believed_to_be_hidden_each_leaves_another_mark(
    clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_text("0")
    marks = set()
    for turn in range(1000):
        status = os.stat(path)
        if not clock.hides(mark(status), status.st_dev, clock.now()):
            assert mark(status) not in marks
            marks.add(mark(status))
        with open(path, "r+") as file:
            file.write(str(turn % 10))


def test_waiting_a_tick_out_ends_what_is_hidden(clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    status = os.stat(path)
    clock.wait_out(mark(status), ELSEWHERE)
    assert not clock.hides(mark(status), ELSEWHERE, clock.now())


def test_a_file_of_long_ago_is_not_waited_for(clock: Clock) -> None:
    began = time.monotonic()
    clock.wait_out((SECOND, SECOND, 10, 42, 0o100644), ELSEWHERE)
    assert time.monotonic() - began < 0.01
