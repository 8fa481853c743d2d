"""The verbs `log` and `show`, on a journal that was written for them."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from msgspec import json

from outdo.app.history import Asked, LogPage, log
from outdo.app.logtail import tail_of
from outdo.app.show import log_path, patch, show
from outdo.core.errors import BadFilter, NotInStore, UnknownRun, UnknownStage
from outdo.core.events import (
    AnyEvent,
    Artifact,
    Captured,
    RunFinished,
    RunStarted,
    StageFinished,
    Status,
    Warned,
)
from outdo.core.model import Digest, Entry, Key, Record, RunId, StageName
from outdo.store.journal import Journal
from outdo.store.objects import Objects

NOW = datetime(2026, 4, 13, 12, 0, tzinfo=UTC)
R1, R2, R3 = RunId("20260413-101502-aaaa"), RunId("20260413-101602-bbbb"), RunId("20260413-101702-cccc")


def stage(run: RunId, name: str, status: Status = "ran", **facts: Any) -> StageFinished:
    """A stage with its params and metrics; one that was kept has those of the run before."""
    params = facts.pop("params", {})
    record = Record(Key(name), (), params=params, run=run) if status == "ran" else None
    return StageFinished(run, 2.0, StageName(name), status, key=Key(name), record=record, **facts)


def whole(run: RunId, *stages: AnyEvent) -> list[AnyEvent]:
    at = NOW.timestamp() - 3600
    return [RunStarted(run, at, "flights", ("outdo", "run")), *stages, RunFinished(run, at + 9, "done", 9.0)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".outdo").mkdir()
    return tmp_path


def record(project: Path, *events: Sequence[AnyEvent]) -> None:
    Journal(str(project / ".outdo" / "journal.jsonl")).append([event for some in events for event in some])


def page(project: Path, *filters: str, **asked: Any) -> LogPage:
    return log(str(project), Asked(filters, **asked), NOW)


# The log.


def test_a_log_without_runs_is_empty(project: Path) -> None:
    assert page(project) == LogPage((), 0, 0)


def test_a_project_that_never_ran_has_an_empty_log(tmp_path: Path) -> None:
    assert page(tmp_path) == LogPage((), 0, 0)


def test_a_row_tells_what_became_of_the_stages(project: Path) -> None:
    record(project, whole(R1, stage(R1, "a"), stage(R1, "b", "failed"), stage(R1, "c")))
    (row,) = page(project).runs
    assert (row.number, row.run, row.status, row.seconds) == (1, R1, "done", 9.0)
    assert row.stages == {"ran": 2, "failed": 1}


def test_a_kept_stage_shows_its_metrics(project: Path) -> None:
    record(
        project, whole(R1, stage(R1, "train", metrics={"auc": 0.7})), whole(R2, stage(R2, "train", "kept"))
    )
    assert [row.metrics for row in page(project).runs] == [{"auc": 0.7}] * 2


def test_only_params_that_differ_get_a_column(project: Path) -> None:
    record(
        project,
        whole(R1, stage(R1, "train", params={"lr": 0.1, "depth": 3})),
        whole(R2, stage(R2, "train", params={"lr": 0.2, "depth": 3})),
        whole(R3, stage(R3, "train", "failed")),
    )
    assert page(project).params == ("lr",)


def test_what_was_asked_about_gets_the_first_columns(project: Path) -> None:
    record(project, whole(R1, stage(R1, "train", params={"lr": 0.1}, metrics={"auc": 0.7, "f1": 0.5})))
    found = page(project, "params.lr = 0.1", sort="metrics.f1")
    assert (found.metrics, found.params) == (("f1", "auc"), ("lr",))


def test_values_that_differ_by_stage_are_named_for_it(project: Path) -> None:
    record(
        project,
        whole(R1, stage(R1, "train@1", metrics={"auc": 0.7}), stage(R1, "train@2", metrics={"auc": 0.8})),
    )
    assert page(project).metrics == ("train@1:auc", "train@2:auc")
    assert page(project, sort="metrics.auc").metrics == ("train@1:auc", "train@2:auc")


def test_a_metric_of_one_stage_is_shown_as_it_was_asked_for(project: Path) -> None:
    record(project, whole(R1, stage(R1, "train", metrics={"auc": 0.7})))
    assert page(project, "metrics.train:auc > 0.5").metrics == ("train:auc",)


def test_the_page_says_how_many_there_are(project: Path) -> None:
    record(project, *(whole(run, stage(run, "train", metrics={"auc": 0.7})) for run in (R1, R2, R3)))
    found = page(project, "number > 1", limit=1)
    assert (len(found.runs), found.matching, found.recorded) == (1, 2, 3)


def test_a_metric_that_no_run_has_is_most_likely_misspelt(project: Path) -> None:
    record(project, whole(R1, stage(R1, "train", metrics={"auc": 0.7})))
    with pytest.raises(BadFilter, match="no run has a metric 'acu'") as raised:
        page(project, sort="metrics.acu")
    assert raised.value.fix == "did you mean 'metrics.auc'?"


def test_a_page_is_json(project: Path) -> None:
    record(project, whole(R1, stage(R1, "train", metrics={"auc": float("nan")})))
    row = json.decode(json.encode(page(project)))["runs"][0]
    assert (row["started"], row["metrics"]) == ("2026-04-13T11:00:00Z", {"auc": None})


@pytest.mark.slow
def test_five_thousand_runs_are_searched_in_a_moment(project: Path) -> None:
    names = ["import", "features", "train", "evaluate", "report"]
    for number in range(5000):
        run = RunId(f"run{number}")
        params = {f"p{each}": number % 7 for each in range(5)}
        stages = [stage(run, name, params=params, metrics={"auc": number / 5000}) for name in names]
        record(project, whole(run, *stages))
    page(project)
    before = process_time()
    found = page(project, "params.p1 = 3", sort="metrics.auc", limit=20)
    assert process_time() - before < 0.5
    assert found.matching == 714


# One run.


def test_a_run_is_shown_with_its_code_and_environment(project: Path) -> None:
    objects = Objects(str(project / ".outdo"))
    patch_, environment = objects.put_bytes(b"diff"), objects.put_bytes(b'{"memory": 1}')
    captured = Captured(R1, 1.0, "ab12", "main", True, patch_, environment)
    record(project, whole(R1, captured, Warned(R1, 1.0, "slow", StageName("train")), stage(R1, "train")))
    view = show(str(project), "last")
    assert (view.code.commit, view.code.branch, view.code.dirty) == ("ab12", "main", True)
    assert view.environment == {"memory": 1}
    assert view.warnings == ("train: slow",)
    assert patch(str(project), "last") == b"diff"


def test_a_run_whose_objects_are_gone_is_shown_without_them(project: Path) -> None:
    lost = Digest("0" * 64)
    record(project, whole(R1, Captured(R1, 1.0, "ab12", "main", True, lost, lost)))
    assert show(str(project), "1").environment is None
    with pytest.raises(NotInStore):
        patch(str(project), "1")


def test_a_clean_run_has_an_empty_patch(project: Path) -> None:
    record(project, whole(R1, Captured(R1, 1.0, "ab12", "main")))
    assert patch(str(project), "1") == b""


def test_a_kept_stage_names_the_run_that_computed_it(project: Path) -> None:
    out = Artifact("model.bin", "out", Entry(Digest("m"), 1))
    record(project, whole(R1, stage(R1, "train", artifacts=(out,))), whole(R2, stage(R2, "train", "kept")))
    (one,) = show(str(project), "2").stages
    assert (one.source, one.source_number, one.artifacts) == (R1, 1, (out,))


def test_a_run_that_is_not_there_is_unknown(project: Path) -> None:
    with pytest.raises(UnknownRun):
        show(str(project), "last")


# Logs.


def write_log(project: Path, run: RunId, name: str, text: str) -> Path:
    path = project / ".outdo" / "logs" / run / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_failed_stage_shows_the_end_of_its_log(project: Path) -> None:
    path = write_log(project, R1, "train", "one\n\ntwo\n")
    record(project, whole(R1, stage(R1, "train", "failed", failure="it exited with 1", log=str(path))))
    assert show(str(project), "1").stages[0].tail == ("one", "two")


def test_the_log_of_a_kept_stage_is_that_of_its_computation(project: Path) -> None:
    path = write_log(project, R1, "train", "learning\n")
    record(project, whole(R1, stage(R1, "train", log=str(path))), whole(R2, stage(R2, "train", "kept")))
    assert log_path(str(project), "2", "train") == str(path)


def test_a_log_is_found_after_the_project_was_moved(project: Path) -> None:
    record(project, whole(R1, stage(R1, "train", log=f"/elsewhere/.outdo/logs/{R1}/train.log")))
    path = write_log(project, R1, "train", "learning\n")
    assert log_path(str(project), "1", "train") == str(path)


def test_a_log_that_is_not_there_is_told(project: Path) -> None:
    record(project, whole(R1, stage(R1, "train")))
    with pytest.raises(UnknownRun, match="is not there"):
        log_path(str(project), "1", "train")
    with pytest.raises(UnknownStage) as raised:
        log_path(str(project), "1", "tarin")
    assert raised.value.fix == "did you mean 'train'?"


def test_a_tail_has_the_last_state_of_a_progress_bar(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"start\r\n10%\r50%\r100%\nbad \xff byte\n")
    assert tail_of(str(tmp_path / "log"), 15) == ["start", "100%", "bad � byte"]


def test_a_tail_of_a_very_long_line_is_short_work(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with open(path, "wb") as file:
        file.truncate(50_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    before = process_time()
    assert tail_of(str(path), 15)[-1] == "last"
    assert process_time() - before < 0.5


def test_a_log_that_is_gone_has_no_tail(tmp_path: Path) -> None:
    assert tail_of(str(tmp_path / "gone"), 15) == []
