"""Large files, kept as chunks: what went in comes back, what two versions share is kept once, and damage is found."""

import os
import random
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.errors import Damaged, NotInStore, StoreUnwritable, Usage
from outdo.core.model import Digest
from outdo.store import recipes
from outdo.store.chunks import LEAST, MOST, USUAL, chunked_from, cutter
from outdo.store.objects import Objects
from outdo.store.recipes import LARGEST_CHUNK, Recipe
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace
from tests.contracts.damage import overwrite

FROM = 2 << 20
SIZE = 12 << 20
TABLE = random.Random(1).randbytes(SIZE)
WINDOWS = random.Random(2).randbytes(70 << 20)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "store"), FROM)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(TABLE)
    return path


def again(objects: Objects) -> Objects:
    """The same store, as a new process finds it."""
    return Objects(objects.root, FROM)


def name(content: bytes) -> Digest:
    return Digest(blake3(content).hexdigest())


def kept(objects: Objects) -> dict[str, int]:
    """The size of each object that has a file of its own."""
    return {
        os.path.basename(top) + file: os.stat(os.path.join(top, file)).st_size
        for top, _, files in os.walk(objects.folder)
        for file in files
    }


def store(objects: Objects, path: Path, content: bytes) -> Digest:
    path.write_bytes(content)
    return objects.copy_in(str(path)).digest


def recipe_place(objects: Objects, digest: Digest) -> Path:
    return Path(objects.root, "recipes", digest[:2], digest[2:])


# ---------------------------------------------------------------- what went in comes back


def test_a_large_file_is_kept_as_chunks_and_its_digest_is_that_of_its_bytes(
    objects: Objects, source: Path
) -> None:
    digest = objects.copy_in(str(source)).digest
    assert digest == name(TABLE)
    assert not objects.whole(digest)
    assert len(objects.parts(digest)) > 5
    assert sum(kept(objects).values()) == SIZE


@pytest.mark.parametrize("size", [FROM, FROM + 1, 40 << 20, 70 << 20], ids=str)
def test_what_was_stored_comes_back_by_every_way(objects: Objects, tmp_path: Path, size: int) -> None:
    content = WINDOWS[:size]
    digest = store(objects, tmp_path / "file", content)
    fresh = again(objects)
    assert fresh.has(digest)
    assert fresh.known_good(digest)
    assert fresh.get(digest) == content
    assert Path(fresh.path(digest)).read_bytes() == content
    with open(tmp_path / "out", "wb", buffering=0) as target:
        fresh.copy_out(digest, target.fileno())
    assert (tmp_path / "out").read_bytes() == content


def test_a_file_below_the_threshold_is_one_object(objects: Objects, tmp_path: Path) -> None:
    digest = store(objects, tmp_path / "file", TABLE[: FROM - 1])
    assert objects.whole(digest)
    assert objects.parts(digest) == []


def test_a_threshold_of_0_cuts_nothing(tmp_path: Path, source: Path) -> None:
    objects = Objects(str(tmp_path / "store"), 0)
    assert objects.whole(objects.copy_in(str(source)).digest)


@pytest.mark.parametrize(
    ("text", "size"), [("", 64 << 20), ("0", 0), ("5", 5), ("64MB", 64 << 20), ("1g", 1 << 30)]
)
def test_the_threshold_can_be_said_in_words(text: str, size: int) -> None:
    assert chunked_from(text) == size


@pytest.mark.parametrize("text", ["many", "-1", "1.5MB", "MB", "1 T", "٣"])
def test_a_threshold_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="is no size"):
        chunked_from(text)


def test_a_file_that_an_older_store_has_whole_is_still_had(tmp_path: Path, source: Path) -> None:
    digest = Objects(str(tmp_path / "store"), 0).copy_in(str(source)).digest
    objects = Objects(str(tmp_path / "store"), FROM)
    assert objects.has(digest)
    assert objects.get(digest) == TABLE


def test_a_file_put_together_for_one_process_is_gone_with_it(objects: Objects, source: Path) -> None:
    path = objects.path(objects.copy_in(str(source)).digest)
    assert objects.path(name(TABLE)) == path
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o222 == 0
    objects.close()
    assert not os.path.exists(path)


@pytest.mark.parametrize("links", [("reflink", "hardlink", "copy"), ("symlink",), ("copy",)], ids=str)
def test_in_a_workspace_it_is_a_file_of_its_own_that_may_be_written_to(
    tmp_path: Path, objects: Objects, links: tuple[str, ...]
) -> None:
    workspace = Workspace(str(tmp_path), objects, StatCache(str(tmp_path / "stat")), links)
    (tmp_path / "table").write_bytes(TABLE)
    entry = workspace.save("table")
    (tmp_path / "table").write_bytes(b"mine")
    workspace.restore("table", entry)
    status = os.lstat(tmp_path / "table")
    assert (tmp_path / "table").read_bytes() == TABLE
    assert stat.S_ISREG(status.st_mode)
    assert status.st_nlink == 1
    assert status.st_mode & stat.S_IWUSR
    assert workspace.holds(entry)


def test_saving_it_unchanged_reads_nothing(tmp_path: Path, objects: Objects) -> None:
    workspace = Workspace(str(tmp_path), objects, StatCache(str(tmp_path / "stat")))
    (tmp_path / "table").write_bytes(TABLE)
    entry = workspace.save("table")
    before = objects.recipes.get(entry.digest)
    recipe_place(objects, entry.digest).chmod(0o444)
    stamp = recipe_place(objects, entry.digest).stat().st_mtime_ns
    assert workspace.save("table") == entry
    assert objects.recipes.get(entry.digest) == before
    assert recipe_place(objects, entry.digest).stat().st_mtime_ns == stamp


# ---------------------------------------------------------------- what is shared is kept once


def test_a_table_that_grew_by_a_hundredth_costs_about_that(objects: Objects, tmp_path: Path) -> None:
    store(objects, tmp_path / "table", TABLE)
    store(objects, tmp_path / "table", TABLE + os.urandom(SIZE // 100))
    assert sum(kept(objects).values()) < SIZE * 1.01 + MOST


edits = st.lists(
    st.tuples(
        st.integers(0, SIZE), st.binary(max_size=40), st.integers(0, 3000)
    ),  # where, what, instead of how much
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(edits)
def test_each_edit_costs_a_few_chunks_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes, int]]
) -> None:
    folder = tmp_path_factory.mktemp("edits")
    objects = Objects(str(folder / "store"), FROM)
    store(objects, folder / "table", TABLE)
    edited = TABLE
    for where, what, instead in edits:
        edited = edited[:where] + what + edited[where + instead :]
    digest = store(objects, folder / "table", edited)
    assert objects.get(digest) == edited
    assert sum(kept(objects).values()) <= SIZE + len(edits) * 3 * MOST


def test_a_file_of_zeros_is_one_chunk_many_times(objects: Objects, tmp_path: Path) -> None:
    with open(tmp_path / "zeros", "wb") as file:
        file.truncate(100 << 20)
    digest = objects.copy_in(str(tmp_path / "zeros")).digest
    assert len(objects.parts(digest)) <= 2
    assert sum(kept(objects).values()) <= 2 * MOST
    assert objects.get(digest) == bytes(100 << 20)


def test_where_it_is_cut_depends_on_neither_the_window_nor_the_day() -> None:
    """Fixed vectors: another version of the library that cuts elsewhere would make all tables be stored again."""
    cut = cutter()
    assert cut is not None
    ends = cut(memoryview(WINDOWS))
    assert (len(ends), ends[:4], name(repr(ends).encode())[:16]) == FIXED
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert all(LEAST <= size <= MOST for size in sizes[:-1])
    assert USUAL < sum(sizes) / len(sizes) < 1.5 * USUAL


FIXED = (57, [2073997, 3745570, 4970371, 6692163], "1a475c0eb6f57db2")


def test_the_chunks_of_a_file_are_those_of_its_bytes_at_once(objects: Objects, tmp_path: Path) -> None:
    cut = cutter()
    assert cut is not None
    digest = store(objects, tmp_path / "file", WINDOWS)
    recipe = objects.recipes.get(digest)
    ends = cut(memoryview(WINDOWS))
    assert recipe is not None
    assert [size for _, size in recipe.chunks] == [b - a for a, b in zip([0, *ends], ends, strict=False)]


def test_chunks_of_any_size_can_be_read(objects: Objects) -> None:
    pieces = [TABLE[:1], TABLE[1 : 1 << 20], TABLE[1 << 20 :]]
    recipe = Recipe(tuple((objects.put_bytes(piece), len(piece)) for piece in pieces))
    assert objects.chunks.keep(name(TABLE), recipe)
    assert again(objects).get(name(TABLE)) == TABLE


# ---------------------------------------------------------------- damage


def test_a_damaged_chunk_is_set_aside_and_the_file_is_no_longer_had(objects: Objects, source: Path) -> None:
    digest = objects.copy_in(str(source)).digest
    chunk = objects.parts(digest)[2]
    overwrite(objects, chunk, b"x" * os.stat(objects.place(chunk)).st_size)
    fresh = again(objects)
    assert fresh.has(digest)
    with pytest.raises(Damaged):
        fresh.get(digest)
    assert fresh.damaged == [chunk]
    assert os.listdir(f"{objects.root}/quarantine") == [chunk]
    assert not fresh.has(digest)


def test_a_damaged_chunk_is_healed_by_storing_the_file_again(objects: Objects, source: Path) -> None:
    digest = objects.copy_in(str(source)).digest
    chunk = objects.parts(digest)[2]
    overwrite(objects, chunk, b"x" * os.stat(objects.place(chunk)).st_size)
    fresh = again(objects)
    assert fresh.copy_in(str(source)).digest == digest
    assert fresh.get(digest) == TABLE


@pytest.mark.parametrize("content", [None, b"", TABLE[:100]], ids=["missing", "empty", "cut off"])
def test_a_file_whose_chunk_is_not_there_whole_is_not_had(
    objects: Objects, source: Path, content: bytes | None
) -> None:
    digest = objects.copy_in(str(source)).digest
    place = objects.place(objects.parts(digest)[0])
    os.unlink(place)
    if content is not None:
        Path(place).write_bytes(content)
    assert not again(objects).has(digest)
    assert not again(objects).known_good(digest)
    with pytest.raises((NotInStore, Damaged)):
        again(objects).get(digest)


@pytest.mark.parametrize("end", [0, 10, 47, -1, -33], ids=str)
def test_a_recipe_that_is_cut_off_is_set_aside_and_told(objects: Objects, source: Path, end: int) -> None:
    digest = objects.copy_in(str(source)).digest
    place = recipe_place(objects, digest)
    place.write_bytes(place.read_bytes()[:end])
    fresh = again(objects)
    assert not fresh.has(digest)
    assert fresh.damaged == [digest]
    assert not place.exists()
    assert fresh.copy_in(str(source)).digest == digest
    assert fresh.has(digest)


def test_a_recipe_that_makes_another_file_is_found_out(
    objects: Objects, source: Path, tmp_path: Path
) -> None:
    mine = objects.copy_in(str(source)).digest
    yours = store(objects, tmp_path / "other", TABLE[: SIZE // 2] + b"!")
    os.replace(recipe_place(objects, yours), recipe_place(objects, mine))
    fresh = again(objects)
    with pytest.raises(Damaged), open(tmp_path / "out", "wb", buffering=0) as target:
        fresh.copy_out(mine, target.fileno())
    assert not fresh.has(mine)
    assert fresh.damaged == [mine]


def test_a_recipe_that_names_itself_is_no_way_round(objects: Objects) -> None:
    digest = name(TABLE)
    objects.recipes.put(digest, Recipe(((digest, 5), (digest, 5))))
    assert not objects.has(digest)
    assert not objects.known_good(digest)
    with pytest.raises(NotInStore):
        objects.get(digest)


hostile = st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1)), max_size=4)


@given(hostile)
def test_a_recipe_is_read_as_it_was_written_or_not_at_all(lines: list[tuple[bytes, int]]) -> None:
    recipe = Recipe(tuple((Digest(digest.hex()), size) for digest, size in lines))
    sound = lines and all(0 < size <= LARGEST_CHUNK for _, size in lines)
    assert recipes.decode(recipes.encode(recipe)) == (recipe if sound else None)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_crash(content: bytes) -> None:
    assert recipes.decode(content) is None


@given(st.data())
def test_no_changed_byte_of_a_recipe_goes_unseen(data: st.DataObject) -> None:
    content = bytearray(recipes.encode(Recipe(((name(b"a"), 1), (name(b"b"), 2)))))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert recipes.decode(bytes(content)) is None


# ---------------------------------------------------------------- at bad times


def test_what_is_stored_while_it_changes_is_what_its_digest_says(objects: Objects, source: Path) -> None:
    done = threading.Event()

    def write() -> None:
        with open(source, "r+b", buffering=0) as file:
            while not done.is_set():
                file.seek(random.randrange(SIZE))
                file.write(os.urandom(1000))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        digests = [objects.copy_in(str(source)).digest for _ in range(10)]
    finally:
        done.set()
        writer.join()
    assert [name(again(objects).get(digest)) for digest in digests] == digests


def test_several_threads_may_store_the_same_at_once(objects: Objects, source: Path) -> None:
    found: list[Digest] = []
    threads = [
        threading.Thread(target=lambda: found.append(objects.copy_in(str(source)).digest)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [name(TABLE)] * 4
    assert again(objects).get(name(TABLE)) == TABLE
    assert sum(kept(objects).values()) == SIZE


def test_a_store_that_failed_leaves_nothing_behind(objects: Objects, source: Path) -> None:
    code = """
import resource, sys
from outdo.store.objects import Objects
objects = Objects(sys.argv[1], 1 << 20)
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
try:
    objects.copy_in(sys.argv[2])
except Exception as error:
    print(type(error).__name__)
"""
    words = [sys.executable, "-c", code, objects.root, str(source)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == f"{StoreUnwritable.__name__}\n", done.stderr
    assert kept(objects) == {}


KILLED = """
import os, sys, threading, time
from outdo.store.objects import Objects
objects = Objects(sys.argv[1], 1 << 20)
wait = float(sys.argv[4])
threading.Thread(target=lambda: (time.sleep(wait), os.kill(os.getpid(), 9)), daemon=True).start()
while True:
    digest = objects.copy_in(sys.argv[2]).digest
    with open(sys.argv[3], "wb", buffering=0) as target:
        objects.copy_out(digest, target.fileno())
    for chunk in objects.parts(digest):
        os.unlink(objects.place(chunk))
"""


@pytest.mark.slow
def test_killed_at_any_moment_what_is_there_is_right(tmp_path: Path) -> None:
    root, source = tmp_path / "store", tmp_path / "source"
    chance = random.Random(3)
    source.write_bytes(TABLE)
    for _ in range(50):
        wait = f"{chance.uniform(0.001, 0.25):.3f}"
        words = [sys.executable, "-c", KILLED, str(root), str(source), str(tmp_path / "out"), wait]
        assert subprocess.run(words).returncode == -9
        objects = Objects(str(root), FROM)
        for chunk in kept(objects):
            assert objects.known_good(Digest(chunk))
        if objects.has(name(TABLE)):
            assert objects.get(name(TABLE)) == TABLE
        assert objects.damaged == []
        assert objects.copy_in(str(source)).digest == name(TABLE)
        assert again(objects).get(name(TABLE)) == TABLE
        objects.close()
