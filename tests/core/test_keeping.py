"""Which runs are kept, when what nobody needs is removed."""

from outdo.core.events import RunStatus, Trial
from outdo.core.keeping import Best, Span, kept_runs
from outdo.core.model import RunId, StageName
from outdo.core.record import Run, StageRun


def run(number: int, auc: float = 0.0, sweep: str = "", status: RunStatus = "done") -> Run:
    id_ = RunId(f"r{number}")
    stage = StageRun(id_, StageName("train"), id_, "ran", metrics={"auc": auc} if auc else {})
    trial = Trial(RunId(sweep), number, 9) if sweep else None
    return Run(id_, number, float(number), status=status, stages={stage.stage: stage}, trial=trial)


RUNS = [run(5, 0.7), run(4, 0.9, "s"), run(3, 0.8, "s"), run(2, 0.95), run(1, 0.5)]


def numbers(found: list[Run]) -> list[int]:
    return [one.number for one in found]


def test_the_newest_are_kept_a_sweep_being_one() -> None:
    assert numbers(kept_runs(RUNS, 1)) == [5]
    assert numbers(kept_runs(RUNS, 2)) == [5, 4, 3]
    assert numbers(kept_runs(RUNS, 0)) == []
    assert numbers(kept_runs(RUNS, 99)) == [5, 4, 3, 2, 1]


def test_those_that_are_named_are_kept_however_old() -> None:
    assert numbers(kept_runs(RUNS, 0, {RunId("r1"), RunId("r3")})) == [3, 1]


def test_the_best_is_kept_whichever_way_that_is() -> None:
    assert numbers(kept_runs(RUNS, 0, best=[Best("auc", "high")])) == [2]
    assert numbers(kept_runs(RUNS, 0, best=[Best("auc", "low")])) == [1]
    assert numbers(kept_runs(RUNS, 0, best=[Best("loss", "low")])) == []


def test_a_run_that_is_not_over_is_kept() -> None:
    assert numbers(kept_runs([*RUNS, run(0, status="running")], 0)) == [0]


def test_where_no_part_of_the_history_is_named_all_is_meant() -> None:
    assert Span().all
    assert not Span(tags=True).all
    assert Span(tags=True, commits=True).all
