"""Webhooks: who is told of what happens in the registry, how it is signed, and where nothing is ever sent to."""

import base64
import hmac
from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Literal

from msgspec import Struct

from outdo.core.tracking import Milliseconds

EVENTS: Mapping[str, tuple[str, ...]] = {
    "REGISTERED_MODEL": ("CREATED",),
    "MODEL_VERSION": ("CREATED",),
    "MODEL_VERSION_TAG": ("SET", "DELETED"),
    "MODEL_VERSION_ALIAS": ("CREATED", "DELETED"),
    "PROMPT": ("CREATED",),
    "PROMPT_VERSION": ("CREATED",),
    "PROMPT_TAG": ("SET", "DELETED"),
    "PROMPT_VERSION_TAG": ("SET", "DELETED"),
    "PROMPT_ALIAS": ("CREATED", "DELETED"),
}
"""What can happen to what."""
WAITS = (1, 4, 16, 64, 256, 1024, 3600)
"""Seconds before another try; after the last the message is given up."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which another try makes sense."""
_NAT64 = IPv6Network("64:ff9b::/96")

WebhookState = Literal["ACTIVE", "DISABLED"]


class Event(Struct, frozen=True):
    """One kind of thing that happens."""

    entity: str
    action: str


class Webhook(Struct, frozen=True):
    """An address that is told when one of these events happens."""

    id: str
    name: str
    description: str
    url: str
    events: tuple[Event, ...]
    status: WebhookState
    created: Milliseconds
    updated: Milliseconds
    secret: str = ""
    """What messages are signed with, as it is kept: sealed. It is never told again."""


class Delivery(Struct, frozen=True):
    """A message on its way to a webhook's address."""

    number: int
    id: str
    webhook: Webhook
    body: str
    tries: int


def headers(id_: str, body: str, secret: str, seconds: int) -> dict[str, str]:
    """What goes with a message at this time; the signature is over its id, the time and the body."""
    found = {
        "Content-Type": "application/json",
        "User-Agent": "outdo-webhook",
        "X-MLflow-Delivery-Id": id_,
        "X-MLflow-Timestamp": str(seconds),
    }
    if secret:
        mark = hmac.digest(secret.encode(), f"{id_}.{seconds}.{body}".encode(), "sha256")
        found["X-MLflow-Signature"] = f"v1,{base64.b64encode(mark).decode()}"
    return found


def is_public(address: str) -> bool:
    """Whether an address is one of the whole internet: none of this machine, its network, or of a cloud's services."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ip_address(int(found) & 0xFFFFFFFF)  # type: ignore[assignment]
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and not found.is_reserved


def wait(tries: int) -> int | None:
    """Seconds before the next try, after so many that failed; None where there is none."""
    return WAITS[tries - 1] if tries <= len(WAITS) else None
