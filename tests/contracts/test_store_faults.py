"""The store on a bad day: a full disk, a read-only one, another one, and kill -9."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from outdo.core.digest import digest_bytes
from outdo.core.errors import StoreUnwritable
from outdo.core.model import Digest, Entry
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace

KINDS = ["hardlink", "symlink", "copy"]
MEGABYTE = bytes(range(256)) * 4096


def workspace(project: Path, store: Path, kind: str = "hardlink") -> tuple[Workspace, Objects]:
    objects = Objects(str(store))
    return Workspace(str(project), objects, StatCache(str(project / ".outdo")), (kind, "copy")), objects


def write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def sound(store: Path) -> list[bool]:
    """For each object, by a process that knows nothing, whether it is."""
    objects = Objects(str(store))
    names = [
        Digest(path.parent.name + path.name) for path in (store / "objects").rglob("*") if path.is_file()
    ]
    return [objects.known_good(name) for name in names]


def unfinished(store: Path) -> list[Path]:
    return [path for path in (store / "tmp").rglob("*") if path.is_file()]


# ---------------------------------------------------------------- a store on another file system


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the project."""
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("needs /dev/shm to be another file system than the one tests run on")
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_on_another_file_system_works_the_same(tmp_path: Path, elsewhere: Path, kind: str) -> None:
    there, _ = workspace(tmp_path, elsewhere, kind)
    write(tmp_path / "data/a", b"1")
    write(tmp_path / "data/big", MEGABYTE * 2)
    entry = there.save("data")
    there.remove("data")
    there.restore("data", entry)
    assert there.look(["data"]) == {"data": entry}
    assert (tmp_path / "data/big").read_bytes() == MEGABYTE * 2
    assert unfinished(elsewhere) == []
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name[0] == "."] == []


def test_a_file_that_can_not_be_linked_to_the_store_stays_writable(tmp_path: Path, elsewhere: Path) -> None:
    there, _ = workspace(tmp_path, elsewhere)
    write(tmp_path / "a", b"1")
    there.save("a")
    assert (tmp_path / "a").stat().st_mode & 0o200


# ---------------------------------------------------------------- a small disk


def mount(folder: Path, options: str) -> None:
    words = ["mount", "-t", "tmpfs", "-o", options, "outdo-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "size=8m")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_on_a_full_disk_saving_fails_clearly_and_leaves_no_trace(
    tmp_path: Path, disk: Path, kind: str
) -> None:
    project = tmp_path / "project"
    there, _ = workspace(project, disk, kind)
    for number in range(12):
        write(project / f"data/{number}", MEGABYTE + b"%d" % number)
    with pytest.raises(StoreUnwritable, match="no room") as told:
        there.save("data")
    assert told.value.fix
    assert unfinished(disk) == []
    assert all(sound(disk))


@pytest.mark.slow
def test_small_things_can_still_be_stored_after_a_big_one_did_not_fit(tmp_path: Path, disk: Path) -> None:
    project = tmp_path / "project"
    there, objects = workspace(project, disk)
    write(project / "big", MEGABYTE * 10)
    for number in range(30):
        with pytest.raises(StoreUnwritable):
            there.save("big")
        assert objects.has(objects.put_bytes(b"metric %d" % number))
    assert unfinished(disk) == []


@pytest.mark.slow
def test_once_there_is_room_saving_goes_on_where_it_was(tmp_path: Path, disk: Path) -> None:
    project = tmp_path / "project"
    ballast = disk / "ballast"
    ballast.write_bytes(MEGABYTE * 6)
    there, _ = workspace(project, disk)
    for number in range(4):
        write(project / f"data/{number}", MEGABYTE + b"%d" % number)
    with pytest.raises(StoreUnwritable):
        there.save("data")
    ballast.unlink()
    entry = there.save("data")
    there.remove("data")
    there.restore("data", entry)
    assert there.look(["data"]) == {"data": entry}


@pytest.mark.slow
def test_a_restore_that_does_not_fit_fails_clearly_and_can_be_done_again(tmp_path: Path, disk: Path) -> None:
    store = tmp_path / "store"
    origin, _ = workspace(tmp_path / "project", store)
    for number in range(5):
        write(tmp_path / f"project/data/{number}", MEGABYTE + b"%d" % number)
    entry = origin.save("data")
    ballast = disk / "ballast"
    ballast.write_bytes(MEGABYTE * 6)
    there, _ = workspace(disk, store, "copy")
    with pytest.raises(StoreUnwritable, match="no room"):
        there.restore("data", entry)
    assert there.look(["data"]) != {"data": entry}
    ballast.unlink()
    there.restore("data", entry)
    assert there.look(["data"]) == {"data": entry}
    assert sorted(os.listdir(disk / "data")) == ["0", "1", "2", "3", "4"]


@pytest.mark.slow
def test_a_read_only_store_can_be_restored_from(tmp_path: Path, disk: Path) -> None:
    project = tmp_path / "project"
    there, objects = workspace(project, disk)
    write(project / "data/a", b"1")
    entry = there.save("data")
    there.remove("data")
    objects.close()  # who works with a store holds a file there open, and a disk with such a file stays writable
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    fresh, _ = workspace(project, disk)
    fresh.restore("data", entry)
    assert fresh.look(["data"]) == {"data": entry}


@pytest.mark.slow
def test_saving_to_a_read_only_store_says_so(tmp_path: Path, disk: Path) -> None:
    project = tmp_path / "project"
    write(project / "a", b"1")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    there, objects = workspace(project, disk)
    for act in (lambda: there.save("a"), lambda: objects.put_bytes(b"1")):
        with pytest.raises(StoreUnwritable, match="read-only") as told:
            act()
        assert told.value.fix
    assert there.look(["a"]) == {"a": Entry(digest_bytes(b"1"), 1)}


@pytest.mark.slow
def test_a_read_only_project_can_be_looked_at(disk: Path) -> None:
    write(disk / "a", b"1")
    write(disk / "data/b", b"1")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    there, _ = workspace(disk, disk / ".outdo")
    assert there.look(["a"]) == {"a": Entry(digest_bytes(b"1"), 1)}
    assert there.look(["data"])["data"].files == 1


# ---------------------------------------------------------------- more links than a file can have


@pytest.mark.slow
def test_more_files_of_the_same_bytes_than_a_file_can_have_links(tmp_path: Path) -> None:
    there, _ = workspace(tmp_path, tmp_path / ".outdo")
    (tmp_path / "data").mkdir()
    for number in range(65_100):
        os.close(os.open(tmp_path / f"data/{number}", os.O_CREAT))
    entry = there.save("data")
    assert entry.files == 65_100
    assert there.look(["data"]) == {"data": entry}
    there.remove("data")
    there.restore("data", entry)
    assert there.look(["data"]) == {"data": entry}


# ---------------------------------------------------------------- kill -9

WORK = """
import sys
from pathlib import Path
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace

root = Path(sys.argv[1])
cache = StatCache(str(root / ".outdo"))
workspace = Workspace(str(root), Objects(str(root / ".outdo")), cache, (sys.argv[2], "copy"))
print("ready", flush=True)
for turn in range(10**6):
    (root / "out").mkdir(exist_ok=True)
    for number in range(20):
        workspace.remove(f"out/{number}")
        (root / f"out/{number}").write_bytes(b"%d of %d" % (number, turn) * 5000)
    entry = workspace.save("out")
    workspace.remove("out")
    workspace.restore("out", entry)
    cache.save()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_at_any_moment_leaves_only_sound_objects_and_no_wrong_knowledge(
    tmp_path: Path, kind: str
) -> None:
    store = tmp_path / ".outdo"
    for seed in range(25):
        words = [sys.executable, "-c", WORK, str(tmp_path), kind]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.Random(seed).random() * 0.2)
            process.send_signal(signal.SIGKILL)
        there, objects = workspace(tmp_path, store, kind)
        known = there.look(["out"])
        unknowing = Workspace(str(tmp_path), objects, StatCache(str(tmp_path / "nothing")))
        assert known == unknowing.look(["out"])
        if known:
            there.save("out")
            assert there.look(["out"]) == known
        objects.put_bytes(b"%d" % seed)
        assert unfinished(store) == []
    assert all(sound(store))
