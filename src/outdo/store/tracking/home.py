"""The database of a project, or of a server, in its home."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from outdo.core.errors import CantWrite, NoDatabase, Usage
from outdo.store.tracking.tables import open_tracking

DATABASE = "tracking.db"


@contextmanager
def opened(home: str) -> Iterator[Engine]:
    """The database at `home`, made where it is not there; raises `NoDatabase`, also where it fails while it is used,
    and `NewerLedger`."""
    path = os.path.join(home, DATABASE)
    engine = None
    try:
        engine = open_tracking(f"sqlite:///{path}")
        yield engine
    except SQLAlchemyError as error:
        told = str(getattr(error, "orig", error))
        fix = "put back a copy of it; nothing was changed"
        raise NoDatabase(f"the database can't be used: {told}", where=path, fix=fix) from None
    finally:
        if engine is not None:
            engine.dispose()


def open_home(home: str, database: str = "") -> Engine:
    """The database of a server at `home`, both made where they are not there: the file in it, unless `database` is an
    address. Raises `CantWrite`, `NoDatabase`, and `NewerLedger` for a database of a newer Outdo."""
    try:
        os.makedirs(home, exist_ok=True)
    except OSError as error:
        raise CantWrite(f"'{home}' can't be made: {error.strerror}", fix="name another one: --home") from None
    path = os.path.join(home, DATABASE)
    try:
        return open_tracking(database or f"sqlite:///{path}")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise Usage(
            f"the address of the database is none: {error}", fix="postgresql+psycopg://…, or none"
        ) from None
    except SQLAlchemyError as error:
        told = str(getattr(error, "orig", error))
        where = "" if database else path  # an address may have a password in it
        fix = (
            "put back a copy of it; nothing was changed"
            if not database
            else "check that it runs and is reachable"
        )
        raise NoDatabase(f"the database can't be used: {told}", where=where, fix=fix) from None


def is_there(home: str) -> bool:
    """Whether anything was ever logged or registered at `home`."""
    return os.path.exists(os.path.join(home, DATABASE))
