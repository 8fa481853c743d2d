"""A second work tree holds the code as it stands, and goes without a trace."""

from pathlib import Path

import pytest

from outdo.run.git import Refused
from outdo.run.worktree import make_worktree, remove_worktree
from tests.contracts.repository import git


@pytest.fixture
def project(tmp_path: Path, git_author: None) -> Path:
    top = tmp_path / "repository"
    files = {
        "shared/lib.py": "one",
        "project/train.py": "one",
        "project/gone.py": "one",
        "project/.gitignore": "/data\n/made.csv\n.outdo\n",
        "project/data/raw.csv": "raw",
        "project/data/made/part": "made",
        "project/made.csv": "made",
        "project/.outdo/state": "own",
    }
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content)
    git(top, "init", "-q", "-b", "main")
    git(top, "add", ".")
    git(top, "commit", "-qm", "one")
    (top / "project/train.py").write_text("edited")
    (top / "project/new.py").write_text("new")
    (top / "project/gone.py").unlink()
    return top / "project"


def tree(project: Path) -> Path:
    return Path(make_worktree(str(project), str(project / ".outdo/trial"), ["data/made", "made.csv"]))


def test_edits_new_files_and_deletions_are_in_it_and_git_says_so(project: Path) -> None:
    made = tree(project)
    assert (made / "train.py").read_text() == "edited"
    assert (made.parent / "shared/lib.py").read_text() == "one"
    assert git(made, "status", "--short") == git(project, "status", "--short")


def test_what_git_ignores_is_linked_but_for_what_is_left_out(project: Path) -> None:
    made = tree(project)
    assert (made / "data/raw.csv").resolve() == (project / "data/raw.csv").resolve()
    assert not (made / "data/made").exists()
    assert not (made / "made.csv").exists()
    assert not (made / ".outdo").exists()


def test_it_goes_without_a_trace_and_takes_nothing_along(project: Path) -> None:
    before = git(project, "status", "--short", "--ignored")
    tree(project)
    tree(project)
    remove_worktree(str(project), str(project / ".outdo/trial"))
    assert git(project, "worktree", "list").count("\n") == 1
    assert git(project, "status", "--short", "--ignored") == before
    assert (project / "data/raw.csv").read_text() == "raw"


def test_without_a_commit_there_is_nothing_to_start_from(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(Refused):
        make_worktree(str(tmp_path), str(tmp_path / ".outdo/trial"), [])
