"""One repository, two tools: what either has run, the other takes for done."""

from pathlib import Path

import pytest

from tests.contracts.real_dvc import dvc, outdo, run

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  prepare:
    cmd: |
      mkdir -p out
      cp raw.csv out/clean.csv
    deps: [raw.csv]
    params: [lr]
    outs: [out]
  train:
    cmd:
    - cp out/clean.csv model.bin
    - cp params.yaml m.yaml
    deps: [out]
    params: [train]
    outs: [model.bin]
    metrics: [m.yaml: {cache: false}]
  last:
    wdir: sub
    cmd: cp ../model.bin last.bin
    deps: [../model.bin]
    outs: [last.bin]
  each:
    foreach: [a, b]
    do: {cmd: "cp model.bin ${item}.bin", deps: [model.bin], outs: ["${item}.bin"]}
"""
PARAMS = "lr: 0.1\ntrain: {depth: 3, name: null}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    place = tmp_path / "repo"
    (place / "sub").mkdir(parents=True)
    (place / "dvc.yaml").write_text(PIPELINE)
    (place / "params.yaml").write_text(PARAMS)
    (place / "raw.csv").write_text("a,b\n1,2\n")
    run(place, "git", "init", "-q")
    dvc(place, "init", "-q")
    dvc(place, "config", "core.check_update", "false")
    return place


def test_what_outdo_ran_is_up_to_date_for_dvc(repo: Path) -> None:
    outdo(repo, "run")
    assert "up to date" in dvc(repo, "status")
    assert "Running" not in dvc(repo, "repro")
    written = (repo / "dvc.lock").read_text()
    (repo / "params.yaml").write_text(PARAMS.replace("0.1", "0.2"))
    outdo(repo, "run")
    assert "up to date" in dvc(repo, "status")
    assert (repo / "dvc.lock").read_text() == written.replace("lr: 0.1", "lr: 0.2")


def test_what_dvc_ran_is_fresh_for_outdo(repo: Path) -> None:
    dvc(repo, "repro")
    assert "all fresh" in outdo(repo, "status")
    assert "all 5 stages are fresh" in outdo(repo, "run")
    (repo / "raw.csv").write_text("a,b\n3,4\n")
    dvc(repo, "repro")
    assert "all fresh" in outdo(repo, "status")


def test_both_write_the_same_lock_and_the_same_cache(repo: Path) -> None:
    outdo(repo, "run")
    ours = (repo / "dvc.lock").read_text(), cached(repo)
    for path in (repo / "dvc.lock", repo / ".dvc" / "cache"):
        run(repo, "rm", "-rf", str(path))
    dvc(repo, "repro", "-f")
    assert ((repo / "dvc.lock").read_text(), cached(repo)) == ours


def test_a_stage_that_has_yet_to_run_is_not_told_as_done(repo: Path) -> None:
    outdo(repo, "run")
    (repo / "raw.csv").write_text("a,b\n3,4\n")
    (repo / "params.yaml").write_text(PARAMS.replace("3", "4"))
    outdo(repo, "run", "prepare")
    assert "train" in dvc(repo, "status")


def test_dvc_gets_back_what_outdo_ran(repo: Path) -> None:
    outdo(repo, "run")
    run(repo, "rm", "-rf", "out", "model.bin", "a.bin")
    assert "Running" not in dvc(repo, "repro")
    dvc(repo, "checkout")
    assert (repo / "out" / "clean.csv").read_text() == "a,b\n1,2\n"


def test_a_project_that_dvc_does_not_keep_gets_no_lock_of_its(repo: Path) -> None:
    run(repo, "rm", "-rf", ".dvc")
    outdo(repo, "run")
    assert not (repo / "dvc.lock").exists()


def cached(repo: Path) -> list[str]:
    """What is in DVC's cache, by name: every name is that of its content."""
    top = repo / ".dvc" / "cache"
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())
