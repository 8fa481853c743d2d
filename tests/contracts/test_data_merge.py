"""Two people change tracked data on two branches and merge, as Git sees it."""

import subprocess
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.data.checkout import checkout
from outdo.app.data.merge import merge
from outdo.app.data.status import status
from outdo.app.project import open_project
from outdo.core.errors import BadPointer, MergeConflict


def git(root: Path, *words: str, code: int = 0) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *who, *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a tracked folder, on the branch of the first person."""
    root = tmp_path / "mine"
    (root / "raw").mkdir(parents=True)
    (root / "outdo.yaml").write_text("project: mine\n")
    for name in ("a", "b", "c"):
        (root / "raw" / name).write_text(name)
    git(tmp_path, "init", "-q", "-b", "one", "mine")
    add(open_project(str(root)), ["raw"])
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    git(root, "branch", "two")
    return root


def changed(root: Path, branch: str, files: dict[str, str | None], *paths: str) -> None:
    """A commit on a branch, with its data in place, that changes these files and adds these paths."""
    git(root, "checkout", "-q", branch)
    checkout(open_project(str(root)), force=True)
    for name, text in files.items():
        if text is None:
            (root / name).unlink()
        else:
            (root / name).write_text(text)
    add(open_project(str(root)), paths or ["raw"])
    git(root, "add", ".")
    git(root, "commit", "-qm", "change")


def joined(root: Path) -> dict[str, str]:
    """The folder after `one` has merged `two`, where Git alone could not."""
    git(root, "checkout", "-q", "one")
    checkout(open_project(str(root)), force=True)
    git(root, "merge", "-q", "two", code=1)
    merge(open_project(str(root)))
    git(root, "add", ".")
    git(root, "commit", "-qm", "merged")
    checkout(open_project(str(root)))
    assert status(open_project(str(root))).clean
    return {file.name: file.read_text() for file in (root / "raw").iterdir()}


def test_files_that_both_add_to_one_folder_are_all_there(root: Path) -> None:
    changed(root, "one", {"raw/mine": "1", "raw/a": None})
    changed(root, "two", {"raw/yours": "2", "raw/b": "new"})
    assert joined(root) == {"mine": "1", "yours": "2", "b": "new", "c": "c"}


def test_what_both_have_done_alike_is_done(root: Path) -> None:
    changed(root, "one", {"raw/new": "same", "raw/mine": "1"})
    changed(root, "two", {"raw/new": "same", "raw/c": None})
    assert joined(root) == {"a": "a", "b": "b", "mine": "1", "new": "same"}


def test_two_paths_in_one_gitignore_are_both_ignored(root: Path) -> None:
    changed(root, "one", {"x": "1"}, "x")
    changed(root, "two", {"y": "2"}, "y")
    assert joined(root).keys() == {"a", "b", "c"}
    assert (root / ".gitignore").read_text() == "/raw\n/x\n/y\n"
    assert [(root / name).read_text() for name in ("x", "y")] == ["1", "2"]


def test_one_file_changed_by_both_is_told_and_nothing_is_written(root: Path) -> None:
    changed(root, "one", {"raw/a": "mine"})
    changed(root, "two", {"raw/a": "yours"})
    git(root, "merge", "-q", "one", code=1)
    before = (root / "raw.outdo").read_text()
    with pytest.raises(MergeConflict, match="'raw/a'"):
        merge(open_project(str(root)))
    assert (root / "raw.outdo").read_text() == before


def test_a_pointer_with_conflict_marks_says_what_to_do(root: Path) -> None:
    changed(root, "one", {"raw/a": "mine"})
    changed(root, "two", {"raw/a": "yours"})
    git(root, "merge", "-q", "one", code=1)
    with pytest.raises(BadPointer, match="conflict marks") as told:
        status(open_project(str(root)))
    assert "outdo data merge raw" in told.value.fix


def test_outside_a_merge_there_is_nothing_to_join(root: Path) -> None:
    assert merge(open_project(str(root))) == []
