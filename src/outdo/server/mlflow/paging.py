"""Page tokens: what the next page begins behind, and the question they belong to."""

import base64
import binascii
from typing import Any

from blake3 import blake3
from msgspec import DecodeError, ValidationError, json

from outdo.core.refusals import Invalid
from outdo.core.tracking import Page

_decode = json.Decoder(tuple[str, tuple[str | float | int | None, ...]]).decode


def read_page(token: str, size: int, question: object, other: str = "it is of another search") -> Page:
    """The page that is wanted; raises `Invalid` for a token of another question, as `other` tells, or none at all."""
    if not token:
        return Page(size)
    try:
        mark, after = _decode(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, DecodeError, ValidationError, ValueError):
        raise Invalid("Invalid page token: it can't be read") from None
    if mark != _mark(question):
        raise Invalid(f"Invalid page token: {other}")
    return Page(size, after)


def said_page(answer: dict[str, Any], after: tuple[Any, ...] | None, question: object) -> dict[str, Any]:
    """The answer without what is empty, and with a token where more comes."""
    filled = {name: value for name, value in answer.items() if value}
    if after is not None:
        token = base64.urlsafe_b64encode(json.encode((_mark(question), after))).decode()
        filled["next_page_token"] = token
    return filled


def _mark(question: object) -> str:
    return blake3(json.encode(question)).hexdigest(8)
