"""Stage runs and the runs of MLflow's clients are one: what a stage logs and what is on record of it are told alike."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import outdo
from outdo.app.library import Finished
from outdo.app.run import Options
from outdo.core.digest import stage_run_id, whole_run_id
from outdo.core.model import RunId, StageName
from tests.contracts.served import Served, served
from tests.contracts.stage_client import CLIENT
from tests.contracts.waiting import until

pytestmark = pytest.mark.slow  # a story tells the main of it in the fast ring

PYTHON = f"{sys.executable} -S"
FILE = f"""
project: flights
stages:
  train: {{cmd: {PYTHON} train.py, deps: [train.py], params: [rate], outs: [model], metrics: [scores.json]}}
  count: {{cmd: 'echo "{{\\"rows\\": 7}}" > rows.json', metrics: [rows.json], deps: [train.py]}}
  dies: {{cmd: {PYTHON} dies.py, deps: [dies.py]}}
  grows: {{cmd: {PYTHON} grows.py, deps: [grows.py]}}
  makes: {{cmd: {PYTHON} makes.py, deps: [makes.py]}}
  chooses: {{cmd: {PYTHON} chooses.py, deps: [chooses.py], outs: [chosen.json]}}
  elsewhere: {{cmd: {PYTHON} elsewhere.py, deps: [elsewhere.py]}}
  stranger: {{cmd: {PYTHON} stranger.py, deps: [stranger.py], outs: [refused.json]}}
"""
SCRIPTS = {
    "train.py": """
log("loss", 0.5, 0.3)
log("auc", 0.6)
log("gap", "NaN")
log("system/cpu", 12.0)
ask("runs/log-parameter", {"run_id": RUN, "key": "kind", "value": "tree"})
write("model", [1])
write("scores.json", {"auc": 0.9})
""",
    "dies.py": "log('loss', 0.7)\nsys.exit(3)\n",
    "makes.py": """
made = ask("runs/create", {"experiment_id": "0", "run_name": "by a client"})["run"]["info"]["run_id"]
log("loss", 0.6, run=made)
assert made == RUN
""",
    "grows.py": """
ask("runs/get", run_id=RUN)
made = ask("runs/create", {"experiment_id": "0", "run_name": "fold 1"})["run"]["info"]["run_id"]
log("loss", 0.4, run=made)
""",
    "chooses.py": """
# mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
first = ask("runs/create", {"experiment_id": "0", "run_name": "by hand"})["run"]["info"]["run_id"]
log("loss", 0.2, run=first)
second = ask("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
write("chosen.json", [RUN, first, second])
""",
    "elsewhere.py": """
made = ask("experiments/create", {"name": "trees"})["experiment_id"]
ask("experiments/get", experiment_id=made)
assert ask("runs/get", run_id=RUN)["run"]["info"]["experiment_id"] == made
log("loss", 0.1)
""",
    "stranger.py": """
codes = []
for shown in ({}, {"Authorization": "Bearer 1234"}, {"Authorization": "Basic bm9ib2R5OjEyMzQ="}):
    try:
        ask("runs/get", headers=shown, run_id=RUN)
    except urllib.error.HTTPError as error:
        codes.append(error.code)
write("refused.json", codes)
""",
}


def make(root: Path, file: str = FILE, scripts: Mapping[str, str] = SCRIPTS) -> Path:
    root.mkdir(exist_ok=True)
    (root / "outdo.yaml").write_text(file)
    (root / "params.yaml").write_text("rate: 0.1\n")
    for name, text in scripts.items():
        (root / name).write_text(CLIENT + text)
    return root


def run(root: Path, *targets: str, **options: Any) -> Finished:
    return outdo.load(root).run(*targets, options=Options(**options))


ONE = f"project: flights\nstages:\n  train: {{cmd: {PYTHON} train.py, deps: [train.py], outs: [out]}}\n"


def one(root: Path, script: str, more: str = "") -> Path:
    return make(root, ONE + more, {"train.py": script})


class Told:
    """What a server in the project's folder says of a run."""

    def __init__(self, server: Served, run: RunId) -> None:
        self.server = server
        self.run = run

    def of(self, stage: str) -> dict[str, Any]:
        return self.by_id(stage_run_id(self.run, StageName(stage)))

    def by_id(self, id_: str) -> dict[str, Any]:
        reply = self.server.get("runs/get", run_id=id_)
        assert reply.status == 200, reply.said
        said: dict[str, Any] = reply.said["run"]
        return said

    def metrics(self, stage: str) -> dict[str, Any]:
        return {one["key"]: one["value"] for one in self.of(stage)["data"].get("metrics", [])}

    def params(self, stage: str) -> dict[str, str]:
        return {one["key"]: one["value"] for one in self.of(stage)["data"].get("params", [])}

    def tags(self, id_: str) -> dict[str, str]:
        return {one["key"]: one["value"] for one in self.by_id(id_)["data"]["tags"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def result(root: Path) -> Finished:
    return run(root, keep_going=True)


@pytest.fixture(scope="module")
def told(root: Path, result: Finished) -> Iterator[Told]:
    assert result.run is not None
    with served(root / ".outdo") as server:
        yield Told(server, result.run)


# One table.


def test_what_a_stage_logs_is_among_its_metrics_and_of_one_name_the_file_counts(result: Finished) -> None:
    found = dict(result.stages[StageName("train")].metrics)
    assert str(found.pop("gap")) == "nan"
    assert found == {"auc": 0.9, "loss": 0.3}


def test_what_a_failed_stage_logged_is_on_record(result: Finished) -> None:
    assert result.stages[StageName("dies")].metrics == {"loss": 0.7}


def test_a_client_finds_the_same_metrics_and_the_params_of_the_stage(told: Told) -> None:
    assert told.metrics("train") == {"auc": 0.9, "loss": 0.3, "gap": "NaN", "system/cpu": 12.0}
    assert told.params("train") == {"rate": "0.1", "kind": "tree"}


def test_a_stage_that_only_wrote_a_file_is_a_run_too(told: Told) -> None:
    assert told.metrics("count") == {"rows": 7.0}


def test_a_stage_run_ends_as_its_stage_does(told: Told) -> None:
    assert [told.of(stage)["info"]["status"] for stage in ("train", "count", "dies")] == [
        "FINISHED",
        "FINISHED",
        "FAILED",
    ]


def test_stage_runs_stand_in_the_experiment_of_the_project_under_their_run(told: Told) -> None:
    found = told.server.get("experiments/get-by-name", experiment_name="flights").said["experiment"]
    assert told.of("train")["info"]["experiment_id"] == found["experiment_id"]
    tags = told.tags(stage_run_id(told.run, StageName("train")))
    assert tags["mlflow.parentRunId"] == whole_run_id(told.run)
    assert (tags["mlflow.runName"], tags["outdo.stage"], tags["outdo.run"]) == ("train", "train", told.run)
    assert len(tags["outdo.key"]) == 64
    assert told.by_id(whole_run_id(told.run))["info"]["status"] == "FAILED"


# What clients do by themselves.


def test_a_run_that_a_stage_makes_belongs_to_it(told: Told) -> None:
    parent = stage_run_id(told.run, StageName("grows"))
    found = told.server.post(
        "runs/search", experiment_ids=["0"], filter=f"tags.mlflow.parentRunId = '{parent}'"
    ).said["runs"]
    assert [one["info"]["run_name"] for one in found] == ["fold 1"]


def test_the_first_run_that_a_stage_makes_is_its_own_where_it_has_not_turned_to_that(told: Told) -> None:
    assert told.metrics("makes") == {"loss": 0.6}
    assert told.of("makes")["info"]["run_name"] == "by a client"


def test_where_the_code_chooses_a_server_the_first_run_it_makes_is_the_stages(root: Path, told: Told) -> None:
    named, first, second = eval((root / "chosen.json").read_text())
    id_ = stage_run_id(told.run, StageName("chooses"))
    assert (named, first) == ("", id_)
    assert told.tags(id_)["mlflow.runName"] == "by hand"
    assert told.tags(second)["mlflow.parentRunId"] == id_
    assert told.metrics("chooses") == {"loss": 0.2}


def test_a_stage_may_set_an_experiment_of_its_own(told: Told) -> None:
    found = told.server.get("experiments/get-by-name", experiment_name="trees").said["experiment"]
    assert told.of("elsewhere")["info"]["experiment_id"] == found["experiment_id"]
    assert told.metrics("elsewhere") == {"loss": 0.1}


def test_nobody_logs_without_the_token_of_a_stage(root: Path, result: Finished) -> None:
    assert (root / "refused.json").read_text() == "[401, 401, 401]"


# Known results.


def test_a_restored_and_a_kept_stage_have_the_metrics_that_were_logged(root: Path, told: Told) -> None:
    (root / "model").unlink()
    (root / "more").write_text("")
    (root / "outdo.yaml").write_text(FILE + "  more: {cmd: 'true', deps: [more]}\n")
    again = run(root, "train", "more")
    assert again.run is not None
    assert again.stages[StageName("train")].status == "restored"
    assert again.stages[StageName("train")].metrics == {"auc": 0.9, "loss": 0.3}
    (root / "more").write_text("else")
    third = run(root, "train", "more")
    assert third.stages[StageName("train")].status == "kept"
    assert third.stages[StageName("train")].metrics == {"auc": 0.9, "loss": 0.3}
    assert told.metrics("train")["loss"] == 0.3
    seen = Told(told.server, again.run)
    assert seen.tags(stage_run_id(again.run, StageName("train")))["outdo.source"] == told.run


def test_what_was_logged_comes_with_a_result_that_others_have_pushed(tmp_path: Path) -> None:
    remote = f"remotes: {{team: {{url: {tmp_path / 'remote'}}}}}\n"
    first = one(tmp_path / "first", "log('loss', 0.5)\nwrite('out', 1)\n", remote)
    run(first)
    push = [sys.executable, "-m", "outdo.cli.main", "push"]
    subprocess.run(push, cwd=first, check=True, stderr=subprocess.DEVNULL)
    second = one(tmp_path / "second", "log('loss', 0.5)\nwrite('out', 1)\n", remote)
    (second / "outdo.lock").write_bytes((first / "outdo.lock").read_bytes())
    train = run(second).stages[StageName("train")]
    assert (train.status, train.metrics) == ("restored", {"loss": 0.5})


# What costs nothing, and what keeps nothing.


def test_a_run_in_which_nobody_logs_opens_no_database(tmp_path: Path) -> None:
    root = one(tmp_path / "quiet", "write('out', [bool(RUN), sorted(os.environ)])\n")
    assert run(root).ok
    assert not (root / ".outdo" / "tracking.db").exists()
    assert "[true, " in (root / "out").read_text()


def test_who_names_a_server_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    root = one(tmp_path / "named", "write('out', [RUN, os.environ['MLFLOW_TRACKING_URI']])\n")
    assert run(root).ok
    assert (root / "out").read_text() == '["", "http://127.0.0.1:9"]'


def test_a_rehearsal_keeps_nothing_of_what_is_logged(tmp_path: Path) -> None:
    root = one(
        tmp_path / "tried", "log('loss', 0.5)\nwrite('out', 1)\n", "  last: {cmd: 'true', deps: [out]}\n"
    )
    assert not run(root, rehearse=("last=fail",)).ok
    assert not (root / ".outdo" / "tracking.db").exists()


def test_a_stage_that_is_tried_again_logs_to_the_same_run(tmp_path: Path) -> None:
    script = "n = int(os.environ['OUTDO_ATTEMPT'])\nlog('loss', n)\nwrite('out', 1)\nsys.exit(n == 1)\n"
    root = one(tmp_path / "again", script)
    (root / "outdo.yaml").write_text(ONE.replace("outs:", "retries: 1, outs:"))
    assert run(root).stages[StageName("train")].metrics == {"loss": 2.0}


def test_a_sandboxed_stage_logs_although_it_has_no_network(tmp_path: Path) -> None:
    root = one(tmp_path / "boxed", "log('loss', 0.5)\nwrite('out', 1)\n")
    result = run(root, sandbox=True)
    assert result.ok
    assert result.stages[StageName("train")].metrics == {"loss": 0.5}


def test_each_trial_of_a_sweep_logs_to_its_own_run(tmp_path: Path) -> None:
    script = (
        "rate = float(open('params.yaml').read().split()[1])\nlog('loss', 1 - rate)\nwrite('out', rate)\n"
    )
    root = one(tmp_path / "swept", script)
    (root / "outdo.yaml").write_text(ONE.replace("outs:", "params: [rate], outs:"))
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    command = [sys.executable, "-m", "outdo.cli.main", "run", "--set", "rate=0.2,0.4,0.6"]
    subprocess.run(command, cwd=root, check=True, stderr=subprocess.DEVNULL)
    with served(root / ".outdo") as server:
        asked = {"experiment_ids": ["1"], "filter": "tags.`outdo.stage` = 'train'"}
        found = [one["data"] for one in server.post("runs/search", **asked).said["runs"]]
    told = sorted((one["params"][0]["value"], round(one["metrics"][0]["value"], 9)) for one in found)
    assert told == [("0.2", 0.8), ("0.4", 0.6), ("0.6", 0.4)]


def test_a_stage_logs_also_where_the_server_of_the_project_has_users(tmp_path: Path) -> None:
    root = one(tmp_path / "signed", "log('loss', 0.5)\nwrite('out', 1)\n")
    home = ["--home", str(root / ".outdo"), "--password-file", "-"]
    command = [sys.executable, "-m", "outdo.cli.main", "user", "add", "ann", "--admin", *home]
    subprocess.run(command, check=True, input=b"correct horse battery\n", stdout=subprocess.DEVNULL)
    assert run(root).stages[StageName("train")].metrics == {"loss": 0.5}


def test_where_the_database_is_damaged_a_stage_is_told_so_at_once(tmp_path: Path) -> None:
    root = one(tmp_path / "damaged", "log('loss', 0.5)\nwrite('out', 1)\n")
    (root / ".outdo").mkdir()
    (root / ".outdo" / "tracking.db").write_bytes(b"no database" * 1000)
    began = time.monotonic()
    result = run(root)
    assert not result.ok
    assert time.monotonic() - began < 20
    assert any("database" in warning for warning in result.warnings), result.warnings
    assert (root / ".outdo" / "tracking.db").read_bytes() == b"no database" * 1000


# Whatever ends it.


def test_a_run_whose_engine_was_killed_is_told_as_killed(tmp_path: Path) -> None:
    root = one(tmp_path / "killed", "log('loss', 0.5)\nwrite('out', 1)\nimport time\ntime.sleep(60)\n")
    engine = subprocess.Popen(
        [sys.executable, "-m", "outdo.cli.main", "run"], cwd=root, stderr=subprocess.DEVNULL
    )
    try:
        until((root / "out").exists, 30)
    finally:
        os.kill(engine.pid, signal.SIGKILL)
        engine.wait()
    with served(root / ".outdo") as server:
        found = server.post("runs/search", experiment_ids=["1"]).said["runs"]
    assert {one["info"]["run_name"]: one["info"]["status"] for one in found}["train"] == "KILLED"
    assert {one["info"]["status"] for one in found} == {"KILLED"}
