"""A small journal answers by itself, and says what the tables say."""

import os
from pathlib import Path

import pytest

from outdo.core.events import AnyEvent, RunFinished, RunStarted, StageFinished, StageStarted, Trial
from outdo.core.model import Key, Record, RunId, StageName
from outdo.core.query import Filter, Sort
from outdo.store import folded
from outdo.store.folded import Folded
from outdo.store.journal import Journal
from outdo.store.ledger import Ledger

TRAIN = StageName("train")


def run_of(number: int, trial: Trial | None = None) -> list[AnyEvent]:
    run = RunId(f"run-{number:04}")
    record = Record(Key(f"k{number}"), (), params={"train": {"lr": number / 10, "depth": 3}}, run=run)
    metrics = {"loss": 1 / (number + 1), "auc": number / 9}
    ended = StageFinished(run, 2.0, TRAIN, "ran", key=record.key, record=record, metrics=metrics)
    return [RunStarted(run, float(number), "flights", trial=trial), ended, RunFinished(run, 3.0, "done", 3.0)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Five runs, two of them of a sweep, and one that never ended."""
    events = [event for number in range(3) for event in run_of(number)]
    for number in (3, 4):
        events += run_of(number, Trial(RunId("a-12"), number - 2, 2, {"lr": number / 10}))
    lost = RunId("run-0005")
    Journal(str(tmp_path / "journal.jsonl")).append(events)
    killed = Journal(str(tmp_path / "journal.jsonl"))
    killed.append([RunStarted(lost, 9.0, "flights"), StageStarted(lost, 9.5, TRAIN, 1, "")])
    os.close(killed._living)  # as the kernel does
    return tmp_path


def small(state: Path) -> Folded:
    found = Folded.open(str(state))
    assert found is not None
    return found


def test_it_tells_the_runs_that_the_tables_tell(state: Path) -> None:
    tables = Ledger.open(str(state))
    for filters in ([], [Filter("metrics", ">", "0.2", 0.2, "auc")], [Filter("sweep", "=", "a-12")]):
        for sort in (None, Sort("metrics", "loss"), Sort("params", "train.lr", descending=False)):
            assert small(state).runs(filters, sort, 3) == tables.runs(filters, sort, 3)
            assert small(state).count(filters) == tables.count(filters)
    tables.close()


def test_it_knows_the_names_that_the_tables_know(state: Path) -> None:
    tables = Ledger.open(str(state))
    one = small(state)
    assert (one.ids(), one.sweeps()) == (tables.ids(), tables.sweeps())
    assert (one.metric_names(), one.param_names()) == (tables.metric_names(), tables.param_names())
    assert one.runs_named(one.ids()[:2]) == tables.runs_named(one.ids()[:2])
    tables.close()


def test_a_run_that_nobody_will_end_was_interrupted(state: Path) -> None:
    last = small(state).runs(limit=1)[0]
    assert (last.status, last.stages[TRAIN].status) == ("interrupted", "interrupted")


def test_a_run_that_still_goes_on_is_running(state: Path) -> None:
    living = Journal(str(state / "journal.jsonl"))
    living.append([RunStarted(RunId("run-0006"), 10.0, "flights")])
    assert small(state).runs(limit=1)[0].status == "running"


def test_a_line_that_was_changed_is_told(state: Path) -> None:
    path = state / "journal.jsonl"
    path.write_text(path.read_text().replace("0.1", "0.9", 1))
    assert "was changed there" in small(state).notices[0]


def test_a_large_journal_is_left_to_the_tables(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folded, "SMALL", 10)
    assert Folded.open(str(state)) is None
