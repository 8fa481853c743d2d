"""Trying a webhook out: an example is sent at once, and what became of it is told."""

import uuid
from collections.abc import Mapping
from typing import Any

from anyio import to_thread
from msgspec import Struct
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from outdo.core.access import Thing
from outdo.core.webhooks import Delivery, Event, Webhook
from outdo.server.answers import answer, body_of, read_body
from outdo.server.carry import admit
from outdo.server.mlflow.happenings import message
from outdo.server.mlflow.shapes import filled
from outdo.server.mlflow.webhooks import Said, read_event
from outdo.server.service import Seat
from outdo.store.tracking import webhooks

PATH = "webhooks/{webhook_id}/test"
_TAGS = {"example_key": "example_value"}
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "REGISTERED_MODEL": {"name": "example_model", "tags": _TAGS, "description": "An example"},
    "MODEL_VERSION": {
        "name": "example_model",
        "version": "1",
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        "tags": _TAGS,
        "description": "An example",
    },
    "MODEL_VERSION_TAG": {"name": "example_model", "version": "1", "key": "example_key"},
    "MODEL_VERSION_ALIAS": {"name": "example_model", "alias": "example_alias"},
    "PROMPT": {"name": "example_prompt", "tags": _TAGS, "description": "An example"},
    "PROMPT_VERSION": {
        "name": "example_prompt",
        "version": "1",
        "template": "Hello {{name}}!",
        "tags": _TAGS,
        "description": "An example",
    },
    "PROMPT_TAG": {"name": "example_prompt", "key": "example_key"},
    "PROMPT_VERSION_TAG": {"name": "example_prompt", "version": "1", "key": "example_key"},
    "PROMPT_ALIAS": {"name": "example_prompt", "alias": "example_alias"},
}
_MORE: Mapping[str, Mapping[str, str]] = {"SET": {"value": "example_value"}, "CREATED": {"version": "1"}}


class Try(Struct, frozen=True):
    webhook_id: str = ""
    event: Said | None = None


async def try_webhook(seat: Seat, request: Request) -> Response:
    """Sends an example of an event, signed as the real ones are; raises `Refusal`."""
    asked: Any = read_body(await body_of(request), request.path_params, Try)

    def find(connection: Connection) -> Webhook:
        admit(connection, seat.actor, "admin", (Thing("webhook", asked.webhook_id),))
        return webhooks.find(connection, asked.webhook_id)

    found = await to_thread.run_sync(seat.service.read, find)
    event = found.events[0] if asked.event is None else read_event(asked.event)
    body = message(event, example(event), seat.now())
    one = Delivery(0, str(uuid.uuid4()), found, body, 0)
    sent = await to_thread.run_sync(seat.service.courier.send, one)
    return answer(
        {
            "result": filled(
                success=sent.good,
                response_status=sent.status or None,
                response_body=sent.body if sent.status else None,
                error_message=sent.error or None,
            )
        }
    )


def example(event: Event) -> dict[str, Any]:
    """What a message of this event could tell."""
    more = _MORE.get(event.action, {}) if event.entity.endswith(("_TAG", "_ALIAS")) else {}
    return {**_EXAMPLES[event.entity], **more}
