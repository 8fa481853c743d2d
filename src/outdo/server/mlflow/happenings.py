"""What calls about the registry let webhooks know: told in the transaction of the call itself."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import json, structs
from sqlalchemy import Connection

from outdo.core.tracking import PROMPT_TAG, Milliseconds
from outdo.core.webhooks import Event
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.store.tracking import registry, webhooks

TEXT_TAG = "mlflow.prompt.text"
_HIDDEN = frozenset({PROMPT_TAG, TEXT_TAG, "_mlflow_prompt_type"})


class Happening(NamedTuple):
    """What happens by a call, to a model or to a prompt; nobody is told where the entity is empty."""

    of_model: str
    of_prompt: str
    action: str
    data: Callable[[Any, Json, bool], dict[str, Any]]
    """What is told of it, from the question, the answer, and whether it is a prompt."""


def _created(asked: Any, answer: Json, prompt: bool) -> dict[str, Any]:
    return {"name": asked.name, "tags": _tags(asked, prompt), "description": asked.description}


def _registered(asked: Any, answer: Json, prompt: bool) -> dict[str, Any]:
    made = answer["model_version"]
    told = {"name": asked.name, "version": made["version"], "tags": _tags(asked, prompt)}
    told["description"] = asked.description or None
    if prompt:
        return {**told, "template": next((tag.value for tag in asked.tags if tag.key == TEXT_TAG), "")}
    return {**told, "source": asked.source, "run_id": asked.run_id or None}


def _tags(asked: Any, prompt: bool) -> dict[str, str]:
    hidden = _HIDDEN if prompt else frozenset()
    return {tag.key: tag.value for tag in asked.tags if tag.key not in hidden}


def _asked(*names: str) -> Callable[[Any, Json, bool], dict[str, Any]]:
    def told(asked: Any, answer: Json, prompt: bool) -> dict[str, Any]:
        return {name: getattr(asked, name) for name in names}

    return told


HAPPENINGS: Mapping[tuple[str, str], Happening] = {
    ("POST", "registered-models/create"): Happening("REGISTERED_MODEL", "PROMPT", "CREATED", _created),
    ("POST", "registered-models/set-tag"): Happening("", "PROMPT_TAG", "SET", _asked("name", "key", "value")),
    ("DELETE", "registered-models/delete-tag"): Happening("", "PROMPT_TAG", "DELETED", _asked("name", "key")),
    ("POST", "registered-models/alias"): Happening(
        "MODEL_VERSION_ALIAS", "PROMPT_ALIAS", "CREATED", _asked("name", "alias", "version")
    ),
    ("DELETE", "registered-models/alias"): Happening(
        "MODEL_VERSION_ALIAS", "PROMPT_ALIAS", "DELETED", _asked("name", "alias")
    ),
    ("POST", "model-versions/create"): Happening("MODEL_VERSION", "PROMPT_VERSION", "CREATED", _registered),
    ("POST", "model-versions/set-tag"): Happening(
        "MODEL_VERSION_TAG", "PROMPT_VERSION_TAG", "SET", _asked("name", "version", "key", "value")
    ),
    ("DELETE", "model-versions/delete-tag"): Happening(
        "MODEL_VERSION_TAG", "PROMPT_VERSION_TAG", "DELETED", _asked("name", "version", "key")
    ),
}


def announced(endpoint: Endpoint) -> Endpoint:
    """The endpoint, which lets webhooks know of what it does where they can be told of that."""
    happening = HAPPENINGS.get((endpoint.method, endpoint.path))
    if happening is None:
        return endpoint

    def answer(connection: Connection, asked: Any, desk: Desk) -> Json:
        said = endpoint.answer(connection, asked, desk)
        prompt = PROMPT_TAG in registry.tags_of(connection, asked.name)
        entity = happening.of_prompt if prompt else happening.of_model
        if entity:
            event, now = Event(entity, happening.action), desk.now()
            body = message(event, happening.data(asked, said, prompt), now)
            webhooks.announce(connection, event, body, now)
        return said

    return structs.replace(endpoint, answer=answer)


def message(event: Event, data: Mapping[str, Any], now: Milliseconds) -> str:
    """What is sent of an event, as JSON."""
    return json.encode(
        {
            "entity": event.entity.lower(),
            "action": event.action.lower(),
            "timestamp": datetime.fromtimestamp(now / 1000, UTC).isoformat(),
            "data": data,
        }
    ).decode()
