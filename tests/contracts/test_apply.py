"""A run's code put back: what is on no record is never lost, and that is known before anything is touched."""

import os
import subprocess
from pathlib import Path

import pytest

import outdo
from outdo.app.apply import Applied, Part, apply
from outdo.app.branch import branch
from outdo.app.data.add import add
from outdo.app.project import open_project
from outdo.core.errors import NoBranch, WouldOverwrite
from tests.contracts.repository import git


@pytest.fixture
def root(tmp_path: Path, git_author: None) -> Path:
    """A project below the top of its repository; run 1 had `one` in the script, the workspace has `two`, committed."""
    project = tmp_path / "top" / "project"
    project.mkdir(parents=True)
    git(tmp_path / "top", "init", "-q", "-b", "main")
    (tmp_path / "top" / "outside.txt").write_text("one")
    (project / "outdo.yaml").write_text("stages: {a: {cmd: sh a.sh > out, deps: [a.sh], outs: [out]}}\n")
    (project / "sub").mkdir()
    (project / "sub/tool.sh").write_text("one")
    (project / "sub/tool.sh").chmod(0o755)
    (project / "link").symlink_to("sub/tool.sh")
    write(project, "one")
    commit(project)
    outdo.load(project).run()
    (project / "sub/tool.sh").unlink()
    (project / "sub").rmdir()
    (project / "link").unlink()
    write(project, "two")
    commit(project)
    return project


def write(project: Path, word: str) -> None:
    (project / "a.sh").write_text(f"echo {word}\n")


def commit(project: Path) -> None:
    git(project.parent, "add", ".")
    git(project.parent, "commit", "-qm", "x")


def put_back(root: Path, *parts: Part, force: bool = False) -> Applied:
    return apply(open_project(str(root)), "1", parts or ("code", "params", "data"), force=force)


def test_files_come_back_with_their_modes_and_links(root: Path) -> None:
    done = put_back(root)
    assert [change.path for change in done.code] == ["a.sh", "link", "sub/tool.sh"]
    assert os.access(root / "sub/tool.sh", os.X_OK)
    assert os.readlink(root / "link") == "sub/tool.sh"
    assert (root / "out").read_text() == "one\n"
    assert git(root, "status", "--short", "outside.txt") == ""


def test_neither_the_index_nor_the_branch_moves(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    put_back(root)
    assert git(root, "rev-parse", "HEAD") == head
    assert git(root, "diff", "--cached", "--name-only") == ""


def test_an_edit_on_no_record_is_not_overwritten_and_nothing_is_touched(root: Path) -> None:
    write(root, "three")
    (root / "out").unlink()
    with pytest.raises(WouldOverwrite, match=r"a\.sh"):
        put_back(root)
    assert (root / "a.sh").read_text() == "echo three\n"
    assert not (root / "out").exists()
    assert not (root / "link").exists()


def test_an_edit_that_was_run_may_be_overwritten(root: Path) -> None:
    write(root, "three")
    outdo.load(root).run()
    assert put_back(root).code


def test_a_new_file_where_one_of_the_run_belongs_is_not_overwritten(root: Path) -> None:
    (root / "link").write_text("mine")
    with pytest.raises(WouldOverwrite, match="link"):
        put_back(root)


def test_an_ignored_file_where_one_of_the_run_belongs_is_not_overwritten(root: Path) -> None:
    (root / ".gitignore").write_text("out\nlink\n")
    (root / "link").write_text("mine")
    with pytest.raises(WouldOverwrite, match="link"):
        put_back(root)
    assert (root / "link").read_text() == "mine"


def test_a_folder_of_mine_where_a_file_belongs_is_not_lost(root: Path) -> None:
    (root / "link").mkdir()
    (root / "link/notes.txt").write_text("mine")
    with pytest.raises(WouldOverwrite, match="link"):
        put_back(root)
    assert (root / "link/notes.txt").read_text() == "mine"
    assert (root / "a.sh").read_text() == "echo two\n"
    put_back(root, force=True)
    assert (root / "link").is_symlink()


def test_a_file_of_mine_where_a_folder_belongs_is_not_lost(root: Path) -> None:
    (root / "sub").write_text("mine")
    with pytest.raises(WouldOverwrite, match="sub"):
        put_back(root)
    assert (root / "sub").read_text() == "mine"
    put_back(root, force=True)
    assert (root / "sub/tool.sh").read_text() == "one"


def test_a_committed_folder_makes_room_for_the_file_that_was_there(root: Path) -> None:
    (root / "link").mkdir()
    (root / "link/part").write_text("two")
    commit(root)
    put_back(root)
    assert (root / "link").is_symlink()


def test_force_overwrites(root: Path) -> None:
    write(root, "three")
    put_back(root, force=True)
    assert (root / "a.sh").read_text() == "echo one\n"


def test_only_data_leaves_code(root: Path) -> None:
    write(root, "three")
    put_back(root, "data")
    assert (root / "out").read_text() == "one\n"
    assert (root / "a.sh").read_text() == "echo three\n"


def test_a_branch_touches_nothing_and_is_never_overwritten(root: Path) -> None:
    before = git(root, "status", "--short"), git(root, "rev-parse", "HEAD")
    made = branch(open_project(str(root)), "1", "again")
    assert git(root, "show", "again:project/a.sh") == "echo one\n"
    assert '"a"' in git(root, "show", "again:project/outdo.lock")
    assert (git(root, "status", "--short"), git(root, "rev-parse", "HEAD")) == before
    with pytest.raises(NoBranch):
        branch(open_project(str(root)), "1", "again")
    assert git(root, "rev-parse", "again").strip() == made.commit


# Tracked data.


@pytest.fixture(params=["outdo.yaml", "dvc.yaml"])
def tracking(request: pytest.FixtureRequest, tmp_path: Path, root: Path) -> Path:
    """A project with tracked data, in a repository of Outdo's or of DVC's: run 1 had `old`, and now it is `new`."""
    project = tmp_path / "top" / "tracking"
    project.mkdir()
    if request.param == "dvc.yaml":
        (project / ".dvc").mkdir()
        (project / ".dvc" / "config").write_text("")
        (project / ".dvc" / ".gitignore").write_text("/cache\n")
    text = "stages: {a: {cmd: cat raw/x > out, deps: [raw/x], outs: [out]}}\n"
    (project / str(request.param)).write_text(text)
    (project / "raw").mkdir()
    (project / "other").write_text("other")
    (project / "never").write_text("never")
    add(open_project(str(project)), ["never"])
    for word in ("old", "new"):
        (project / "raw" / "x").write_text(word)
        (project / "other").write_text(word)
        add(open_project(str(project)), ["raw", "other"])
        commit(project)
        outdo.load(project).run()
        commit(project)
    return project


def test_data_comes_back_with_the_pointers_that_a_run_had(tracking: Path) -> None:
    (tracking / "never").write_text("edited")
    done = put_back(tracking)
    assert sorted(done.data) == ["other", "raw"]
    assert (tracking / "raw" / "x").read_text() == (tracking / "out").read_text() == "old"
    assert (tracking / "other").read_text() == "old"
    assert (tracking / "never").read_text() == "edited"


def test_data_that_was_edited_is_not_overwritten_and_nothing_is_touched(tracking: Path) -> None:
    (tracking / "raw" / "y").write_text("mine")
    with pytest.raises(WouldOverwrite, match="raw/y"):
        put_back(tracking)
    assert (tracking / "raw" / "x").read_text() == (tracking / "out").read_text() == "new"
    assert git(tracking, "status", "--short", "--", "*.dvc", "*.outdo") == ""
    put_back(tracking, force=True)
    assert not (tracking / "raw" / "y").exists()


def test_data_stays_where_only_code_is_put_back(tracking: Path) -> None:
    assert put_back(tracking, "code").data == ()
    assert (tracking / "raw" / "x").read_text() == "new"


# A branch in a repository of DVC's.


@pytest.mark.parametrize("tracking", ["dvc.yaml"], indirect=True)
def test_a_branch_in_a_repository_of_dvcs_has_dvcs_lock(tracking: Path) -> None:
    project = open_project(str(tracking))
    then = git(tracking, "show", "HEAD~2:tracking/dvc.lock")
    subprocess.run(["rm", "-rf", ".dvc/cache/files", "out", "raw/x"], cwd=tracking, check=True)
    project.objects.put_bytes(b"old")
    assert branch(project, "1").notices == ()
    assert git(tracking, "show", "run-1:tracking/dvc.lock") == then
    assert "outdo.lock" not in git(tracking, "ls-tree", "--name-only", "run-1").split()
    held = [path.read_text() for path in (tracking / ".dvc/cache/files").rglob("*") if path.is_file()]
    assert held == ["old"]


@pytest.mark.parametrize("tracking", ["dvc.yaml"], indirect=True)
def test_a_stage_whose_data_is_nowhere_is_told(tracking: Path) -> None:
    subprocess.run(["rm", "-rf", ".dvc/cache", ".outdo/objects"], cwd=tracking, check=True)
    told = branch(open_project(str(tracking)), "1").notices
    assert told[-1] == "`dvc.lock` can't tell of stage 'a': what it read is nowhere any more"


@pytest.mark.parametrize("tracking", ["outdo.yaml"], indirect=True)
def test_elsewhere_it_has_none(tracking: Path) -> None:
    branch(open_project(str(tracking)), "1")
    assert "dvc.lock" not in git(tracking, "ls-tree", "--name-only", "run-1").split()
