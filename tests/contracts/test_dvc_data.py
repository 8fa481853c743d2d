"""Tracked paths in a repository of DVC's: its cache, its pointers, its meaning."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import outdo
from outdo.app.data.add import add
from outdo.app.data.share import Asked, pull, push
from outdo.app.data.status import State, status
from outdo.app.data.tracking import Tracking
from outdo.app.data.ways import ways
from outdo.app.project import Project, open_project
from outdo.core.compare import FileChange
from outdo.core.errors import BadPath, CantTrack, Damaged, NotAFile, NotInRemote, NotInStore, UserError
from outdo.core.model import Digest, Entry
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.hashes import md5_bytes
from outdo.integrations.ports import Way

A, B, NO_FILES = (
    "b026324c6904b2a9cb4b88d6d61c81d1",
    "26ab0db90d72e28ad0ba1e22ee510510",
    "d751713988987e9331980363e24189ce",
)
FILES = {"raw/a": "1\n", "raw/sub/b": "2\n", "one": "1\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository as `dvc init` leaves it, with data that nobody tracks."""
    root = tmp_path / "mine"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / "dvc.yaml").write_text("stages: {}\n")
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def opened(root: Path) -> Project:
    return open_project(str(root))


def way(root: Path) -> Way:
    return ways(opened(root))[0]


def added(root: Path, *paths: str) -> None:
    add(opened(root), paths)


def state(root: Path, path: str = "raw") -> State:
    (found,) = status(opened(root), [path], granular=True).paths
    return found


def tracked(root: Path, path: str = "raw") -> Entry:
    entry = state(root, path).entry
    assert entry is not None
    return entry


def cached(root: Path, name: str) -> Path:
    return root / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]


def cache_type(root: Path, kind: str) -> None:
    (root / ".dvc" / "config").write_text(f"[cache]\n    type = {kind}\n")


def test_a_folder_gets_dvcs_pointer_cache_and_ignore(root: Path) -> None:
    added(root, "raw")
    digest = listing.digest(listing.encode({"a": A, "sub/b": B}))
    assert (root / "raw.dvc").read_text() == (
        f"outs:\n- md5: {digest}\n  size: 4\n  nfiles: 2\n  hash: md5\n  path: raw\n"
    )
    assert (root / ".gitignore").read_text() == "/raw\n"
    assert cached(root, digest).read_bytes() == listing.encode({"a": A, "sub/b": B})
    assert (cached(root, A).read_text(), cached(root, A).stat().st_mode & 0o777) == ("1\n", 0o444)


def test_a_file_keeps_that_it_can_be_executed(root: Path) -> None:
    (root / "one").chmod(0o755)
    added(root, "one")
    assert "isexec: true" in (root / "one.dvc").read_text()
    (root / "one").unlink()
    way(root).keeper.restore("one", tracked(root, "one"))
    assert os.access(root / "one", os.X_OK)


def test_a_folder_with_nothing_in_it_is_one_too(root: Path) -> None:
    (root / "none").mkdir()
    added(root, "none")
    assert tracked(root, "none") == Entry(Digest(f"{NO_FILES}.dir"), 0, "tree", 0)


def test_how_a_path_stands_is_told_as_dvc_means_it(root: Path) -> None:
    added(root, "raw")
    assert state(root).workspace == "same"
    (root / "raw" / "a").chmod(0o755)
    assert state(root).workspace == "same"
    (root / "raw" / "a").write_text("2\n")
    (root / "raw" / "new").write_text("3\n")
    assert state(root).files == (FileChange("a", "changed"), FileChange("new", "added"))


def test_a_part_is_added_to_its_folder_alone(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "a").write_text("changed")
    (root / "raw" / "sub" / "c").write_text("2\n")
    added(root, "raw/sub/c")
    assert way(root).parts.tree(tracked(root)).files == [
        ("a", Digest(A), 2, False),
        ("sub/b", Digest(B), 2, False),
        ("sub/c", Digest(B), 2, False),
    ]


def test_a_part_that_is_gone_is_taken_out_of_its_folder(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "sub" / "b").unlink()
    added(root, "raw/sub")
    assert (tracked(root).files, tracked(root).size) == (1, 2)


def test_a_folder_is_put_back_whole_and_what_is_too_much_goes(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "a").write_text("9\n")
    (root / "raw" / "sub" / "b").unlink()
    (root / "raw" / "more" / "deep").mkdir(parents=True)
    (root / "raw" / "more" / "deep" / "x").write_text("x")
    way(root).keeper.restore("raw", tracked(root))
    found = {str(path.relative_to(root / "raw")) for path in (root / "raw").rglob("*")}
    assert found == {"a", "sub", "sub/b"}
    assert (root / "raw" / "a").read_text() == "1\n"
    assert state(root).workspace == "same"


def test_what_dvc_does_not_see_is_no_part_of_a_folder_and_stays(root: Path) -> None:
    (root / ".dvcignore").write_text("*.tmp\n")
    (root / "raw" / "x.tmp").write_text("x")
    added(root, "raw")
    assert tracked(root).files == 2
    (root / "raw" / "a").unlink()
    way(root).keeper.restore("raw", tracked(root))
    assert (root / "raw" / "x.tmp").exists()


def test_a_file_comes_back_where_a_folder_was_and_the_other_way(root: Path) -> None:
    added(root, "raw", "one")
    keeper, folder, file = way(root).keeper, tracked(root), tracked(root, "one")
    keeper.restore("raw", file)
    assert (root / "raw").read_text() == "1\n"
    keeper.restore("raw", folder)
    assert (root / "raw" / "sub" / "b").read_text() == "2\n"


@pytest.mark.parametrize("kind", ["hardlink", "symlink", "copy", "reflink,copy", "reflink,hardlink"])
def test_files_are_linked_as_the_config_says(root: Path, kind: str) -> None:
    cache_type(root, kind)
    added(root, "raw")
    file, held = root / "raw" / "a", cached(root, A)
    same, link = os.path.samestat(file.stat(), held.stat()), file.is_symlink()
    assert (same, link) == ("link" in kind.replace("reflink", ""), kind == "symlink")
    (root / "raw" / "sub" / "b").unlink()
    file.unlink()
    way(root).keeper.restore("raw", tracked(root))
    assert (os.path.samestat(file.stat(), held.stat()), file.is_symlink()) == (same, link)
    assert state(root).workspace == "same"


def test_two_files_of_the_same_bytes_are_linked_to_one_object(root: Path) -> None:
    cache_type(root, "hardlink")
    (root / "raw" / "twin").write_text("1\n")
    added(root, "raw")
    assert cached(root, A).stat().st_nlink == 3


def test_a_path_of_dvc_2_stands_as_it_is(root: Path) -> None:
    (root / "one").write_bytes(b"1\r\n")
    (root / "one.dvc").write_text(f"outs:\n- md5: {A}\n  path: one\n")
    old = root / ".dvc" / "cache" / A[:2] / A[2:]
    old.parent.mkdir(parents=True)
    old.write_bytes(b"1\r\n")
    assert (state(root, "one").workspace, state(root, "one").held) == ("same", True)
    (root / "one").unlink()
    way(root).keeper.restore("one", tracked(root, "one"))
    assert (root / "one").read_bytes() == b"1\r\n"
    added(root, "one")
    assert "hash: md5" in (root / "one.dvc").read_text()


def test_what_the_cache_lacks_is_told_before_anything_is_touched(root: Path) -> None:
    added(root, "raw")
    entry = tracked(root)
    cached(root, B).unlink()
    (root / "raw" / "a").write_text("9\n")
    assert not state(root).held
    with pytest.raises(NotInStore, match="'raw'"):
        way(root).keeper.restore("raw", entry)
    assert (root / "raw" / "a").read_text() == "9\n"


def test_a_damaged_object_is_never_put_in_place(root: Path) -> None:
    added(root, "one")
    cached(root, A).chmod(0o644)
    cached(root, A).write_text("x\n")
    (root / "one").unlink()
    with pytest.raises(Damaged):
        way(root).keeper.restore("one", tracked(root, "one"))
    assert not (root / "one").exists()


def test_an_object_that_was_cut_short_is_put_anew(root: Path) -> None:
    added(root, "one")
    cached(root, A).chmod(0o644)
    cached(root, A).write_text("")
    way(root).keeper.save("one")
    assert cached(root, A).read_text() == "1\n"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("ln -s nowhere raw/x", "leads nowhere"),
        ("ln -s x raw/x", "leads nowhere"),
        ("mkfifo raw/x", "a pipe"),
        ("touch raw/.dvcignore", "DVC refuses"),
        (r"touch raw/$'\xff'", "not UTF-8"),
    ],
)
def test_what_dvc_can_not_keep_is_told_and_nothing_is_written(root: Path, make: str, says: str) -> None:
    subprocess.run(["bash", "-c", make], cwd=root, check=True)
    with pytest.raises(NotAFile, match=says):
        added(root, "raw")
    assert not (root / "raw.dvc").exists()
    assert not (root / ".gitignore").exists()


@pytest.mark.parametrize("name", [".git/hooks/x", ".dvc/config", "a/../../x", "sub/.DVC/x"])
def test_a_listing_that_names_what_it_may_not_is_refused(root: Path, name: str) -> None:
    content = f'[{{"md5": "{A}", "relpath": "{name}"}}]'.encode()
    held = cached(root, listing.digest(content))
    held.parent.mkdir(parents=True)
    held.write_bytes(content)
    with pytest.raises(Damaged):
        way(root).keeper.restore("raw", Entry(Digest(listing.digest(content)), 2, "tree", 1))


def test_nothing_is_put_through_a_link_to_a_folder(root: Path, tmp_path: Path) -> None:
    added(root, "raw")
    outside = tmp_path / "outside"
    outside.mkdir()
    entry = tracked(root)
    subprocess.run(["rm", "-r", str(root / "raw" / "sub")], check=True)
    (root / "raw" / "sub").symlink_to(outside)
    way(root).keeper.restore("raw", entry)
    assert list(outside.iterdir()) == []
    assert (root / "raw" / "sub" / "b").read_text() == "2\n"


@pytest.mark.parametrize("path", [".git/x", ".dvc/config", "../x", "/tmp/x", "out/x"])
def test_nothing_is_written_outside_the_project(root: Path, tmp_path: Path, path: str) -> None:
    (root / "out").symlink_to(tmp_path)
    added(root, "one")
    with pytest.raises(BadPath):
        way(root).keeper.restore(path, tracked(root, "one"))


def test_nothing_is_added_to_a_folder_of_dvc_2(root: Path) -> None:
    content = listing.encode({"a": A})
    name = listing.digest(content)
    held = root / ".dvc" / "cache" / name[:2] / name[2:]
    held.parent.mkdir(parents=True)
    held.write_bytes(content)
    (root / "raw.dvc").write_text(f"outs:\n- md5: {name}\n  path: raw\n")
    with pytest.raises(CantTrack, match="DVC 2"):
        added(root, "raw/a")


# To a remote and back.


@pytest.fixture
def shared(root: Path, tmp_path: Path) -> Path:
    """What `root` has added and pushed, in a clone that has no cache."""
    (root / ".dvc" / "config").write_text(
        "[core]\n    remote = lab\n['remote \"lab\"']\n    url = ../../lab\n"
    )
    added(root, "raw", "one")
    push(Tracking(opened(root)), Asked(), lambda _: None)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", *who, "commit", "-qm", "x"], cwd=root, check=True)
    subprocess.run(["git", "clone", "-q", str(root), str(tmp_path / "yours")], check=True)
    return tmp_path / "yours"


def test_what_is_pushed_has_dvcs_names(shared: Path) -> None:
    names = sorted(
        str(path.relative_to(shared.parent / "lab"))[:12] for path in (shared.parent / "lab").rglob("*/*/*/*")
    )
    assert names == ["files/md5/26", "files/md5/32", "files/md5/b0"]


def test_what_is_pulled_is_in_place(shared: Path) -> None:
    done = pull(Tracking(opened(shared)), Asked(), lambda _: None)
    assert done.moved["lab"].objects == 3
    assert (shared / "raw" / "sub" / "b").read_text() == "2\n"
    assert status(opened(shared)).clean


def test_of_a_folder_only_the_part_travels_that_is_asked_for(shared: Path) -> None:
    pull(Tracking(opened(shared)), Asked(("raw/sub",)), lambda _: None)
    assert [path.name for path in (shared / "raw").rglob("*") if path.is_file()] == ["b"]
    assert [path.name for path in (shared / ".dvc" / "cache").rglob("*") if path.is_file()] == [B[2:]]


LARGE = 2100
"""So many files that the cache remembers to have all of them."""


def test_a_large_folder_is_known_to_be_here_until_an_object_goes(root: Path) -> None:
    for number in range(LARGE):
        (root / "raw" / f"{number}").write_text(str(number))
    added(root, "raw")
    time.sleep(0.05)  # past the tick in which the last object came
    assert state(root).held
    assert state(root).held
    cached(root, md5_bytes(b"7")).unlink()
    assert not state(root).held


def test_a_damaged_object_of_a_large_folder_is_pulled_anew(root: Path, shared: Path) -> None:
    for number in range(LARGE):
        (root / "raw" / f"{number}").write_text(str(number))
    added(root, "raw")
    push(Tracking(opened(root)), Asked(("raw",)), lambda _: None)
    time.sleep(0.05)
    assert state(root).held
    damaged = cached(root, md5_bytes(b"7"))
    damaged.chmod(0o644)
    damaged.write_bytes(b"8")
    shutil.rmtree(root / "raw")

    pull(Tracking(opened(root)), Asked(("raw",)), lambda _: None)

    assert (root / "raw" / "7").read_text() == "7"
    assert len([path for path in (root / "raw").rglob("*") if path.is_file()]) == LARGE + 2


def test_what_the_remote_lacks_is_told_and_the_rest_is_here(shared: Path) -> None:
    (shared.parent / "lab" / "files" / "md5" / B[:2] / B[2:]).unlink()
    with pytest.raises(NotInRemote, match="'raw'"):
        pull(Tracking(opened(shared)), Asked(), lambda _: None)
    assert state(shared, "one").held


def test_a_pointer_that_is_none_stops_everything(root: Path) -> None:
    (root / "raw.dvc").write_text("outs: 3\n")
    with pytest.raises(UserError, match="list of paths"):
        added(root, "one", "raw")
    assert not (root / "one.dvc").exists()


# Data that changed since it was added.


def ran(root: Path, cmd: str = "cat raw/a one > all", *deps: str) -> list[str]:
    """What a run tells a person."""
    named = ", ".join(deps or ("raw/a", "one"))
    text = f"stages:\n  all: {{cmd: {cmd}, deps: [{named}], outs: [all]}}\n"
    (root / "dvc.yaml").write_text(text)
    done = outdo.load(str(root)).run()
    assert done.ok
    return list(done.warnings)


def test_changed_data_that_a_run_has_read_is_added_as_dvc_does(root: Path) -> None:
    added(root, "raw", "one")
    assert not ran(root)
    (root / "raw" / "a").write_text("3\n")
    told = ran(root)
    assert told == ["data had changed, so it was added: git add raw.dvc"]
    assert (state(root).workspace, state(root).held) == ("same", True)
    assert ran(root, "cat one raw/a > all") == []


def test_changed_data_that_no_stage_has_read_is_left_alone(root: Path) -> None:
    added(root, "raw", "one")
    (root / "one").write_text("3\n")
    assert ran(root, "cat raw/a > all", "raw/a") == []
    assert state(root, "one").workspace == "modified"


def test_changed_data_that_a_failed_stage_should_have_read_is_left_alone(root: Path) -> None:
    added(root, "raw", "one")
    ran(root)
    (root / "one").write_text("3\n")
    (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text().replace("cat raw/a", "false && cat"))
    assert not outdo.load(str(root)).run().ok
    assert state(root, "one").workspace == "modified"


def test_what_was_imported_is_never_added_by_a_run(root: Path) -> None:
    added(root, "one")
    source = "deps:\n- path: one\n  repo: {url: ../lab}\n"
    (root / "one.dvc").write_text(source + (root / "one.dvc").read_text())
    (root / "one").write_text("3\n")
    assert ran(root, "cat one > all", "one") == []
    assert state(root, "one").workspace == "modified"
