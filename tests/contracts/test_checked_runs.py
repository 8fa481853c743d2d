"""Checks within a run: when data is looked at, what a verdict stops, and that nothing found is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import outdo
from outdo.app.plan import make_plan
from outdo.app.project import open_project
from outdo.app.run import Options, Run
from outdo.app.show import show
from outdo.core.events import AnyEvent, CheckStarted, Judged, StageFinished
from outdo.core.model import StageName
from outdo.core.plan import Request
from outdo.run.local import Local
from outdo.run.rehearsal import Fault, Rehearsal

pytestmark = pytest.mark.slow

PIPELINE = """
project: p
stages:
  prepare: {cmd: cp raw.csv train.csv && cp raw.csv test.csv, deps: [raw.csv], outs: [train.csv, test.csv]}
  train: {cmd: cp train.csv model, deps: [train.csv], outs: [model]}
  report: {cmd: cp test.csv page, deps: [test.csv], outs: [page]}
  evaluate: {cmd: cat model test.csv > scores, deps: [model, test.csv], outs: [scores]}
checks:
  train.csv:
    - not_null: [origin]
    - between: {delay: [0, 600]}
      level: warn
"""
GOOD, BAD = "origin,delay\nJFK,5\n", "origin,delay\nJFK,5\n,7\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outdo.yaml").write_text(PIPELINE)
    (tmp_path / "raw.csv").write_text(GOOD)
    return tmp_path


def run(root: Path, *targets: str, **options: object) -> tuple[outdo.Finished, list[AnyEvent]]:
    events: list[AnyEvent] = []
    chosen = Options(**options)  # type: ignore[arg-type]
    result = outdo.load(root).run(*targets, options=chosen, listener=events.append)
    return result, events


def told(events: list[AnyEvent]) -> list[str]:
    """The stages that ran and the checks that were made, in order."""
    names: list[str] = []
    for event in events:
        if isinstance(event, StageFinished) and event.status == "ran":
            names.append(event.stage)
        elif isinstance(event, CheckStarted):
            names.append(f"look at {event.subject}")
        elif isinstance(event, Judged):
            names.append(f"{event.judgement.outcome} {event.judgement.subject}")
    return names


def statuses(result: outdo.Finished) -> dict[str, str]:
    return {str(name): stage.status for name, stage in result.stages.items()}


def test_data_is_looked_at_after_it_is_written_and_before_it_is_read(root: Path) -> None:
    result, events = run(root)
    names = told(events)
    assert result.ok
    order = ["prepare", "look at train.csv", "passed train.csv", "train", "evaluate"]
    assert [name for name in names if name != "report"] == order


def test_what_does_not_read_the_data_goes_on_meanwhile(root: Path) -> None:
    names = told(run(root)[1])
    assert names.index("report") < names.index("passed train.csv")


def test_data_that_does_not_pass_stops_its_readers_and_theirs_alone(root: Path) -> None:
    (root / "raw.csv").write_text(BAD)
    result, events = run(root, keep_going=True)
    assert result.status == "failed"
    assert statuses(result) == {"prepare": "ran", "report": "ran", "train": "skipped", "evaluate": "skipped"}
    [judged] = [event for event in events if isinstance(event, Judged)]
    assert judged.stops
    assert judged.judgement.verdicts[0].evidence.examples == ("row 2: origin = null",)


def test_a_failure_is_told_again_without_a_look_until_the_data_is_mended(root: Path) -> None:
    (root / "raw.csv").write_text(BAD)
    assert run(root)[0].status == "failed"
    result, events = run(root, keep_going=True)
    assert result.status == "failed"
    assert "failed train.csv" in told(events)
    assert "look at train.csv" not in told(events)
    assert run(root)[0].status == "failed"
    (root / "raw.csv").write_text(GOOD)
    assert run(root)[0].ok


def test_a_failure_stops_stages_that_were_fresh(root: Path) -> None:
    assert run(root)[0].ok
    (root / "outdo.yaml").write_text(PIPELINE.replace("not_null: [origin]", "rows: '> 5'"))
    result, _ = run(root)
    assert result.status == "failed"
    assert statuses(result)["evaluate"] == "skipped"


def test_unchanged_data_is_not_looked_at_again_also_where_other_stages_run(root: Path) -> None:
    run(root)
    (root / "outdo.yaml").write_text(PIPELINE.replace("cat model", "cat -n model"))
    assert told(run(root)[1]) == ["passed train.csv", "evaluate"]
    assert run(root)[0].run is None  # nothing to do


def test_a_forced_run_looks_again(root: Path) -> None:
    run(root)
    events: list[AnyEvent] = []
    outdo.load(root).run(request=Request(force=True), listener=events.append)
    assert "look at train.csv" in told(events)


def test_outdo_check_knows_what_a_run_has_found(root: Path) -> None:
    run(root)
    done = subprocess.run(
        [sys.executable, "-m", "outdo.cli.main", "check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "as judged before" in done.stdout


def test_what_is_asked_anew_each_time_is_told_by_each_run(root: Path) -> None:
    (root / "outdo.yaml").write_text(
        PIPELINE.replace("not_null: [origin]", "sql: delay < 600 AND now() IS NOT NULL")
    )
    assert run(root)[0].ok
    assert told(run(root)[1]) == ["look at train.csv", "passed train.csv"]


def test_a_warning_goes_on(root: Path) -> None:
    (root / "raw.csv").write_text("origin,delay\nJFK,9999\n")
    result, events = run(root)
    assert result.ok
    [judged] = [event for event in events if isinstance(event, Judged)]
    assert [verdict.outcome for verdict in judged.judgement.verdicts] == ["passed", "failed"]


def test_the_verdict_is_on_record(root: Path) -> None:
    (root / "raw.csv").write_text(BAD)
    run(root)
    [found] = show(str(root), "last").judged
    assert (found.subject, found.outcome, found.stops) == ("train.csv", "failed", True)
    assert found.why == ("not_null origin: 1 of 2 rows (50 %) are not: a value; row 2: origin = null",)


def test_a_part_of_the_stages_is_not_held_by_other_data(root: Path) -> None:
    (root / "raw.csv").write_text(BAD)
    assert run(root, "report", keep_going=True)[0].stages[StageName("report")].status == "ran"


@pytest.mark.parametrize(("kind", "words"), [("die", "killed by signal 9"), ("fail", "failed with 1")])
def test_a_look_that_dies_is_a_verdict_and_no_lost_run(root: Path, kind: str, words: str) -> None:
    faults = {StageName("check train.csv"): Fault(kind)}  # type: ignore[arg-type]
    project = open_project(str(root))
    made = Run(
        project, make_plan(project, Request()), Options(keep_going=True), Rehearsal(Local("t"), faults)
    )
    events = list(made.events())
    assert made.result.status == "failed"
    assert made.result.stages[StageName("report")].status == "ran"
    [judged] = [event for event in events if isinstance(event, Judged)]
    assert judged.judgement.outcome == "not_evaluated"
    assert words in judged.judgement.verdicts[0].reason
    assert run(root)[0].ok


def test_a_run_that_is_killed_during_a_look_goes_on_from_there(root: Path) -> None:
    (root / "raw.csv").write_text("origin,delay\n" + "JFK,5\n" * 300_000)
    command = [sys.executable, "-u", "-m", "outdo.cli.main", "run", "--json"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        assert any("check_started" in line for line in killed.stdout)
        killed.send_signal(signal.SIGKILL)
    result, events = run(root)
    assert result.ok
    assert statuses(result)["prepare"] == "kept"
    assert told(events)[-1] == "evaluate"


def test_a_stop_ends_the_look(root: Path) -> None:
    faults = {StageName("check train.csv"): Fault("hang")}
    project = open_project(str(root))
    made = Run(project, make_plan(project, Request()), Options(), Rehearsal(Local("t", grace=0.1), faults))
    for event in made.events():
        if isinstance(event, CheckStarted):
            made.stop()
    assert made.result.status == "interrupted"


def test_no_processor_is_given_to_a_look_that_the_run_has_no_room_for(root: Path) -> None:
    _, events = run(root, jobs=1)
    names = told(events)
    assert names.index("passed train.csv") == names.index("look at train.csv") + 1
    assert os.path.isfile(root / "scores")
