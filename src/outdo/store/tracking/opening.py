"""The way a database gets the tables of what clients log, at an address of SQLite or PostgreSQL."""

import os

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from outdo.core.errors import Usage
from outdo.store.database import Form, open_engine
from outdo.store.tracking.soundness import check_connected, check_file, keep_copy, why
from outdo.store.tracking.tables import tables

DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
"""The drivers that are used where an address names none."""

REVISION = "0009"
FORM = Form(os.path.join(os.path.dirname(__file__), "migrations"), REVISION, "tracking_version")


def open_tracking(url: str | URL) -> Engine:
    """An engine for a database with all tables in their newest form; `url` as `read_address` takes it.

    Of an older form of a SQLite file a copy is kept beside it. Raises `NewerLedger`, `DamagedLedger`, `ForeignDatabase`
    and `NoDatabase`, and then nothing was touched."""
    address = read_address(url)
    path = address.database or "" if address.get_backend_name() == "sqlite" else ""
    in_file = path not in ("", ":memory:")
    try:
        if in_file:
            found = check_file(path, FORM, tables.tables)
            if found not in (None, FORM.revision):
                keep_copy(path, FORM)
        return open_engine(address, FORM, keep=True, examine=None if path else _examine)
    except SQLAlchemyError as error:
        raise why(error, path) from None


def read_address(url: str | URL) -> URL:
    """The address of a database, with the driver that is used for it; raises `Usage`."""
    try:
        address = make_url(url)
        if address.drivername in DRIVERS:
            address = address.set(drivername=DRIVERS[address.drivername])
        if address.get_backend_name() not in ("sqlite", "postgresql"):
            raise Usage(
                "the database can be SQLite or PostgreSQL", fix="postgresql://USER@HOST/NAME, or none"
            )
        address.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError):
        raise Usage(
            "the address of the database is none", fix="postgresql://USER@HOST/NAME, or none"
        ) from None
    except ImportError:
        raise Usage(
            "PostgreSQL needs a driver that is not installed", fix="pip install 'outdo[postgres]'"
        ) from None
    return address


def _examine(connection: Connection) -> None:
    check_connected(connection, FORM, tables.tables)
