"""Traces and what was said of them in the protocol's JSON: read, and said again."""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw, Struct, ValidationError, convert, json

from outdo.core.refusals import Invalid
from outdo.core.spans import Assessment, Kind, Trace, TraceState
from outdo.core.tracking import Milliseconds
from outdo.server.mlflow.shapes import KEY_LENGTH, check_key, check_length, experiment_number, filled, require

ID_LENGTH = 50
TAG_LENGTH = 8000
PREVIEW_LENGTH = 1000
LAST = 253_402_300_800_000
"""The milliseconds of the year 10000."""
STATES: tuple[TraceState, ...] = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
_ID = re.compile(r"[A-Za-z0-9_\-]+")
_SECONDS = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9}))?s")
_KINDS: tuple[Kind, ...] = ("feedback", "expectation", "issue")


class InExperiment(Struct, frozen=True):
    experiment_id: str = ""


class Location(Struct, frozen=True):
    mlflow_experiment: InExperiment | None = None


class Source(Struct, frozen=True):
    source_type: str | int = "SOURCE_TYPE_UNSPECIFIED"
    source_id: str = ""


class Said(Struct, frozen=True):
    """An assessment as its author gives it."""

    assessment_id: str = ""
    assessment_name: str = ""
    span_id: str = ""
    source: Source | None = None
    create_time: datetime | None = None
    last_update_time: datetime | None = None
    feedback: dict[str, Any] | None = None
    expectation: dict[str, Any] | None = None
    issue: dict[str, Any] | None = None
    rationale: str = ""
    error: dict[str, Any] | None = None
    metadata: dict[str, str] = {}
    overrides: str = ""
    valid: bool = True


class Info(Struct, frozen=True):
    """A trace as its application tells it."""

    trace_id: str | None = None
    client_request_id: str | None = None
    trace_location: Location = Location()
    request_preview: str | None = None
    response_preview: str | None = None
    request_time: datetime | None = None
    execution_duration: str | None = None
    state: str | int = "STATE_UNSPECIFIED"
    trace_metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    assessments: list[Said] = []


# ------------------------------------------------------------------ what may be said


def read_trace(info: Info, now: Milliseconds) -> Trace:
    """The trace; raises `Invalid`."""
    require("trace_id", info.trace_id)
    id_ = check_id(info.trace_id or "")
    experiment = info.trace_location.mlflow_experiment
    require("trace_location", experiment)
    assert experiment is not None
    return Trace(
        id_,
        experiment_number(experiment.experiment_id),
        now if info.request_time is None else _milliseconds(info.request_time),
        None if info.execution_duration is None else _duration(info.execution_duration),
        read_state(info.state),
        info.client_request_id,
        info.request_preview,
        info.response_preview,
        read_metadata(info.trace_metadata),
        read_trace_tags(info.tags),
        tuple(read_assessment(said, id_, now) for said in info.assessments),
    )


def check_id(id_: str) -> str:
    """The id of a trace; raises `Invalid`."""
    check_length("trace_id", ID_LENGTH, id_)
    if not _ID.fullmatch(id_):
        raise Invalid(f"Invalid value '{id_}' for parameter 'trace_id' supplied")
    return id_


def read_state(state: str | int) -> TraceState:
    """The state that is named or numbered; raises `Invalid`."""
    if isinstance(state, int) and 0 <= state < len(STATES):
        return STATES[state]
    for known in STATES:
        if known == state or (known == "STATE_UNSPECIFIED" and state == "TRACE_STATUS_UNSPECIFIED"):
            return known
    raise Invalid(f"Invalid value '{state}' for parameter 'state' supplied: expected one of {list(STATES)}")


def read_trace_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags; raises `Invalid`. A value that is too long is cut."""
    return {check_key(key, "key"): value[:TAG_LENGTH] for key, value in tags.items()}


def read_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata; raises `Invalid`."""
    for key in metadata:
        check_length("trace_metadata key", KEY_LENGTH, key)
    return dict(metadata)


def read_moment(moment: int, name: str) -> Milliseconds:
    """A time that a calendar has; raises `Invalid`."""
    if not 0 <= moment < LAST:
        raise Invalid(f"Invalid value {moment} for parameter '{name}' supplied")
    return moment


def read_assessment(said: Said, trace: str, now: Milliseconds) -> Assessment:
    """What was said of a trace; raises `Invalid`."""
    require("assessment.assessment_name", said.assessment_name)
    check_length("assessment_name", 250, said.assessment_name)
    kinds = [kind for kind in _KINDS if getattr(said, kind) is not None]
    if len(kinds) != 1:
        raise Invalid("Exactly one of `expectation`, `feedback` or `issue` should be specified.")
    id_ = said.assessment_id or f"a-{uuid.uuid4().hex}"
    check_length("assessment_id", ID_LENGTH, id_)
    body = filled(
        span_id=said.span_id or None,
        source=None
        if said.source is None
        else {"source_type": said.source.source_type, "source_id": said.source.source_id},
        rationale=said.rationale or None,
        error=said.error,
        metadata=said.metadata or None,
    )
    body[kinds[0]] = getattr(said, kinds[0])
    created = now if said.create_time is None else _milliseconds(said.create_time)
    updated = now if said.last_update_time is None else _milliseconds(said.last_update_time)
    return with_body(
        Assessment(
            id_,
            trace,
            said.assessment_name,
            kinds[0],
            "",
            None,
            created,
            updated,
            "",
            said.valid,
            said.overrides,
        ),
        body,
    )


def with_body(one: Assessment, body: Mapping[str, Any]) -> Assessment:
    """The assessment with what its author says, and the value of that as filters compare it."""
    value = _value(body[one.kind])
    measure = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return Assessment(
        one.id,
        one.trace,
        one.name,
        one.kind,
        json.encode(value).decode(),
        measure,
        one.created,
        one.updated,
        json.encode(body).decode(),
        one.valid,
        one.overrides,
    )


def _value(said: Mapping[str, Any]) -> Any:
    kept = said.get("serialized_value")
    if not isinstance(kept, dict):
        return said.get("value")
    try:
        return json.decode(str(kept.get("value", "")))
    except (ValueError, RecursionError):
        return str(kept.get("value", ""))


def _milliseconds(moment: datetime) -> Milliseconds:
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(known.timestamp() * 1000)


def _duration(text: str) -> Milliseconds:
    match = _SECONDS.fullmatch(text)
    if match is None:
        raise Invalid(f"Invalid value '{text}' for parameter 'execution_duration' supplied")
    thousandths = int((match[2] or "0").ljust(3, "0")[:3])
    whole = int(match[1]) * 1000
    return whole - thousandths if match[1].startswith("-") else whole + thousandths


# ------------------------------------------------------------------ what is said


def said_trace(one: Trace) -> dict[str, Any]:
    """What is known of a trace, as clients from 3 on read it."""
    return filled(
        trace_id=one.id,
        client_request_id=one.client_id,
        trace_location={
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(one.experiment)},
        },
        request_preview=one.request,
        response_preview=one.response,
        request_time=said_time(one.started),
        execution_duration=None if one.took is None else _said_duration(one.took),
        state=one.state,
        trace_metadata=dict(one.metadata) or None,
        tags=dict(one.tags) or None,
        assessments=[said_assessment(said) for said in one.assessments],
    )


def said_whole(one: Trace, spans: Sequence[str]) -> dict[str, Any]:
    """A trace with its spans, which are kept as they are said."""
    return {"trace_info": said_trace(one), **filled(spans=[Raw(span) for span in spans])}


def said_old(one: Trace) -> dict[str, Any]:
    """What is known of a trace, as clients before 3 read it: long texts are cut there."""
    return filled(
        request_id=one.id,
        experiment_id=str(one.experiment),
        timestamp_ms=one.started,
        execution_time_ms=one.took or 0,
        status="TRACE_STATUS_UNSPECIFIED" if one.state == "STATE_UNSPECIFIED" else one.state,
        request_metadata=[{"key": key, "value": value[:250]} for key, value in one.metadata.items()],
        tags=[{"key": key[:250], "value": value[:4096]} for key, value in one.tags.items()],
    )


def said_assessment(one: Assessment) -> dict[str, Any]:
    """What was said of a trace."""
    return filled(
        assessment_id=one.id,
        assessment_name=one.name,
        trace_id=one.trace,
        create_time=said_time(one.created),
        last_update_time=said_time(one.updated),
        overrides=one.overrides or None,
        valid=one.valid,
        **body_of(one),
    )


def body_of(one: Assessment) -> dict[str, Any]:
    """What its author said."""
    try:
        return convert(json.decode(one.body), dict[str, Any])
    except (ValueError, ValidationError):
        return {}


def said_time(moment: Milliseconds) -> str:
    """A moment as JSON of protocol buffers has it: with three digits behind the second, or none."""
    seconds, rest = divmod(moment, 1000)
    told = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{told}.{rest:03}Z" if rest else f"{told}Z"


def _said_duration(took: Milliseconds) -> str:
    seconds, rest = divmod(abs(took), 1000)
    sign = "-" if took < 0 else ""
    return f"{sign}{seconds}.{rest:03}s" if rest else f"{sign}{seconds}s"
