"""A repository whose history was made by DVC alone is compared like any other."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OUTDO = os.path.join(os.path.dirname(sys.executable), "outdo")
PIPELINE = r"""
stages:
  prepare:
    cmd: mkdir -p parts && cp raw.csv clean.csv && split -l 1 raw.csv parts/
    deps: [raw.csv]
    outs: [clean.csv, parts]
  train:
    cmd: 'sed "s/lr: \(.*\)/{\"auc\":\1}/" params.yaml > metrics.json && sed s/auc/loss/ metrics.json > kept.json'
    deps: [clean.csv]
    params: [lr]
    metrics: [{metrics.json: {cache: false}}, kept.json]
"""
CHANGED = """\
params
  ~  lr  0.1 → 0.5  +0.4

metrics
  ~  auc   0.1 → 0.5  +0.4
  ~  loss  0.1 → 0.5  +0.4

data
  ~  clean.csv     8 B → 18 B  rows 1 → 2 (+1), +c
"""


@cache
def dvc_command() -> str:
    """Real DVC: the one that is named, else the one in `.venvs/dvc`, which is made if need be."""
    told = os.environ.get("OUTDO_BENCH_DVC")
    own = ROOT / ".venvs" / "dvc"
    if not told and not (own / "bin" / "dvc").exists():
        subprocess.run([sys.executable, "-m", "venv", own], check=True)
        subprocess.run([own / "bin" / "pip", "install", "-q", "dvc==3.67.1"], check=True)
    return told or str(own / "bin" / "dvc")


def run(repo: Path, *words: str) -> str:
    home = str(repo.parent)
    quiet = {
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": f"{home}/site",
        "HOME": home,
        "XDG_CONFIG_HOME": home,
    }
    names = {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **quiet, **names, "XDG_CONFIG_DIRS": home}
    done = subprocess.run(words, cwd=repo, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def state(repo: Path, params: str, raw: str) -> None:
    """A commit of what DVC makes of these params and this data."""
    (repo / "params.yaml").write_text(params)
    (repo / "raw.csv").write_text(raw)
    run(repo, dvc_command(), "add", "-q", "raw.csv")
    run(repo, dvc_command(), "repro", "-q")
    run(repo, "git", "add", "-A")
    run(repo, "git", "commit", "-qm", "x")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = tmp_path_factory.mktemp("past") / "repo"
    repo.mkdir()
    run(repo, "git", "init", "-q", "-b", "main")
    run(repo, dvc_command(), "init", "-q")
    (repo / "dvc.yaml").write_text(PIPELINE)
    state(repo, "lr: 0.1\n", "a,b\n1,2\n")
    state(repo, "lr: 0.5\n", "a,b,c\n1,2,3\n4,5,6\n")
    return repo


def test_the_last_commit_but_one_with_the_workspace(repo: Path) -> None:
    told = run(repo, OUTDO, "diff", "HEAD~1")
    assert CHANGED in told
    assert "1 added, 2 changed" in told
    assert "raw.csv" in told
    assert "dvc.lock" not in told


def test_two_commits(repo: Path) -> None:
    assert CHANGED in run(repo, OUTDO, "diff", "HEAD~1", "HEAD")


def test_metrics_that_dvc_caches_are_read_from_its_cache(repo: Path) -> None:
    assert "loss  0.1 → 0.5" in run(repo, OUTDO, "metrics", "HEAD~1")


def test_dvc_sees_no_change_from_it(repo: Path) -> None:
    run(repo, OUTDO, "diff", "HEAD~1")
    assert "up to date" in run(repo, dvc_command(), "status")
    assert run(repo, "git", "status", "--short") == ""
