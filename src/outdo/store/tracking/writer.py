"""One thread that carries out all changes: those that wait for it together share one transaction, and one flush.

An answer is given only after the commit, so what was acknowledged survives a kill and a loss of power.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from outdo.core.refusals import Refusal
from outdo.core.trail import Entry
from outdo.store.database import writing
from outdo.store.tracking import trail

Answer = TypeVar("Answer")
Told = Callable[[Connection], tuple[Any, Entry | None]]
"""A change, with what the audit trail is told of it."""

PATIENCE = 15.0
"""Seconds that a database may take for what waits when all ends."""

AT_ONCE = 256
"""How many changes share one transaction at most."""


class Writer:
    """Carries out changes one after the other; each is done whole or not at all, whatever the others do."""

    def __init__(self, engine: Engine, undone: Callable[[], None] = lambda: None) -> None:
        """Calls `undone` where a transaction is lost with changes that had been carried out in it."""
        self._engine = engine
        self._undone = undone
        self._waiting: list[tuple[Told, Future[Any]]] = []
        self._turn = threading.Condition()
        self._closing = False
        self.changes = 0
        self.commits = 0
        self.failures = 0
        """Changes and transactions that were carried out, and transactions that failed as a whole."""
        self._thread = threading.Thread(target=self._work, name="outdo-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many changes nobody works at yet."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether changes are carried out."""
        return self._thread.is_alive()

    def submit(self, change: Callable[[Connection], Answer]) -> "Future[Answer]":
        """What `change` will return, once that is on the disk; or what it raised, and then nothing is changed."""
        return self.submit_told(lambda connection: (change(connection), None))

    def submit_told(self, change: Callable[[Connection], tuple[Answer, Entry | None]]) -> "Future[Answer]":
        """The same for a change that says what the audit trail is told of it, in the transaction of the change."""
        future: Future[Answer] = Future()
        with self._turn:
            if self._closing:
                raise RuntimeError("the writer is closed")
            self._waiting.append((change, future))
            self._turn.notify()
        return future

    def close(self) -> None:
        """Everything that was submitted is done, unless the database does not answer for a long time."""
        with self._turn:
            self._closing = True
            self._turn.notify()
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        while batch := self._next():
            try:
                done = self._carry_out(batch)
            except BaseException as error:
                self.failures += 1
                self._undone()
                for _, future in batch:
                    future.set_exception(error)
                continue
            self.commits += 1
            self.changes += len(batch)
            for (_, future), (answer, failure) in zip(batch, done, strict=True):
                if failure is None:
                    future.set_result(answer)
                else:
                    future.set_exception(failure)

    def _next(self) -> list[tuple[Told, Future[Any]]]:
        with self._turn:
            while not self._waiting and not self._closing:
                self._turn.wait()
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        return [one for one in batch if one[1].set_running_or_notify_cancel()] or (
            [] if not batch else self._next()
        )

    def _carry_out(self, batch: list[tuple[Told, Future[Any]]]) -> list[tuple[Any, Exception | None]]:
        done: list[tuple[Any, Exception | None]] = []
        told: list[Entry] = []
        if len(batch) == 1:
            return [self._alone(batch[0][0])]
        with writing(self._engine) as connection:
            for change, _ in batch:
                try:
                    with connection.begin_nested():
                        answer, entry = change(connection)
                except Exception as error:
                    done.append((None, error))
                else:
                    done.append((answer, None))
                    told += [entry] if entry else []
            trail.append(connection, told)
        return done

    def _alone(self, change: Told) -> tuple[Any, Exception | None]:
        """What becomes of a change that shares its transaction with none, and so needs no savepoint."""
        try:
            with writing(self._engine) as connection:
                answer, entry = change(connection)
                trail.append(connection, [entry] if entry else [])
        except Refusal as error:
            return None, error
        return answer, None
