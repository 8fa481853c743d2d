"""Two people run on two branches and merge, as Git sees it: nothing is lost, and one message says what to do."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.contracts.real_dvc import OUTDO
from tests.contracts.repository import git

pytestmark = pytest.mark.slow

COPY = "cp {0}.txt {0}.out"
NAMES = ("a", "b")
STAGES = "stages:\n" + "".join(
    f"  {name}:\n    cmd: {COPY.format(name)}\n    deps: [{name}.txt]\n    outs: [{name}.out]\n"
    for name in NAMES
)


@pytest.fixture(params=["outdo.lock", "dvc.lock"])
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The lock of a repository in which all has run, on the branch of the first person; it has a second branch."""
    root = tmp_path / "mine"
    root.mkdir()
    git(root, "init", "-q", "-b", "one")
    if request.param == "dvc.lock":
        (root / ".dvc").mkdir()
        (root / ".dvc" / "config").write_text("")
        (root / ".dvc" / ".gitignore").write_text("/cache\n/tmp\n")
    (root / request.param.replace("outdo.lock", "outdo.yaml").replace("dvc.lock", "dvc.yaml")).write_text(
        STAGES
    )
    for name in NAMES:
        (root / f"{name}.txt").write_text(f"{name}\n")
    ran(root)
    git(root, "branch", "two")
    found: Path = root / request.param
    return found


def said(root: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run([OUTDO, *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def ran(root: Path) -> None:
    said(root, "run")
    git(root, "add", ".")
    git(root, "commit", "-qm", "ran")


def changed(root: Path, branch: str, **texts: str) -> None:
    """The person of a branch changes what these stages read, runs, and commits."""
    git(root, "checkout", "-q", branch)
    for name, text in texts.items():
        (root / f"{name}.txt").write_text(text)
    ran(root)


def merged(lock: Path) -> list[str]:
    """The files that Git could not join when the first person merged the second one's branch."""
    git(lock.parent, "checkout", "-q", "one")
    words = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "merge", "-q", "two"]
    subprocess.run(words, cwd=lock.parent, capture_output=True)
    return git(lock.parent, "diff", "--name-only", "--diff-filter=U").split()


def outputs(lock: Path) -> dict[str, str]:
    return {name: (lock.parent / f"{name}.out").read_text() for name in NAMES}


def test_stages_that_each_has_run_alone_are_not_run_again(lock: Path) -> None:
    changed(lock.parent, "one", a="mine\n")
    changed(lock.parent, "two", b="yours\n")
    for name in merged(lock):
        git(lock.parent, "checkout", "--theirs", name)
    assert not re.search(r"\bran\b", said(lock.parent, "run"))
    assert outputs(lock) == {"a": "mine\n", "b": "yours\n"}


def test_a_stage_that_both_have_run_is_one_message_and_nothing_is_touched(lock: Path) -> None:
    changed(lock.parent, "one", a="mine\n")
    changed(lock.parent, "two", a="yours\n")
    others = set(merged(lock)) - {lock.name}
    git(lock.parent, "checkout", "--theirs", *others)
    before, there = lock.read_bytes(), outputs(lock)
    assert b"<<<<<<<" in before
    for verb in ("run", "status"):
        told = said(lock.parent, verb, code=2)
        assert told.count("error[") == 1
        assert "conflict marks" in told
        assert f"git checkout --theirs {lock.name}" in told
    assert (lock.read_bytes(), outputs(lock)) == (before, there)


@pytest.mark.parametrize(("side", "text"), [("--theirs", "yours\n"), ("--ours", "mine\n")])
def test_with_a_side_chosen_what_was_run_there_is_restored(lock: Path, side: str, text: str) -> None:
    changed(lock.parent, "one", a="mine\n")
    changed(lock.parent, "two", a="yours\n")
    git(lock.parent, "checkout", side, *merged(lock))
    assert not re.search(r"\bran\b", said(lock.parent, "run"))
    assert outputs(lock) == {"a": text, "b": "b\n"}
    git(lock.parent, "add", ".")
    git(lock.parent, "commit", "-qm", "merged")
    assert "fresh" in said(lock.parent, "status")
