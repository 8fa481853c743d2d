"""What happens in a run, as frozen values: the engine yields them, and all others listen.

A plan that has nothing to do loads none of them.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from outdo.core.model import Digest, Entry, Key, Path, Reason, Record, RunId, StageName, Value
from outdo.core.verdict import Judgement

Status = Literal["ran", "restored", "kept", "failed", "skipped", "cancelled"]
RunStatus = Literal["done", "failed", "interrupted", "running"]


class Artifact(Struct, frozen=True):
    """A file or folder of bytes with the role it had in a stage run."""

    path: Path
    role: Literal["dep", "out", "metric", "plot"]
    entry: Entry


class Trial(Struct, frozen=True):
    """The place of a run in a sweep, which tries several params."""

    sweep: RunId
    """The name that all trials of one sweep share."""
    number: int
    of: int
    settings: Mapping[str, Value] = {}
    """What was tried, by the name of the param."""
    seed: int | None = None
    """Of what was drawn at random."""


class Event(Struct, frozen=True, tag_field="event"):
    """Something that happened in a run, at `at` seconds since 1970."""

    run: RunId
    at: float


class RunStarted(Event, frozen=True, tag="run_started"):
    """A plan is about to be carried out."""

    project: str
    command: tuple[str, ...] = ()
    user: str = ""
    plan: Mapping[str, int] = {}
    """How many stages per verb."""
    trial: Trial | None = None
    """None for a run of the workspace itself."""


class StageStarted(Event, frozen=True, tag="stage_started"):
    """An attempt at a stage's command begins."""

    stage: StageName
    attempt: int
    log: str
    """The file that receives all the command prints."""
    reasons: tuple[Reason, ...] = ()


class StageRetried(Event, frozen=True, tag="stage_retried"):
    """An attempt failed and another will follow."""

    stage: StageName
    attempt: int
    failure: str


class StageFinished(Event, frozen=True, tag="stage_finished"):
    """A stage's action is over, whichever it was."""

    stage: StageName
    status: Status
    reasons: tuple[Reason, ...] = ()
    key: Key | None = None
    record: Record | None = None
    """What came out; of a failure, what went in."""
    artifacts: tuple[Artifact, ...] = ()
    """Every dependency and output, with its content."""
    metrics: Mapping[str, float] = {}
    """Numbers of the stage's metric files by dotted name, `metrics.json`'s `{"auc": 0.7}` being `auc`; and the last
    values of what its command logged. Of one name the file's counts."""
    failure: str = ""
    """Why it failed, as a sentence."""
    exit_code: int | None = None
    attempts: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    """Bytes."""
    log: str = ""


class Captured(Event, frozen=True, tag="captured"):
    """The code and the environment that a run had; told once they are known, which is while stages run."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    patch: Digest | None = None
    """The difference of a dirty tree to its commit, as an object."""
    environment: Digest | None = None
    """A JSON object: interpreter, distributions, lock file, platform, processor, GPU."""


class BuildStarted(Event, frozen=True, tag="build_started"):
    """An environment that a stage declares is not there yet, and is being built."""

    environment: str
    """Its file, such as `uv.lock[gpu]`."""
    stage: StageName


class BuildFinished(Event, frozen=True, tag="build_finished"):
    """An environment is there, and will be used until its file changes."""

    environment: str
    stage: StageName
    seconds: float
    distributions: int
    """How many are installed."""


class Warned(Event, frozen=True, tag="warned"):
    """Something a person should know that does not end the run."""

    message: str
    stage: StageName | None = None


class CheckStarted(Event, frozen=True, tag="check_started"):
    """Data is looked at, or a model is judged."""

    kind: Literal["data", "model"]
    subject: str
    """The path, or the model's name."""
    log: str = ""
    """The file that receives what the look prints."""


class Judged(Event, frozen=True, tag="judged"):
    """Data has been judged by its checks, or a model by its gates."""

    judgement: Judgement
    stops: bool = False
    """Whether what stands behind it must not go on."""
    kept: bool = False
    """Whether the same was judged before, and not looked at again."""
    seconds: float = 0.0


class Registered(Event, frozen=True, tag="registered"):
    """What a run made of a model is a version of it."""

    model: str
    version: int
    digest: Digest
    """Of the file, or of the folder's tree."""
    stage: StageName
    new: bool = True
    """False: these bytes were that version before."""


class RunFinished(Event, frozen=True, tag="run_finished"):
    """The run is over."""

    status: RunStatus
    seconds: float = 0.0


AnyEvent = (
    RunStarted
    | StageStarted
    | StageRetried
    | StageFinished
    | BuildStarted
    | BuildFinished
    | Captured
    | Warned
    | CheckStarted
    | Judged
    | Registered
    | RunFinished
)
