"""What `diff` tells of tracked data, between a commit and the workspace, whatever else Git has to say of the two."""

from pathlib import Path

import pytest

from outdo.app.compare import diff
from outdo.app.data.add import add
from outdo.app.project import open_project
from tests.contracts.repository import git

PIPELINE = "stages: {a: {cmd: mkdir made && echo 1 > made/x, outs: [made]}}\n"


@pytest.fixture
def root(tmp_path: Path, git_author: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two tracked files, committed."""
    (tmp_path / "outdo.yaml").write_text("stages: {a: {cmd: echo 1 > x, outs: [x]}}\n")
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "b.csv").write_text("x\n1\n")
    git(tmp_path, "init", "-q", "-b", "main")
    monkeypatch.chdir(tmp_path)
    add(open_project("."), ["a.csv", "made/b.csv"])
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


def told(*words: str) -> dict[str, str]:
    return {change.path: change.kind for change in diff(".", words, ("code", "data")).data}


def test_nothing_is_told_of_data_that_is_as_committed(root: Path) -> None:
    assert told() == {}
    assert diff(".", ()).same


def test_data_that_changed_under_its_pointer_is_told(root: Path) -> None:
    (root / "a.csv").unlink()
    (root / "a.csv").write_text("x\n2\n")
    assert told() == told("workspace", "HEAD") == {"a.csv": "changed"}


def test_a_pointer_that_is_new_is_told_before_git_knows_it(root: Path) -> None:
    (root / "new.csv").write_text("x\n")
    add(open_project("."), ["new.csv"])
    assert told() == {"new.csv": "added"}
    assert told("workspace", "HEAD") == {"new.csv": "removed"}
    assert [one.path for one in diff(".", ()).code] == [".gitignore"]


def test_a_pointer_that_is_gone_is_told(root: Path) -> None:
    (root / "a.csv.outdo").unlink()
    assert told() == {"a.csv": "removed"}
    git(root, "rm", "-q", "--cached", "a.csv.outdo")
    assert told() == {"a.csv": "removed"}
    assert told("workspace", "HEAD") == {"a.csv": "added"}


def test_a_pointer_in_what_is_an_output_now_is_told(root: Path) -> None:
    (root / "made" / "b.csv.outdo").unlink()
    (root / "outdo.yaml").write_text(PIPELINE)
    assert told()["made/b.csv"] == "removed"


def test_the_same_is_told_with_and_without_the_code(root: Path) -> None:
    (root / "a.csv.outdo").unlink()
    (root / "note.txt").write_text("x\n")
    assert diff(".", (), ("data",)).data == diff(".", (), ("code", "data")).data
    assert diff(".", (), patch=True).data == diff(".", ()).data
    assert diff(".", (), patch=True).code == diff(".", ()).code
