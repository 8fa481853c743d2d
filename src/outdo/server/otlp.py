"""Spans as OpenTelemetry's protocol brings them, in its binary form and in JSON: read into the same plain values.

The binary form is that of protocol buffers. Their library is not used here: TensorFlow, ONNX and others that models are
made with each bind it to versions of their own, and Outdo is installed beside them. What is needed of it is small:
tagged values, read once, bounded in depth and number, which the tests hold against the library itself.
"""

import base64
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from outdo.core.refusals import Invalid

DEEPEST = 100
"""Messages within messages; the same bound as the library's."""
MOST = 2_000_000
"""Values in one request."""
_BROKEN = "Invalid OpenTelemetry format"


class Field(NamedTuple):
    """What a number means in a message."""

    name: str
    kind: str
    """A plain kind, the name of an enumeration, or of a message."""
    many: bool = False


class Resource(NamedTuple):
    """Spans with what is said of the process that they come from."""

    attributes: Mapping[str, Any]
    spans: list[dict[str, Any]]


_ATTRIBUTES = Field("attributes", "KeyValue", True)
MESSAGES: Mapping[str, Mapping[int, Field]] = {
    "Request": {1: Field("resource_spans", "ResourceSpans", True)},
    "ResourceSpans": {1: Field("resource", "Resource"), 2: Field("scope_spans", "ScopeSpans", True)},
    "Resource": {1: _ATTRIBUTES},
    "ScopeSpans": {2: Field("spans", "Span", True)},
    "Span": {
        1: Field("trace_id", "bytes"),
        2: Field("span_id", "bytes"),
        3: Field("trace_state", "text"),
        4: Field("parent_span_id", "bytes"),
        5: Field("name", "text"),
        6: Field("kind", "SpanKind"),
        7: Field("start_time_unix_nano", "fixed64"),
        8: Field("end_time_unix_nano", "fixed64"),
        9: _ATTRIBUTES,
        10: Field("dropped_attributes_count", "uint"),
        11: Field("events", "Event", True),
        12: Field("dropped_events_count", "uint"),
        13: Field("links", "Link", True),
        14: Field("dropped_links_count", "uint"),
        15: Field("status", "Status"),
        16: Field("flags", "fixed32"),
    },
    "Event": {
        1: Field("time_unix_nano", "fixed64"),
        2: Field("name", "text"),
        3: _ATTRIBUTES,
        4: Field("dropped_attributes_count", "uint"),
    },
    "Link": {
        1: Field("trace_id", "bytes"),
        2: Field("span_id", "bytes"),
        3: Field("trace_state", "text"),
        4: _ATTRIBUTES,
        5: Field("dropped_attributes_count", "uint"),
        6: Field("flags", "fixed32"),
    },
    "Status": {2: Field("message", "text"), 3: Field("code", "StatusCode")},
    "KeyValue": {1: Field("key", "text"), 2: Field("value", "AnyValue")},
    "AnyValue": {
        1: Field("string_value", "text"),
        2: Field("bool_value", "bool"),
        3: Field("int_value", "int"),
        4: Field("double_value", "double"),
        5: Field("array_value", "ArrayValue"),
        6: Field("kvlist_value", "KeyValueList"),
        7: Field("bytes_value", "bytes"),
    },
    "ArrayValue": {1: Field("values", "AnyValue", True)},
    "KeyValueList": {1: Field("values", "KeyValue", True)},
}
NAMES: Mapping[str, tuple[str, ...]] = {
    "SpanKind": (
        "SPAN_KIND_UNSPECIFIED",
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_SERVER",
        "SPAN_KIND_CLIENT",
        "SPAN_KIND_PRODUCER",
        "SPAN_KIND_CONSUMER",
    ),
    "StatusCode": ("STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"),
}
_CHOICES = frozenset({"AnyValue"})
"""Messages of which one field is set at most, so that one which says 0 says something."""
_WIRE = {"text": 2, "bytes": 2, "double": 1, "fixed64": 1, "fixed32": 5}
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def read_binary(body: bytes) -> list[Resource]:
    """The spans of a request in the binary form; raises `Invalid`."""
    try:
        return _resources(_Reader(body).message(0, len(body), "Request", 0))
    except (IndexError, ValueError, struct.error):
        raise Invalid(_BROKEN) from None


def read_json(found: object) -> list[Resource]:
    """The spans of a request in JSON that is decoded already; raises `Invalid`."""
    return _resources(_plain(found, "Request", 0))


def attributes(found: Any) -> dict[str, Any]:
    """Attributes as plain values by key."""
    return {one.get("key", ""): value(one.get("value", {})) for one in found}


def value(one: Mapping[str, Any]) -> Any:
    """What a value of an attribute is without its wrapping."""
    for kind, inner in one.items():
        if kind == "array_value":
            return [value(item) for item in inner.get("values", ())]
        if kind == "kvlist_value":
            return attributes(inner.get("values", ()))
        return inner
    return None


def _resources(request: Mapping[str, Any]) -> list[Resource]:
    return [
        Resource(
            attributes(one.get("resource", {}).get("attributes", ())),
            [span for scope in one.get("scope_spans", ()) for span in scope.get("spans", ())],
        )
        for one in request.get("resource_spans", ())
    ]


class _Reader:
    """Reads the binary form; every index and length is checked against the end of what it is part of."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._left = MOST

    def message(self, at: int, end: int, kind: str, depth: int) -> dict[str, Any]:
        """The message that is between `at` and `end`."""
        if depth > DEEPEST:
            raise Invalid(f"{_BROKEN}: it is nested too deeply")
        fields = MESSAGES[kind]
        found: dict[str, Any] = {}
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Invalid(f"{_BROKEN}: it has more than {MOST} values")
            tag, at = self._varint(at)
            wire = tag & 7
            raw, at = self._raw(at, end, wire)
            field = fields.get(tag >> 3)
            if field is None or wire != _WIRE.get(field.kind, _LENGTH if field.kind in MESSAGES else _VARINT):
                continue
            read = self._value(raw, field.kind, depth)
            if kind in _CHOICES:
                found = {field.name: read}
            elif field.many:
                found.setdefault(field.name, []).append(read)
            elif read or field.kind in MESSAGES:
                found[field.name] = read
        if at != end:
            raise Invalid(f"{_BROKEN}: it ends in the middle of a value")
        return found

    def _value(self, raw: Any, kind: str, depth: int) -> Any:
        if kind in MESSAGES:
            return self.message(raw[0], raw[1], kind, depth + 1)
        if kind in ("text", "bytes"):
            piece = self._body[raw[0] : raw[1]]
            return piece.decode() if kind == "text" else base64.b64encode(piece).decode()
        if kind == "bool":
            return bool(raw)
        if kind == "int":
            return raw - (1 << 64) if raw >= 1 << 63 else raw
        if kind == "double":
            return _told(struct.unpack("<d", raw)[0])
        if kind in ("fixed64", "fixed32"):
            return int.from_bytes(raw, "little")
        return _named(kind, raw) if kind in NAMES else raw & 0xFFFFFFFF

    def _raw(self, at: int, end: int, wire: int) -> tuple[Any, int]:
        """What a tag stands before, and where the next one is: a number, bytes, or the bounds of something longer."""
        if wire == _VARINT:
            return self._varint(at)
        if wire == _LENGTH:
            length, at = self._varint(at)
            stop = at + length
            found: Any = (at, stop)
        elif wire in (_EIGHT, _FOUR):
            stop = at + (8 if wire == _EIGHT else 4)
            found = self._body[at:stop]
        else:
            raise Invalid(_BROKEN)
        if stop > end:
            raise Invalid(f"{_BROKEN}: it ends in the middle of a value")
        return found, stop

    def _varint(self, at: int) -> tuple[int, int]:
        found = shift = 0
        while shift < 70:
            byte = self._body[at]
            at += 1
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found & (1 << 64) - 1, at
            shift += 7
        raise Invalid(_BROKEN)


def _plain(found: object, kind: str, depth: int) -> dict[str, Any]:
    """A message from JSON: names are in camel case there, ids in hex, whole numbers may be texts."""
    if not isinstance(found, dict) or depth > DEEPEST:
        raise Invalid(_BROKEN)
    read: dict[str, Any] = {}
    for field in MESSAGES[kind].values():
        said = found.get(_camel(field.name), found.get(field.name))
        if said is None:
            continue
        if field.many:
            if not isinstance(said, list):
                raise Invalid(_BROKEN)
            if said:
                read[field.name] = [_plain_value(one, field.kind, depth) for one in said]
        else:
            one = _plain_value(said, field.kind, depth)
            if one or kind in _CHOICES or field.kind in MESSAGES:
                read[field.name] = one
    return read


def _plain_value(said: Any, kind: str, depth: int) -> Any:
    try:
        if kind in MESSAGES:
            return _plain(said, kind, depth + 1)
        if kind == "bytes":
            hexed = isinstance(said, str) and len(said) in (16, 32)
            return base64.b64encode(bytes.fromhex(said)).decode() if hexed else str(said)
        if kind == "text":
            return str(said)
        if kind == "bool":
            return bool(said)
        if kind == "double":
            return _told(float(said))
        if kind in NAMES:
            return said if said in NAMES[kind] else _named(kind, int(said))
        number = int(said)
        if not -(1 << 63) <= number < 1 << 64:
            raise Invalid(_BROKEN)
        return number
    except (ValueError, TypeError, OverflowError):
        raise Invalid(_BROKEN) from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _named(kind: str, number: int) -> str:
    names = NAMES[kind]
    return names[number] if 0 < number < len(names) else ""


def _told(number: float) -> float | str:
    """The number as JSON can hold it."""
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def pieces(body: bytes, coding: str, limit: int) -> Iterator[bytes]:
    """The body as it was before it was compressed; raises `Invalid` where that is more than `limit` bytes."""
    import zlib

    if coding in ("", "identity"):
        yield body
        return
    if coding not in ("gzip", "deflate"):
        raise Invalid(f"Unsupported Content-Encoding: {coding}")
    raw = coding == "deflate" and (len(body) < 2 or (body[0] << 8 | body[1]) % 31 or body[0] & 15 != 8)
    reader = zlib.decompressobj(31 if coding == "gzip" else -15 if raw else 15)
    total = 0
    try:
        piece = reader.decompress(body, 1 << 20)
        while piece:
            total += len(piece)
            if total > limit:
                raise Invalid(f"The request has more than {limit} bytes; it may have {limit}")
            yield piece
            piece = reader.decompress(reader.unconsumed_tail, 1 << 20)
    except zlib.error:
        raise Invalid(f"Failed to decompress {coding} payload") from None
    if not reader.eof:
        raise Invalid(f"Failed to decompress {coding} payload")
