"""From a request to a call and from its outcome to a response, in MLflow's JSON."""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, convert, json
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from outdo.core.refusals import (
    BadState,
    Forbidden,
    Invalid,
    NameTaken,
    NotSignedIn,
    NotYet,
    Refusal,
    TooOften,
    Unknown,
)
from outdo.server.mlflow.shapes import shown

CODES: Mapping[type[Refusal], tuple[int, str]] = {
    Unknown: (404, "RESOURCE_DOES_NOT_EXIST"),
    NotYet: (404, "RESOURCE_DOES_NOT_EXIST"),
    NameTaken: (400, "RESOURCE_ALREADY_EXISTS"),
    BadState: (400, "INVALID_PARAMETER_VALUE"),
    Invalid: (400, "INVALID_PARAMETER_VALUE"),
    Forbidden: (403, "PERMISSION_DENIED"),
    NotSignedIn: (401, "UNAUTHENTICATED"),
    TooOften: (429, "REQUEST_LIMIT_EXCEEDED"),
}
LARGEST = 4 << 20
"""Bytes that a body of JSON may have."""

_NUL = b"\\u0000"
_ODD_NUMBER = re.compile(rb"[:\[,]\s*-?(?:NaN|Infinity)")
_WHERE = re.compile(r" - at `\$\.?(.*?)`$")


def answer(value: object, status: int = 200) -> Response:
    """The value as JSON."""
    return Response(json.encode(value), status, media_type="application/json")


def refusal(error: Refusal) -> Response:
    """Why a call was not carried out."""
    status, code = CODES.get(type(error), (400, "BAD_REQUEST"))
    said = failure(status, code, error.message)
    if isinstance(error, NotSignedIn):
        said.headers["WWW-Authenticate"] = 'Bearer realm="Outdo", Basic realm="Outdo", charset="UTF-8"'
    if isinstance(error, TooOften):
        said.headers["Retry-After"] = str(ceil(error.seconds))
    return said


def failure(status: int, code: str, message: str) -> Response:
    """An error as the protocol has it."""
    return answer({"error_code": code, "message": message}, status)


async def body_of(request: Request, limit: int = LARGEST) -> bytes:
    """The whole body; raises `Invalid` as soon as it is too large, and holds no more of it then."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise Invalid(f"The request has more than {limit} bytes, which is all that it may have")
    return bytes(body)


def read_body(body: bytes, named: Mapping[str, str], shape: type[Struct]) -> Struct:
    """What a body asks, with what the path names; raises `Invalid`.

    Unknown keys are left aside, and numbers may be texts."""
    found: Any = None
    try:
        if _NUL in body:
            raise Invalid("Invalid request: a text in it has the character NUL, which can't be kept")
        found = json.decode(body) if body.strip() else {}
        if isinstance(found, str):  # some old clients encode twice
            found = json.decode(found)
        if not isinstance(found, dict):
            raise Invalid("The body of the request is no JSON object")
        if b"null" in body:
            found = _without_nulls(found)
        return convert({**found, **named}, shape, strict=False)
    except (ValidationError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _ODD_NUMBER.search(body):
            raise Invalid(
                'Invalid request: NaN and Infinity are no numbers in JSON; write them as texts, as "NaN"'
            ) from None
        raise _invalid(error, found) from None


def _without_nulls(value: Any) -> Any:
    """The value without what is null in it: a field that is null is one that is not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def read_query(query: QueryParams, named: Mapping[str, str], shape: type[Struct]) -> Struct:
    """What a query asks with what its path names; raises `Invalid`."""
    lists = {name for name, kind in _kinds(shape).items() if "list" in str(kind)}
    if any("\0" in value for value in query.values()):
        raise Invalid("Invalid request: a text in it has the character NUL, which can't be kept")
    found: dict[str, Any] = {name: query.getlist(name) if name in lists else query[name] for name in query}
    try:
        return convert({**found, **named}, shape, strict=False)
    except ValidationError as error:
        raise _invalid(error, found) from None


def _kinds(shape: type[Struct]) -> Mapping[str, object]:
    kinds: dict[str, object] = {}
    for one in reversed(shape.__mro__):
        kinds.update(getattr(one, "__annotations__", {}))
    return kinds


def _invalid(error: Exception, asked: Any) -> Invalid:
    """What is wrong with what was asked: which value, of which parameter, and what it has to be."""
    told = str(error)
    where = _WHERE.search(told)
    what = _WHERE.sub("", told)
    if not where or not isinstance(asked, dict):
        return Invalid(f"Invalid request: {what}")
    name = where[1]
    value = f" {shown(asked[name])}" if name in asked else ""
    return Invalid(f"Invalid value{value} for parameter '{name}' supplied: {what}")
