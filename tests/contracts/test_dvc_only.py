"""What only DVC does gets one clear message, at the moment at which it matters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OUTDO = os.path.join(os.path.dirname(sys.executable), "outdo")
PIPELINE = "stages:\n  make: {cmd: cp params.yaml out, params: [lr], outs: [out]}\n"
IMPORT = """deps:
- db:
    query: SELECT 1
    connection: main
    file_format: csv
outs:
- md5: d41d8cd98f00b204e9800998ecf8427e
  size: 0
  hash: md5
  path: table.csv
"""


def said(folder: Path, *words: str, code: int = 0) -> str:
    home = {
        "HOME": str(folder.parent),
        "XDG_CONFIG_HOME": str(folder.parent),
        "XDG_CONFIG_DIRS": str(folder.parent),
    }
    git = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **home, **git}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    place = tmp_path / "repo"
    (place / ".dvc").mkdir(parents=True)
    (place / ".dvc" / "config").touch()
    (place / "dvc.yaml").write_text(PIPELINE)
    (place / "params.yaml").write_text("lr: 0.1\n")
    said(place, "git", "init", "-q")
    said(place, "git", "add", ".")
    said(place, "git", "commit", "-qm", "all")
    return place


def test_params_that_hydra_composes_are_not_tried(repo: Path) -> None:
    (repo / ".dvc/config").write_text("[hydra]\n    enabled = true\n")
    assert "hydra.enabled" in said(repo, OUTDO, "run", "--set", "lr=0.2", code=2)
    said(repo, OUTDO, "run")  # as `dvc repro`, which does not compose either


def test_an_experiment_of_dvcs_is_named_as_one(repo: Path) -> None:
    said(repo, "git", "update-ref", "refs/exps/ab/cdef/brave-fox", "HEAD")
    told = said(repo, OUTDO, "diff", "brave-fox", code=2)
    assert "an experiment of DVC's" in told
    assert "dvc exp branch brave-fox" in told
    assert "an experiment of DVC's" not in said(repo, OUTDO, "diff", "brave", code=2)


@pytest.mark.parametrize(
    ("word", "ours"), [("repro", "outdo run"), ("exp", "dvc exp"), ("queue", "dvc queue")]
)
def test_a_word_of_dvcs_leads_to_ours(repo: Path, word: str, ours: str) -> None:
    assert ours in said(repo, OUTDO, word, code=2)


def test_an_import_from_a_database_is_kept_like_any_data(repo: Path) -> None:
    (repo / "table.csv.dvc").write_text(IMPORT)
    (repo / "table.csv").touch()
    assert "table.csv" in said(repo, OUTDO, "data", "status", "--json")
    assert (repo / "table.csv.dvc").read_text() == IMPORT
