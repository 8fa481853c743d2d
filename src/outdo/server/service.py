"""All that a server holds: the database, the writer, the store, the clock."""

import os
from collections.abc import Callable
from time import time_ns
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from outdo.core.errors import CantWrite, NoDatabase, Usage
from outdo.core.model import Digest
from outdo.core.tracking import Experiment, Milliseconds
from outdo.store import trees
from outdo.store.files import Scratch
from outdo.store.nodes import Tree
from outdo.store.objects import Objects
from outdo.store.tracking import experiments, files
from outdo.store.tracking.points import Keys
from outdo.store.tracking.tables import open_tracking
from outdo.store.tracking.writer import Writer

Answer = TypeVar("Answer")
DATABASE = "tracking.db"


class Service:
    """A server's state at `home`; its database is a SQLite file there, unless `database` is an address."""

    def __init__(self, home: str, database: str = "") -> None:
        try:
            os.makedirs(home, exist_ok=True)
        except OSError as error:
            raise CantWrite(
                f"'{home}' can't be made: {error.strerror}", fix="name another one: --home"
            ) from None
        self.home = home
        self.engine = _open(home, database)
        self.writer = Writer(self.engine)
        self.objects = Objects(home)
        self.keys = Keys()
        self.writer.submit(self._make_default).result()

    @property
    def scratch(self) -> Scratch:
        """Where uploads wait until they are whole."""
        return self.objects.scratch

    def now(self) -> Milliseconds:
        """The time."""
        return time_ns() // 1_000_000

    def pin(self, connection: Connection, folder: str) -> Digest | None:
        """The digest of the tree of all artifacts in a folder, which the store then holds; None where none is."""
        found = list(files.below(connection, folder)) if folder else []
        if not found:
            return None
        tree = Tree([(name, file.digest, file.size, False) for name, file in found])
        digest = trees.build_tree(tree, self.objects.put_bytes).digest
        self.objects.sync()
        return digest

    def read(self, question: Callable[[Connection], Answer]) -> Answer:
        """The answer to a question that changes nothing."""
        with self.engine.connect() as connection:
            return question(connection)

    def close(self) -> None:
        """Everything acknowledged is on the disk, and nothing is held any more."""
        self.writer.close()
        self.objects.sync()
        self.objects.close()
        self.engine.dispose()

    def _make_default(self, connection: Connection) -> None:
        if experiments.find_name(connection, "Default") is None:
            now = self.now()
            made = Experiment(0, "Default", "mlflow-artifacts:/", True, now, now)
            experiments.create_first(connection, made)


def _open(home: str, database: str) -> Engine:
    """The database; raises `NoDatabase`, and `NewerLedger` for one of a newer Outdo."""
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
