"""The workspace: what is saved comes back, what changed is seen, and nothing outside is ever touched."""

import os
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdo.core.digest import digest_bytes
from outdo.core.errors import BadPath, Damaged, NotAFile, NotInStore, Usage
from outdo.core.model import Entry
from outdo.store import trees
from outdo.store.nodes import Tree, encode_node
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace

KINDS = ["hardlink", "symlink", "copy", pytest.param("reflink", marks=pytest.mark.slow)]
BIG = bytes(range(256)) * 8192


class World:
    """A project with its store; `again` is the next process in it."""

    def __init__(self, root: Path, links: tuple[str, ...]) -> None:
        self.root = root
        self.links = links
        self.objects = Objects(str(root / ".outdo"))
        self.cache = StatCache(str(root / ".outdo"))
        self.workspace = Workspace(str(root), self.objects, self.cache, links)

    def again(self) -> "World":
        self.cache.save()
        return World(self.root, self.links)

    def write(self, path: str, content: str | bytes = "") -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return place

    def look(self, path: str) -> Entry | None:
        return self.workspace.look([path]).get(path)

    def folder(self) -> None:
        """A folder with some of everything that a folder can have in it."""
        self.write("model/weights.bin", BIG)
        self.write("model/config/a.json", "{}")
        self.write("model/config/b.json", "{}")
        self.write("model/empty.txt")
        self.write("model/run.sh", "#!/bin/sh").chmod(0o755)
        (self.root / "model/logs").mkdir()
        (self.root / "model/latest").symlink_to("config/a.json")


@pytest.fixture(scope="session")
def reflinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on a file system that knows reflinks."""
    folder = tmp_path_factory.mktemp("reflinks")
    image = tmp_path_factory.mktemp("image") / "disk"
    make = shutil.which("mkfs.xfs") or shutil.which("mkfs.btrfs")
    if make is None:
        pytest.skip("needs mkfs.xfs or mkfs.btrfs to make a file system that knows reflinks")
    with open(image, "wb") as file:
        file.truncate(320 << 20)
    subprocess.run([make, "-q", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system that knows reflinks")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param != "reflink":
        return World(tmp_path / "project", (request.param, "copy"))
    folder: Path = request.getfixturevalue("reflinks")
    return World(folder / f"{time.monotonic_ns()}", ("reflink",))


@pytest.fixture
def linked(tmp_path: Path) -> World:
    return World(tmp_path / "project", ("hardlink", "copy"))


def snapshot(root: Path) -> dict[str, tuple[str, bytes]]:
    """Kind and content of everything in a folder, links followed only into the store."""
    found = {}
    for top, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(top, name)
            inner = str(path.relative_to(root))
            if path.is_symlink() and ".outdo" not in os.readlink(path):
                found[inner] = ("link", os.readlink(path).encode())
            elif path.is_dir():
                found[inner] = ("folder", b"")
            else:
                kind = "program" if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else "file"
                found[inner] = (kind, path.read_bytes())
    return found


# ---------------------------------------------------------------- looking


def test_a_file_is_what_it_holds(world: World) -> None:
    world.write("a.csv", "a,b\n")
    assert world.look("a.csv") == Entry(digest_bytes(b"a,b\n"), 4)


def test_a_path_that_is_not_there_is_left_out(world: World) -> None:
    world.write("a.csv")
    assert list(world.workspace.look(["b.csv", "a.csv", "c/d.csv", "a.csv/x"])) == ["a.csv"]


def test_a_program_is_told_from_a_file(world: World) -> None:
    world.write("run.sh").chmod(0o755)
    entry = world.look("run.sh")
    assert entry is not None
    assert entry.executable


def test_a_folder_is_what_is_in_it(world: World) -> None:
    world.folder()
    entry = world.look("model")
    assert entry is not None
    assert (entry.kind, entry.files, entry.size) == ("tree", 6, len(BIG) + 4 + 9)


def test_the_same_content_is_the_same_entry_in_whatever_order_it_was_made(world: World) -> None:
    for name in ("a", "b", "c"):
        world.write(f"one/{name}", name)
    for name in ("c", "a", "b"):
        world.write(f"two/{name}", name)
    assert world.look("one") == world.look("two")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "model/weights.bin").write_bytes(b"other"),
        lambda root: (root / "model/new").write_text("new"),
        lambda root: (root / "model/empty.txt").unlink(),
        lambda root: (root / "model/empty.txt").rename(root / "model/moved.txt"),
        lambda root: (root / "model/run.sh").chmod(0o644),
        lambda root: (root / "model/logs").rmdir(),
        lambda root: (root / "model/config/new").mkdir(),
        lambda root: ((root / "model/latest").unlink(), (root / "model/latest").symlink_to("empty.txt")),
    ],
    ids=["edited", "added", "removed", "moved", "mode", "folder removed", "folder added", "link"],
)
def test_any_change_in_a_folder_is_seen(linked: World, change: Callable[[Path], object]) -> None:
    linked.folder()
    before = linked.look("model")
    linked = linked.again()
    assert linked.look("model") == before
    change(linked.root)
    assert linked.look("model") != before
    assert linked.look("model") == World(linked.root, linked.links).look("model")


def test_a_glob_is_the_files_that_it_means(linked: World) -> None:
    for name in ("data/a.csv", "data/b.csv", "data/b.txt", "data/deep/c.csv", "top.csv"):
        linked.write(name, name)
    assert linked.workspace.expand("data/*.csv") == ["data/a.csv", "data/b.csv"]
    assert linked.workspace.expand("**/*.csv") == ["data/a.csv", "data/b.csv", "data/deep/c.csv", "top.csv"]
    assert linked.workspace.expand("data/[ab].???") == ["data/a.csv", "data/b.csv", "data/b.txt"]
    assert linked.workspace.expand("nothing/*") == []
    entry = linked.look("data/*.csv")
    assert entry is not None
    assert (entry.kind, entry.files, entry.size) == ("tree", 2, 20)


def test_a_glob_sees_files_come_go_and_change(linked: World) -> None:
    linked.write("data/a.csv", "1")
    one = linked.look("data/*.csv")
    linked.write("data/b.csv", "2")
    two = linked.again().look("data/*.csv")
    linked.write("data/b.csv", "3")
    three = linked.look("data/*.csv")
    assert len({one, two, three}) == 3
    (linked.root / "data/b.csv").unlink()
    assert linked.look("data/*.csv") == one


def test_a_glob_that_means_no_file_is_not_there(linked: World) -> None:
    assert linked.look("data/*.csv") is None


def test_a_file_whose_name_looks_like_a_glob_is_a_file(linked: World) -> None:
    linked.write("data[1].csv", "1")
    assert linked.look("data[1].csv") == Entry(digest_bytes(b"1"), 1)


def test_a_glob_never_looks_into_git_or_outdo(linked: World) -> None:
    linked.write(".git/HEAD", "ref")
    linked.write("sub/.git/HEAD", "ref")
    linked.objects.put_bytes(b"object")
    assert linked.workspace.expand("**") == []
    assert linked.workspace.expand("**/HEAD") == []


def test_the_whole_project_can_be_looked_at(linked: World) -> None:
    linked.write("a", "1")
    linked.write(".git/HEAD", "ref")
    before = linked.look(".")
    linked.write(".git/HEAD", "other")
    linked.objects.put_bytes(b"object")
    assert linked.look(".") == before


def test_bytecode_that_reading_a_folder_leaves_there_does_not_count(linked: World) -> None:
    linked.write("src/train.py", "1")
    before = linked.look("src")
    linked.write("src/__pycache__/train.cpython-311.pyc", "1")
    assert linked.look("src") == before
    assert linked.workspace.expand("src/**") == ["src/train.py"]


def test_paths_out_of_the_project_can_be_read(linked: World, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("1")
    entry = Entry(digest_bytes(b"1"), 1)
    assert linked.write("x").exists()
    assert linked.workspace.look(["../raw.csv", f"{tmp_path}/raw.csv"]) == {
        "../raw.csv": entry,
        f"{tmp_path}/raw.csv": entry,
    }
    assert linked.workspace.expand("../*.csv") == ["../raw.csv"]
    assert linked.workspace.expand(f"{tmp_path}/*.csv") == [f"{tmp_path}/raw.csv"]


STRANGE = ["new\nline", " a b ", "ünïcode 🚀", "back\\slash", "-rf", "*", "a\udcffb", "..."]


@pytest.mark.parametrize("name", STRANGE)
def test_files_of_any_name_are_saved_and_restored(world: World, name: str) -> None:
    world.write(f"data/{name}", "1")
    entry = world.workspace.save("data")
    world = world.again()
    assert world.look("data") == entry
    world.workspace.remove("data")
    world.workspace.restore("data", entry)
    assert os.listdir(world.root / "data") == [name]
    assert world.look("data") == entry


def test_what_is_no_file_is_refused(linked: World) -> None:
    linked.write("a")
    os.mkfifo(linked.root / "pipe")
    os.makedirs(linked.root / "data")
    os.mkfifo(linked.root / "data/pipe")
    for path in ("pipe", "data"):
        with pytest.raises(NotAFile, match="pipe"):
            linked.look(path)
        with pytest.raises(NotAFile, match="pipe"):
            linked.workspace.save(path)


def test_a_socket_in_a_folder_is_refused(linked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    linked.write("data/a")
    monkeypatch.chdir(linked.root / "data")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(NotAFile, match="socket"):
            linked.look("data")


def test_a_link_that_leads_nowhere_is_said(linked: World) -> None:
    linked.write("x")
    (linked.root / "dangling").symlink_to("nothing")
    with pytest.raises(NotAFile, match="where nothing is"):
        linked.look("dangling")


def test_a_link_in_a_circle_is_said(linked: World) -> None:
    linked.write("x")
    (linked.root / "circle").symlink_to("circle")
    with pytest.raises(NotAFile, match="circle"):
        linked.look("circle")


def test_a_link_to_a_file_is_that_file(linked: World, tmp_path: Path) -> None:
    linked.write("x")
    (tmp_path / "raw.csv").write_text("1")
    (linked.root / "raw.csv").symlink_to(tmp_path / "raw.csv")
    assert linked.look("raw.csv") == Entry(digest_bytes(b"1"), 1)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "sub/../../secret"])
def test_a_link_out_of_a_folder_is_refused(linked: World, target: str) -> None:
    linked.write("secret")
    linked.write("data/sub/a")
    (linked.root / "data/link").symlink_to(target)
    with pytest.raises(NotAFile, match="link") as told:
        linked.workspace.save("data")
    assert told.value.fix
    assert not linked.objects.has(digest_bytes(b""))


# ---------------------------------------------------------------- edits that hide


def test_a_fast_edit_of_the_same_size_is_seen(world: World) -> None:
    for turn in range(200):
        content = b"%03d" % turn
        world.write("a", content)
        assert world.look("a") == Entry(digest_bytes(content), 3)


def test_a_fast_edit_in_a_folder_is_seen(linked: World) -> None:
    seen = set()
    for turn in range(100):
        linked.write("data/a", f"{turn:03}")
        seen.add(linked.look("data"))
    assert len(seen) == 100


def test_an_edit_that_puts_the_old_time_back_is_seen(world: World) -> None:
    for turn in range(50):
        place = world.write("a", f"{turn:03}")
        os.utime(place, ns=(10**18, 10**18))
        assert world.look("a") == Entry(digest_bytes(b"%03d" % turn), 3)


def test_an_edit_of_a_saved_file_that_puts_the_old_time_back_is_seen(world: World) -> None:
    place = world.write("a", "one")
    before = world.workspace.save("a")
    status = os.stat(place)
    world.workspace.unprotect("a")
    place.write_text("two")
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert world.look("a") != before


def test_an_edit_through_the_protection_is_seen(linked: World) -> None:
    """As root may do it, or after a chmod."""
    place = linked.write("a", "one")
    before = linked.workspace.save("a")
    place.chmod(0o644)
    place.write_text("two")
    assert linked.look("a") != before
    assert not linked.objects.known_good(before.digest)
    assert linked.objects.damaged == [before.digest]


def test_a_file_of_the_future_is_read_each_time(linked: World) -> None:
    place = linked.write("a", "one")
    os.utime(place, ns=(4 * 10**18, 4 * 10**18))
    assert linked.look("a") == Entry(digest_bytes(b"one"), 3)
    assert linked.cache.get("a", (0, 0, 0, 0, 0), 0) is None
    place.write_text("two")
    os.utime(place, ns=(4 * 10**18, 4 * 10**18))
    assert linked.look("a") == Entry(digest_bytes(b"two"), 3)


def test_a_file_that_takes_the_place_of_another_is_seen(linked: World) -> None:
    linked.write("a", "one")
    linked.write("b", "two")
    linked.look("a")
    os.rename(linked.root / "b", linked.root / "a")
    assert linked.look("a") == Entry(digest_bytes(b"two"), 3)


def test_a_damaged_stat_cache_makes_no_difference(linked: World) -> None:
    linked.folder()
    before = linked.workspace.look(["model", "model/run.sh"])
    linked.cache.save()
    for path in (linked.root / ".outdo/stat").rglob("*"):
        if path.is_file():
            path.write_bytes(b"rubbish")
    assert World(linked.root, linked.links).workspace.look(["model", "model/run.sh"]) == before


# ---------------------------------------------------------------- save and restore


def test_a_saved_file_is_restored(world: World) -> None:
    world.write("out/a.csv", "a,b\n")
    entry = world.workspace.save("out/a.csv")
    assert entry == Entry(digest_bytes(b"a,b\n"), 4)
    world.workspace.remove("out/a.csv")
    assert world.look("out/a.csv") is None
    world.workspace.restore("out/a.csv", entry)
    assert (world.root / "out/a.csv").read_text() == "a,b\n"
    assert world.look("out/a.csv") == entry


def test_a_saved_folder_is_restored(world: World) -> None:
    world.folder()
    before = snapshot(world.root / "model")
    entry = world.workspace.save("model")
    assert snapshot(world.root / "model") == before
    world.workspace.remove("model")
    world.again().workspace.restore("model", entry)
    assert snapshot(world.root / "model") == before
    assert world.again().look("model") == entry


def test_saving_and_looking_agree(world: World) -> None:
    world.folder()
    before = world.look("model")
    assert world.workspace.save("model") == before
    assert world.again().look("model") == before


def test_saving_twice_is_saving_once(world: World) -> None:
    world.folder()
    assert world.workspace.save("model") == world.again().workspace.save("model")
    assert world.workspace.save("model/run.sh") == world.again().workspace.save("model/run.sh")


def test_nothing_unfinished_is_left(world: World) -> None:
    world.folder()
    entry = world.workspace.save("model")
    world.workspace.remove("model")
    world.workspace.restore("model", entry)
    assert [path for path in (world.root / ".outdo/tmp").rglob("*") if path.is_file()] == []


def test_without_cache_a_file_is_only_looked_at(world: World) -> None:
    place = world.write("metrics.json", "{}")
    entry = world.workspace.save("metrics.json", cache=False)
    assert entry == Entry(digest_bytes(b"{}"), 2)
    assert not world.objects.has(entry.digest)
    assert not place.is_symlink()


def test_without_link_a_saved_file_stays_a_file_of_its_own(world: World) -> None:
    place = world.write("metrics.json", "{}")
    entry = world.workspace.save("metrics.json", link=False)
    assert world.objects.has(entry.digest)
    place.write_text("other")
    assert world.objects.get(entry.digest) == b"{}"
    world.workspace.restore("metrics.json", entry, link=False)
    place.write_text("other")
    assert world.objects.known_good(entry.digest)


def test_a_hardlinked_output_is_read_only(linked: World) -> None:
    linked.folder()
    linked.workspace.save("model")
    assert not (linked.root / "model/weights.bin").stat().st_mode & 0o222
    assert (linked.root / "model/run.sh").stat().st_mode & 0o200


def test_a_program_stays_one_whatever_the_link(world: World) -> None:
    world.write("run.sh", "#!/bin/sh").chmod(0o755)
    world.write("data/a", "#!/bin/sh")
    entry = world.workspace.save("run.sh")
    world.workspace.save("data")
    assert entry.executable
    world.workspace.remove("run.sh")
    world.workspace.restore("run.sh", entry)
    assert world.look("run.sh") == entry
    assert not (world.root / "data/a").stat().st_mode & 0o111


def test_saving_what_is_not_there_says_so(world: World) -> None:
    world.write("a")
    for cache in (True, False):
        with pytest.raises(FileNotFoundError):
            world.workspace.save("b", cache=cache)


def test_restoring_touches_only_what_differs(linked: World) -> None:
    linked.folder()
    entry = linked.workspace.save("model")
    inodes = {path: path.lstat().st_ino for path in (linked.root / "model").rglob("*")}
    (linked.root / "model/config/a.json").unlink()
    linked.write("model/config/a.json", "changed")
    linked.workspace.restore("model", entry)
    touched = [path for path, inode in inodes.items() if path.lstat().st_ino != inode]
    assert [path.name for path in touched if path.name != "a.json"] == []
    assert linked.look("model") == entry


def mess_up(root: Path) -> None:
    """Everything in the folder's place is of another kind."""
    shutil.rmtree(root / "model/config")
    (root / "model/config").symlink_to("/etc")
    (root / "model/empty.txt").unlink()
    (root / "model/empty.txt").mkdir()
    (root / "model/empty.txt/x").write_text("x")
    (root / "model/latest").unlink()
    (root / "model/latest").write_text("no link")
    (root / "model/logs").rmdir()
    (root / "model/logs").write_text("no folder")
    os.mkfifo(root / "model/pipe")
    (root / "model/surplus/deep/__pycache__").mkdir(parents=True)
    (root / "model/surplus/deep/a").write_text("a")
    (root / "model/run.sh").chmod(0o644)


def test_whatever_became_of_a_folder_it_is_restored(world: World) -> None:
    world.folder()
    before = snapshot(world.root / "model")
    entry = world.workspace.save("model")
    mess_up(world.root)
    world.workspace.restore("model", entry)
    assert snapshot(world.root / "model") == before
    assert world.look("model") == entry


def test_an_empty_folder_in_a_restored_one_is_missed_when_it_goes(linked: World) -> None:
    (linked.root / "data/empty").mkdir(parents=True)
    entry = linked.workspace.save("data")
    linked.workspace.remove("data")
    linked.workspace.restore("data", entry)
    (linked.root / "data/empty").rmdir()
    assert linked.look("data") != entry


def test_a_folder_takes_the_place_of_a_file_and_a_file_that_of_a_folder(world: World) -> None:
    world.folder()
    world.write("a", "1")
    folder, file = world.workspace.save("model"), world.workspace.save("a")
    world.workspace.restore("model", file)
    world.workspace.restore("a", folder)
    assert world.workspace.look(["model", "a"]) == {"model": file, "a": folder}


def test_a_folder_that_became_a_link_is_restored_without_touching_what_it_leads_to(
    world: World, tmp_path: Path
) -> None:
    world.folder()
    entry = world.workspace.save("model")
    world.workspace.remove("model")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_text("1")
    (world.root / "model").symlink_to(tmp_path / "outside")
    world.workspace.restore("model", entry)
    assert not (world.root / "model").is_symlink()
    assert os.listdir(tmp_path / "outside") == ["precious"]


def test_a_folder_of_the_user_behind_a_link_is_saved_but_not_taken(linked: World, tmp_path: Path) -> None:
    linked.write("x")
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch/a").write_text("1")
    (linked.root / "out").symlink_to(tmp_path / "scratch")
    linked.workspace.save("out")
    assert (tmp_path / "scratch/a").stat().st_nlink == 1
    assert (tmp_path / "scratch/a").stat().st_mode & 0o200


def test_a_file_of_the_user_behind_a_link_is_saved_but_not_taken(world: World, tmp_path: Path) -> None:
    world.write("x")
    (tmp_path / "big.csv").write_text("1")
    (world.root / "out.csv").symlink_to(tmp_path / "big.csv")
    assert world.workspace.save("out.csv") == Entry(digest_bytes(b"1"), 1)
    assert (tmp_path / "big.csv").stat().st_nlink == 1
    assert (tmp_path / "big.csv").stat().st_mode & 0o200
    assert (world.root / "out.csv").readlink() == tmp_path / "big.csv"


def test_unprotected_files_may_be_written_to(world: World) -> None:
    world.folder()
    world.write("a", "1")
    folder, file = world.workspace.save("model"), world.workspace.save("a")
    before = snapshot(world.root / "model")
    world.workspace.unprotect("model")
    world.workspace.unprotect("a")
    world.workspace.unprotect("not-there")
    assert snapshot(world.root / "model") == before
    assert world.workspace.look(["model", "a"]) == {"model": folder, "a": file}
    for path in [world.root / "a", *(p for p in (world.root / "model").rglob("*") if p.is_file())]:
        assert path.stat().st_mode & 0o200
        path.write_text("changed")
    assert world.workspace.holds(folder)
    tree = trees.read(world.objects.get, folder.digest)
    assert all(world.again().objects.known_good(digest) for _, digest, _, _ in tree.files)


def test_the_next_kind_is_taken_where_one_can_not_be_had(tmp_path: Path) -> None:
    world = World(tmp_path, ("reflink", "hardlink", "copy"))
    world.write("a", "1")
    entry = world.workspace.save("a")
    world.workspace.remove("a")
    world.workspace.restore("a", entry)
    assert world.look("a") == entry


def test_an_unknown_kind_of_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="softlink"):
        World(tmp_path, ("softlink",))


# ---------------------------------------------------------------- a store that lacks or lies


def test_restoring_what_the_store_lacks_changes_nothing(world: World) -> None:
    world.folder()
    entry = world.workspace.save("model")
    world.workspace.unprotect("model")
    world.write("model/config/a.json", "changed")
    os.unlink(world.objects.place(digest_bytes(b"")))
    assert not world.workspace.holds(entry)
    before = snapshot(world.root / "model")
    with pytest.raises(NotInStore):
        world.workspace.restore("model", entry)
    assert snapshot(world.root / "model") == before


def test_a_damaged_object_never_reaches_the_workspace(world: World) -> None:
    world.write("a", b"weights")
    entry = world.workspace.save("a")
    world.workspace.remove("a")
    place = Path(world.objects.place(entry.digest))
    place.chmod(0o644)
    place.write_bytes(b"WEIGHTS")
    fresh = world.again()
    with pytest.raises(Damaged):
        fresh.workspace.restore("a", entry)
    assert not (world.root / "a").exists()
    assert fresh.objects.damaged == [entry.digest]
    assert not fresh.workspace.holds(entry)


def test_a_folder_that_was_gone_comes_back_whole_or_not_at_all(world: World) -> None:
    world.folder()
    entry = world.workspace.save("model")
    shutil.rmtree(world.root / "model")
    place = Path(world.objects.place(digest_bytes(b"#!/bin/sh")))
    place.chmod(0o644)
    place.write_bytes(b"#!/bin/zz")

    if "symlink" in world.links:  # each link leads from where it is, so that they are made one by one
        pytest.skip("nothing is made apart")
    with pytest.raises(Damaged):
        world.workspace.restore("model", entry)
    assert not (world.root / "model").exists()
    assert not [*(world.root / ".outdo/tmp").glob("*/*")]


def test_a_restored_folder_has_the_group_that_is_handed_down(linked: World) -> None:
    linked.write("shared/model/a", "a")
    entry = linked.workspace.save("shared/model")
    shutil.rmtree(linked.root / "shared/model")
    (linked.root / "shared").chmod(0o2775)

    linked.workspace.restore("shared/model", entry)

    assert (linked.root / "shared/model").stat().st_mode & stat.S_ISGID


def test_a_hostile_tree_is_not_restored(world: World, tmp_path: Path) -> None:
    digest = world.objects.put_bytes(b"evil")
    content = encode_node(Tree([("../../evil", digest, 4, False)]))
    entry = Entry(world.objects.put_bytes(content), 4, "tree", 1)
    with pytest.raises(Damaged):
        world.workspace.restore("out", entry)
    assert not (tmp_path / "evil").exists()


# ---------------------------------------------------------------- staying inside


@pytest.mark.parametrize(
    "path", ["../out", "/tmp/out", ".", "..", "", "a/..", ".git/config", ".outdo/objects/ab"]
)
def test_nothing_is_written_or_removed_out_of_the_project(linked: World, path: str) -> None:
    linked.write("a/x", "1")
    linked.write(".git/config", "1")
    entry = linked.workspace.save("a/x")
    for act in (linked.workspace.remove, linked.workspace.unprotect, linked.workspace.save):
        with pytest.raises(BadPath):
            act(path)
    with pytest.raises(BadPath):
        linked.workspace.restore(path, entry)
    assert (linked.root / ".git/config").read_text() == "1"


def test_a_folder_that_leads_out_of_the_project_is_not_written_through(linked: World, tmp_path: Path) -> None:
    linked.write("a", "1")
    entry = linked.workspace.save("a")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_text("1")
    (linked.root / "data").symlink_to(tmp_path / "outside")
    with pytest.raises(BadPath, match="out of the project"):
        linked.workspace.restore("data/precious", entry)
    with pytest.raises(BadPath, match="out of the project"):
        linked.workspace.remove("data/precious")
    assert (tmp_path / "outside/precious").read_text() == "1"


def test_removing_a_link_leaves_what_it_leads_to(linked: World, tmp_path: Path) -> None:
    linked.write("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_text("1")
    (linked.root / "data").symlink_to(tmp_path / "outside")
    linked.workspace.remove("data")
    assert (tmp_path / "outside/precious").exists()
    assert not (linked.root / "data").is_symlink()


def test_removing_a_folder_leaves_what_links_in_it_lead_to(linked: World, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_text("1")
    linked.write("data/a")
    (linked.root / "data/link").symlink_to(tmp_path / "outside")
    linked.workspace.remove("data")
    linked.workspace.remove("data")
    assert (tmp_path / "outside/precious").exists()
    assert not (linked.root / "data").exists()


# ---------------------------------------------------------------- at once


def test_threads_may_save_and_restore_at_once(world: World) -> None:
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for turn in range(5):
                for number in range(20):
                    world.write(f"{name}/{number}", f"{number}")
                world.write(f"{name}.txt", f"{turn}")
                folder, file = world.workspace.save(name), world.workspace.save(f"{name}.txt")
                world.workspace.remove(name)
                world.workspace.remove(f"{name}.txt")
                world.workspace.restore(name, folder)
                world.workspace.restore(f"{name}.txt", file)
                assert world.workspace.look([name, f"{name}.txt"]) == {name: folder, f"{name}.txt": file}
                world.workspace.remove(name)
                world.workspace.remove(f"{name}.txt")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(f"out{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert world.objects.damaged == []


# ---------------------------------------------------------------- whatever is in a folder

names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=4
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)
files = st.tuples(st.binary(max_size=20), st.booleans())
folders = st.recursive(
    st.dictionaries(names, files, max_size=3),
    lambda inner: st.dictionaries(names, files | inner, max_size=4),
    max_leaves=8,
)


def build(place: Path, content: dict[str, object], *, backwards: bool = False) -> None:
    place.mkdir(parents=True)
    for name, value in sorted(content.items(), reverse=backwards):
        if isinstance(value, dict):
            build(place / name, value, backwards=backwards)
        elif isinstance(value, tuple):
            (place / name).write_bytes(value[0])
            (place / name).chmod(0o755 if value[1] else 0o644)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=folders, other=folders)
def test_whatever_is_in_a_folder_comes_back(
    world: World, content: dict[str, object], other: dict[str, object]
) -> None:
    for path in ("one", "two"):
        world.workspace.remove(path)
    build(world.root / "one", content)
    build(world.root / "two", content, backwards=True)
    before = snapshot(world.root / "one")
    entry = world.workspace.save("one")
    assert world.look("two") == entry
    world.workspace.remove("two")
    build(world.root / "two", other)
    world.workspace.restore("two", entry)
    assert snapshot(world.root / "two") == before
    assert world.again().workspace.look(["one", "two"]) == {"one": entry, "two": entry}


def test_the_umask_is_kept(linked: World) -> None:
    linked.write("a", "1")
    old = os.umask(0o077)
    try:
        entry = linked.workspace.save("a", link=False)
        linked.workspace.remove("a")
        linked.workspace.restore("a", entry, link=False)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(linked.root / "a").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(linked.objects.place(entry.digest)).st_mode) == 0o400


# ---------------------------------------------------------------- large folders


LARGE = 2100
"""So many that the store remembers to have all of them."""


@pytest.fixture
def large(tmp_path: Path) -> tuple[World, Entry]:
    world = World(tmp_path, ("hardlink", "copy"))
    for number in range(LARGE):
        world.write(f"big/{number % 5}/{number}", str(number))
    os.symlink("1", world.root / "big" / "link")
    return world, world.workspace.save("big")


def test_a_large_folder_is_looked_at_and_put_back_as_a_small_one_is(large: tuple[World, Entry]) -> None:
    world, entry = large
    assert world.again().workspace.look(["big"]) == {"big": entry}
    before = snapshot(world.root / "big")
    world.workspace.remove("big")
    world.workspace.restore("big", entry)
    assert snapshot(world.root / "big") == before
    assert world.again().workspace.look(["big"]) == {"big": entry}


def test_only_what_differs_in_a_large_folder_is_touched(large: tuple[World, Entry]) -> None:
    world, entry = large
    kept = (world.root / "big/1/1").stat().st_ino
    (world.root / "big/2/2").unlink()
    (world.root / "big/2/new").write_text("new")
    world.workspace.restore("big", entry)
    assert world.workspace.look(["big"]) == {"big": entry}
    assert (world.root / "big/1/1").stat().st_ino == kept


def test_one_object_of_a_large_folder_that_is_gone_is_missed(large: tuple[World, Entry]) -> None:
    world, entry = large
    assert world.workspace.holds(entry)
    lost = world.workspace.look(["big/3/3"])["big/3/3"]
    os.unlink(world.objects.place(lost.digest))
    assert not world.workspace.holds(entry)
    with pytest.raises(NotInStore):
        world.workspace.restore("big", entry)


def test_that_a_large_folder_is_held_is_believed_until_an_object_goes(large: tuple[World, Entry]) -> None:
    world, entry = large
    time.sleep(0.05)  # past the tick in which the last object came
    lost = Path(world.objects.place(world.workspace.look(["big/3/3"])["big/3/3"].digest))
    kept = lost.rename(world.root / "kept")
    assert not world.again().workspace.holds(entry)
    kept.rename(lost)
    time.sleep(0.05)
    assert world.again().workspace.holds(entry)
    assert world.again().workspace.holds(entry)
    lost.unlink()
    assert not world.again().workspace.holds(entry)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x92\xc4\x01a\x91\xa1b"])
def test_what_is_remembered_of_large_folders_may_be_damaged(
    large: tuple[World, Entry], content: bytes
) -> None:
    world, entry = large
    world.write(".outdo/stat/whole", content)
    assert world.workspace.holds(entry)
    Path(world.objects.place(world.workspace.look(["big/3/3"])["big/3/3"].digest)).unlink()
    world.write(".outdo/stat/whole", content)
    assert not world.workspace.holds(entry)


def test_two_stores_are_told_apart(large: tuple[World, Entry]) -> None:
    world, entry = large
    time.sleep(0.05)
    assert world.workspace.holds(entry)
    other = Workspace(str(world.root), Objects(str(world.root / "other")), world.cache)
    assert not other.holds(entry)


def test_one_part_of_a_large_folder_s_tree_that_is_gone_is_missed(large: tuple[World, Entry]) -> None:
    world, entry = large
    part = next(iter(trees.nodes(world.objects.get, entry.digest)))
    os.unlink(world.objects.place(part))
    assert not world.workspace.holds(entry)
