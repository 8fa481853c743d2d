"""What somebody signs in with, as HTTP carries it."""

import base64
import binascii
import re
from collections.abc import Sequence

from msgspec import Struct

from outdo.core.refusals import NotSignedIn

LONGEST = 4096
HOW = (
    "set MLFLOW_TRACKING_TOKEN to a token of yours, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
)
_TOKEN = re.compile(r"outdo_([0-9a-f]{12})_([0-9a-f]{64})")


class Presented(Struct, frozen=True):
    """A token, in its parts."""

    id: str
    secret: str


class Claimed(Struct, frozen=True):
    """A user's name, with a password."""

    user: str
    password: str


def read_credential(headers: Sequence[str]) -> Presented | Claimed:
    """What the `Authorization` headers of a request hold; raises `NotSignedIn` for none, and for what can't be read."""
    if not headers:
        raise NotSignedIn(f"this server wants you to sign in: {HOW}")
    if len(headers) > 1:
        raise NotSignedIn("the request has several Authorization headers; it may have one")
    (header,) = headers
    if len(header) > LONGEST:
        raise NotSignedIn("the Authorization header is too long to be one")
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return _token(rest.strip())
        case "basic":
            return _claimed(rest.strip())
    raise NotSignedIn(f"this server knows Bearer and Basic alone: {HOW}")


def _token(text: str) -> Presented:
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise NotSignedIn("the token is none of this server's; `outdo token new` makes one")
    return Presented(found[1], found[2])


def _claimed(text: str) -> Claimed:
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise NotSignedIn("the user and password of the request can't be read") from None
    if not colon or not user:
        raise NotSignedIn("the request names no user")
    return Claimed(user, password)
