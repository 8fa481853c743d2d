"""A database that can't be used is told from the others, each in its own words, and stays as it is to the byte."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from outdo.core.errors import DamagedLedger, ForeignDatabase, NewerLedger, NoDatabase
from outdo.core.tracking import Experiment
from outdo.store.database import writing
from outdo.store.tracking import experiments
from outdo.store.tracking.opening import FORM, open_tracking


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound database with some pages in it."""
    place = tmp_path / "tracking.db"
    engine = open_tracking(f"sqlite:///{place}")
    with writing(engine) as connection:
        for at in range(500):
            experiments.create(connection, Experiment(0, f"experiment {at}" * 9, "x:/", True, at, at))
    engine.dispose()
    return place


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def refused(path: Path, kind: type[Exception]) -> str:
    """The words of the refusal; nothing has changed, and nothing was added to the folder."""
    before = path.read_bytes()
    with pytest.raises(kind) as caught:
        open_tracking(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*before*"))
    return str(caught.value)


def test_one_of_a_newer_outdo_asks_for_that(path: Path) -> None:
    change(path, f"update {FORM.table} set version_num = '9999'")
    assert "pip install --upgrade" in refused(path, NewerLedger)


def test_one_that_is_no_database_says_so(path: Path) -> None:
    path.write_bytes(b"my notes\n" * 1000)
    assert "not a SQLite database" in refused(path, DamagedLedger)


def test_one_with_a_broken_page_is_damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    for at in range(2 * size, len(content) - size, size):
        content[at : at + 64] = b"\xff" * 64
    path.write_bytes(content)
    assert "damaged" in refused(path, DamagedLedger)


def test_one_that_was_cut_off_is_damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "damaged" in refused(path, DamagedLedger)


def test_one_that_lacks_a_table_names_it(path: Path) -> None:
    change(path, "drop table run_tags")
    assert "lacks the table run_tags" in refused(path, DamagedLedger)


def test_one_of_mlflow_is_not_taken_for_ours(path: Path) -> None:
    path.unlink()
    change(path, *(f"create table {name} (id text)" for name in ("alembic_version", "experiments", "runs")))
    assert "belongs to an MLflow server" in refused(path, ForeignDatabase)


def test_one_of_somebody_else_is_not_taken_for_ours(path: Path) -> None:
    path.unlink()
    change(path, "create table orders (id text)")
    assert "belongs to somebody else: it holds the table orders" in refused(path, ForeignDatabase)


def test_one_that_is_locked_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outdo.store.tracking.soundness.BUSY_SECONDS", 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("pragma journal_mode=delete")
        other.execute("begin exclusive")
        assert "locked by another process" in refused(path, NoDatabase)


def test_an_older_one_is_brought_up_and_a_copy_kept_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "tracking.db"
    older(place)
    engine = open_tracking(f"sqlite:///{place}")
    with engine.connect() as connection:
        assert connection.scalar(text("select name from experiments")) == "old"
        assert connection.scalar(text(f"select version_num from {FORM.table}")) == FORM.revision
    engine.dispose()
    with closing(sqlite3.connect(tmp_path / f"tracking.db.before-{FORM.revision}")) as copy:
        assert copy.execute("select name from experiments").fetchone() == ("old",)
        assert copy.execute(f"select version_num from {FORM.table}").fetchone() == ("0001",)


def test_an_older_one_of_which_no_copy_can_be_made_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "tracking.db"
    older(place)
    (tmp_path / f"tracking.db.before-{FORM.revision}").mkdir()
    before = place.read_bytes()
    with pytest.raises(NoDatabase, match="no copy"):
        open_tracking(f"sqlite:///{place}")
    assert place.read_bytes() == before


def older(place: Path) -> None:
    """A database as the first form of the tables had it, with one experiment."""
    made = create_engine(f"sqlite:///{place}")
    config = Config()
    config.set_main_option("script_location", FORM.migrations)
    with made.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "insert into experiments (name, location, active, created, updated) values ('old', 'x:/', 1, 1, 1)"
            )
        )
    made.dispose()
