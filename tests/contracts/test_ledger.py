"""The ledger: its tables say what the journal says."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select as sql_select
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from outdo.core.errors import DamagedLedger, NewerLedger
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
from outdo.core.model import Digest, Entry, Key, Reason, Record, RunId, StageName
from outdo.core.query import Sort, parse_filter, parse_sort, select
from outdo.core.record import Run, fold
from outdo.store import ledger as module
from outdo.store.database import open_database, tables
from outdo.store.database import runs as run_rows
from outdo.store.filters import arranged, condition
from outdo.store.journal import Journal
from outdo.store.ledger import Ledger

NOW = datetime(2026, 4, 13, 12, 0, tzinfo=UTC)
R1, R2, R3 = RunId("20260413-101502-aaaa"), RunId("20260413-101602-bbbb"), RunId("20260413-101702-cccc")
TRAIN = StageName("train")
MODEL = Artifact("model.bin", "out", Entry(Digest("m" * 64), 10, executable=True))


def run_of(run: RunId, status: str = "ran", auc: float = 0.7, **record: Any) -> list[AnyEvent]:
    """A whole run of one stage."""
    made = Record(Key("k"), ("python train.py",), params={"lr": 0.1}, run=run, **record)
    ended = StageFinished(
        run,
        3.0,
        TRAIN,
        status,  # type: ignore[arg-type]
        key=Key("k"),
        record=made if status == "ran" else None,
        artifacts=(MODEL,) if status == "ran" else (),
        metrics={"auc": auc} if status == "ran" else {},
    )
    return [RunStarted(run, 1.0, "flights", ("outdo", "run")), ended, RunFinished(run, 4.0, "done", 3.0)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / ".outdo"
    folder.mkdir()
    return folder


def journal(state: Path) -> Journal:
    return Journal(str(state / "journal.jsonl"))


def runs(state: Path) -> list[Run]:
    """All runs on record, the first one first."""
    with closing(Ledger.open(str(state))) as ledger:
        return ledger.runs()[::-1]


def notices(state: Path) -> list[str]:
    with closing(Ledger.open(str(state))) as ledger:
        return ledger.notices


# What the tables say.


def test_a_project_without_a_run_has_an_empty_ledger(state: Path) -> None:
    assert runs(state) == []


def test_a_folder_that_is_not_there_has_an_empty_ledger(tmp_path: Path) -> None:
    assert runs(tmp_path / "nowhere") == []


def test_everything_about_a_run_comes_back(state: Path) -> None:
    reason = Reason("param_changed", "lr", 0.1, [1, "x"])
    events: list[AnyEvent] = [
        RunStarted(R1, 1.0, "flights", ("outdo", "run", "-f"), "mara", {"run": 1}),
        StageStarted(R1, 1.5, TRAIN, 1, "logs/train.log", (reason,)),
        StageRetried(R1, 1.6, TRAIN, 1, "exit code 1"),
        Captured(R1, 1.7, "ab12", "main", True, Digest("p"), Digest("e")),
        StageFinished(
            R1,
            2.0,
            TRAIN,
            "ran",
            (reason,),
            Key("k"),
            Record(Key("k"), (), params={"lr": 0.1, "opt": {"b": [1, None, True]}, "big": 10**30}),
            (MODEL,),
            {"auc": 0.7, "loss": float("inf")},
            attempts=2,
            seconds=0.5,
            cpu_seconds=0.4,
            peak_memory=10**10,
        ),
        Warned(R1, 2.5, "slow", TRAIN),
        RunFinished(R1, 3.0, "done", 2.0),
    ]
    journal(state).append(events)
    assert runs(state) == list(fold(events).values())


def test_later_events_are_taken_in_by_the_next_look(state: Path) -> None:
    log = journal(state)
    log.append(run_of(R1)[:2])
    assert [run.status for run in runs(state)] == ["running"]
    log.append(run_of(R1)[2:])
    log.append(run_of(R2))
    assert [run.status for run in runs(state)] == ["done", "done"]


def test_a_stage_that_was_kept_is_not_stored_twice(state: Path) -> None:
    journal(state).append([*run_of(R1), *run_of(R2, "kept")])
    assert [run.stages[TRAIN].metrics for run in runs(state)] == [{"auc": 0.7}] * 2
    with closing(sqlite3.connect(state / "ledger.db")) as connection:
        assert connection.execute("select count(*) from metrics").fetchone() == (1,)


def test_a_kept_stage_is_known_over_many_looks(state: Path) -> None:
    log = journal(state)
    for events in (run_of(R1), run_of(R2, "kept"), run_of(R3, "restored")):
        log.append(events)
        assert runs(state)[-1].stages[TRAIN].source == R1


def test_a_run_whose_process_is_gone_was_interrupted(state: Path) -> None:
    log = journal(state)
    log.append([*run_of(R1)[:1], StageStarted(R1, 1.5, TRAIN, 1, "log")])
    assert runs(state)[0].status == "running"
    log._die()
    assert (runs(state)[0].status, runs(state)[0].stages[TRAIN].status) == ("interrupted", "interrupted")


def test_a_run_that_was_given_up_too_early_gets_its_end(state: Path) -> None:
    log = journal(state)
    log.append(run_of(R1)[:1])
    log._die()
    assert runs(state)[0].status == "interrupted"
    log.append(run_of(R1)[1:])
    assert runs(state)[0] == fold(run_of(R1))[R1]


def test_artifacts_are_left_out_where_nobody_asks_for_them(state: Path) -> None:
    journal(state).append(run_of(R1))
    with closing(Ledger.open(str(state))) as ledger:
        assert ledger.runs(with_artifacts=False)[0].stages[TRAIN].artifacts == ()


def test_names_and_ids_are_known(state: Path) -> None:
    journal(state).append([*run_of(R2), *run_of(R1)])
    with closing(Ledger.open(str(state))) as ledger:
        assert (ledger.metric_names(), ledger.param_names(), ledger.ids()) == (["auc"], ["lr"], [R2, R1])


def test_the_best_run_is_asked_for(state: Path) -> None:
    journal(state).append([*run_of(R1, auc=0.9), *run_of(R2, auc=0.8), *run_of(R3, auc=0.7)])
    wanted = [parse_filter("metrics.auc < 0.9", NOW)]
    with closing(Ledger.open(str(state))) as ledger:
        assert [run.id for run in ledger.runs(wanted, parse_sort("metrics.auc"), 1)] == [R2]
        assert ledger.count(wanted) == 2


# Whatever happened, and whoever is asked, the answer is the same.

NAMES = st.sampled_from(["auc", "loss", "train:auc"])
ONE_OF_A_SWEEP = Trial(RunId("a-12"), 1, 2, {"lr": 0.5}, seed=7)
NUMBERS = st.sampled_from([0.0, -1.5, 0.7, 0.9, float("inf")])
ODD_NUMBERS = NUMBERS | st.just(float("nan"))
VALUES = st.sampled_from([0, 1, 0.7, "0.7", "adam", "", True, None, [1], {"a": "b"}, "Ünï\n'\"%_"])
STAGES = st.sampled_from([StageName(name) for name in ("train", "train@1", "tr_in", "evaluate")])


@st.composite
def histories(draw: st.DrawFn, numbers: st.SearchStrategy[float] = NUMBERS) -> list[AnyEvent]:
    """Runs one after the other, each with some stages and now and then without an end."""
    events: list[AnyEvent] = []
    for number in range(draw(st.integers(0, 6))):
        run = RunId(f"run{number}")
        at = NOW.timestamp() - draw(st.integers(0, 5)) * 86400
        trial = draw(
            st.sampled_from([None, None, ONE_OF_A_SWEEP, replace(ONE_OF_A_SWEEP, sweep=RunId("b-12"))])
        )
        events.append(
            RunStarted(run, at, "flights", user=draw(st.sampled_from(["mara", "jon"])), trial=trial)
        )
        if draw(st.booleans()):
            commit = draw(st.sampled_from([None, "ab12", "ab34", "%b12"]))
            branch = draw(st.sampled_from([None, "main", "Main"]))
            events.append(Captured(run, at, commit, branch, draw(st.booleans()), None, Digest("e")))
        for stage in draw(st.lists(STAGES, unique=True, max_size=3)):
            events += draw(_stage_events(run, stage, at, numbers))
        if draw(st.integers(0, 4)):
            status: RunStatus = draw(st.sampled_from(["done", "failed", "interrupted"]))
            events.append(RunFinished(run, at, status, draw(st.sampled_from([0.0, 60.0, 90.5]))))
    return events


@st.composite
def _stage_events(
    draw: st.DrawFn, run: RunId, stage: StageName, at: float, numbers: st.SearchStrategy[float]
) -> list[AnyEvent]:
    status = draw(st.sampled_from(["ran", "ran", "kept", "restored", "failed", "skipped", ""]))
    key = Key(draw(st.sampled_from(["k1", "k2"])))
    events: list[AnyEvent] = (
        [StageStarted(run, at, stage, 1, "log")] if status in ("ran", "failed", "") else []
    )
    if not status:
        return events
    bare = status in ("failed", "skipped") or (status != "ran" and draw(st.booleans()))
    computed = run if status == "ran" else draw(st.sampled_from([None, RunId("run0"), RunId("elsewhere")]))
    record = None
    if not bare:
        params = draw(st.dictionaries(NAMES, VALUES, max_size=2))
        record = Record(
            key, (), {"a.csv": Entry(Digest("a"), 1)}, params, outs={"b": MODEL.entry}, run=computed
        )
    metrics = {} if bare else draw(st.dictionaries(NAMES, numbers, max_size=2))
    artifacts = (MODEL,) if not bare and draw(st.booleans()) else ()
    known = None if status == "skipped" else key
    return [
        *events,
        StageFinished(run, at, stage, cast("Status", status), (), known, record, artifacts, metrics),
    ]


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes folders for state with an empty ledger in each."""
    empty = tmp_path_factory.mktemp("empty") / "ledger.db"
    open_database(str(empty)).dispose()

    def make() -> Path:
        folder = tmp_path_factory.mktemp("state")
        shutil.copy(empty, folder)
        return folder

    return make


@given(history=histories(), looks=st.lists(st.integers(0, 40), max_size=3), lines=st.integers(1, 9))
@settings(deadline=None, max_examples=25)
def test_the_tables_say_what_the_fold_says(
    history: list[AnyEvent], looks: list[int], lines: int, states: Callable[[], Path]
) -> None:
    state = states()
    log = journal(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LINES", lines)
        before = 0
        for look in [*sorted(look for look in looks if look < len(history)), len(history)]:
            log.append(history[before:look])
            if any(isinstance(event, RunStarted) for event in history):
                log._live()
            before = look
            found = runs(state)
    assert found == list(fold(history).values())


WORDS = [
    *(f"metrics.{name} {op} 0.7" for name in ("auc", "train:auc") for op in ("=", "!=", "<", ">=")),
    *(
        f"params.auc {op} {value}"
        for op in ("=", "!=")
        for value in ("0.7", "adam", "true", "null", "[1]", "1")
    ),
    "params.loss > 0.5",
    "params.train:auc <= 0.7",
    "stage = train",
    "stage != train",
    "stage = tr_in",
    "branch = main",
    "branch != main",
    "commit = ab",
    "commit != ab",
    "commit = %b",
    "dirty = true",
    "dirty != true",
    "user = mara",
    "status = failed",
    "status != done",
    "seconds > 60",
    "seconds != 60",
    "started > 2d",
    "number <= 2",
]


@given(history=histories(ODD_NUMBERS), data=st.data())
@settings(deadline=None, max_examples=25)
def test_a_filter_and_an_order_mean_the_same_in_sql(
    history: list[AnyEvent], data: st.DataObject, states: Callable[[], Path]
) -> None:
    state = states()
    log = journal(state)
    log.append(history)
    if history:
        log._live()
    everything = list(fold(history).values())
    with closing(Ledger.open(str(state))) as ledger:
        for _ in range(6):
            wanted = [
                parse_filter(words, NOW) for words in data.draw(st.lists(st.sampled_from(WORDS), max_size=2))
            ]
            sort = data.draw(SORTS)
            expected = [run.id for run in select(everything, wanted, sort)]
            assert [run.id for run in ledger.runs(wanted, sort)] == expected
            assert ledger.count(wanted) == len(expected)


SORTS = st.builds(
    lambda words, descending: parse_sort(words, descending=descending),
    st.sampled_from(["number", "started", "seconds", "metrics.auc", "metrics.train:auc", "params.auc"]),
    st.booleans(),
)


# What becomes of a ledger that is not in order.


def fill(state: Path) -> list[Run]:
    journal(state).append([*run_of(R1), *run_of(R2, "kept")])
    return runs(state)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "not a database": lambda path: path.write_bytes(b"not a database at all" * 1000),
    "its head overwritten": lambda path: path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:]),
    "its tables overwritten": lambda path: path.write_bytes(
        path.read_bytes()[:4096] + b"\xff" * (len(path.read_bytes()) - 4096)
    ),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:8192]),
    "without a table": lambda path: _execute(path, "drop table stage_runs"),
    "with a foreign value": lambda path: _execute(path, "update runs set command = 'no JSON'"),
}


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_database_is_made_anew_from_the_journal(state: Path, kind: str) -> None:
    before = fill(state)
    DAMAGES[kind](state / "ledger.db")
    journal(state).append(run_of(R3))
    try:
        found = runs(state)
    except DamagedLedger:
        with closing(Ledger.rebuild(str(state))) as ledger:
            found = ledger.runs()[::-1]
    assert found[:2] == before
    assert found[2].id == R3


def test_that_it_was_made_anew_is_told_once(state: Path) -> None:
    fill(state)
    (state / "ledger.db").write_bytes(b"not a database at all" * 1000)
    told = "the ledger's database was damaged; it is now ledger.db.aside, and made anew"
    assert [notices(state), notices(state)] == [[told], []]
    assert (state / "ledger.db.aside").read_bytes().startswith(b"not a database")


def test_a_database_of_a_newer_outdo_is_not_touched(state: Path) -> None:
    fill(state)
    _execute(state / "ledger.db", "update alembic_version set version_num = '9999'")
    content = (state / "ledger.db").read_bytes()
    with pytest.raises(NewerLedger, match="9999"):
        runs(state)
    assert (state / "ledger.db").read_bytes() == content


def test_a_journal_that_was_replaced_makes_the_tables_anew(state: Path) -> None:
    fill(state)
    (state / "journal.jsonl").unlink()
    journal(state).append(run_of(R3))
    with closing(Ledger.open(str(state))) as ledger:
        assert ledger.ids() == [R3]
        assert ledger.notices == [
            "the ledger's database was made from another journal; it is now ledger.db.aside, and made anew"
        ]


def test_a_journal_that_was_changed_is_told_every_time_and_the_rest_is_shown(state: Path) -> None:
    log = journal(state)
    log.append([*run_of(R1), *run_of(R2)])
    path = state / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"auc":0.7', b'"auc":0.9', 1))
    for _ in range(2):
        assert notices(state) == [
            (
                "line 3 of the journal does not follow from the one before it: "
                "something was changed there after it was written"
            )
        ]
    assert len(runs(state)) == 2


def test_a_folder_that_can_not_be_written_is_read_all_the_same(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(state).append(run_of(R1))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(state) and access(path, mode))
    assert [run.id for run in runs(state)] == [R1]
    assert not (state / "ledger.db").exists()


def test_a_database_that_another_process_holds_is_done_without(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(state)
    journal(state).append(run_of(R3))
    monkeypatch.setattr("outdo.store.database.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as holder:
        holder.execute("begin immediate")
        with closing(Ledger.open(str(state))) as ledger:
            assert ledger.ids() == [R1, R2, R3]
            assert "database is locked" in ledger.notices[0]


def test_looks_at_once_all_see_everything(state: Path) -> None:
    journal(state).append([event for number in range(50) for event in run_of(RunId(f"run{number}"))])
    code = (
        "import sys\n"
        "from outdo.store.ledger import Ledger\n"
        "ledger = Ledger.open(sys.argv[1])\n"
        "print(ledger.count(), *ledger.notices)\n"
    )
    command = [sys.executable, "-c", code, str(state)]
    looks = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [look.communicate()[0] for look in looks] == ["50\n"] * 4


def test_the_migrations_lead_to_the_tables(state: Path) -> None:
    engine = open_database(str(state / "ledger.db"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables) == []
    engine.dispose()


def test_the_database_is_durable(state: Path) -> None:
    engine = open_database(str(state / "ledger.db"))
    with engine.connect() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        assert [connection.scalar(text(f"PRAGMA {each}")) for each in asked] == ["wal", 2, 1, 5000]
    engine.dispose()


def test_the_tables_and_the_questions_are_for_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in tables.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
    for words in WORDS:
        asked = sql_select(run_rows.c.number).where(condition(parse_filter(words, NOW)))
        assert "SELECT" in str(arranged(asked, Sort("metrics", "auc")).compile(dialect=dialect))
