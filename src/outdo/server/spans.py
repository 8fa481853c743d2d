"""Spans coming in by OpenTelemetry's protocol, and what they tell of the traces that they belong to."""

import base64
import binascii
import re
from asyncio import wrap_future
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from anyio import to_thread
from msgspec import DecodeError, json
from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.core.spans import Span, SpanStatus, Told, TraceState
from outdo.core.trail import Entry, counted
from outdo.core.usage import NAMES, Step, total
from outdo.server.answers import body_of
from outdo.server.carry import admit, entry
from outdo.server.mlflow.shapes import check_key, experiment_number
from outdo.server.mlflow.trace_shapes import PREVIEW_LENGTH, TAG_LENGTH
from outdo.server.otlp import Resource, attributes, pieces, read_binary, read_json
from outdo.server.service import Seat
from outdo.store.tracking import runs, traces

PATH = "/v1/traces"
LARGEST = 64 << 20
"""Bytes that a request may have, compressed or not."""
EXPERIMENT_HEADER = "x-mlflow-experiment-id"
RUN_HEADER = "x-mlflow-run-id"
ID_KEY = "mlflow.traceRequestId"
USAGE_KEY = "mlflow.trace.tokenUsage"
USAGE_MARK = re.compile(r'"(mlflow\.chat\.tokenUsage|gen_ai\.usage\.\w+)"')
TAG_PREFIX = "mlflow.traceTag."
FIXED_PREFIXES = ("telemetry.sdk.", "mlflow.")
"""Of what is said of a process, these are not told of its traces."""
_STATES: Mapping[SpanStatus, TraceState] = {"OK": "OK", "UNSET": "OK", "ERROR": "ERROR"}
_SAYS = {"session.id": "mlflow.trace.session", "gen_ai.conversation.id": "mlflow.trace.session"} | {
    "user.id": "mlflow.trace.user"
}
"""What an attribute of a span says of its trace."""


_decode = json.Decoder(dict[str, Any]).decode


async def take_spans(seat: Seat, request: Request) -> Response:
    """Keeps the spans of a request, all or none, under the experiment that a header names; raises `Refusal`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-protobuf", "application/json"):
        raise Invalid(f"Invalid Content-Type: {kind}. Expected: application/x-protobuf or application/json")
    named = request.headers.get(EXPERIMENT_HEADER)
    if not named:
        raise Invalid(f"The header {EXPERIMENT_HEADER} is missing: it names the experiment")
    experiment, run = experiment_number(named), request.headers.get(RUN_HEADER, "")
    try:
        body = await body_of(request, LARGEST)
    except ClientDisconnect:
        return Response(status_code=400)
    coding = request.headers.get("content-encoding", "").strip().lower()
    told, found = await to_thread.run_sync(_read, body, kind, coding)

    def keep(connection: Connection) -> tuple[None, Entry]:
        return None, _keep(connection, seat, (experiment, run), told, found)

    await wrap_future(seat.service.writer.submit_told(keep))
    return Response(b"{}" if kind == "application/json" else b"", 200, media_type=kind)


def _keep(
    connection: Connection, seat: Seat, place: tuple[int, str], told: Sequence[Told], found: Sequence[Span]
) -> Entry:
    """Keeps the spans where the caller may; `place` is experiment and run. Returns what the trail is told."""
    experiment, run = place
    about = (Thing("experiment", str(experiment)), *((Thing("run", run),) if run else ()))
    admit(connection, seat.actor, "developer", (*about, *(Thing("trace", one.id) for one in told)))
    traces.add_spans(connection, experiment, told, found)
    _count_tokens(connection, {span.trace for span in found if USAGE_MARK.search(span.content)})
    if run:
        runs.find_info(connection, run)
        traces.link(connection, [one.id for one in told if one.state], "run", [run])
    return entry(seat, PATH, about, counted({"spans": len(found), "traces": len(told)}))


def _count_tokens(connection: Connection, ids: Collection[str]) -> None:
    """These traces say how many tokens their spans have used, those that came before among them; where an application
    says it itself, that stands."""
    for id_, number in traces.untold(connection, sorted(ids)):
        spans = map(_decode, traces.contents(connection, [number]).get(number, ()))
        used = total([Step(span["span_id"], span.get("parent_span_id", ""), _used(span)) for span in spans])
        if used:
            text = ", ".join(f'"{name}": {count}' for name, count in used.items())
            traces.put_metadata(connection, id_, {USAGE_KEY: f"{{{text}}}"})


def _used(span: Mapping[str, Any]) -> dict[str, int]:
    """The tokens that a span says it has used, in MLflow's words or in OpenTelemetry's."""
    known = attributes(span.get("attributes", ()))
    said = known.get("mlflow.chat.tokenUsage")
    if isinstance(said, str):
        try:
            said = json.decode(said)
        except (DecodeError, RecursionError):
            said = None
    if not isinstance(said, dict):
        said = {name: known.get(f"gen_ai.usage.{name}") for name in NAMES}
    used = {name: said[name] for name in NAMES if type(said.get(name)) is int and 0 <= said[name] < 1 << 53}
    if used:
        used.setdefault("total_tokens", used.get("input_tokens", 0) + used.get("output_tokens", 0))
    return used


def _read(body: bytes, kind: str, coding: str) -> tuple[list[Told], list[Span]]:
    """The spans of a body and what they tell of their traces; raises `Invalid`."""
    plain = b"".join(pieces(body, coding, LARGEST))
    if kind == "application/json":
        try:
            resources = read_json(json.decode(plain))
        except (DecodeError, UnicodeDecodeError, RecursionError):
            raise Invalid("Invalid OpenTelemetry format") from None
    else:
        resources = read_binary(plain)
    if not resources:
        raise Invalid("Invalid OpenTelemetry format - no spans found")
    told: list[Told] = []
    found: list[Span] = []
    for resource in resources:
        grouped: dict[str, list[tuple[Span, dict[str, Any]]]] = defaultdict(list)
        for said in resource.spans:
            span, known = _span(said)
            grouped[span.trace].append((span, known))
            found.append(span)
        told += [_told(id_, pairs, resource) for id_, pairs in grouped.items()]
    return told, found


def _span(said: dict[str, Any]) -> tuple[Span, dict[str, Any]]:
    """One span, with its attributes; raises `Invalid`."""
    trace, id_ = _hex(said, "trace_id", 16), _hex(said, "span_id", 8)
    if not trace or not id_:
        raise Invalid("Cannot convert OpenTelemetry span to MLflow span: it has no id, or is of no trace")
    trace = f"tr-{trace}"
    # What a client calls the trace does not count: its spans say which it is.
    others = [one for one in said.get("attributes", ()) if one.get("key") != ID_KEY]
    said["attributes"] = [{"key": ID_KEY, "value": {"string_value": trace}}, *others]
    known = attributes(said["attributes"])
    code = said.get("status", {}).get("code", "")
    status: SpanStatus = "OK" if code.endswith("_OK") else "ERROR" if code.endswith("_ERROR") else "UNSET"
    span = Span(
        trace,
        id_,
        _hex(said, "parent_span_id", 8),
        _text(said.get("name", "")),
        _text(known.get("mlflow.spanType", "UNKNOWN")),
        status,
        _moment(said, "start_time_unix_nano"),
        _moment(said, "end_time_unix_nano"),
        json.encode(said).decode(),
    )
    return span, known


def _told(id_: str, pairs: Sequence[tuple[Span, dict[str, Any]]], resource: Resource) -> Told:
    """What these spans of one trace tell of it."""
    spans = [span for span, _ in pairs]
    ends = [span.ended for span in spans if span.ended]
    first, first_known = next(((span, known) for span, known in pairs if not span.parent), (None, {}))
    tags = {
        key: value
        for key, value in resource.attributes.items()
        if not key.startswith(("telemetry.sdk.", "mlflow."))
    }
    tags |= {
        key.removeprefix(TAG_PREFIX): value
        for key, value in first_known.items()
        if key.startswith(TAG_PREFIX)
    }
    metadata: dict[str, str] = {}
    for _, known in pairs:
        for key, meant in _SAYS.items():
            if known.get(key):
                metadata.setdefault(meant, _text(known[key])[:250])
    return Told(
        id_,
        min(span.began for span in spans) // 1_000_000,
        max(ends) // 1_000_000 if ends else None,
        _STATES[first.status] if first else None,
        _preview(first_known, "mlflow.spanInputs"),
        _preview(first_known, "mlflow.spanOutputs"),
        metadata,
        {key: _text(value)[:TAG_LENGTH] for key, value in tags.items() if _possible(key)},
    )


def _preview(known: Mapping[str, Any], key: str) -> str | None:
    if key not in known:
        return None
    text = _text(known[key])
    return text if len(text) <= PREVIEW_LENGTH else f"{text[: PREVIEW_LENGTH - 3]}..."


def _text(value: Any) -> str:
    """The value as a text that every database can hold."""
    return value.replace("\0", "") if isinstance(value, str) else json.encode(value).decode()


def _possible(key: str) -> bool:
    try:
        check_key(key, "key")
    except Invalid:
        return False
    return True


def _moment(said: Mapping[str, Any], name: str) -> int:
    moment = int(said.get(name, 0))
    if not 0 <= moment < 1 << 63:
        raise Invalid(f"Cannot convert OpenTelemetry span to MLflow span: its {name} is out of range")
    return moment


def _hex(said: Mapping[str, Any], name: str, size: int) -> str:
    """An id in hex; empty where there is none, or only zeros."""
    try:
        raw = base64.b64decode(said.get(name, ""), validate=True)
    except binascii.Error:
        raise Invalid("Invalid OpenTelemetry format") from None
    if not raw.strip(b"\0"):
        return ""
    if len(raw) > size:
        raise Invalid(f"Cannot convert OpenTelemetry span to MLflow span: its {name} has {len(raw)} bytes")
    return raw.rjust(size, b"\0").hex()
