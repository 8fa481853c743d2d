"""The database of a project, or of a server, in its home."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from outdo.core.errors import NoDatabase
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


def is_there(home: str) -> bool:
    """Whether anything was ever logged or registered at `home`."""
    return os.path.exists(os.path.join(home, DATABASE))
