"""The code of a run and the upkeep of `.gitignore`, with the real Git."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from outdo.run import source
from outdo.run.source import Code, ignore, read_code, tracked


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def _own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Git without the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit of `train.py`."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / "train.py").write_text("fit()\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def applied(project: Path, code: Code, folder: Path) -> Path:
    """A fresh checkout of the code's commit with its patch applied."""
    git(project, "worktree", "add", "-q", "--detach", str(folder), code.commit or "")
    subprocess.run(["git", "apply", "-"], cwd=folder, input=code.patch, check=True)
    return folder


def state(project: Path) -> dict[str, tuple[bytes, int]]:
    """All of the repository's own files."""
    files = (path for path in (project / ".git").rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# The code.


def test_a_clean_tree_is_its_commit(project: Path) -> None:
    assert read_code(str(project)) == Code(git(project, "rev-parse", "HEAD"), "main")


def test_a_folder_outside_git_has_no_code(tmp_path: Path) -> None:
    assert read_code(str(tmp_path)) == Code()


def test_without_git_the_commit_is_not_known(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert read_code(str(project)) == Code(trouble="Git is not installed, so the commit is not known")


def test_a_git_that_refuses_costs_a_sentence(project: Path) -> None:
    (project / ".git" / "config").write_text("[core\n")
    assert read_code(str(project)).trouble.startswith("Git did not answer: ")


def test_a_detached_head_is_on_no_branch(project: Path) -> None:
    git(project, "checkout", "-q", "--detach")
    assert read_code(str(project)).branch is None


def test_before_the_first_commit_the_patch_is_everything(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "staged.py").write_text("a\n")
    git(tmp_path, "add", "staged.py")
    (tmp_path / "untracked.py").write_text("b\n")
    code = read_code(str(tmp_path))
    assert (code.commit, code.branch, code.dirty) == (None, "main", True)
    assert b"+++ b/staged.py" in code.patch
    assert b"+++ b/untracked.py" in code.patch


def test_the_patch_brings_a_dirty_tree_back(project: Path, tmp_path: Path) -> None:
    (project / "old.bin").write_bytes(bytes(range(256)))
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "second")
    (project / "train.py").write_text("fit(more)")
    (project / "old.bin").write_bytes(bytes(range(255)))
    (project / "staged.py").write_text("staged\n")
    git(project, "add", "staged.py")
    (project / "sub").mkdir()
    (project / "sub" / "new ünïcode\n.py").write_text("new\r\n")
    (project / "new.bin").write_bytes(os.urandom(1000) + b"\0")
    (project / "empty").touch()
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    (project / "link").symlink_to("train.py")
    copy = applied(project, read_code(str(project)), tmp_path / "copy")
    for name in ("train.py", "old.bin", "staged.py", "sub/new ünïcode\n.py", "new.bin", "empty", "run.sh"):
        assert (copy / name).read_bytes() == (project / name).read_bytes()
    assert os.access(copy / "run.sh", os.X_OK)
    assert (copy / "link").readlink() == Path("train.py")


def test_a_deleted_file_is_in_the_patch(project: Path, tmp_path: Path) -> None:
    (project / "train.py").unlink()
    assert not (applied(project, read_code(str(project)), tmp_path / "copy") / "train.py").exists()


@pytest.mark.parametrize(
    "setting", ["diff.noprefix=true", "diff.mnemonicPrefix=true", "color.ui=always", "diff.external=false"]
)
def test_the_settings_of_a_person_do_not_change_the_patch(
    project: Path, tmp_path: Path, setting: str
) -> None:
    (project / "train.py").write_text("changed\n")
    git(project, "config", *setting.split("="))
    copy = applied(project, read_code(str(project)), tmp_path / "copy")
    assert (copy / "train.py").read_text() == "changed\n"


def test_reading_leaves_the_repository_as_it_was(project: Path) -> None:
    (project / "train.py").write_text("changed\n")
    (project / "new.py").write_text("new\n")
    os.utime(project / "train.py", (0, 0))
    before = state(project)
    assert read_code(str(project)).dirty
    assert state(project) == before
    assert git(project, "status", "--porcelain") == "M train.py\n?? new.py"


def test_ignored_files_are_no_code(project: Path) -> None:
    (project / ".gitignore").write_text("*.log\n.gitignore\n")
    (project / "train.log").write_text("secret\n")
    assert read_code(str(project)).patch == b""


def test_what_stages_write_is_no_code(project: Path) -> None:
    (project / "train.py").write_text("changed\n")
    (project / "model").mkdir()
    (project / "model" / "weights").write_text("written\n")
    (project / "metrics.json").write_text("{}\n")
    git(project, "add", "metrics.json")
    code = read_code(str(project), ["model/", "metrics.json"])
    assert b"train.py" in code.patch
    assert b"weights" not in code.patch
    assert b"metrics.json" not in code.patch


def test_a_tree_that_only_stages_wrote_to_is_clean(project: Path) -> None:
    (project / "model.bin").write_text("written\n")
    assert not read_code(str(project), ["model.bin"]).dirty


def test_outputs_are_named_from_the_project_in_a_larger_repository(project: Path) -> None:
    (project / "ml").mkdir()
    (project / "ml" / "model.bin").write_text("written\n")
    assert not read_code(str(project / "ml"), ["model.bin"]).dirty
    assert read_code(str(project / "ml"), ["ml/model.bin"]).dirty


def test_files_too_large_for_a_patch_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "UNTRACKED_LIMIT", 1000)
    monkeypatch.setattr(source, "FILE_LIMIT", 1000)
    (project / "train.py").write_text("x" * 2000)
    (project / "small.py").write_text("x" * 600)
    (project / "smaller.py").write_text("x" * 300)
    (project / "large.csv").write_text("x" * 800)
    code = read_code(str(project))
    assert code.left_out == ("large.csv", "train.py")
    assert b"small.py" in code.patch
    assert b"large.csv" not in code.patch
    assert b"train.py" not in code.patch


def test_a_patch_beyond_its_limit_is_not_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PATCH_LIMIT", 10)
    (project / "train.py").write_text("changed\n")
    code = read_code(str(project))
    assert (code.dirty, code.patch) == (True, b"")
    assert "was not recorded" in code.trouble


def test_a_hook_of_another_repository_does_not_lead_astray(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other-index"))
    assert read_code(str(project)).branch == "main"


# What Git tracks.


def test_outputs_that_git_tracks_are_found(project: Path) -> None:
    (project / "model").mkdir()
    (project / "model" / "weights").write_text("w")
    (project / "model.bin").write_text("w")
    git(project, "add", ".")
    asked = ["train.py", "train", "model", "model/", "mod", "model.bin", "model.bin2", "out"]
    assert tracked(str(project), asked) == ["train.py", "model", "model/", "model.bin"]


def test_outside_git_nothing_is_tracked(tmp_path: Path) -> None:
    assert tracked(str(tmp_path), ["out"]) == []


# What Git ignores.


def test_an_output_is_ignored_in_the_file_of_its_folder(project: Path) -> None:
    (project / "data").mkdir()
    assert ignore(str(project), ["model/", "data/clean.csv"]) == [".gitignore", "data/.gitignore"]
    assert (project / ".gitignore").read_text() == "/model\n"
    assert (project / "data" / ".gitignore").read_text() == "/clean.csv\n"


def test_a_folder_that_is_not_there_is_not_made(project: Path) -> None:
    assert ignore(str(project), ["a/b/out"]) == [".gitignore"]
    assert (project / ".gitignore").read_text() == "/a/b/out\n"


def test_what_is_ignored_stays_as_it_is(project: Path) -> None:
    (project / ".gitignore").write_text("*.bin\n")
    assert ignore(str(project), ["model.bin"]) == []
    assert (project / ".gitignore").read_text() == "*.bin\n"


def test_a_second_time_changes_nothing(project: Path) -> None:
    ignore(str(project), ["model.bin"])
    assert ignore(str(project), ["model.bin"]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"/out\n"),
        (b"# mine\n", b"# mine\n/out\n"),
        (b"*.log", b"*.log\n/out\n"),
        (b"*.log\r\n", b"*.log\r\n/out\r\n"),
        (b"*.log\r\nb", b"*.log\r\nb\r\n/out\r\n"),
    ],
)
def test_a_file_of_a_person_keeps_its_form(project: Path, before: bytes, after: bytes) -> None:
    (project / ".gitignore").write_bytes(before)
    ignore(str(project), ["out"])
    assert (project / ".gitignore").read_bytes() == after


def test_outside_git_no_file_is_written(tmp_path: Path) -> None:
    assert ignore(str(tmp_path), ["out"]) == []
    assert not (tmp_path / ".gitignore").exists()


def test_a_file_that_can_not_be_written_costs_nothing(project: Path) -> None:
    (project / ".gitignore").mkdir()
    assert ignore(str(project), ["out"]) == []


def test_an_output_outside_the_project_is_left_alone(project: Path) -> None:
    assert ignore(str(project), ["../out", "/tmp/out"]) == []


NAMES = st.text(
    st.sampled_from(list("ab*?[]\\!# \n\r\t.ü{}^$'\"~-"))
    | st.characters(exclude_characters="/\0", codec="utf-8"),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", "..", ".git", ".gitignore"))


@given(name=NAMES)
@example(":")
@example("!a")
@example("#a")
@example("a ")
@example("a\\ ")
@example("a\r")
@example("[a]")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_whatever_an_output_is_called_it_is_ignored_and_its_neighbour_is_not(
    project: Path, name: str
) -> None:
    (project / ".gitignore").unlink(missing_ok=True)
    ignore(str(project), [name])
    asked = [b"./" + os.fsencode(each) for each in (name, f"{name}x", f"x{name}")]
    check = ["git", "check-ignore", "-z", "--no-index", "--stdin"]
    told = subprocess.run(check, cwd=project, input=b"\0".join(asked), capture_output=True).stdout
    assert told == asked[0] + b"\0"
