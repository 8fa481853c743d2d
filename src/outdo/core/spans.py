"""Traces: what one call of an application did, step by step, and what people and judges said of it."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from outdo.core.tracking import Milliseconds

TraceState = Literal["STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"]
SpanStatus = Literal["UNSET", "OK", "ERROR"]
Kind = Literal["feedback", "expectation", "issue"]
LinkKind = Literal["run", "prompt"]


class Assessment(Struct, frozen=True):
    """What somebody said of a trace, or of one span of it."""

    id: str
    """`a-` and 32 hex characters."""
    trace: str
    name: str
    kind: Kind
    value: str
    """The value as JSON, as filters compare it."""
    measure: float | None
    """The value where it is a number."""
    created: Milliseconds
    updated: Milliseconds
    body: str
    """JSON of all that its author said, in the form of the protocol."""
    valid: bool = True
    """False once another one has taken its place."""
    overrides: str = ""
    """The one that this takes the place of."""


class Trace(Struct, frozen=True):
    """What is known of one call without its spans."""

    id: str
    experiment: int
    started: Milliseconds
    took: Milliseconds | None
    state: TraceState
    client_id: str | None = None
    """What the application calls it."""
    request: str | None = None
    response: str | None = None
    """How what was asked and answered begins."""
    metadata: Mapping[str, str] = {}
    """Written once, by the application."""
    tags: Mapping[str, str] = {}
    assessments: tuple[Assessment, ...] = ()


class Span(Struct, frozen=True):
    """One step of a trace."""

    trace: str
    id: str
    """16 hex characters."""
    parent: str
    """The id of the step that it is part of; empty for the first."""
    name: str
    kind: str
    status: SpanStatus
    began: int
    """Nanoseconds since 1970."""
    ended: int
    """0 where it goes on."""
    content: str
    """JSON of the whole span in the form of the protocol."""


class Told(Struct, frozen=True):
    """What spans say of the trace that they belong to; it counts where the application said nothing itself."""

    id: str
    started: Milliseconds
    ended: Milliseconds | None
    state: TraceState | None
    """Of its first step; None where that was not among them."""
    request: str | None = None
    response: str | None = None
    metadata: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
