"""Calls about webhooks. Their secrets are taken in, and never told again."""

import re
import uuid
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, structs
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.core.webhooks import EVENTS, Event, Webhook, WebhookState, is_public
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.server.mlflow.paging import read_page, said_page
from outdo.server.mlflow.shapes import check_length, filled, require
from outdo.store.tracking import webhooks

STATES: tuple[WebhookState, ...] = ("ACTIVE", "DISABLED")
MOST = 1000
LONGEST_URL = 2048
LONGEST_SECRET = 1000
_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)


class Said(Struct, frozen=True):
    entity: str | int = ""
    action: str | int = ""


class OfWebhook(Struct, frozen=True):
    webhook_id: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("webhook", self.webhook_id),)


class Create(OfWebhook, frozen=True):
    name: str | None = None
    description: str = ""
    url: str | None = None
    events: list[Said] = []
    secret: str = ""
    status: str | int = "ACTIVE"


class Update(OfWebhook, frozen=True):
    name: str = ""
    description: str | None = None
    url: str = ""
    events: list[Said] = []
    secret: str | None = None
    status: str | int | None = None


class Listing(OfWebhook, frozen=True):
    max_results: int = 100
    page_token: str = ""


def create(connection: Connection, asked: Create, desk: Desk) -> Json:
    require("name", asked.name)
    require("url", asked.url)
    require("events", asked.events or None)
    check_length("secret", LONGEST_SECRET, asked.secret)
    now = desk.now()
    made = _checked(
        Webhook(
            str(uuid.uuid4()),
            asked.name or "",
            asked.description,
            asked.url or "",
            _events(asked.events),
            _state(asked.status),
            now,
            now,
            asked.secret,
        ),
        desk,
    )
    webhooks.put(connection, _sealed(made, desk))
    return {"webhook": said_webhook(made)}


def get(connection: Connection, asked: OfWebhook, desk: Desk) -> Json:
    return {"webhook": said_webhook(webhooks.find(connection, asked.webhook_id))}


def find(connection: Connection, asked: Listing, desk: Desk) -> Json:
    if not 1 <= asked.max_results <= MOST:
        raise Invalid(f"max_results must be between 1 and {MOST}.")
    page = read_page(asked.page_token, asked.max_results, "webhooks")
    after = page.after[0] if page.after else None
    if isinstance(after, str | float):
        raise Invalid("Invalid page token: it is of another search")
    found, last = webhooks.listing(connection, asked.max_results, after)
    said = {"webhooks": [said_webhook(one) for one in found]}
    return said_page(said, None if last is None else (last,), "webhooks")


def update(connection: Connection, asked: Update, desk: Desk) -> Json:
    before = webhooks.find(connection, asked.webhook_id)
    changed = {
        "name": asked.name or None,
        "description": asked.description,
        "url": asked.url or None,
        "events": _events(asked.events) if asked.events else None,
        "status": None if asked.status is None else _state(asked.status),
    }
    known = {name: value for name, value in changed.items() if value is not None}
    after = _checked(structs.replace(before, updated=desk.now(), **known), desk)
    if asked.secret is not None:
        check_length("secret", LONGEST_SECRET, asked.secret)
        after = _sealed(structs.replace(after, secret=asked.secret), desk)
    webhooks.put(connection, after)
    return {"webhook": said_webhook(after)}


def delete(connection: Connection, asked: OfWebhook, desk: Desk) -> Json:
    webhooks.remove(connection, asked.webhook_id)
    return {}


def said_webhook(one: Webhook) -> dict[str, Any]:
    """What is told of a webhook."""
    return filled(
        webhook_id=one.id,
        name=one.name,
        description=one.description or None,
        url=one.url,
        events=[{"entity": event.entity, "action": event.action} for event in one.events],
        status=one.status,
        creation_timestamp=one.created,
        last_updated_timestamp=one.updated,
    )


def read_event(said: Said) -> Event:
    """The event that is named or numbered; raises `Invalid`."""
    entities = tuple(EVENTS)
    actions = ("CREATED", "UPDATED", "DELETED", "SET")
    entity = _named(said.entity, entities)
    action = _named(said.action, actions)
    if action not in EVENTS.get(entity, ()):
        raise Invalid(
            f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {EVENTS.get(entity, ())}"
        )
    return Event(entity, action)


def _named(said: str | int, names: Sequence[str]) -> str:
    if isinstance(said, int):
        return names[said - 1] if 1 <= said <= len(names) else str(said)
    return said


def _events(said: Sequence[Said]) -> tuple[Event, ...]:
    return tuple(dict.fromkeys(read_event(one) for one in said))


def _state(said: str | int) -> WebhookState:
    name = _named(said, STATES)
    for state in STATES:
        if state == name:
            return state
    raise Invalid(f"Invalid webhook status '{said}': expected one of {list(STATES)}")


def _sealed(one: Webhook, desk: Desk) -> Webhook:
    return structs.replace(one, secret=desk.sending.keyring.seal(one.secret, one.id))


def _checked(one: Webhook, desk: Desk) -> Webhook:
    """The webhook; raises `Invalid` where its name or its address can't be."""
    if not _NAME.fullmatch(one.name):
        raise Invalid(
            f"Webhook name '{one.name[:80]}' is invalid. It must start and end with a letter or digit, have at most 63 "
            "characters, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    check_length("url", LONGEST_URL, one.url)
    check_length("description", 5000, one.description)
    try:
        parts = urlsplit(one.url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"Invalid webhook URL: {error}") from None
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise Invalid(f"Invalid webhook URL scheme or host: '{one.url[:200]}'. Expected https://HOST/…")
    if any(ord(letter) <= 32 or ord(letter) > 126 for letter in one.url):
        raise Invalid("Invalid webhook URL: it holds what an address can't")
    why = "" if desk.sending.private else _forbidden(one.url)
    if why:
        raise Invalid(why)
    return one


def _forbidden(url: str) -> str:
    """Why an address is not taken on sight by a server that sends to the internet alone; empty where it may be. What a
    name stands for is looked up when something is sent."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return f"Invalid webhook URL scheme: '{parts.scheme}'. Allowed schemes are: https."
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return "Webhook URL must not be on this machine" if host.rstrip(".").lower() == "localhost" else ""
    return "" if is_public(host) else "Webhook URL must not be on this machine or its network"


_ONE = "webhooks/{webhook_id}"
ENDPOINTS = (
    Endpoint("POST", "webhooks", "admin", Create, create),
    Endpoint("GET", "webhooks", "admin", Listing, find, writes=False),
    Endpoint("GET", _ONE, "admin", OfWebhook, get, writes=False),
    Endpoint("PATCH", _ONE, "admin", Update, update),
    Endpoint("DELETE", _ONE, "admin", OfWebhook, delete),
)
