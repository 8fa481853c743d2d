"""All that a server holds: the database, the writer, the artifacts, the clock."""

import os
import sys
from collections.abc import Callable, Iterator
from time import time_ns
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from outdo.core.access import Actor
from outdo.core.errors import UserError
from outdo.core.model import Digest
from outdo.core.tracking import Experiment, Milliseconds
from outdo.server.book import Book
from outdo.server.courier import Courier
from outdo.server.endpoint import Sending
from outdo.server.meters import Meters, Sample
from outdo.server.parts import Parts
from outdo.store import trees
from outdo.store.nodes import Tree
from outdo.store.objects import Objects
from outdo.store.secrets import VARIABLE, Keyring
from outdo.store.tracking import experiments, files
from outdo.store.tracking.follow import Follower
from outdo.store.tracking.home import DATABASE, open_home
from outdo.store.tracking.points import Keys
from outdo.store.tracking.soundness import why
from outdo.store.tracking.webhooks import seal_anew
from outdo.store.tracking.writer import Writer
from outdo.store.vault import open_vault

Answer = TypeVar("Answer")


class Caller(Struct, frozen=True):
    """Who calls, and from where."""

    actor: Actor
    address: str
    agent: str
    """The program, as it calls itself."""


class Service:
    """A server's state at `home`; its database is a SQLite file there, unless `database` is an address.

    Artifacts are kept in the folder or bucket that `objects` names, else at home. Only where it is `private` may
    webhooks be on this machine or its network."""

    def __init__(self, home: str, database: str = "", objects: str = "", *, private: bool = False) -> None:
        self.home = home
        self.sending = Sending(Keyring(home, os.environ.get(VARIABLE, "")), private)
        self.engine = open_home(home, database)
        # Kept whole, as clients take them one by one, and each is sent as it is.
        self.objects = Objects(home if not objects or "://" in objects else objects, chunked_from=0)
        self.vault = open_vault(self.objects, objects)
        self.parts = Parts()
        self.meters = Meters()
        self.keys = Keys()
        self.writer = Writer(self.engine, self.keys.forget)
        self.book = Book(self.engine, self.writer)
        self.courier = Courier(self.engine, self.writer, self.sending)
        self._follower = Follower(home)
        try:
            self.writer.submit(self._make_default).result()
            self.writer.submit(lambda connection: seal_anew(connection, self.sending.keyring)).result()
        except SQLAlchemyError as error:
            self.close()
            raise why(error, "" if database else os.path.join(home, DATABASE)) from None

    def now(self) -> Milliseconds:
        """The time."""
        return time_ns() // 1_000_000

    def pin(self, connection: Connection, folder: str) -> Digest | None:
        """The digest of the tree of all artifacts in a folder, which the store then holds; None where none is."""
        found = list(files.below(connection, folder)) if folder else []
        if not found:
            return None
        tree = Tree([(name, file.digest, file.size, False) for name, file in found])
        return trees.build_tree(tree, self.vault.put).digest

    def read(self, question: Callable[[Connection], Answer]) -> Answer:
        """The answer to a question that changes nothing. What the project's runs did meanwhile is told too."""
        self.follow()
        with self.engine.connect() as connection:
            return question(connection)

    def counted(self) -> Iterator[Sample]:
        """What the writer counts."""
        writer = self.writer
        yield "outdo_writer_waiting", "gauge", "Changes that wait to be written.", writer.waiting
        yield "outdo_writer_changes_total", "counter", "Changes carried out or refused.", writer.changes
        yield (
            "outdo_writer_commits_total",
            "counter",
            "Transactions that brought changes to the disk.",
            writer.commits,
        )
        yield "outdo_writer_failures_total", "counter", "Transactions that failed.", writer.failures

    def follow(self) -> None:
        """The logged runs have what the journal has, where the home is that of a project."""
        try:
            while self._follower.is_behind:
                self.writer.submit(self._catch_up).result()
        except UserError as error:
            self._follower.give_up()
            print(f"outdo server: the project's runs are not shown: {error.what}", file=sys.stderr)

    def _catch_up(self, connection: Connection) -> None:
        if self._follower.is_behind:  # another that waited may have done it
            self._follower.catch_up(connection, self.keys)

    def close(self) -> None:
        """Everything acknowledged is on the disk, and nothing is held any more."""
        self.courier.close()
        self.parts.close()
        self.writer.close()
        self.book.close()
        self.vault.close()
        self.engine.dispose()

    def _make_default(self, connection: Connection) -> None:
        if experiments.find_name(connection, "Default") is None:
            now = self.now()
            made = Experiment(0, "Default", "mlflow-artifacts:/", True, now, now)
            experiments.create_first(connection, made)


class Seat(Struct, frozen=True):
    """What a handler gets of the server, and who it is for: a `Desk`."""

    service: Service
    caller: Caller

    @property
    def keys(self) -> Keys:
        """The numbers of metrics' names."""
        return self.service.keys

    @property
    def sending(self) -> Sending:
        """How webhooks are told."""
        return self.service.sending

    @property
    def actor(self) -> Actor:
        """Who calls."""
        return self.caller.actor

    def now(self) -> Milliseconds:
        """The time."""
        return self.service.now()

    def pin(self, connection: Connection, folder: str) -> Digest | None:
        """The digest of the tree of all artifacts in a folder, which the store then holds; None where none is."""
        return self.service.pin(connection, folder)
