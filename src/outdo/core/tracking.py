"""What clients log: experiments, the runs in them with their params, tags and points; and what a search asks for."""

from collections.abc import Mapping
from sys import float_info
from typing import Literal

from msgspec import Struct

GREATEST = float_info.max
Milliseconds = int
"""Since 1970, in UTC."""

RunState = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
View = Literal["active", "deleted", "all"]

PROMPT_TAG = "mlflow.prompt.is_prompt"
"""The tag of what clients register that is no model."""


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


def clamp(value: float) -> float:
    """The value as it is kept: the greatest finite one for one that is infinite."""
    return min(max(value, -GREATEST), GREATEST)


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


class Dataset(Struct, frozen=True):
    """Data that a client names by what it holds; the same name and digest in one experiment is the same."""

    name: str
    digest: str
    kind: str
    source: str
    schema: str = ""
    profile: str = ""


class Input(Struct, frozen=True):
    """A dataset that a run read, with what the client says of that."""

    dataset: Dataset
    tags: Mapping[str, str] = {}


class ModelUse(Struct, frozen=True):
    """A logged model that a run read or made."""

    model: str
    role: Literal["input", "output"]
    step: int = 0


class LoggedRun(Struct, frozen=True):
    """A run as its client logged it."""

    info: RunInfo
    params: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    metrics: tuple[Point, ...] = ()
    """The latest point of each metric: of the greatest step, then time, then value."""
    inputs: tuple[Input, ...] = ()
    models: tuple[ModelUse, ...] = ()


# ------------------------------------------------------------------ models

ModelState = Literal["PENDING", "READY", "UPLOAD_FAILED"]


class ModelPoint(Struct, frozen=True):
    """A metric of a logged model, by the run that measured it and the data it was measured on."""

    point: Point
    run: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModel(Struct, frozen=True):
    """A model as a client logged it: files that belong to it alone."""

    id: str
    """`m-` and 32 hex characters."""
    experiment: int
    name: str
    kind: str
    status: ModelState
    run: str
    """The run that made it; empty where none did."""
    location: str
    created: Milliseconds
    updated: Milliseconds
    params: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    metrics: tuple[ModelPoint, ...] = ()


Stage = Literal["None", "Staging", "Production", "Archived"]
"""What versions were moved between before there were aliases; clients still ask for it."""


class ModelVersion(Struct, frozen=True):
    """One version of a registered model: which files, made by which run. Its number is never given twice."""

    name: str
    version: int
    source: str
    """The address that it was registered from."""
    location: str
    """Where its files are."""
    created: Milliseconds
    updated: Milliseconds
    digest: str | None = None
    """Of the tree of its files at the time; None where there were none."""
    run: str = ""
    run_link: str = ""
    model: str | None = None
    """The logged model that it is."""
    stage: Stage = "None"
    user: str = ""
    description: str = ""
    tags: Mapping[str, str] = {}
    aliases: tuple[str, ...] = ()


class RegisteredModel(Struct, frozen=True):
    """A name, with its versions and the names that point to some of them."""

    name: str
    created: Milliseconds
    updated: Milliseconds
    description: str = ""
    tags: Mapping[str, str] = {}
    aliases: Mapping[str, int] = {}
    latest: tuple[ModelVersion, ...] = ()
    """The last version of each stage."""


# ------------------------------------------------------------------ searching

Entity = Literal[
    "attribute", "metric", "param", "tag", "dataset", "metadata", "span", "link", "feedback", "expectation"
]
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
    dataset: tuple[str, str] | None = None
    """Name and digest of the dataset that a logged model's metric was measured on."""


class Page(Struct, frozen=True):
    """Which part of the answer is wanted: at most `size`, behind the one that `after` stands for."""

    size: int
    after: tuple[str | float | None, ...] | None = None
    """The values of the sort keys of the last one that was given; None: from the beginning."""
