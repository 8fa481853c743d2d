"""The ledger's tables, the same on SQLite and PostgreSQL, and the way a database gets them."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.pool import NullPool, Pool, QueuePool, StaticPool

from outdo.core.errors import NewerLedger

BUSY_SECONDS = 5
LOCK_SECONDS = 30
"""How long PostgreSQL lets a change wait for those of another process."""

ONE_WRITER = 0x6F7574646F
"""The lock of PostgreSQL that whoever writes has: a number that nobody else's programs use."""

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Form(Struct, frozen=True):
    """The form of a database's tables, and how they come to it."""

    migrations: str
    """The folder with the steps."""
    revision: str
    """The newest of them."""
    table: str
    """The table that says which form they have."""


FORM = Form(os.path.join(os.path.dirname(__file__), "migrations"), "0003", "alembic_version")

tables = MetaData(naming_convention=NAMES)


def _key(*names: str) -> tuple[Column[Any], ...]:
    """Columns of a primary key that begins with a run."""
    run: Column[Any] = Column(
        "run",
        Integer,
        ForeignKey("runs.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    return (run, *(Column(name, String, primary_key=True) for name in names))


runs = Table(
    "runs",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("started", Double, nullable=False, index=True),
    Column("finished", Double),
    Column("seconds", Double, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("project", String, nullable=False),
    Column("command", Text, nullable=False),
    Column("user", String, nullable=False),
    Column("plan", Text, nullable=False),
    Column("code", String, ForeignKey("codes.id")),
    Column("branch", String),
    Column("dirty", Boolean, nullable=False),
    Column("environment", String, ForeignKey("environments.digest")),
    Column("warnings", Text, nullable=False),
    Column("sweep", String, index=True),
    Column("trial", Text),
    Column("judged", Text),
)
"""`command`, `plan`, `warnings`, `trial` and `judged` are JSON; `sweep` is what a trial is one of."""

codes = Table(
    "codes",
    tables,
    Column("id", String, primary_key=True),
    Column("commit", String, index=True),
    Column("patch", String),
)
"""A commit, and what differed from it: the digest of a patch in the store. `id` is the digest of both."""

environments = Table("environments", tables, Column("digest", String, primary_key=True))
"""Digests of descriptions in the store."""

stage_runs = Table(
    "stage_runs",
    tables,
    *_key("stage"),
    Column("place", Integer, nullable=False),
    Column("source", Integer, ForeignKey("runs.number"), nullable=False),
    Column("status", String, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("reasons", Text, nullable=False),
    Column("key", String, index=True),
    Column("attempts", Integer, nullable=False),
    Column("retried", Text, nullable=False),
    Column("exit_code", Integer),
    Column("failure", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("cpu_seconds", Double, nullable=False),
    Column("peak_memory", BigInteger, nullable=False),
    Column("log", Text, nullable=False),
    Index(None, "source", "stage"),
    sqlite_with_rowid=False,
)
"""`source` is the run whose params, metrics and artifacts of this stage are meant: a kept or restored stage has
none of its own. `reasons` and `retried` are JSON."""

params = Table(
    "params",
    tables,
    *_key("stage", "name"),
    Column("value", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("number", Double),
    sqlite_with_rowid=False,
)
"""`value` is JSON; `text` and `number` are what filters compare."""

metrics = Table(
    "metrics",
    tables,
    *_key("stage", "name"),
    Column("value", Double),
    Column("odd", String),
    Index(None, "name", "value"),
    sqlite_with_rowid=False,
)
"""`value` is finite; what is not stands in `odd` as `nan`, `inf` or `-inf`."""

artifacts = Table(
    "artifacts",
    tables,
    *_key("stage"),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("role", String, nullable=False),
    Column("digest", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("executable", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""What stage runs read (`dep`) and wrote: an artifact of one and of another by digest and path is their lineage."""

folded = Table(
    "folded",
    tables,
    Column("journal", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("head", String, nullable=False),
    Column("broken", BigInteger),
)
"""How far the journal stands in these tables, and the first line at which its chain was broken."""


def open_database(path: str | None) -> Engine:
    """An engine for a SQLite file with all tables in their newest form; for `None` one in memory.

    Raises `NewerLedger` for a file of a newer Outdo, and SQLAlchemy's errors for one that can't be read."""
    return open_engine(f"sqlite:///{path or ':memory:'}", FORM)


def open_engine(
    url: str | URL, form: Form, *, keep: bool = False, examine: Callable[[Connection], object] | None = None
) -> Engine:
    """An engine for the database at `url` with all tables in the newest form; raises like `open_database`, and what
    `examine` raises of a database that is not to be touched.

    With `keep` it keeps connections open, as a server wants them."""
    engine = _engine(make_url(url), keep=keep)
    try:
        with engine.connect() as connection:
            if examine is not None:
                examine(connection)
            revision = revision_of(connection, form.table)
        if revision != form.revision:
            _migrate(engine, revision, form)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that has the right to write from its first moment, so that it never has to be given up in
    its middle because of another writer."""
    with engine.connect().execution_options(outdo_writes=True) as connection, connection.begin():
        yield connection


def _engine(url: URL, *, keep: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        return _served(url)
    in_file = url.database not in (None, "", ":memory:")
    pool: type[Pool] = (QueuePool if keep else NullPool) if in_file else StaticPool
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        poolclass=pool,
        **({"pool_use_lifo": True} if pool is QueuePool else {}),
        hide_parameters=True,  # what is logged of an error tells nobody's values
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, record: Any) -> None:  # noqa: ARG001
        cursor = connection.cursor()
        _keep_log(cursor)
        for setting in ("synchronous=FULL", "foreign_keys=ON", "case_sensitive_like=ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("outdo_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _served(url: URL) -> Engine:
    """An engine for PostgreSQL. Of all processes that write to one database only one does so at a time, as on SQLite:
    what a change looked at is still so when it is made, and none of them ever waits for another in a ring."""
    settings = {"lock_timeout": LOCK_SECONDS, "idle_in_transaction_session_timeout": 2 * LOCK_SECONDS}
    options = " ".join(f"-c {name}={seconds}s" for name, seconds in settings.items())
    arguments = {} if "options" in url.query else {"options": options}
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=40,
        hide_parameters=True,
        connect_args={"application_name": "outdo", "connect_timeout": 10, **arguments},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("outdo_writes"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_WRITER})")

    return engine


def _keep_log(cursor: Any) -> None:
    """Has the database keep a write-ahead log. Where two processes make a database at once, SQLite tells one of them at
    once that it is locked, however long it may wait for other things."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def revision_of(connection: Connection, versions: str) -> str | None:
    """Which form the tables have; None for a database that has none."""
    if not inspect(connection).has_table(versions):
        return None
    found: str | None = connection.scalar(select(text("version_num")).select_from(text(versions)))
    return found


def _migrate(engine: Engine, revision: str | None, form: Form) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", form.migrations.replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise NewerLedger(
            f"the ledger was written by a newer Outdo (it has form {revision}, this one knows {form.revision})",
            where=engine.url.database or "",
            fix="pip install --upgrade outdo",
        )
    with writing(engine) as connection:
        if revision_of(connection, form.table) != form.revision:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
