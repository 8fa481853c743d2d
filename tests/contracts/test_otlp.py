"""Our reading of OpenTelemetry's binary form beside that of the library that it is made with."""

import base64
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from outdo.core.refusals import Invalid
from outdo.server.otlp import read_binary, read_json

TEXT = st.text(max_size=5)
NANOSECONDS = st.integers(0, 2**63 - 1)
PLAIN = st.one_of(
    st.builds(lambda text: AnyValue(string_value=text), TEXT),
    st.builds(lambda yes: AnyValue(bool_value=yes), st.booleans()),
    st.builds(lambda number: AnyValue(int_value=number), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda number: AnyValue(double_value=number), st.floats()),
    st.builds(lambda raw: AnyValue(bytes_value=raw), st.binary(max_size=5)),
    st.just(AnyValue()),
)


def pair(key: str, value: AnyValue) -> KeyValue:
    return KeyValue(key=key, value=value)


VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.builds(lambda some: AnyValue(array_value=ArrayValue(values=some)), st.lists(inner, max_size=3)),
        st.builds(
            lambda some: AnyValue(kvlist_value=KeyValueList(values=some)),
            st.lists(st.builds(pair, TEXT, inner), max_size=3),
        ),
    ),
    max_leaves=6,
)
ATTRIBUTES = st.lists(st.builds(pair, TEXT, VALUES), max_size=3)
EVENTS = st.builds(
    lambda at, name, some: Span.Event(time_unix_nano=at, name=name, attributes=some),
    NANOSECONDS,
    TEXT,
    ATTRIBUTES,
)
LINKS = st.builds(
    lambda trace, flags: Span.Link(trace_id=trace, span_id=trace[:8], flags=flags),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
)
SPANS = st.builds(
    lambda id_, name, kind, times, lists, status: Span(
        trace_id=id_,
        span_id=id_[:8],
        parent_span_id=id_[8:],
        name=name,
        kind=kind,
        start_time_unix_nano=times[0],
        end_time_unix_nano=times[1],
        attributes=lists[0],
        events=lists[1],
        links=lists[2],
        status=Status(code=status, message=name),
        dropped_links_count=kind,
    ),
    st.binary(min_size=16, max_size=16),
    TEXT,
    st.integers(0, 5),
    st.tuples(NANOSECONDS, NANOSECONDS),
    st.tuples(ATTRIBUTES, st.lists(EVENTS, max_size=2), st.lists(LINKS, max_size=2)),
    st.integers(0, 2),
)


def request(spans: list[Span]) -> ExportTraceServiceRequest:
    scope = ScopeSpans(spans=spans, schema_url="left aside")
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[scope])])


def numbers(value: Any, name: str = "") -> Any:
    """The library's JSON with numbers as such, where it has texts for them."""
    if isinstance(value, dict):
        return {key: numbers(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [numbers(inner) for inner in value]
    return int(value) if name.endswith(("_nano", "int_value")) else value


@given(st.lists(SPANS, max_size=3))
def test_spans_are_read_as_the_library_reads_them(spans: list[Span]) -> None:
    wanted = [numbers(MessageToDict(span, preserving_proto_field_name=True)) for span in spans]
    (found,) = read_binary(request(spans).SerializeToString())
    assert found.spans == wanted


@given(st.lists(SPANS, min_size=1, max_size=2))
def test_the_json_form_means_the_same(spans: list[Span]) -> None:
    said = MessageToDict(request(spans))
    for scope in said["resourceSpans"][0]["scopeSpans"]:
        for span in scope["spans"]:
            for one in (span, *span.get("links", [])):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in one:
                        one[name] = base64.b64decode(one[name]).hex()
    assert read_json(said) == read_binary(request(spans).SerializeToString())


@given(st.lists(SPANS, min_size=1, max_size=2), st.data())
def test_a_damaged_request_is_refused_or_read_but_breaks_nothing(
    spans: list[Span], data: st.DataObject
) -> None:
    whole = request(spans).SerializeToString()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 2)) :]
    try:
        read_binary(damaged)
    except Invalid:
        pass


def test_what_is_nested_too_deeply_is_refused() -> None:
    value = b""
    for field in [*(b"\x0a", b"\x2a") * 60, b"\x12", b"\x4a", b"\x12", b"\x12", b"\x0a"]:
        value = field + length(value) + value
    with pytest.raises(Invalid, match="nested"):
        read_binary(value)


def length(value: bytes) -> bytes:
    """How long a piece is, as the binary form says it."""
    count = len(value)
    return bytes([count]) if count < 128 else bytes([count & 127 | 128, count >> 7])


def test_many_tiny_values_are_refused() -> None:
    with pytest.raises(Invalid, match="more than"):
        read_binary(b"\x0a\x00" * 2_000_001)
