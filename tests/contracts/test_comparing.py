"""A commit beside the files as they are: what two questions tell is what a tree of the workspace tells."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdo.core.compare import LineChange
from outdo.run.comparing import beside
from outdo.run.revisions import Revision, line_changes, resolve
from outdo.run.source import UNTRACKED_LIMIT, read_code
from tests.contracts.repository import git

DATA = (".outdo", ".dvc")
POINTER = "x.csv.outdo"
WITHOUT = ["made", "out.json"]


@contextmanager
def made() -> Iterator[Path]:
    """A repository with a project in a folder, and two commits."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        (project / "code").mkdir(parents=True)
        (project / "made").mkdir()
        (project / "a.txt").write_text("one\ntwo\n")
        (project / "code" / "b.py").write_text("x = 1\n")
        (project / "out.json").write_text("{}\n")
        (project / "data.csv.outdo").write_text("outdo: 1\n")
        (project.parent / "outside.txt").write_text("one\n")
        git(project, "init", "-q", "-b", "main", "..")
        git(project, "add", "..")
        git(project, "commit", "-qm", "one")
        (project / "code" / "b.py").write_text("x = 1\ny = 2\n")
        (project / ".gitignore").write_text("/made\n*.log\n")
        git(project, "add", "..")
        git(project, "commit", "-qm", "two")
        yield project


def rewrite(project: Path) -> None:
    (project / "a.txt").write_text("one\nthree\nfour")


def remove(project: Path) -> None:
    (project / "a.txt").unlink()


def fold(project: Path) -> None:
    """A folder where a file was."""
    remove(project)
    (project / "a.txt").mkdir()
    (project / "a.txt" / "inner").write_text("1\n")


def touch(project: Path) -> None:
    for file in project.rglob("*.py"):
        os.utime(file, ns=(1, 1))


def stage(project: Path) -> None:
    git(project, "add", ".")


def forget(project: Path) -> None:
    git(project, "rm", "-q", "--cached", "--ignore-unmatch", "code/b.py")


def outside(project: Path) -> None:
    (project.parent / "outside.txt").write_text("two\n")
    (project.parent / "new.txt").write_text("two\n")


def write(path: str, content: bytes) -> Callable[[Path], None]:
    def edit(project: Path) -> None:
        place = project / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)

    return edit


EDITS: dict[str, Callable[[Path], None]] = {
    "rewrite": rewrite,
    "remove": remove,
    "fold": fold,
    "touch": touch,
    "stage": stage,
    "forget": forget,
    "outside": outside,
    "mode": lambda project: (project / "code" / "b.py").chmod(0o755),
    "move": lambda project: os.replace(project / "code" / "b.py", project / "code" / "ü b.py"),
    "back": write("code/b.py", b"x = 1\n"),
    "new": write("new/x.py", b"1\n2"),
    "empty": write("empty", b""),
    "binary": write("new/x.bin", b"a\0b\n"),
    "late NUL": write("late", b"\n" * 8001 + b"\0"),
    "link": lambda project: os.symlink("a.txt", project / "link"),
    "ignored": write("x.log", b"1\n"),
    "output": write("made/x", b"1\n"),
    "tracked output": write("out.json", b"[]\n"),
    "pointer": write(POINTER, b"1\n"),
}


@given(st.lists(st.sampled_from(sorted(EDITS)), max_size=5), st.sampled_from(["HEAD", "HEAD~1"]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_questions_tell_what_a_tree_of_the_workspace_tells(
    git_author: None, edits: list[str], word: str
) -> None:
    with made() as project:
        for name in edits:
            with suppress(OSError):  # an edit before it has left nothing to edit
                EDITS[name](project)
        root, commit = str(project), resolve(str(project), word)
        assert commit is not None
        then, code = Revision(commit), read_code(root, WITHOUT)
        now = Revision(code.commit, code.patch)
        state = git(project, "status", "--porcelain", "..")
        for back, (before, after) in {False: (then, now), True: (now, then)}.items():
            told = beside(root, commit, WITHOUT, DATA, back=back)
            if told is None:
                assert "forget" in edits
                continue
            asked = line_changes(root, before, after, WITHOUT)
            assert [one for one in told.changes if one.path != POINTER] == [
                one for one in asked if one.path != POINTER
            ]
            there = {str(path.relative_to(project)) for path in project.rglob("*") if not path.is_dir()}
            then_there = git(project, "ls-tree", "-rz", "--name-only", word).split("\0")[:-1]
            assert {*there, *then_there} - {"x.log", "made/x"} <= set(told.names)
        assert git(project, "status", "--porcelain", "..") == state


@pytest.fixture
def project(git_author: None) -> Iterator[Path]:
    with made() as folder:
        yield folder


def test_new_files_that_are_large_are_left_to_the_tree(project: Path) -> None:
    (project / "large").write_bytes(b"\n" * (UNTRACKED_LIMIT + 1))
    assert beside(str(project), "HEAD", WITHOUT, DATA) is None
    assert beside(str(project), "HEAD", [*WITHOUT, "large"], DATA) is not None


def test_new_files_in_a_repository_with_attributes_are_left_to_the_tree(project: Path) -> None:
    (project / "new.txt").write_text("1\n")
    (project / ".gitattributes").write_text("*.txt -diff\n")
    assert beside(str(project), "HEAD", WITHOUT, DATA) is None
    git(project, "add", ".")
    found = beside(str(project), "HEAD", WITHOUT, DATA)
    assert found is not None
    assert LineChange("new.txt", "added", None, None) in found.changes


def test_an_open_merge_is_left_to_the_tree(project: Path) -> None:
    git(project, "checkout", "-qb", "other")
    (project / "a.txt").write_text("theirs\n")
    git(project, "commit", "-qam", "theirs")
    git(project, "checkout", "-q", "main")
    (project / "a.txt").write_text("ours\n")
    git(project, "commit", "-qam", "ours")
    with pytest.raises(CalledProcessError):
        git(project, "merge", "-q", "other")
    assert beside(str(project), "HEAD", WITHOUT, DATA) is None


def test_a_repository_in_the_repository_is_no_code(project: Path) -> None:
    shutil.copytree(project.parent / ".git", project / "inner" / ".git")
    found = beside(str(project), "HEAD", WITHOUT, DATA)
    assert found is not None
    assert found.changes == []
