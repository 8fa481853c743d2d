"""Brings messages to webhooks, beside all else: what waits is in the database, so a restart forgets none."""

import logging
import threading
from time import time

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from outdo.core.errors import NoSecretKey
from outdo.core.webhooks import AGAIN, Delivery, headers, wait
from outdo.server.endpoint import Sending
from outdo.server.post import Sent, send
from outdo.store.tracking import webhooks
from outdo.store.tracking.writer import Writer

AT_ONCE = 4
"""How many messages are on their way at a time, one to each webhook, so that each is told in order."""
LOOK_SECONDS = 1.0

log = logging.getLogger("outdo.server")


class Courier:
    """Sends each message until it is taken, refused, or given up; after a crash one may come a second time, under the
    same id."""

    def __init__(self, engine: Engine, writer: Writer, sending: Sending) -> None:
        self._engine = engine
        self._writer = writer
        self._sending = sending
        self._on_way: set[str] = set()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="outdo-courier", daemon=True)
        self._thread.start()

    def send(self, one: Delivery) -> Sent:
        """What became of a message that is sent now."""
        try:
            secret = self._sending.keyring.open(one.webhook.secret, one.webhook.id)
        except NoSecretKey as error:
            return Sent(0, error=error.what)
        signed = headers(one.id, one.body, secret, int(time()))
        return send(one.webhook.url, one.body, signed, private=self._sending.private)

    def close(self) -> None:
        """No other message is sent; those that were not taken wait in the database."""
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            try:
                self._look()
            except SQLAlchemyError as error:
                log.warning("messages to webhooks can't be read: %s", " ".join(str(error).split())[:200])

    def _look(self) -> None:
        with self._lock:
            busy = set(self._on_way)
        free = AT_ONCE - len(busy)
        if free <= 0:
            return
        with self._engine.connect() as connection:
            found = webhooks.due(connection, int(time() * 1000), 50, busy)
        for one in found:
            with self._lock:
                if len(self._on_way) == AT_ONCE or one.webhook.id in self._on_way:
                    continue
                self._on_way.add(one.webhook.id)
            threading.Thread(target=self._bring, args=(one,), name="outdo-webhook", daemon=True).start()

    def _bring(self, one: Delivery) -> None:
        try:
            sent = self.send(one)
            seconds = wait(one.tries + 1) if sent.status in AGAIN or not sent.status else None
            if not sent.good:
                log.warning(
                    "webhook '%s' did not take a message: %s%s",
                    one.webhook.name,
                    sent.error or sent.status,
                    "" if seconds is None else f"; it is tried again in {seconds} s",
                )

            def note(connection: Connection) -> None:
                if sent.good or seconds is None:
                    webhooks.drop(connection, [one.number])
                else:
                    webhooks.postpone(connection, one.number, int(time() * 1000) + seconds * 1000)

            self._writer.submit(note).result()
        except (RuntimeError, SQLAlchemyError):
            pass  # the server ends, or its database fails: the message waits where it is
        finally:
            with self._lock:
                self._on_way.discard(one.webhook.id)
