"""From a request to a call and from its outcome to a response, in MLflow's JSON."""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, convert, json
from starlette.datastructures import QueryParams
from starlette.responses import Response

from outdo.core.refusals import (
    BadState,
    Forbidden,
    Invalid,
    NameTaken,
    NotSignedIn,
    Refusal,
    TooOften,
    Unknown,
)

CODES: Mapping[type[Refusal], tuple[int, str]] = {
    Unknown: (404, "RESOURCE_DOES_NOT_EXIST"),
    NameTaken: (400, "RESOURCE_ALREADY_EXISTS"),
    BadState: (400, "INVALID_PARAMETER_VALUE"),
    Invalid: (400, "INVALID_PARAMETER_VALUE"),
    Forbidden: (403, "PERMISSION_DENIED"),
    NotSignedIn: (401, "UNAUTHENTICATED"),
    TooOften: (429, "REQUEST_LIMIT_EXCEEDED"),
}
LARGEST = 4 << 20
"""Bytes that a body of JSON may have."""

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


def read_body(body: bytes, named: Mapping[str, str], shape: type[Struct]) -> Struct:
    """What a body asks, with what the path names; raises `Invalid`.

    Unknown keys are left aside, and numbers may be texts."""
    try:
        found = json.decode(body) if body.strip() else {}
        if isinstance(found, str):  # some old clients encode twice
            found = json.decode(found)
        if not isinstance(found, dict):
            raise Invalid("The body of the request is no JSON object")
        known = {name: value for name, value in found.items() if value is not None}
        return convert({**known, **named}, shape, strict=False)
    except (ValidationError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(error) from None


def read_query(query: QueryParams, named: Mapping[str, str], shape: type[Struct]) -> Struct:
    """What a query asks with what its path names; raises `Invalid`."""
    lists = {name for name, kind in _kinds(shape).items() if "list" in str(kind)}
    found: dict[str, Any] = {name: query.getlist(name) if name in lists else query[name] for name in query}
    try:
        return convert({**found, **named}, shape, strict=False)
    except ValidationError as error:
        raise _invalid(error) from None


def _kinds(shape: type[Struct]) -> Mapping[str, object]:
    kinds: dict[str, object] = {}
    for one in reversed(shape.__mro__):
        kinds.update(getattr(one, "__annotations__", {}))
    return kinds


def _invalid(error: Exception) -> Invalid:
    told = str(error)
    where = _WHERE.search(told)
    name = where[1] if where else ""
    what = _WHERE.sub("", told)
    return Invalid(
        f"Invalid value for parameter '{name}' supplied: {what}" if name else f"Invalid request: {what}"
    )
