"""The store's bytes: what was put comes back, or is said to be lost; never anything else."""

import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdo.core.errors import Damaged, NotInStore, StoreUnwritable
from outdo.core.model import Digest
from outdo.store.adopting import adopt
from outdo.store.objects import Objects, Stored
from tests.contracts.damage import overwrite

WEIGHTS = b"weights" * 100
OTHER = b"WEIGHTS" * 100
BIG = bytes(range(256)) * 20_000
NOWHERE = Digest("0" * 64)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "store"))


def again(objects: Objects) -> Objects:
    """The same store, as a new process finds it."""
    return Objects(objects.root)


def name(content: bytes) -> Digest:
    return Digest(blake3(content).hexdigest())


def files_in(folder: str) -> list[str]:
    return sorted(os.path.join(top, file) for top, _, files in os.walk(folder) for file in files)


def unfinished(objects: Objects) -> list[str]:
    return files_in(f"{objects.root}/tmp")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(WEIGHTS)
    return path


# ---------------------------------------------------------------- what was put comes back


@pytest.mark.parametrize("content", [b"", b"a", WEIGHTS, BIG], ids=["empty", "one byte", "small", "big"])
def test_what_was_put_comes_back(objects: Objects, content: bytes) -> None:
    assert objects.get(objects.put_bytes(content)) == content


def test_the_digest_is_blake3_of_the_content(objects: Objects) -> None:
    assert objects.put_bytes(WEIGHTS) == name(WEIGHTS)


def test_an_object_lies_under_its_digest(objects: Objects) -> None:
    digest = objects.put_bytes(WEIGHTS)
    assert objects.path(digest) == f"{objects.root}/objects/{digest[:2]}/{digest[2:]}"


def test_an_object_is_read_only(objects: Objects) -> None:
    assert not os.stat(objects.path(objects.put_bytes(WEIGHTS))).st_mode & 0o222


def test_what_was_never_put_is_not_there(objects: Objects) -> None:
    assert not objects.has(NOWHERE)
    assert not objects.known_good(NOWHERE)
    with pytest.raises(NotInStore):
        objects.get(NOWHERE)
    with pytest.raises(NotInStore):
        objects.path(NOWHERE)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "a" * 63, "/" * 64, f"{'a' * 61}/.."])
def test_a_name_that_is_no_digest_leads_nowhere(objects: Objects, digest: str) -> None:
    assert not objects.has(Digest(digest))
    with pytest.raises(NotInStore):
        objects.get(Digest(digest))


def test_another_process_finds_it(objects: Objects) -> None:
    digest = objects.put_bytes(WEIGHTS)
    assert again(objects).get(digest) == WEIGHTS


def test_nothing_unfinished_is_left_after_writing(objects: Objects, source: Path) -> None:
    objects.put_bytes(WEIGHTS)
    objects.copy_in(str(source))
    adopt(objects, str(source))
    assert unfinished(objects) == []


def test_a_closed_store_leaves_no_folder_of_its_own(objects: Objects) -> None:
    objects.put_bytes(WEIGHTS)
    objects.close()
    assert os.listdir(f"{objects.root}/tmp") == []


def test_what_a_dead_process_left_unfinished_is_swept_away(objects: Objects) -> None:
    left = Path(objects.root, "tmp", "4711-dead")
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    objects.put_bytes(WEIGHTS)
    assert not left.exists()


def test_what_a_living_process_has_unfinished_is_left_alone(objects: Objects) -> None:
    half = Path(objects.scratch.name())
    half.write_bytes(b"half")
    again(objects).put_bytes(WEIGHTS)
    assert half.exists()


# ---------------------------------------------------------------- files


def copied(objects: Objects, path: Path) -> Stored:
    return objects.copy_in(str(path))


def adopted(objects: Objects, path: Path) -> Stored:
    stored = adopt(objects, str(path))
    assert stored is not None
    return stored


WAYS: dict[str, Callable[[Objects, Path], Stored]] = {"copy": copied, "adopt": adopted}


@pytest.fixture(params=WAYS)
def put(request: pytest.FixtureRequest) -> Callable[[Objects, Path], Stored]:
    return WAYS[request.param]


@pytest.mark.parametrize("content", [b"", WEIGHTS, BIG], ids=["empty", "small", "big"])
def test_a_file_comes_back(
    objects: Objects, put: Callable[[Objects, Path], Stored], source: Path, content: bytes
) -> None:
    source.write_bytes(content)
    stored = put(objects, source)
    assert stored.digest == name(content)
    assert again(objects).get(stored.digest) == content


def test_the_mark_is_that_of_the_file_as_it_is_now(
    objects: Objects, put: Callable[[Objects, Path], Stored], source: Path
) -> None:
    status = (put(objects, source), os.stat(source))
    assert status[0].mark[1] == status[1].st_ctime_ns


def test_a_copied_file_stays_as_it_was(objects: Objects, source: Path) -> None:
    source.chmod(0o640)
    copied(objects, source)
    assert stat.S_IMODE(source.stat().st_mode) == 0o640
    assert source.stat().st_nlink == 1


def test_an_adopted_file_is_the_object(objects: Objects, source: Path) -> None:
    stored = adopted(objects, source)
    assert source.samefile(objects.path(stored.digest))
    assert not source.stat().st_mode & 0o222


def test_an_adopted_file_stays_as_private_as_it_was(objects: Objects, source: Path) -> None:
    source.chmod(0o600)
    adopted(objects, source)
    assert stat.S_IMODE(source.stat().st_mode) == 0o400


def test_a_second_file_of_the_same_bytes_is_the_same_object(
    objects: Objects, source: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.bin"
    twin.write_bytes(WEIGHTS)
    adopted(objects, source)
    adopted(objects, twin)
    assert twin.samefile(source)


def test_a_file_made_anew_takes_the_place_of_its_object_without_a_byte_being_read(
    objects: Objects, source: Path
) -> None:
    digest = adopted(objects, source).digest
    source.unlink()
    source.write_bytes(WEIGHTS)
    adopted(again(objects), source)
    assert source.samefile(objects.place(digest))
    assert source.stat().st_nlink == 2


def test_adopting_twice_changes_nothing(objects: Objects, source: Path) -> None:
    assert adopted(objects, source).digest == adopted(objects, source).digest
    assert source.stat().st_nlink == 2


def test_a_link_is_never_adopted(objects: Objects, source: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(source)
    assert adopt(objects, str(link)) is None


def test_what_is_no_object_is_moved_out_of_the_way(objects: Objects, source: Path) -> None:
    place = Path(objects.place(name(WEIGHTS)))
    place.mkdir(parents=True)
    assert objects.get(adopted(objects, source).digest) == WEIGHTS


class Changing:
    """Writes to a file again and again, as a process does that a stage left running."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _write(self) -> None:
        turn = 0
        while not self._done.is_set():
            turn += 1
            with open(self._path, "r+b") as file:
                file.write(b"%08d" % turn)


def test_a_file_that_changes_while_it_is_copied_is_never_stored_under_a_wrong_name(
    objects: Objects, source: Path
) -> None:
    source.write_bytes(BIG)
    with Changing(source):
        digests = {objects.copy_in(str(source)).digest for _ in range(20)}
    assert all(again(objects).known_good(digest) for digest in digests)


def test_a_file_that_changes_while_it_is_hashed_is_not_adopted(objects: Objects, source: Path) -> None:
    source.write_bytes(BIG)
    with Changing(source):
        stored = adopt(objects, str(source))
    fresh = again(objects)
    assert stored is None or not fresh.known_good(stored.digest) or fresh.get(stored.digest)


# ---------------------------------------------------------------- damage


def flip(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + content[1:]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "flipped bit": flip,
    "truncated": lambda content: content[:-1],
    "empty": lambda content: b"",
    "longer": lambda content: content + b"\0",
    "swapped": lambda content: OTHER,
}


@pytest.fixture(params=DAMAGE)
def damaged(request: pytest.FixtureRequest, objects: Objects) -> Digest:
    digest = objects.put_bytes(WEIGHTS)
    overwrite(objects, digest, DAMAGE[request.param](WEIGHTS))
    return digest


def test_damage_is_found_on_reading(objects: Objects, damaged: Digest) -> None:
    with pytest.raises(Damaged):
        again(objects).get(damaged)


def test_damage_is_found_before_a_path_is_given_out(objects: Objects, damaged: Digest) -> None:
    with pytest.raises(Damaged):
        again(objects).path(damaged)


def test_damage_is_found_on_copying_out(objects: Objects, damaged: Digest, tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out, pytest.raises(Damaged):
        again(objects).copy_out(damaged, out.fileno())


def test_a_damaged_object_is_set_aside_and_told(objects: Objects, damaged: Digest) -> None:
    fresh = again(objects)
    assert not fresh.known_good(damaged)
    assert fresh.damaged == [damaged]
    assert not fresh.has(damaged)
    assert os.path.exists(f"{objects.root}/quarantine/{damaged}")


def test_a_damaged_object_is_healed_by_putting_it_again(objects: Objects, damaged: Digest) -> None:
    fresh = again(objects)
    fresh.put_bytes(WEIGHTS)
    assert again(objects).get(damaged) == WEIGHTS


def test_a_damaged_object_is_healed_by_adopting_its_file(
    objects: Objects, damaged: Digest, source: Path
) -> None:
    adopted(again(objects), source)
    assert source.read_bytes() == WEIGHTS
    assert again(objects).get(damaged) == WEIGHTS


def test_a_sound_file_is_never_replaced_by_a_damaged_object(
    objects: Objects, source: Path, tmp_path: Path
) -> None:
    digest = adopted(objects, source).digest
    overwrite(objects, digest, flip(WEIGHTS))
    twin = tmp_path / "twin.bin"
    twin.write_bytes(WEIGHTS)
    adopted(again(objects), twin)
    assert twin.read_bytes() == WEIGHTS
    assert again(objects).get(digest) == WEIGHTS


def test_an_object_that_was_written_to_since_it_was_verified_is_verified_again(
    objects: Objects, source: Path
) -> None:
    digest = adopted(objects, source).digest
    source.chmod(0o644)
    source.write_bytes(OTHER)
    assert not objects.known_good(digest)


def test_a_thousand_damaged_objects_are_found(objects: Objects) -> None:
    digests = [objects.put_bytes(b"%d" % number) for number in range(1000)]
    for number, digest in enumerate(digests):
        overwrite(objects, digest, b"%d" % (number + 1))
    fresh = again(objects)
    assert not any(map(fresh.known_good, digests))
    assert sorted(fresh.damaged) == sorted(digests)


# ---------------------------------------------------------------- a store that can't be written


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 4 KiB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_is_said_with_a_way_out(objects: Objects) -> None:
    with pytest.raises(StoreUnwritable, match="no room") as told:
        objects.put_bytes(BIG)
    assert told.value.fix


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_leaves_nothing_half_written(objects: Objects) -> None:
    with pytest.raises(StoreUnwritable):
        objects.put_bytes(BIG)
    assert files_in(objects.folder) == unfinished(objects) == []


def test_a_file_too_big_for_the_disk_leaves_nothing_half_written(
    objects: Objects, source: Path, request: pytest.FixtureRequest
) -> None:
    source.write_bytes(BIG)
    request.getfixturevalue("small_files")
    with pytest.raises(StoreUnwritable):
        objects.copy_in(str(source))
    assert files_in(objects.folder) == unfinished(objects) == []


def test_the_store_goes_on_once_there_is_room(objects: Objects) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    with pytest.raises(StoreUnwritable):
        objects.put_bytes(BIG)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert objects.get(objects.put_bytes(BIG)) == BIG


def test_a_store_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(OSError, match="store"):
        Objects(str(tmp_path / "store")).put_bytes(WEIGHTS)


# ---------------------------------------------------------------- durability


def test_a_flushed_store_still_has_all(objects: Objects, source: Path) -> None:
    digests = [objects.put_bytes(WEIGHTS), adopted(objects, source).digest]
    objects.sync()
    assert all(map(again(objects).known_good, digests))


def test_many_objects_are_flushed_at_once(objects: Objects) -> None:
    digests = [objects.put_bytes(b"%d" % number) for number in range(300)]
    objects.sync()
    assert all(map(objects.has, digests))


def test_flushing_an_empty_store_is_no_fault(objects: Objects) -> None:
    objects.sync()


def test_an_object_that_was_set_aside_does_not_keep_the_others_from_being_flushed(objects: Objects) -> None:
    os.unlink(objects.place(objects.put_bytes(WEIGHTS)))
    objects.put_bytes(OTHER)
    objects.sync()


def test_a_failed_flush_is_never_forgotten(objects: Objects) -> None:
    place = objects.place(objects.put_bytes(WEIGHTS))
    os.unlink(place)
    os.symlink(place, place)
    with pytest.raises(StoreUnwritable):
        objects.sync()
    with pytest.raises(StoreUnwritable):
        objects.sync()


# ---------------------------------------------------------------- at once


def test_threads_may_put_the_same_bytes_at_once(objects: Objects) -> None:
    threads = [threading.Thread(target=put_numbers, args=(objects, 100)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files_in(objects.folder)) == 100
    assert all(again(objects).known_good(name(b"%d" % number)) for number in range(100))


def put_numbers(objects: Objects, count: int) -> None:
    for number in range(count):
        objects.put_bytes(b"%d" % number)


PUT_IN_A_PROCESS = """
import sys
from outdo.store.objects import Objects
objects = Objects(sys.argv[1])
for number in range(100):
    objects.put_bytes(b"%d" % number)
objects.close()
"""


def test_processes_may_put_the_same_bytes_at_once(objects: Objects) -> None:
    words = [sys.executable, "-c", PUT_IN_A_PROCESS, objects.root]
    processes = [subprocess.Popen(words) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert all(again(objects).known_good(name(b"%d" % number)) for number in range(100))
    assert unfinished(objects) == []


def test_threads_may_adopt_twins_at_once(objects: Objects, tmp_path: Path) -> None:
    twins = [tmp_path / f"twin{number}" for number in range(32)]
    for twin in twins:
        twin.write_bytes(WEIGHTS)
    threads = [threading.Thread(target=adopt, args=(objects, str(twin))) for twin in twins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(twin.read_bytes() == WEIGHTS for twin in twins)
    assert again(objects).get(name(WEIGHTS)) == WEIGHTS


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(contents=st.lists(st.binary(max_size=200), max_size=8))
def test_whatever_was_put_comes_back(objects: Objects, contents: list[bytes]) -> None:
    digests = [objects.put_bytes(content) for content in contents]
    assert [again(objects).get(digest) for digest in digests] == contents


def test_a_scratch_folder_that_is_swept_while_it_is_made_is_made_again(tmp_path: Path) -> None:
    code = """
import sys
from outdo.store.files import Scratch
for _ in range(200):
    scratch = Scratch(sys.argv[1])
    open(scratch.name(), "w").close()
    scratch.close()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "tmp")]
    racers = [subprocess.Popen(command) for _ in range(4)]
    assert [racer.wait() for racer in racers] == [0] * 4
