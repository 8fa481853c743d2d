"""Events to runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from outdo.core.events import (
    AnyEvent,
    Artifact,
    Captured,
    RunFinished,
    RunStarted,
    RunStatus,
    StageFinished,
    StageRetried,
    StageStarted,
    Status,
    Trial,
    Warned,
)
from outdo.core.model import Digest, Entry, Key, Record, RunId, StageName
from outdo.core.record import (
    NOTHING,
    Before,
    Notice,
    Run,
    fold,
    metric_values,
    param_values,
)
from outdo.core.values import number_of, text_of

R1, R2, R3 = RunId("20260413-101502-aaaa"), RunId("20260413-101602-bbbb"), RunId("20260413-101702-cccc")
TRAIN, EVALUATE = StageName("train"), StageName("evaluate")
K1, K2 = Key("k1"), Key("k2")
MODEL = Artifact("model.bin", "out", Entry(Digest("m1"), 10))


def started(run: RunId, at: float = 0.0) -> RunStarted:
    return RunStarted(run, at, "flights", user="mara")


def trains(run: RunId, status: Status = "ran", key: Key = K1, **facts: Any) -> StageFinished:
    return StageFinished(run, 5.0, TRAIN, status, key=key, **facts)


def computed(run: RunId, key: Key = K1, **facts: Any) -> StageFinished:
    record = Record(key, ("python train.py",), params={"lr": 0.1}, run=run)
    return trains(run, "ran", key, record=record, metrics={"auc": 0.7}, artifacts=(MODEL,), **facts)


def finished(run: RunId, status: RunStatus = "done") -> RunFinished:
    return RunFinished(run, 9.0, status, 9.0)


def runs(*events: AnyEvent) -> Mapping[RunId, Run]:
    return fold(events)


def test_a_run_that_ended_is_as_it_said() -> None:
    run = runs(started(R1), finished(R1, "failed"))[R1]
    assert (run.status, run.seconds, run.user, run.project) == ("failed", 9.0, "mara", "flights")


def test_runs_are_numbered_in_the_order_in_which_they_started() -> None:
    assert [run.number for run in runs(started(R2), finished(R2), started(R1)).values()] == [1, 2]


def test_a_run_without_an_end_still_runs() -> None:
    assert runs(started(R1))[R1].status == "running"


def test_a_run_without_an_end_was_interrupted_when_a_later_one_starts() -> None:
    assert runs(started(R1), started(R2))[R1].status == "interrupted"


def test_trials_of_one_sweep_go_on_at_once() -> None:
    def trial(run: RunId, sweep: RunId) -> RunStarted:
        return RunStarted(run, 0.0, "flights", trial=Trial(sweep, 1, 2))

    statuses = [run.status for run in runs(trial(R1, R1), trial(R2, R1)).values()]
    assert statuses == ["running", "running"]
    assert [run.status for run in runs(trial(R1, R1), trial(R2, R2)).values()] == ["interrupted", "running"]
    assert runs(trial(R1, R1), trial(R2, R1), started(R3))[R2].status == "interrupted"


def test_a_stage_without_an_end_was_interrupted_with_its_run() -> None:
    assert runs(started(R1), StageStarted(R1, 1.0, TRAIN, 1, "log"), started(R2))[R1].stages[
        TRAIN
    ].status == ("interrupted")


def test_a_run_whose_end_comes_late_has_ended() -> None:
    assert runs(started(R1), started(R2), finished(R1))[R1].status == "done"


def test_a_run_whose_start_was_lost_is_there_with_the_rest() -> None:
    assert runs(computed(R1), finished(R1))[R1].stages[TRAIN].metrics == {"auc": 0.7}


def test_what_was_captured_belongs_to_the_run() -> None:
    run = runs(started(R1), Captured(R1, 1.0, "cd34", "main", True, Digest("p"), Digest("e")))[R1]
    assert (run.commit, run.branch, run.dirty, run.patch, run.environment) == ("cd34", "main", True, "p", "e")


def test_warnings_are_kept_in_order() -> None:
    run = runs(started(R1), Warned(R1, 1.0, "one"), Warned(R1, 2.0, "two", TRAIN))[R1]
    assert run.warnings == (Notice(1.0, "one"), Notice(2.0, "two", TRAIN))


def test_an_attempt_that_failed_is_remembered_beside_the_last_one() -> None:
    one = runs(
        started(R1),
        StageStarted(R1, 1.0, TRAIN, 1, "logs/train.log"),
        StageRetried(R1, 2.0, TRAIN, 1, "exit code 1"),
        StageStarted(R1, 3.0, TRAIN, 2, "logs/train.log"),
        trains(R1, attempts=2),
    )[R1].stages[TRAIN]
    assert (one.started, one.attempts, one.retried, one.log) == (1.0, 2, ("exit code 1",), "logs/train.log")


def test_params_come_from_the_record_of_the_result() -> None:
    assert runs(started(R1), computed(R1))[R1].stages[TRAIN].params == {"lr": 0.1}


@pytest.mark.parametrize("status", ["kept", "restored"])
def test_a_stage_that_did_not_run_shows_the_numbers_of_the_run_that_computed_them(status: Status) -> None:
    one = runs(started(R1), computed(R1), finished(R1), started(R2), trains(R2, status))[R2].stages[TRAIN]
    assert (one.source, one.metrics, one.params, one.artifacts) == (R1, {"auc": 0.7}, {"lr": 0.1}, (MODEL,))


def test_a_kept_stage_points_to_the_computation_not_to_another_kept_one() -> None:
    both = runs(
        started(R1), computed(R1), started(R2), trains(R2, "kept"), started(R3), trains(R3, "restored")
    )
    assert both[R3].stages[TRAIN].source == R1


def test_of_two_results_of_one_key_the_one_that_the_record_names_is_meant() -> None:
    named = Record(K1, (), run=R1)
    found = runs(
        started(R1), computed(R1), started(R2), computed(R2), started(R3), trains(R3, "kept", record=named)
    )
    assert found[R3].stages[TRAIN].source == R1


def test_a_kept_stage_whose_computation_is_not_on_record_tells_what_its_event_tells() -> None:
    one = runs(
        started(R1), trains(R1, "kept", record=Record(K1, (), params={"lr": 1}, run=RunId("elsewhere")))
    )
    assert (one[R1].stages[TRAIN].source, one[R1].stages[TRAIN].params) == (R1, {"lr": 1})


def test_a_result_alone_tells_what_was_read_and_written() -> None:
    record = Record(K1, (), {"a.csv": Entry(Digest("a"), 1)}, outs={"model.bin": MODEL.entry})
    one = runs(started(R1), trains(R1, "kept", record=record))[R1].stages[TRAIN]
    assert one.artifacts == (Artifact("a.csv", "dep", Entry(Digest("a"), 1)), MODEL)


def test_a_failed_stage_is_nobodys_source() -> None:
    found = runs(started(R1), trains(R1, "failed"), started(R2), trains(R2, "kept"))
    assert found[R2].stages[TRAIN].source == R2


def test_events_folded_in_two_goes_give_the_same_as_in_one() -> None:
    first: list[AnyEvent] = [started(R1), computed(R1), finished(R1), started(R2)]
    rest: list[AnyEvent] = [trains(R2, "kept"), finished(R2), started(R3)]
    early = fold(first)
    owners = (early[R1].stages[TRAIN],)
    assert fold(rest, Before(early, len(early), owners)) == fold(first + rest)


def test_nothing_folds_to_nothing() -> None:
    assert fold([], NOTHING) == {}


def test_a_metric_has_a_value_per_stage_that_gives_it() -> None:
    other = StageFinished(R1, 6.0, EVALUATE, "ran", metrics={"auc": 0.9, "loss": float("nan")})
    run = runs(started(R1), computed(R1), other)[R1]
    assert metric_values(run, "auc") == [0.7, 0.9]
    assert metric_values(run, "evaluate:auc") == [0.9]
    assert metric_values(run, "loss") == []


def test_a_param_has_a_value_per_stage_that_reads_it() -> None:
    assert param_values(runs(started(R1), computed(R1))[R1], "train:lr") == [0.1]


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (10**400, None), (None, None)]
)
def test_only_numbers_are_numbers(value: object, number: float | None) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(("value", "text"), [("adam", "adam"), (True, "true"), ([1, "a"], '[1,"a"]')])
def test_every_value_is_a_text(value: object, text: str) -> None:
    assert text_of(value) == text
