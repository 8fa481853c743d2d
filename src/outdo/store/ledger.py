"""The ledger: what the journal says, folded into tables that answer quickly.

The journal is the truth. The tables follow it whenever somebody asks, and are made anew where they can't.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from msgspec import MsgspecError
from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from outdo.core.errors import DamagedLedger
from outdo.core.events import AnyEvent, StageFinished
from outdo.core.model import RunId, StageName
from outdo.core.query import Filter, Sort
from outdo.core.record import Before, Run, StageRun, fold, owns
from outdo.store.database import folded, metrics, open_database, params, runs, stage_runs, writing
from outdo.store.filters import arranged, condition
from outdo.store.journal import Journal, Line, Mark
from outdo.store.rows import read, write

DATABASE = "ledger.db"
JOURNAL = "journal.jsonl"
LAST = 20
"""How many runs with one result are told of."""
LINES = 5_000
"""How many lines of the journal are folded in one transaction."""

_UNUSABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
"""What SQLite says of a file that is in order but can't be worked with now."""


class _Elsewhere(Exception):
    """The journal is not the one that the tables were folded from."""


class Ledger:
    """The runs of a project, from its folder for state; `notices` are sentences about what was mended."""

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self._engine = engine
        self._journal = journal
        self.notices: list[str] = []

    @classmethod
    def open(cls, state: str) -> "Ledger":
        """The ledger with all that the journal has at this moment.

        Tables that are damaged, or are of another journal, are set aside and made anew; where the folder can't be
        written they are made in memory. Raises `NewerLedger`."""
        journal = Journal(os.path.join(state, JOURNAL))
        path = os.path.join(state, DATABASE)
        if not os.access(state, os.W_OK):
            return cls._folded(None, journal)
        try:
            try:
                return cls._folded(path, journal)
            except _Elsewhere:
                why = "was made from another journal"
            except (SQLAlchemyError, MsgspecError, KeyError) as error:
                if _is_unusable(error):
                    raise
                why = "was damaged"
            aside = os.path.basename(_set_aside(path))
            return cls._folded(
                path, journal, f"the ledger's database {why}; it is now {aside}, and made anew"
            )
        except DBAPIError as error:
            notice = (
                f"the ledger's database can't be used ({error.orig}); this is read from the journal alone"
            )
            return cls._folded(None, journal, notice)

    @classmethod
    def rebuild(cls, state: str) -> "Ledger":
        """The ledger, made anew from the journal."""
        _set_aside(os.path.join(state, DATABASE))
        return cls.open(state)

    @classmethod
    def _folded(cls, path: str | None, journal: Journal, *notices: str) -> "Ledger":
        ledger = cls(open_database(path), journal)
        try:
            ledger.notices += [*notices, *ledger._catch_up()]
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Lets the database go."""
        self._engine.dispose()

    # What is asked.

    def runs(
        self,
        filters: Sequence[Filter] = (),
        sort: Sort | None = None,
        limit: int | None = None,
        *,
        with_artifacts: bool = True,
    ) -> list[Run]:
        """The runs that meet all `filters`, sorted, newest first where no order is given; `limit` of them."""
        wanted = [condition(each) for each in filters]
        query = arranged(select(runs.c.number).where(*wanted), sort or Sort()).limit(limit)
        with self._reading() as connection:
            numbers = list(connection.scalars(query))
            return read(connection, numbers, with_artifacts=with_artifacts)

    def runs_named(self, ids: Sequence[RunId]) -> list[Run]:
        """The runs of these ids, with all that they have, in the order of their numbers."""
        query = select(runs.c.number).where(runs.c.id.in_(ids)).order_by(runs.c.number)
        with self._reading() as connection:
            return read(connection, list(connection.scalars(query)))

    def runs_with(self, run: RunId, stage: StageName) -> list[Run]:
        """The runs in which the result of a stage is what `run` computed, newest first; some of the last."""
        owner = select(runs.c.number).where(runs.c.id == run).scalar_subquery()
        query = select(stage_runs.c.run).where(stage_runs.c.source == owner, stage_runs.c.stage == stage)
        query = query.order_by(stage_runs.c.run.desc()).limit(LAST)
        with self._reading() as connection:
            return read(connection, list(connection.scalars(query)))

    def count(self, filters: Sequence[Filter] = ()) -> int:
        """How many runs meet all `filters`."""
        query = select(func.count()).select_from(runs).where(*(condition(each) for each in filters))
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def ids(self) -> list[RunId]:
        """The ids of all runs in the order of their numbers."""
        with self._reading() as connection:
            return list(connection.scalars(select(runs.c.id).order_by(runs.c.number)))

    def sweeps(self) -> list[RunId]:
        """The names of all sweeps, in the order in which they were begun."""
        begun = func.min(runs.c.number)
        query = select(runs.c.sweep).where(runs.c.sweep.is_not(None)).group_by(runs.c.sweep).order_by(begun)
        with self._reading() as connection:
            return list(connection.scalars(query))

    def metric_names(self) -> list[str]:
        """Every metric that some run has."""
        with self._reading() as connection:
            return list(connection.scalars(select(metrics.c.name).distinct().order_by(metrics.c.name)))

    def param_names(self) -> list[str]:
        """Every param that some run has."""
        with self._reading() as connection:
            return list(connection.scalars(select(params.c.name).distinct().order_by(params.c.name)))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, MsgspecError, KeyError) as error:
            raise DamagedLedger(
                f"the ledger's database can't be read: {error}",
                fix="delete .outdo/ledger.db; the journal has it all",
            ) from error

    # How the tables follow the journal.

    def _catch_up(self) -> list[str]:
        """Takes in what is new in the journal, and what must have ended by now; returns what is wrong with it."""
        self._fold()
        with self._engine.connect() as connection:
            unended = list(connection.scalars(select(runs.c.number).where(runs.c.status == "running")))
        if unended and self._journal.nobody_records():
            # Nobody was in the middle of a run a moment ago: what has no end in the journal by now gets none.
            self._fold()
            self._interrupt(unended)
        with self._engine.connect() as connection:
            broken = connection.scalar(select(folded.c.broken))
        if broken is None:
            return []
        told = f"line {broken} of the journal does not follow from the one before it"
        return [f"{told}: something was changed there after it was written"]

    def _fold(self) -> None:
        """Takes in all that the journal has; raises `_Elsewhere`."""
        while True:
            with self._engine.connect() as connection:
                mark, _ = _mark(connection)
            if not self._journal.holds(mark):
                raise _Elsewhere
            if self._journal.size() == mark.offset:
                return
            with writing(self._engine) as connection:
                mark, broken = _mark(connection)  # another process may have come first
                lines = list(islice(self._journal.read(mark), LINES))
                if not lines:
                    return
                _take(connection, [line.event for line in lines if line.event is not None])
                _set_mark(connection, lines[-1].end, broken or _first_broken(lines))

    def _interrupt(self, numbers: Sequence[int]) -> None:
        with writing(self._engine) as connection:
            gone = select(runs.c.number).where(runs.c.number.in_(numbers), runs.c.status == "running")
            halted = list(connection.scalars(gone))
            for table, column in ((stage_runs, stage_runs.c.run), (runs, runs.c.number)):
                here = update(table).where(column.in_(halted), table.c.status == "running")
                connection.execute(here.values(status="interrupted"))


def _take(connection: Connection, events: Sequence[AnyEvent]) -> None:
    """Folds events into the tables."""
    spoken_of = or_(runs.c.status == "running", runs.c.id.in_({event.run for event in events}))
    numbers = connection.scalars(select(runs.c.number).where(spoken_of).order_by(runs.c.number))
    known = {run.id: run for run in read(connection, list(numbers), taken_over=False)}
    count = connection.scalar(select(func.max(runs.c.number))) or 0
    after = fold(events, Before(known, count, _owners(connection, events)))
    write(connection, [run for run in after.values() if known.get(run.id) != run])


def _owners(connection: Connection, events: Sequence[AnyEvent]) -> tuple[StageRun, ...]:
    """The stage runs that kept or restored ones among `events` may refer to, without their contents."""
    keys = {
        event.key
        for event in events
        if isinstance(event, StageFinished) and event.status in ("kept", "restored")
    }
    query = (
        select(runs.c.id, stage_runs.c.stage, stage_runs.c.status, stage_runs.c.key)
        .join_from(stage_runs, runs, runs.c.number == stage_runs.c.run)
        .where(stage_runs.c.key.in_(keys - {None}), stage_runs.c.source == stage_runs.c.run)
        .order_by(stage_runs.c.run)
    )
    found = (
        StageRun(id_, stage, id_, status, key=key) for id_, stage, status, key in connection.execute(query)
    )
    return tuple(one for one in found if owns(one))


def _mark(connection: Connection) -> tuple[Mark, int | None]:
    """How far the journal is folded, and the first line at which its chain was broken."""
    row = connection.execute(select(folded)).first()
    return (Mark(row.offset, row.lines, row.head), row.broken) if row else (Mark(), None)


def _set_mark(connection: Connection, mark: Mark, broken: int | None) -> None:
    connection.execute(delete(folded))
    values = {"offset": mark.offset, "lines": mark.lines, "head": mark.head, "broken": broken}
    connection.execute(insert(folded).values(journal=1, **values))


def _first_broken(lines: Sequence[Line]) -> int | None:
    return next((line.end.lines for line in lines if not line.linked), None)


def _is_unusable(error: Exception) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", 0) if isinstance(error, DBAPIError) else 0
    return code & 0xFF in _UNUSABLE


def _set_aside(path: str) -> str:
    """Moves a database, with what belongs to it, out of the way; returns its new path."""
    aside = f"{path}.aside"
    for part in ("", "-wal", "-shm"):
        if os.path.exists(path + part):
            os.replace(path + part, aside + part)
    return aside
