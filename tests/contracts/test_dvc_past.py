"""A repository whose history was made by DVC alone is compared like any other."""

from pathlib import Path

import pytest

from tests.contracts.real_dvc import dvc, outdo, run

pytestmark = pytest.mark.slow

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


def state(repo: Path, params: str, raw: str) -> None:
    """A commit of what DVC makes of these params and this data."""
    (repo / "params.yaml").write_text(params)
    (repo / "raw.csv").write_text(raw)
    dvc(repo, "add", "-q", "raw.csv")
    dvc(repo, "repro", "-q")
    run(repo, "git", "add", "-A")
    run(repo, "git", "commit", "-qm", "x")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = tmp_path_factory.mktemp("past") / "repo"
    repo.mkdir()
    run(repo, "git", "init", "-q", "-b", "main")
    dvc(repo, "init", "-q")
    (repo / "dvc.yaml").write_text(PIPELINE)
    state(repo, "lr: 0.1\n", "a,b\n1,2\n")
    state(repo, "lr: 0.5\n", "a,b,c\n1,2,3\n4,5,6\n")
    return repo


def test_the_last_commit_but_one_with_the_workspace(repo: Path) -> None:
    told = outdo(repo, "diff", "HEAD~1")
    assert CHANGED in told
    assert "1 added, 2 changed" in told
    assert "raw.csv" in told
    assert "dvc.lock" not in told


def test_two_commits(repo: Path) -> None:
    assert CHANGED in outdo(repo, "diff", "HEAD~1", "HEAD")


def test_metrics_that_dvc_caches_are_read_from_its_cache(repo: Path) -> None:
    assert "loss  0.1 → 0.5" in outdo(repo, "metrics", "HEAD~1")


def test_dvc_sees_no_change_from_it(repo: Path) -> None:
    outdo(repo, "diff", "HEAD~1")
    assert "up to date" in dvc(repo, "status")
    assert run(repo, "git", "status", "--short") == ""
