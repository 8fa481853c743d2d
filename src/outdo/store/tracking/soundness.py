"""What a database is before it is touched: ours and sound, or why not, each told apart.

A SQLite file is only read for this, so that what belongs to somebody else, or is damaged, stays as it is to the byte.
"""

import os
import re
import sqlite3
from collections.abc import Collection
from contextlib import closing

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from outdo.core.errors import DamagedLedger, ForeignDatabase, NewerLedger, NoDatabase, UserError
from outdo.store.database import BUSY_SECONDS, Form, revision_of

CHECKED = 32 << 20
"""Bytes of a file up to which all of its pages are looked at when it is opened; of a larger one its tables' first."""

_MAGIC = b"SQLite format 3\x00"
_STEP = re.compile(r"v(\d{4})_\w+\.py")
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_MLFLOW = frozenset({"alembic_version", "experiments", "runs"})
_COPY = "put a copy of it back; nothing was changed"


def check_file(path: str, form: Form, names: Collection[str]) -> str | None:
    """The form that a SQLite file's tables have; None for a new file.

    Raises `DamagedLedger`, `ForeignDatabase`, `NewerLedger`, and `NoDatabase` for one that is locked or can't be
    read."""
    try:
        with open(path, "rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoDatabase(f"the database can't be read: {error.strerror}", where=path) from None
    if not head:
        return None
    if head != _MAGIC:
        raise DamagedLedger("this is not a SQLite database, or its first page is lost", where=path, fix=_COPY)
    try:
        with closing(
            sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as database:
            return _check(database, path, form, names)
    except sqlite3.Error as error:
        raise why(error, path) from None


def check_connected(connection: Connection, form: Form, names: Collection[str]) -> str | None:
    """The same for a database of another kind, as it is seen on this connection."""
    there = inspect(connection).get_table_names()
    found = revision_of(connection, form.table)
    return _judge(there, found, "", form, names)


def keep_copy(path: str, form: Form) -> str:
    """Where the database now is once more, as it was before it gets its new form; raises `NoDatabase`."""
    copy = f"{path}.before-{form.revision}"
    temporary = f"{copy}.tmp"
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(temporary)) as target:
            source.backup(target)
        fd = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, copy)
    except (sqlite3.Error, OSError) as error:
        what = f"no copy of the database could be made before it gets its new form: {error}"
        raise NoDatabase(what, where=copy, fix="make room for it; nothing was changed") from None
    return copy


def why(error: SQLAlchemyError | sqlite3.Error, path: str) -> UserError:
    """Why a database can't be used, in words for people; `path` is empty where it is no file."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGED:
        return DamagedLedger(f"the database is damaged: {cause}", where=path, fix=_COPY)
    if code in _LOCKED:
        fix = "end what works with it (another tool, a backup), and start again; nothing was changed"
        return NoDatabase("the database is locked by another process", where=path, fix=fix)
    fix = _COPY if path else "check that it runs, that its name is right, and that this user may use it"
    told = " ".join(str(cause).split())
    return NoDatabase(f"the database can't be used: {told}", where=path, fix=fix)


def _check(database: sqlite3.Connection, path: str, form: Form, names: Collection[str]) -> str | None:
    there = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    rows = database.execute(f"select version_num from {form.table}").fetchall() if form.table in there else []  # noqa: S608
    found = _judge(there, rows[0][0] if rows else None, path, form, names)
    if found is None:
        return None
    for name in there:  # reading a page finds out whether it is one
        database.execute(f'select 1 from "{name}" limit 1').fetchall()  # noqa: S608
    if os.stat(path).st_size <= CHECKED:
        said = database.execute("pragma quick_check(1)").fetchone()[0]
        if said != "ok":
            raise DamagedLedger(f"the database is damaged: {said}", where=path, fix=_COPY)
    return found


def _judge(
    there: Collection[str], revision: str | None, where: str, form: Form, names: Collection[str]
) -> str | None:
    """The form that these tables have; None where there are none yet."""
    others = [name for name in there if not name.startswith("sqlite_")]
    if not others:
        return None
    if form.table not in others:
        whose = "an MLflow server" if set(others) >= _MLFLOW else "somebody else"
        raise ForeignDatabase(
            f"the database belongs to {whose}: it holds {_listed(others)}",
            where=where,
            fix="name one of Outdo's own, which may be new; nothing was changed",
        )
    if revision is None:
        raise DamagedLedger("the database does not say which form its tables have", where=where, fix=_COPY)
    if revision not in known_forms(form):
        raise NewerLedger(
            f"the database was written by a newer Outdo (it has form {revision}, this one knows {form.revision})",
            where=where,
            fix="pip install --upgrade outdo",
        )
    lacking = sorted(set(names) - set(others)) if revision == form.revision else []
    if lacking:
        raise DamagedLedger(f"the database lacks {_listed(lacking)}", where=where, fix=_COPY)
    return revision


def known_forms(form: Form) -> frozenset[str]:
    """All forms that this Outdo can bring to the newest one."""
    steps = os.listdir(os.path.join(form.migrations, "versions"))
    return frozenset(step[1] for name in steps if (step := _STEP.fullmatch(name)))


def _listed(names: Collection[str]) -> str:
    first = sorted(names)[:3]
    more = len(names) - len(first)
    return f"{'the table' if len(names) == 1 else 'the tables'} {', '.join(first)}" + (
        f" and {more} more" if more else ""
    )


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
