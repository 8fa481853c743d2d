"""The gate `reproducible`: the model is trained again, and what comes out is held against what is there."""

import subprocess
from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.checked import JudgedModel
from outdo.app.library import load
from outdo.core.verdict import Verdict

FILE = """
project: p
stages:
  train: {cmd: sh train.sh, deps: [train.sh], outs: [model]}
  score: {cmd: "sed \\"s/MODEL/$(cat model)/\\" rows > said.csv", deps: [model, rows], outs: [said.csv]}
models:
  m: {path: model, predictions: {path: said.csv, label: y, score: p}, gates: [{reproducible: %s}]}
"""
SAME = "echo 1 > model"
COUNTS = "echo run >> {outside}; echo 0.00$(wc -l < {outside}) > model"
FAILS_LATER = "echo run >> {outside}; test $(wc -l < {outside}) = 1 && echo 1 > model"

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path, git_author: None) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "rows").write_text("y,p\n0,MODEL\n1,0.5\n")
    return folder


def verdict(root: Path, train: str, told: str = "0", *, in_git: bool = True) -> Verdict:
    (root / "outdo.yaml").write_text(FILE % told)
    (root / "train.sh").write_text(train.format(outside=root.parent / "runs"))
    if in_git:
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
            subprocess.run(["git", *words], cwd=root, check=True)
    load(str(root)).run()
    if in_git:
        subprocess.run(["git", "add", "-A"], cwd=root, check=True)
        subprocess.run(["git", "commit", "-qm", "lock"], cwd=root, check=True)
    [found] = check(str(root), ["m"])
    assert isinstance(found, JudgedModel)
    [one] = found.verdicts
    return one


@pytest.mark.parametrize(
    ("train", "told", "outcome", "words"),
    [
        (SAME, "0", "passed", "its bytes are the same"),
        (COUNTS, "0", "failed", "it differs"),
        (COUNTS, "0.1", "passed", "near enough"),
        (FAILS_LATER, "0", "failed", "stage 'train' failed when made again"),
    ],
)
def test_a_model_is_trained_again(root: Path, train: str, told: str, outcome: str, words: str) -> None:
    found = verdict(root, train, told)
    assert (found.outcome, words in found.reason) == (outcome, True), found
    assert not (root / ".outdo/worktrees/reproduce").exists()


def test_without_the_code_s_history_it_can_not_be(root: Path) -> None:
    found = verdict(root, SAME, in_git=False)
    assert (found.outcome, "Git" in found.reason) == ("not_evaluated", True), found
