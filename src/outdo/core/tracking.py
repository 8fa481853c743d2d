"""What clients log: experiments, the runs in them with their params, tags and points; and what a search asks for."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Milliseconds = int
"""Since 1970, in UTC."""

RunState = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
View = Literal["active", "deleted", "all"]


class Experiment(Struct, frozen=True):
    """A name under which runs are gathered."""

    id: int
    name: str
    location: str
    """Where the artifacts of its runs are: an address of the artifact store."""
    active: bool
    """False once it is deleted, which can be taken back."""
    created: Milliseconds
    updated: Milliseconds
    tags: Mapping[str, str] = {}


class Point(Struct, frozen=True):
    """A metric's value at one step and time. It may be NaN; an infinite one is kept as the largest finite."""

    key: str
    value: float
    timestamp: Milliseconds
    step: int = 0


class RunInfo(Struct, frozen=True):
    """What is known of a logged run without what was logged to it."""

    id: str
    """32 hex characters."""
    experiment: int
    name: str
    user: str
    status: RunState
    started: Milliseconds
    ended: Milliseconds | None
    location: str
    active: bool


class LoggedRun(Struct, frozen=True):
    """A run as its client logged it."""

    info: RunInfo
    params: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    metrics: tuple[Point, ...] = ()
    """The latest point of each metric: of the greatest step, then time, then value."""


# ------------------------------------------------------------------ searching

Entity = Literal["attribute", "metric", "param", "tag", "dataset"]
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]


class Condition(Struct, frozen=True):
    """One comparison; a search wants all of its comparisons to hold."""

    entity: Entity
    key: str
    operator: Operator
    value: str | float | tuple[str | int, ...] | None = None
    """A number for metrics and times, texts for `IN`, nothing for `IS NULL`."""


class Order(Struct, frozen=True):
    """One key to sort by. What lacks it comes last, whichever the direction, and NaN right before that."""

    entity: Entity
    key: str
    descending: bool = False


class Page(Struct, frozen=True):
    """Which part of the answer is wanted: at most `size`, behind the one that `after` stands for."""

    size: int
    after: tuple[str | float | None, ...] | None = None
    """The values of the sort keys of the last one that was given; None: from the beginning."""
