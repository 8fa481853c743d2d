"""Former code read from Git's objects, with nothing of the repository touched."""

from pathlib import Path

import pytest

from outdo.core.compare import LineChange
from outdo.run.git import Refused
from outdo.run.revisions import Revision, contents, line_changes, peek, resolve
from outdo.run.source import read_code
from tests.contracts.repository import git


@pytest.fixture
def repository(tmp_path: Path, git_author: None) -> Path:
    project = tmp_path / "repository" / "project"
    project.mkdir(parents=True)
    (project / "a file.txt").write_text("one\n")
    (project.parent / "outside.txt").write_text("one\n")
    git(project, "init", "-q", "-b", "main", "..")
    git(project, "add", "..")
    git(project, "commit", "-qm", "one")
    return project


def head(repository: Path) -> str:
    found = resolve(str(repository), "HEAD")
    assert found is not None
    return found


def test_a_branch_means_its_commit_and_an_unknown_word_none(repository: Path) -> None:
    assert resolve(str(repository), "main") == git(repository, "rev-parse", "HEAD").strip()
    assert resolve(str(repository), "mian") is None
    assert resolve(str(repository), "--all") is None


def test_files_of_a_commit_are_read_from_the_projects_folder(repository: Path) -> None:
    asked = ["none", "a file.txt", "../outside.txt", "no such.txt"]
    found = contents(str(repository), head(repository), asked)
    assert found == {"a file.txt": b"one\n", "../outside.txt": b"one\n"}


def test_what_is_not_committed_counts_and_the_repository_stays_as_it_is(repository: Path) -> None:
    before = Revision(head(repository))
    (repository / "a file.txt").write_text("one\ntwo\n")
    (repository / "new.bin").write_bytes(b"\0\1")
    (repository / "made.txt").write_text("by a stage\n")
    (repository.parent / "outside.txt").unlink()
    status, objects = git(repository, "status", "--short"), git(repository, "count-objects")
    code = read_code(str(repository))
    changes = line_changes(str(repository), before, Revision(code.commit, code.patch), ["made.txt"])
    assert changes == [
        LineChange("a file.txt", "changed", 1, 0),
        LineChange("new.bin", "added", None, None),
    ]
    assert (git(repository, "status", "--short"), git(repository, "count-objects")) == (status, objects)


def test_no_commit_is_no_code_at_all(repository: Path) -> None:
    changes = line_changes(str(repository), Revision(None), Revision(head(repository)))
    assert changes == [LineChange("a file.txt", "added", 1, 0)]


def test_a_lost_commit_is_refused(repository: Path) -> None:
    with pytest.raises(Refused):
        line_changes(str(repository), Revision("1" * 40), Revision(head(repository)))


def test_a_commit_and_its_files_are_found_by_one_question(repository: Path) -> None:
    git(repository, "tag", "-am", "the first", "v.1")
    root, commit = str(repository), head(repository)
    for word in ("HEAD", "main", "v.1", "HEAD^{/one}", commit[:10]):
        assert peek(root, word, ["a file.txt", "none", "/a", "x\ny"]) == (commit, {"a file.txt": b"one\n"})
    assert peek(root, "HEAD", []) == (commit, {})


@pytest.mark.parametrize(
    "word", ["", "none", "-h", "HEAD\nHEAD", "HEAD:a file.txt", "HEAD^{tree}", "^HEAD", "a b", "0" * 40, "4"]
)
def test_what_is_no_commit_is_none(repository: Path, word: str) -> None:
    assert peek(str(repository), word, ["a file.txt"]) is None


def test_outside_a_repository_no_word_is_a_commit(tmp_path: Path) -> None:
    assert peek(str(tmp_path), "HEAD", []) is None
