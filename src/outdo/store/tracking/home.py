"""The database of a project, or of a server, in its home."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from outdo.core.errors import CantWrite
from outdo.store.tracking.opening import open_tracking
from outdo.store.tracking.soundness import why

DATABASE = "tracking.db"


@contextmanager
def opened(home: str) -> Iterator[Engine]:
    """The database at `home`, made where it is not there. Raises what `open_tracking` does, also where it fails while
    it is used."""
    path = os.path.join(home, DATABASE)
    engine = open_tracking(URL.create("sqlite", database=path))
    try:
        yield engine
    except SQLAlchemyError as error:
        raise why(error, path) from None
    finally:
        engine.dispose()


def open_home(home: str, database: str = "") -> Engine:
    """The database of a server at `home`, both made where they are not there: the file in it, unless `database` is an
    address. Raises `CantWrite`, and what `open_tracking` does."""
    try:
        os.makedirs(home, exist_ok=True)
    except OSError as error:
        raise CantWrite(f"'{home}' can't be made: {error.strerror}", fix="name another one: --home") from None
    return open_tracking(database or URL.create("sqlite", database=os.path.join(home, DATABASE)))


def is_there(home: str) -> bool:
    """Whether anything was ever logged or registered at `home`."""
    return os.path.exists(os.path.join(home, DATABASE))
