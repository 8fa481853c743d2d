"""The logged runs follow the journal of a project."""

from collections.abc import Iterator, Mapping
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select

from outdo.core.digest import stage_run_id, whole_run_id
from outdo.core.events import AnyEvent, RunFinished, RunStarted, StageFinished, StageStarted
from outdo.core.model import Key, RunId, StageName
from outdo.core.tracking import Point
from outdo.store.database import writing
from outdo.store.journal import Journal
from outdo.store.tracking import experiments, follow, points, runs, stageruns
from outdo.store.tracking.follow import Follower
from outdo.store.tracking.opening import open_tracking
from outdo.store.tracking.points import Batch, Keys
from outdo.store.tracking.tables import logged_runs

RUN = RunId("run-1")
TRAIN = StageName("train")
ID = stage_run_id(RUN, TRAIN)


class World:
    """A project's journal, and a database that follows it."""

    def __init__(self, state: Path) -> None:
        self.journal = Journal(str(state / "journal.jsonl"))
        self.engine: Engine = open_tracking(f"sqlite:///{state}/tracking.db")
        self.follower = Follower(str(state))
        self.keys = Keys()

    def happens(self, *events: AnyEvent) -> None:
        self.journal.append(events)

    def change(self, work: Any) -> Any:
        with writing(self.engine) as connection:
            return work(connection)

    def follow(self) -> int:
        """Catches up; how often that took."""
        count = 0
        while self.follower.is_behind:
            self.change(lambda connection: self.follower.catch_up(connection, self.keys))
            count += 1
        return count

    def log(self, **metrics: float) -> None:
        batch = Batch([Point(name, value, 5, 3) for name, value in metrics.items()])
        self.change(lambda connection: points.log(connection, self.keys, ID, batch))

    def status(self, id_: str = ID) -> str:
        return str(self.change(lambda connection: runs.find_info(connection, id_)).status)

    def metrics(self) -> Mapping[str, float]:
        found: Mapping[str, float] = self.change(lambda connection: stageruns.last_values(connection, ID))
        return found

    def count(self) -> int:
        def counted(connection: Connection) -> int:
            return connection.scalar(select(func.count()).select_from(logged_runs)) or 0

        return int(self.change(counted))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.engine.dispose()


def started(run: RunId = RUN) -> RunStarted:
    return RunStarted(run, 1.0, "flights", ("outdo", "run"), "me")


def begun() -> StageStarted:
    return StageStarted(RUN, 2.0, TRAIN, 1, "log")


def ended(run: RunId = RUN, **metrics: float) -> StageFinished:
    return StageFinished(run, 3.0, TRAIN, "ran", key=Key("k"), metrics=metrics)


def over(run: RunId = RUN) -> RunFinished:
    return RunFinished(run, 4.0, "done", 3.0)


def test_without_a_journal_there_is_nothing_to_follow(world: World) -> None:
    assert not world.follower.is_behind


def test_a_run_is_followed_while_it_goes_on(world: World) -> None:
    world.happens(started(), begun())
    world.follow()
    assert world.status() == "RUNNING"
    world.happens(ended(auc=0.9), over())
    world.follow()
    assert (world.status(), world.status(whole_run_id(RUN))) == ("FINISHED", "FINISHED")
    assert world.metrics() == {"auc": 0.9}
    assert not world.follower.is_behind


def test_what_is_told_twice_is_there_once(world: World) -> None:
    world.happens(started(), begun(), ended(auc=0.9), over())
    world.follow()
    world.follower = Follower(str(Path(world.journal.path).parent))
    world.follow()
    assert world.count() == 2


def test_the_number_of_a_file_becomes_the_last_of_what_was_logged(world: World) -> None:
    world.happens(started(), begun())
    world.follow()
    world.log(auc=0.5, loss=0.3)
    world.happens(ended(auc=0.9, loss=0.3, gap=float("nan")), over())
    world.follow()
    found = dict(world.metrics())
    assert isnan(found.pop("gap"))
    assert found == {"auc": 0.9, "loss": 0.3}
    history, _ = world.change(lambda connection: points.history(connection, ID, "auc"))
    assert [(point.value, point.step) for point in history] == [(0.5, 3), (0.9, 3)]


def test_a_stage_run_that_was_deleted_stays_so(world: World) -> None:
    world.happens(started(), begun())
    world.follow()
    world.change(lambda connection: runs.set_active(connection, ID, active=False))
    world.happens(ended(auc=0.9), over())
    world.follow()
    assert not world.change(lambda connection: runs.find_info(connection, ID)).active
    assert world.metrics() == {}


def test_runs_of_a_deleted_experiment_go_there_all_the_same(world: World) -> None:
    world.happens(started(), begun(), ended(), over())
    world.follow()
    world.change(lambda connection: experiments.set_active(connection, 1, active=False, now=9))
    world.happens(started(RunId("run-2")), ended(RunId("run-2"), auc=0.8), over(RunId("run-2")))
    world.follow()
    assert world.status(stage_run_id(RunId("run-2"), TRAIN)) == "FINISHED"


def test_many_runs_are_taken_over_in_several_transactions(world: World) -> None:
    many = [RunId(f"run-{number:03}") for number in range(follow.AT_ONCE + 50)]
    world.happens(*(event for run in many for event in (started(run), ended(run, auc=0.9), over(run))))
    assert world.follow() == 2
    assert world.count() == 2 * len(many)
