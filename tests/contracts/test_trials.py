"""Trials that go on at once: one budget, one computation of what they share, one sweep on record, and no trace left."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outdo.app.history import Asked as AskedLog
from outdo.app.history import log
from outdo.app.project import open_project
from outdo.app.run import Options
from outdo.app.share import Asked as Sharing
from outdo.app.share import push
from outdo.app.trial import Asked, Ended, Sweep, Told, remove_left
from outdo.core.errors import BadSet, NoTrial
from outdo.core.events import RunStarted, StageFinished, StageStarted
from outdo.core.plan import Request
from tests.contracts.repository import git

PIPELINE = """\
stages:
  prepare:
    cmd: echo prepared >> $OUTSIDE/prepared && {prepare} && cp raw.csv clean.csv
    deps: [raw.csv]
    outs: [clean.csv]
    resources: {{cpu: 0.1}}
  train:
    cmd: '{train} && sed -n "s/^lr: \\(.*\\)/{{\\"auc\\":\\1}}/p" params.yaml > metrics.json'
    deps: [clean.csv]
    params: [lr, depth]
    metrics: [metrics.json]
    resources: {{cpu: 0.1}}
"""
AT = datetime(2026, 4, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git_author: None) -> None:
    monkeypatch.setenv("OUTSIDE", str(tmp_path))


def project(tmp_path: Path, prepare: str = "true", train: str = "true") -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "outdo.yaml").write_text(PIPELINE.format(prepare=prepare, train=train))
    (root / "params.yaml").write_text("lr: 0.1  # small\ndepth: 3\n")
    (root / "raw.csv").write_text("a,b\n")
    (root / ".gitignore").write_text(".outdo\nclean.csv\nmetrics.json\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


def sweep(root: Path, *sets: str, jobs: int = 4, **asked: int) -> Sweep:
    return Sweep(open_project(str(root)), Asked(sets, **asked), Request(), Options(jobs=jobs))


def run(root: Path, *sets: str, jobs: int = 4) -> list[Told]:
    return list(sweep(root, *sets, jobs=jobs).events())


def statuses(told: Sequence[Told], stage: str) -> list[str]:
    return sorted(
        one.event.status for one in told if isinstance(one.event, StageFinished) and one.event.stage == stage
    )


def ends(told: Sequence[Told]) -> dict[int, str]:
    return {
        one.number: one.event.result.status if one.event.result else one.event.failure
        for one in told
        if isinstance(one.event, Ended)
    }


def trees(root: Path) -> int:
    return git(root, "worktree", "list").count("\n") - 1


def test_what_trials_share_is_computed_once(tmp_path: Path) -> None:
    told = run(project(tmp_path, prepare="sleep 0.3"), "lr=0.1,0.2", "depth=3..4")
    assert statuses(told, "prepare") == ["ran", "restored", "restored", "restored"]
    assert (tmp_path / "prepared").read_text() == "prepared\n"
    assert statuses(told, "train") == ["ran"] * 4


def test_trials_run_side_by_side(tmp_path: Path) -> None:
    meet = "touch $OUTSIDE/at.$OUTDO_RUN; until [ $(ls $OUTSIDE/at.* | wc -l) = 2 ]; do sleep 0.01; done"
    assert ends(run(project(tmp_path, train=meet), "lr=0.1,0.2", jobs=2)) == {1: "done", 2: "done"}


def test_they_share_one_budget(tmp_path: Path) -> None:
    alone = "mkdir $OUTSIDE/busy && sleep 0.05 && rmdir $OUTSIDE/busy"
    told = run(project(tmp_path, prepare=alone, train=alone), "lr=0.1,0.2,0.3", jobs=1)
    assert set(ends(told).values()) == {"done"}


def test_a_failed_trial_keeps_no_other_from_running(tmp_path: Path) -> None:
    told = run(project(tmp_path, train='! grep -q "lr. 0.2" params.yaml'), "lr=0.1,0.2,0.3")
    assert ends(told) == {1: "done", 2: "failed", 3: "done"}


def test_a_shared_stage_that_fails_fails_in_every_trial(tmp_path: Path) -> None:
    assert ends(run(project(tmp_path, prepare="false"), "lr=0.1,0.2")) == {1: "failed", 2: "failed"}


def test_each_trial_is_a_run_of_one_sweep_on_record(tmp_path: Path) -> None:
    root = project(tmp_path)
    asked = sweep(root, "lr=uniform(0.1,0.9)", "depth=3..4", trials=4, seed=7)
    list(asked.events())
    page = log(str(root), AskedLog((f"sweep = {asked.id[-4:]}",), "number", ascending=True), AT)
    assert [row.status for row in page.runs] == ["done"] * 4
    assert sorted(row.trial.number for row in page.runs if row.trial) == [1, 2, 3, 4]
    assert {row.trial.seed for row in page.runs if row.trial} == {7}
    assert all(row.trial and row.trial.settings["lr"] == row.params["lr"] for row in page.runs)
    assert all(row.branch == "main" and row.dirty for row in page.runs)


def test_the_code_is_that_of_the_start(tmp_path: Path) -> None:
    root = project(tmp_path)
    for told in sweep(root, "lr=0.1,0.2,0.3", jobs=1).events():
        if isinstance(told.event, RunStarted):
            (root / "raw.csv").write_text("edited\n")
    assert (tmp_path / "prepared").read_text() == "prepared\n"


def test_nothing_is_left_of_it_and_the_workspace_is_as_it_was(tmp_path: Path) -> None:
    root = project(tmp_path)
    run(root, "lr=0.1,0.2")
    assert trees(root) == 0
    assert not (root / ".outdo/trials").exists()
    assert git(root, "status", "--short") == ""
    assert not (root / "metrics.json").exists()


def test_a_stop_ends_all_and_leaves_nothing(tmp_path: Path) -> None:
    root = project(tmp_path, train="sleep 60")
    asked = sweep(root, "lr=0.1,0.2,0.3", jobs=2)
    began = time.monotonic()
    told = []
    for one in asked.events():
        told.append(one)
        if isinstance(one.event, StageStarted) and one.event.stage == "train":
            asked.stop()
    assert time.monotonic() - began < 20
    assert "interrupted" in ends(told).values()
    assert 3 not in ends(told)
    assert trees(root) == 0


def test_a_stop_before_the_first_trial_starts_none(tmp_path: Path) -> None:
    asked = sweep(project(tmp_path), "lr=0.1,0.2")
    asked.stop()
    assert list(asked.events()) == []
    assert threading.active_count() < 20


def test_a_param_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    root = project(tmp_path)
    with pytest.raises(BadSet, match="holds no param 'dpth'"):
        sweep(root, "lr=0.1,0.2", "dpth=1,2")
    assert not (root / ".outdo/trials").exists()


def test_a_params_file_that_can_t_be_read_is_named_as_the_project_names_it(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "params.yaml").write_bytes(b"\xff")
    with pytest.raises(BadSet, match=r"the params file 'params.yaml' can't be read: it is not UTF-8"):
        sweep(root, "lr=0.1,0.2")
    (root / "params.yaml").unlink()
    with pytest.raises(
        BadSet, match=r"the params file 'params.yaml' can't be read: No such file or directory"
    ):
        sweep(root, "lr=0.1,0.2")


def test_without_a_repository_nothing_is_tried(tmp_path: Path) -> None:
    root = project(tmp_path)
    subprocess.run(["rm", "-rf", ".git"], cwd=root, check=True)
    with pytest.raises(NoTrial):
        run(root, "lr=0.2")


def test_what_a_killed_sweep_left_goes_with_the_next_run(tmp_path: Path) -> None:
    root = project(tmp_path, train="touch $OUTSIDE/begun && sleep 60")
    words = [sys.executable, "-m", "outdo.cli.main", "run", "--set", "lr=0.1,0.2"]
    killed = subprocess.Popen(words, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert trees(root) > 0
    remove_left(open_project(str(root)))
    assert trees(root) == 0
    assert not (root / ".outdo/trials").exists()


def test_what_a_colleague_has_pushed_is_not_computed_again(tmp_path: Path) -> None:
    root = project(tmp_path)
    with open(root / "outdo.yaml", "a") as file:
        file.write("remotes: {team: ../team}\n")
    git(root, "commit", "-qam", "two")
    git(tmp_path, "clone", "-q", str(root), "colleague")
    colleague = tmp_path / "colleague"
    run(colleague, "lr=0.2")
    push(open_project(str(colleague)), Sharing(runs=True), lambda _: None)
    told = run(root, "lr=0.2,0.3")
    assert sorted(statuses(told, "train")) == ["ran", "restored"]
    assert (tmp_path / "prepared").read_text().count("prepared") == 1
