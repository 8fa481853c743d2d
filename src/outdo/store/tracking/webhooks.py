"""Webhooks as rows, and the messages that are on their way to them."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from msgspec import json
from sqlalchemy import Connection, Row, delete, insert, select, update

from outdo.core.errors import NoSecretKey
from outdo.core.refusals import Unknown
from outdo.core.tracking import Milliseconds
from outdo.core.webhooks import Delivery, Event, Webhook
from outdo.store.secrets import Keyring
from outdo.store.tracking.webhook_tables import deliveries, webhooks

_events = json.Decoder(tuple[Event, ...]).decode


def put(connection: Connection, one: Webhook) -> None:
    """The webhook is there in this form."""
    row = {
        "name": one.name,
        "description": one.description,
        "url": one.url,
        "events": json.encode(one.events).decode(),
        "secret": one.secret,
        "status": one.status,
        "created": one.created,
        "updated": one.updated,
    }
    if not connection.execute(update(webhooks).where(webhooks.c.id == one.id).values(row)).rowcount:
        connection.execute(insert(webhooks).values(id=one.id, **row))


def find(connection: Connection, id_: str) -> Webhook:
    """The webhook of this id; raises `Unknown`."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == id_)).first()
    if row is None:
        raise Unknown(f"Webhook with ID {id_} not found.")
    return _webhook(row)


def listing(connection: Connection, size: int, after: int | None = None) -> tuple[list[Webhook], int | None]:
    """The webhooks, the newest first, behind the one of this number; also the number of the last, where more come."""
    query = select(webhooks).order_by(webhooks.c.number.desc()).limit(size + 1)
    if after is not None:
        query = query.where(webhooks.c.number < after)
    rows = connection.execute(query).all()
    given = rows[:size]
    return [_webhook(row) for row in given], given[-1].number if len(rows) > size else None


def remove(connection: Connection, id_: str) -> None:
    """The webhook is gone, and what was on its way to it; raises `Unknown`."""
    if not connection.execute(delete(webhooks).where(webhooks.c.id == id_)).rowcount:
        raise Unknown(f"Webhook with ID {id_} not found.")


def seal_anew(connection: Connection, keyring: Keyring) -> None:
    """Every secret is sealed with the newest key; one that no key opens stays as it is."""
    rows = connection.execute(select(webhooks.c.id, webhooks.c.secret).where(webhooks.c.secret != "")).all()
    old = [row for row in rows if not keyring.is_newest(row.secret)]
    if old and connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what stood there is not left in the file
    for row in old:
        try:
            sealed = keyring.seal(keyring.open(row.secret, row.id), row.id)
        except NoSecretKey:
            continue
        connection.execute(update(webhooks).where(webhooks.c.id == row.id).values(secret=sealed))


def announce(connection: Connection, event: Event, body: str, now: Milliseconds) -> None:
    """A message is on its way to every webhook that wants to be told of this event."""
    rows = connection.execute(select(webhooks).where(webhooks.c.status == "ACTIVE")).all()
    told = [
        {"webhook": row.number, "id": str(uuid.uuid4()), "body": body, "tries": 0, "due": now}
        for row in rows
        if event in _events(row.events)
    ]
    if told:
        connection.execute(insert(deliveries), told)


def due(connection: Connection, now: Milliseconds, most: int, but: Collection[str] = ()) -> list[Delivery]:
    """Messages whose time has come, the oldest first; none to these webhooks."""
    columns = (deliveries.c.number, deliveries.c.id.label("delivery"), deliveries.c.body, deliveries.c.tries)
    query = (
        select(*columns, *(column for column in webhooks.c if column.name != "number"))
        .join(webhooks, webhooks.c.number == deliveries.c.webhook)
        .where(deliveries.c.due <= now, webhooks.c.status == "ACTIVE", webhooks.c.id.not_in(but))
        .order_by(deliveries.c.number)
        .limit(most)
    )
    return [
        Delivery(row.number, row.delivery, _webhook(row), row.body, row.tries)
        for row in connection.execute(query)
    ]


def drop(connection: Connection, numbers: Sequence[int]) -> None:
    """These messages are not on their way any more."""
    connection.execute(delete(deliveries).where(deliveries.c.number.in_(numbers)))


def postpone(connection: Connection, number: int, until: Milliseconds) -> None:
    """The message is tried again at this time."""
    here = deliveries.c.number == number
    connection.execute(update(deliveries).where(here).values(tries=deliveries.c.tries + 1, due=until))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        row.id,
        row.name,
        row.description,
        row.url,
        _events(row.events),
        row.status,
        row.created,
        row.updated,
        row.secret,
    )
