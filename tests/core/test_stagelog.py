"""Stage runs as logged runs."""

from typing import Any

import pytest

from outdo.core.digest import stage_run_id, whole_run_id
from outdo.core.events import Trial
from outdo.core.model import Key, RunId, StageName
from outdo.core.record import Run, StageRun
from outdo.core.stagelog import StageLog, stage_logs, whole_log

RUN = RunId("20260413-101502-7f3a")
TRAIN = StageName("train")


def stage_run(**more: Any) -> StageRun:
    facts: dict[str, Any] = {"status": "ran", "started": 10.0, "finished": 12.5, "key": Key("k")}
    return StageRun(RUN, TRAIN, more.pop("source", RUN), **{**facts, **more})


def run(*stages: StageRun, **more: Any) -> Run:
    facts: dict[str, Any] = {"status": "done", "finished": 13.0, "project": "flights", "user": "me"}
    return Run(RUN, 1, 9.0, stages={one.stage: one for one in stages}, **{**facts, **more})


def told(**more: Any) -> StageLog:
    (found,) = stage_logs(run(stage_run(**more)))
    return found


def test_a_stage_run_is_below_the_run_as_a_whole() -> None:
    assert told().id == stage_run_id(RUN, TRAIN)
    assert told().tags["mlflow.parentRunId"] == whole_run_id(RUN) == whole_log(run()).id


def test_times_are_milliseconds() -> None:
    assert (told().started, told().ended) == (10_000, 12_500)
    assert (whole_log(run()).started, whole_log(run()).ended) == (9_000, 13_000)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ran", "FINISHED"),
        ("restored", "FINISHED"),
        ("failed", "FAILED"),
        ("cancelled", "KILLED"),
        ("interrupted", "KILLED"),
    ],
)
def test_the_state_is_how_the_stage_ended(status: str, state: str) -> None:
    assert told(status=status).state == state


@pytest.mark.parametrize("status", ["kept", "skipped"])
def test_a_stage_in_which_nothing_was_done_is_no_logged_run(status: str) -> None:
    assert not list(stage_logs(run(stage_run(status=status))))


def test_a_stage_that_runs_has_neither_params_nor_metrics_that_its_client_may_log_yet() -> None:
    going = told(status="running", finished=None, params={"lr": 0.1}, metrics={"auc": 0.9})
    assert (going.ended, going.params, going.metrics) == (None, {}, {})


def test_a_stage_whose_end_nobody_saw_ends_when_last_something_was_known() -> None:
    assert told(status="interrupted", finished=None).ended == 10_000


def test_params_are_texts_as_a_client_writes_them() -> None:
    assert told(params={"deep": True, "lr": 0.1, "layers": [1, 2]}).params == {
        "deep": "True",
        "lr": "0.1",
        "layers": "[1, 2]",
    }


def test_a_restored_stage_names_the_run_that_computed_its_result() -> None:
    tags = told(status="restored", source=RunId("earlier")).tags
    assert (tags["outdo.status"], tags["outdo.source"]) == ("restored", "earlier")


def test_code_and_sweep_are_tags() -> None:
    trial = Trial(RunId("sweep-1"), 1, 2)
    tags = whole_log(run(commit="c0ffee", branch="main", trial=trial, command=("outdo", "run"))).tags
    assert tags["mlflow.source.git.commit"] == "c0ffee"
    assert tags["mlflow.source.git.branch"] == "main"
    assert tags["mlflow.source.name"] == "outdo run"
    assert tags["outdo.sweep"] == "sweep-1"
