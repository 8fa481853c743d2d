"""Tracked data: added, told of, and refused where it can't be."""

import os
import subprocess
from pathlib import Path

import pytest

import outdo
from outdo.app.data.add import Asked, add
from outdo.app.data.status import Renamed, State, status
from outdo.app.project import open_project
from outdo.core.compare import FileChange
from outdo.core.errors import BadPointer, CantTrack, Mistakes, NotTracked, TrackedByGit
from tests.contracts.repository import git

FILE = "stages: {make: {cmd: 'echo > made/x', outs: [made]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a folder of data, not yet tracked."""
    root = tmp_path / "mine"
    (root / "raw" / "sub").mkdir(parents=True)
    (root / "outdo.yaml").write_text(FILE)
    (root / "raw" / "a.csv").write_text("1")
    (root / "raw" / "sub" / "b.csv").write_text("22")
    git(root, "init", "-q", "-b", "main")
    return root


def added(root: Path, *paths: str) -> None:
    add(open_project(str(root)), paths)


def commit(root: Path) -> None:
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")


def state(root: Path, path: str = "raw") -> State:
    (found,) = status(open_project(str(root)), [path], granular=True).paths
    return found


def refusal(root: Path, *paths: str) -> str:
    before = sorted(root.rglob("[!.]*.outdo"))
    with pytest.raises((CantTrack, TrackedByGit)) as told:
        added(root, *paths)
    assert sorted(root.rglob("[!.]*.outdo")) == before
    return told.value.what


def test_git_gets_the_pointer_and_not_the_data(root: Path) -> None:
    added(root, "raw")
    commit(root)
    assert git(root, "ls-files").split() == [".gitignore", "outdo.yaml", "raw.outdo"]


def test_what_is_ignored_already_gets_no_second_line(root: Path) -> None:
    (root / ".gitignore").write_text("/raw\n")
    added(root, "raw")
    assert (root / ".gitignore").read_text() == "/raw\n"


def test_files_stay_writable_and_apart_from_the_store(root: Path) -> None:
    added(root, "raw")
    found = (root / "raw" / "a.csv").stat()
    assert found.st_nlink == 1
    assert found.st_mode & 0o200


def test_added_again_without_a_change_nothing_is_written(root: Path) -> None:
    added(root, "raw")
    assert add(open_project(str(root)), ["raw"]).files == ()


def test_a_new_file_in_a_folder_changes_its_pointer_alone(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "new").write_text("3")
    (root / "raw" / "a.csv").write_text("changed")
    assert add(open_project(str(root)), ["raw/new"]).files == ("raw.outdo",)
    assert state(root).files == (FileChange("a.csv", "changed"),)


def test_a_file_that_is_gone_is_taken_out_of_its_folder(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "a.csv").unlink()
    added(root, "raw/a.csv")
    assert state(root).workspace == "same"


def test_a_folder_in_a_folder_can_be_added_again(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "sub" / "c").write_text("3")
    (root / "raw" / "sub" / "empty").mkdir()
    (root / "raw" / "sub" / "b.csv").unlink()
    added(root, "raw/sub")
    assert state(root).workspace == "same"


def test_what_is_said_of_a_path_is_in_its_pointer_and_stays(root: Path) -> None:
    add(open_project(str(root)), ["raw"], Asked(desc="from the lab", remote="lab", push=False))
    (root / "raw" / "new").write_text("3")
    added(root, "raw")
    text = (root / "raw.outdo").read_text()
    assert all(line in text for line in ('desc: "from the lab"', 'remote: "lab"', "push: false"))


def test_without_git_pointers_are_found_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "outdo.yaml").write_text(FILE)
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "x").write_text("1")
    done = add(open_project(str(tmp_path)), ["d/e"])
    assert (done.in_git, done.files) == (False, ("d/e.outdo",))
    assert state(tmp_path, "d").git == "none"


# How it stands.


def test_the_way_of_a_path_from_added_to_missing(root: Path) -> None:
    added(root, "raw")
    assert (state(root).workspace, state(root).git) == ("same", "added")
    commit(root)
    assert status(open_project(str(root))).clean
    (root / "raw" / "new").write_text("3")
    assert (state(root).workspace, state(root).git) == ("modified", "committed")
    added(root, "raw")
    assert (state(root).workspace, state(root).git) == ("same", "modified")
    git(root, "clean", "-fdxq", "raw")
    assert state(root).workspace == "missing"
    (root / "raw.outdo").unlink()
    (one,) = status(open_project(str(root))).paths
    assert (one.path, one.git) == ("raw", "deleted")


def test_what_differs_in_a_folder_is_told_by_file(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "a.csv").rename(root / "raw" / "z.csv")
    (root / "raw" / "sub" / "b.csv").write_text("changed")
    (root / "raw" / "new").write_text("3")
    found = state(root)
    assert found.files == (FileChange("new", "added"), FileChange("sub/b.csv", "changed"))
    assert found.renamed == (Renamed("a.csv", "z.csv"),)


def test_what_the_store_has_lost_is_told(root: Path) -> None:
    added(root, "raw")
    subprocess.run(["rm", "-rf", root / ".outdo" / "objects"], check=True)
    assert not state(root).held


def test_a_part_of_a_folder_can_be_asked_for(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "a.csv").write_text("changed")
    assert state(root, "raw/a.csv").workspace == "modified"
    assert state(root, "raw/sub").workspace == "same"


def test_what_is_not_tracked_is_said_with_the_nearest_name(root: Path) -> None:
    added(root, "raw")
    with pytest.raises(NotTracked, match="'rwa' is not tracked") as told:
        state(root, "rwa")
    assert told.value.fix == "did you mean 'raw'?"


def test_all_damaged_pointers_are_told_at_once(root: Path) -> None:
    (root / "a.outdo").write_text("outdo: 2\n")
    (root / "b.outdo").write_text("digest: x\n")
    with pytest.raises(Mistakes) as told:
        status(open_project(str(root)))
    assert [str(one.where) for one in told.value.mistakes] == ["a.outdo", "b.outdo"]


def test_a_pointer_that_is_a_link_is_refused(root: Path) -> None:
    (root / "a.outdo").symlink_to("/etc/passwd")
    with pytest.raises(BadPointer, match="a link"):
        status(open_project(str(root)))


# What may not be.


def test_what_git_tracks_is_refused(root: Path) -> None:
    commit(root)
    assert "is in Git already" in refusal(root, "raw")


def test_outputs_of_stages_are_refused(root: Path) -> None:
    (root / "made").mkdir()
    (root / "made" / "x").write_text("1")
    assert "output of stage 'make'" in refusal(root, "made/x")


def test_around_another_tracked_path_is_refused(root: Path) -> None:
    added(root, "raw/sub")
    assert "'raw/sub' is in 'raw'" in refusal(root, "raw")
    assert "both can't be tracked" in refusal(root, "raw/a.csv", "raw")


def test_a_name_that_differs_only_in_case_is_refused(root: Path) -> None:
    added(root, "raw")
    (root / "RAW").write_text("1")
    assert "differ only in case" in refusal(root, "RAW")


@pytest.mark.parametrize("name", ["a\nb", "a\\b", os.fsdecode(b"a\xff")])
def test_names_that_not_every_system_holds_are_refused(root: Path, name: str) -> None:
    (root / name).write_text("1")
    assert "can't be tracked" in refusal(root, name)


def test_links_are_refused(root: Path, tmp_path: Path) -> None:
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    (root / "raw" / "away").symlink_to(tmp_path)
    assert "is a link" in refusal(root, "out")
    assert "is a link" in refusal(root, "loop")
    assert "is a link" in refusal(root, "out/mine")


@pytest.mark.parametrize("name", [".git", ".outdo", "outdo.yaml", ".", "nothing"])
def test_what_is_not_the_users_data_is_refused(root: Path, name: str) -> None:
    assert refusal(root, name)


def test_a_pointer_that_git_would_not_see_is_refused(root: Path) -> None:
    (root / ".gitignore").write_text("*.outdo\n")
    assert "Git ignores 'raw.outdo'" in refusal(root, "raw")


def test_one_bad_path_of_several_and_none_is_added(root: Path) -> None:
    assert refusal(root, "raw", "nothing")
    assert status(open_project(str(root))).paths == ()


# What a run says of data that is not what its pointer says.


def test_a_run_that_reads_what_was_not_added_says_so(root: Path) -> None:
    added(root, "raw")
    (root / "outdo.yaml").write_text("stages: {a: {cmd: cp raw/a.csv b, deps: [raw/a.csv], outs: [b]}}\n")
    assert outdo.load(str(root)).run().warnings == ()
    (root / "raw" / "a.csv").write_text("3")
    (told,) = outdo.load(str(root)).run().warnings
    assert told == (
        "'raw' is not what 'raw.outdo' says: outdo data add keeps what is there, "
        "outdo data checkout puts back what was"
    )
    (root / "raw" / "sub" / "b.csv").write_text("3")
    assert outdo.load(str(root)).run().warnings == ()


def test_data_that_was_added_part_by_part_is_what_its_pointer_says(root: Path) -> None:
    added(root, "raw")
    (root / "raw" / "a.csv").write_text("3")
    added(root, "raw/a.csv")
    (root / "outdo.yaml").write_text("stages: {a: {cmd: cp raw/a.csv b, deps: [raw/a.csv], outs: [b]}}\n")
    assert outdo.load(str(root)).run().warnings == ()
