"""The book of users and tokens that the door looks into: read from the database again when it says that it changed."""

import sqlite3
from time import monotonic, time_ns

from anyio import to_thread
from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import OperationalError

from outdo.core.tracking import Milliseconds
from outdo.store.tracking import accounts
from outdo.store.tracking.accounts import Accounts
from outdo.store.tracking.writer import Writer

ASKED_EVERY_SECONDS = 1.0
"""How often a database on another machine is asked whether anything changed; a file is asked at every request."""
_COUNT = "SELECT version FROM access"


class Book:
    """Users and tokens of one database."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer
        self._known: Accounts | None = None
        self._asked = 0.0
        self._file = engine.raw_connection() if engine.dialect.name == "sqlite" else None

    def now(self) -> Milliseconds:
        """The time."""
        return time_ns() // 1_000_000

    async def accounts(self, *, at_once: bool = False) -> Accounts:
        """All users and tokens as they are now, or with a database elsewhere were up to a second ago; `at_once`: as
        they are now in any case."""
        if at_once:
            self._asked = 0.0
        if self._known is None or await self._has_changed(self._known.version):
            self._known = await to_thread.run_sync(self._read)
        return self._known

    def note_use(self, token: str, now: Milliseconds) -> None:
        """A token was used."""
        self._writer.submit(lambda connection: accounts.note_use(connection, token, now))

    def put_password(self, user: str, before: str, kept: str) -> None:
        """The same password of a user is kept in another way from now on, unless it was changed meanwhile."""
        self._writer.submit(lambda connection: accounts.keep_anew(connection, user, before, kept))

    def close(self) -> None:
        """Nothing is held any more."""
        if self._file is not None:
            self._file.close()

    async def _has_changed(self, version: int) -> bool:
        if self._file is not None:  # some microseconds, and it never waits for a writer
            return _version_in(self._file) != version
        if monotonic() - self._asked < ASKED_EVERY_SECONDS:
            return False
        self._asked = monotonic()
        return await to_thread.run_sync(self._version) != version

    def _version(self) -> int:
        with self._engine.connect() as connection:
            return accounts.version(connection)

    def _read(self) -> Accounts:
        with self._engine.connect() as connection:
            return accounts.read(connection)


def _version_in(file: PoolProxiedConnection) -> int:
    """Counts the changes of users, grants and tokens; raises `OperationalError` where the file can't be read."""
    cursor = file.cursor()
    try:
        cursor.execute(_COUNT)
        found: int = (cursor.fetchone() or (0,))[0]
    except sqlite3.Error as error:
        raise OperationalError(_COUNT, None, error) from None
    finally:
        cursor.close()
    return found
