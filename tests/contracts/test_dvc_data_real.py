"""Tracked data of one repository, two tools: what either adds, the other has."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from tests.contracts.real_dvc import (
    cached,
    commit,
    contents,
    dvc,
    git,
    init,
    is_up_to_date,
    outdo,
    take_away,
    write,
)

pytestmark = pytest.mark.slow

FILES = {
    "raw/a": "1\n",
    "raw/sub/é ü": "2\r\n",
    "raw/sub/deep/x": "",
    "one": "1\n",
    "odd/sp [a]b": "odd",
    "odd/b,ang": "!",
    "tool.sh": "#!/bin/sh\n",
}
TRACKED = ("raw", "one", "odd/sp [a]b", "odd/b,ang", "tool.sh")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with data that nobody tracks."""
    repo = init(tmp_path_factory.mktemp("fresh") / "mine")
    write(repo, FILES)
    (repo / "tool.sh").chmod(0o755)
    (repo / "none").mkdir()
    dvc(repo, "remote", "add", "-q", "-d", "lab", "../lab")
    return repo


@pytest.fixture
def repo(fresh: Path, tmp_path: Path) -> Path:
    return copied(fresh, tmp_path)


def copied(repo: Path, folder: Path) -> Path:
    """The same repository once more."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["cp", "-r", str(repo), str(folder)], check=True)
    return folder / repo.name


def told_to_git(repo: Path) -> dict[str, list[bytes]]:
    """The lines of all pointers and ignores, sorted: DVC writes its ignores in an order of its own."""
    found = contents(repo)
    named = (
        name
        for name in found
        if name.endswith((".dvc", ".gitignore")) and not name.startswith((".git/", ".outdo"))
    )
    return {name: sorted(found[name].splitlines()) for name in named}


def without_size(pointer: Path) -> str:
    """DVC says nothing of the size of a folder of which only a part was added."""
    return re.sub("  size: .*\n", "", pointer.read_text())


def test_both_write_the_same_pointers_ignores_and_cache(repo: Path, tmp_path: Path) -> None:
    twin = copied(repo, tmp_path / "twin")
    dvc(repo, "add", "-q", "none", *TRACKED)
    outdo(twin, "data", "add", "none", *TRACKED)
    assert told_to_git(twin) == told_to_git(repo)
    assert cached(twin) == cached(repo)


def test_what_outdo_adds_dvc_checks_out(repo: Path) -> None:
    outdo(repo, "data", "add", *TRACKED)
    commit(repo)
    assert is_up_to_date(repo)
    before = contents(repo / "raw")
    take_away(repo, *TRACKED)
    dvc(repo, "checkout")
    assert contents(repo / "raw") == before
    assert os.access(repo / "tool.sh", os.X_OK)
    assert is_up_to_date(repo)


def test_what_dvc_adds_outdo_checks_out(repo: Path) -> None:
    dvc(repo, "add", "-q", *TRACKED)
    commit(repo)
    assert is_up_to_date(repo)
    before = contents(repo / "raw")
    take_away(repo, *TRACKED, ".outdo")
    outdo(repo, "data", "checkout")
    assert contents(repo / "raw") == before
    assert os.access(repo / "tool.sh", os.X_OK)
    assert is_up_to_date(repo)


def test_what_either_pushes_the_other_pulls(repo: Path, tmp_path: Path) -> None:
    outdo(repo, "data", "add", "raw")
    outdo(repo, "data", "push")
    assert "in sync" in dvc(repo, "status", "-c")
    commit(repo)
    yours = tmp_path / "yours"
    git(repo, "clone", "-q", str(repo), str(yours))
    dvc(yours, "pull", "-q")
    assert contents(yours / "raw") == contents(repo / "raw")
    write(yours, {"raw/new": "new"})
    dvc(yours, "add", "-q", "raw")
    dvc(yours, "push", "-q")
    commit(yours)
    git(repo, "pull", "-q", str(yours), "main")
    outdo(repo, "data", "pull")
    assert contents(repo / "raw") == contents(yours / "raw")
    assert is_up_to_date(repo)


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_files_are_linked_so_that_the_other_takes_them_for_its_own(repo: Path, kind: str) -> None:
    dvc(repo, "config", "cache.type", kind)
    outdo(repo, "data", "add", "raw", "tool.sh")
    commit(repo)
    assert is_up_to_date(repo)
    take_away(repo, "raw")
    dvc(repo, "checkout", "-q")
    take_away(repo, ".outdo")
    assert is_up_to_date(repo)
    outdo(repo, "data", "add", "raw")
    assert is_up_to_date(repo)


def test_random_edits_of_a_folder_are_added_alike(repo: Path, tmp_path: Path) -> None:
    twin = copied(repo, tmp_path / "twin")
    dice = random.Random(7)
    for place in (repo, twin):
        write(place, {f"big/{number % 3}/{number}": str(number) for number in range(12)})
    dvc(repo, "add", "-q", "big")
    outdo(twin, "data", "add", "big")
    for step in range(8):
        changed = f"big/{dice.randrange(3)}/{dice.randrange(14)}"
        part = dice.choice([changed, "big", os.path.dirname(changed)])
        for place in (repo, twin):
            if (place / changed).exists() and step % 3 == 2:
                (place / changed).unlink()
            else:
                write(place, {changed: str(step), "big/untold": str(step)})
        if not (repo / part).exists():
            part = "big"
        dvc(repo, "add", "-q", part)
        outdo(twin, "data", "add", part)
        assert without_size(twin / "big.dvc") == without_size(repo / "big.dvc"), (step, part)


def test_two_branches_that_add_to_one_folder_give_one_message(repo: Path) -> None:
    outdo(repo, "data", "add", "raw")
    commit(repo)
    for branch, other in (("theirs", "main"), ("ours", "main")):
        git(repo, "checkout", "-q", "-b", branch, other)
        outdo(repo, "data", "checkout")
        write(repo, {f"raw/{branch}": branch})
        outdo(repo, "data", "add", "raw")
        commit(repo)
    git(repo, "merge", "-q", "theirs", code=1)
    before = contents(repo / "raw")
    for verb in ("status", "checkout", "push"):
        said = outdo(repo, "data", verb, code=2)
        assert "conflict marks" in said
        assert said.count("error[") == 1
    assert contents(repo / "raw") == before
    git(repo, "checkout", "--theirs", "raw.dvc")
    outdo(repo, "data", "checkout")
    commit(repo)
    assert (repo / "raw" / "theirs").exists()
    assert is_up_to_date(repo)


def test_branches_that_add_different_data_merge_by_themselves(repo: Path) -> None:
    outdo(repo, "data", "add", "raw", "odd/b,ang")
    commit(repo)
    git(repo, "checkout", "-q", "-b", "theirs")
    write(repo, {"raw/a": "theirs"})
    outdo(repo, "data", "add", "raw")
    commit(repo)
    git(repo, "checkout", "-q", "main")
    write(repo, {"odd/b,ang": "mine"})
    outdo(repo, "data", "checkout", "raw")
    outdo(repo, "data", "add", "odd/b,ang")
    commit(repo)
    git(repo, "merge", "-q", "theirs", "-m", "both")
    outdo(repo, "data", "checkout")
    assert ((repo / "raw" / "a").read_text(), (repo / "odd" / "b,ang").read_text()) == ("theirs", "mine")
    assert is_up_to_date(repo)


def test_a_commit_of_dvcs_alone_is_reproduced_in_a_clone_with_data_from_its_remote(repo: Path) -> None:
    pipeline = """
stages:
  all: {cmd: cat raw/a one > all.txt, deps: [raw, one], outs: [all.txt]}
  tool:
    cmd: sh tool.sh > m.json && mkdir -p many/in && cp all.txt many/in
    deps: [tool.sh, all.txt]
    outs: [many]
    metrics: [m.json: {cache: false}]
"""
    write(repo, {"dvc.yaml": pipeline, "tool.sh": "echo '{}'"})
    dvc(repo, "add", "-q", "raw", "one")
    dvc(repo, "repro", "-q")
    commit(repo)
    dvc(repo, "push", "-q")
    write(repo, {"one": "2\n"})
    dvc(repo, "add", "-q", "one")
    dvc(repo, "repro", "-q")
    commit(repo)
    git(repo.parent, "clone", "-q", str(repo), "yours")
    yours = repo.parent / "yours"
    said = outdo(yours, "reproduce", "HEAD~1")
    assert "is reproduced to the byte: 3 identical" in said
    assert not (yours / "raw").exists()
    assert outdo(repo, "reproduce", "HEAD").count("identical") == 4
    missing = outdo(yours, "reproduce", "HEAD", code=2)
    assert "stage 'all' reads 'one', which is tracked data and not here" in missing


def test_changed_data_that_a_run_reads_is_added_as_dvc_does(repo: Path) -> None:
    write(repo, {"dvc.yaml": "stages:\n  all: {cmd: cat raw/a one > all, deps: [raw, one], outs: [all]}\n"})
    dvc(repo, "add", "-q", "raw", "one")
    dvc(repo, "repro", "-q")
    commit(repo)
    take_away(repo, "raw/a")
    write(repo, {"raw/a": "changed\n"})
    theirs = copied(repo, repo.parent / "theirs")
    assert "data had changed, so it was added: git add raw.dvc" in outdo(repo, "run")
    dvc(theirs, "repro", "-q")
    for file in ("raw.dvc", "one.dvc", "dvc.lock"):
        assert (repo / file).read_text() == (theirs / file).read_text()
    assert cached(repo) == cached(theirs)
    assert "up to date" in dvc(repo, "status")


def test_a_branch_of_a_trial_is_what_dvc_takes_for_done(repo: Path) -> None:
    pipeline = """
stages:
  all:
    cmd: mkdir -p d && cat raw/a params.yaml > d/all && cp params.yaml m.yaml
    deps: [raw]
    params: [lr]
    outs: [d]
    metrics: [m.yaml: {cache: false}]
  last: {cmd: cp d/all b, deps: [d], outs: [b]}
"""
    write(repo, {"dvc.yaml": pipeline, "params.yaml": "lr: 0.1\n"})
    dvc(repo, "add", "-q", "raw")
    dvc(repo, "repro", "-q")
    commit(repo)
    outdo(repo, "run", "--set", "lr=0.2")
    assert "run-1" in outdo(repo, "branch", "1")
    git(repo, "checkout", "-q", "run-1")
    assert "outdo.lock" not in git(repo, "ls-tree", "--name-only", "HEAD").split()
    dvc(repo, "checkout", "-q")
    assert "up to date" in dvc(repo, "status")
    assert (repo / "b").read_text() == "1\nlr: 0.2\n"
    assert "didn't change" in dvc(repo, "repro")
