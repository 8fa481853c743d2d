"""The words of Outdo as frozen values: stages, entries, keys, plans; what happens in a run is told in `events`.

Every room speaks in these. They hold no behaviour beyond small derived facts, so that a plan or a reason can be
printed, stored, compared and sent as it is.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NewType

from msgspec import Meta, Struct

from outdo.core.verdict import Judgement

Digest = NewType("Digest", str)
"""BLAKE3 of some bytes, 64 hex characters."""

Key = NewType("Key", str)
"""Digest of all that decides a stage's outputs: command, inputs, parameters, environment."""

StageName = NewType("StageName", str)
"""`train`, or `train@0.1` for one of a matrix."""

RunId = NewType("RunId", str)
"""Sortable by time: `20260413-101502-7f3a`."""

Path = str
"""Relative to the project's folder, POSIX, normalised; `../` and absolute ones only as dependencies."""

Value = Any
"""A parameter's value as YAML, JSON and TOML know it: None, bool, int, float, str, list or dict of them."""


class Place(Struct, frozen=True):
    """Where in a user's file something stands; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


class Phrase(Struct, frozen=True):
    """A part of a text that a user wrote on the command line."""

    text: str
    at: int
    length: int = 1

    def __str__(self) -> str:
        return self.text


# ------------------------------------------------------------------ what a user declares


Aim = Literal["high", "low"]
"""Which way a metric is better."""


class Output(Struct, frozen=True):
    """A path a stage writes."""

    path: Path
    role: Literal["out", "metric", "plot"] = "out"
    cache: bool = True
    """Kept in the store; False leaves the file to Git."""
    persist: bool = False
    """Not removed before the stage runs."""
    push: bool = True
    remote: str | None = None
    desc: str = ""


class Param(Struct, frozen=True):
    """A value a stage reads: one key of a file (`train.lr` of `params.yaml`), or with no key all of it."""

    file: Path
    key: str = ""

    def __str__(self) -> str:
        return self.key if self.file == "params.yaml" and self.key else f"{self.file}:{self.key}".rstrip(":")


class Resources(Struct, frozen=True):
    """What a stage takes of the machine while it runs."""

    cpu: float = 1.0
    gpu: float = 0.0
    memory: int = 0
    """Bytes; 0 means not said."""


class Packages(Struct, frozen=True):
    """The file that says what is installed for a stage, and which of its optional parts are."""

    file: Path
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    also: tuple[Path, ...] = ()
    """Files that it takes in, and `.python-version` beside it."""

    def __str__(self) -> str:
        parts = [*self.extras, *(f"group:{group}" for group in self.groups)]
        return f"{self.file}[{','.join(parts)}]" if parts else self.file


class Bar(Struct, frozen=True):
    """Why a stage can't be run here, though its file is as it should be: the others run all the same."""

    what: str
    fix: str


class Stage(Struct, frozen=True):
    """One command with what it reads and writes, all templates resolved and all paths from the project's folder."""

    name: StageName
    cmd: tuple[str, ...] = ()
    """Run one after the other, each by a shell of its own, until one fails."""
    wdir: Path = "."
    deps: tuple[Path, ...] = ()
    """Files, folders, globs (`data/*.csv`, `src/**/*.py`), or addresses (`s3://bucket/data.csv`)."""
    params: tuple[Param, ...] = ()
    outs: tuple[Output, ...] = ()
    frozen: bool = False
    always_changed: bool = False
    desc: str = ""
    resources: Resources = Resources()
    timeout: float | None = None
    """Seconds an attempt may take."""
    retries: int = 0
    env: Mapping[str, str] = {}
    """Environment variables of the command; part of the key."""
    packages: Packages | None = None
    """What its command finds installed; None for what is there. Its files are among `deps`, its name is in `env`."""
    sandbox: bool = False
    place: Place = Place("outdo.yaml")
    written: str | tuple[str, ...] | None = None
    """The command to the blank, where it stands in the file neither as one line nor as a list of several."""
    barred: Bar | None = None
    """Why it can't be run here; None for nearly all."""
    spelled: Mapping[Path, str] = {}
    """Paths as the file has them, where that is not the shortest way from `wdir`: `model/` for `model`."""

    @property
    def script(self) -> str | tuple[str, ...]:
        """The command as the file has it, templates resolved: one text, or a list."""
        if self.written is not None:
            return self.written
        return self.cmd[0] if len(self.cmd) == 1 else self.cmd


class Source(Struct, frozen=True):
    """A file the pipeline was built from; when its digest changes, the pipeline is read anew."""

    path: Path
    digest: Digest | None
    """None: the file was looked for and is not there."""


class Remote(Struct, frozen=True):
    """A place that results are shared through: a folder, or a bucket. Credentials come from the environment."""

    url: Annotated[str, Meta(min_length=1)]
    """A folder (from the project's, or absolute), `s3://bucket/prefix`, `gs://…`, `az://…`, or `https://…` to read
    only."""
    endpoint: str = ""
    """The address of a server that speaks S3, such as `https://minio.example.com`; Amazon's, where nothing is said."""
    region: str = ""
    """Of an S3 bucket; else that of the environment."""
    anonymous: bool = False
    """Ask without credentials, as one may of a public bucket."""
    look_up: bool = True
    """Whether a run asks here for a result before it computes it."""

    @property
    def scheme(self) -> str:
        """`s3`, `gs`, `az`, `http`, `https`; empty for a folder."""
        return self.url.partition("://")[0] if "://" in self.url else ""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be pushed there."""
        return self.scheme in ("http", "https")


class CheckedPath(Struct, frozen=True):
    """The checks of a path, as far as a run has to know them."""

    rules: Digest
    """Of all that they say."""
    beside: tuple[Path, ...] = ()
    """Other files that they speak of."""
    lasting: bool = True
    """Whether they say of the same bytes the same another day: not where a query asks what time it is."""


class ModelOutput(Struct, frozen=True):
    """An output, or a path in one, that is registered as a version of a model after a run."""

    path: Path
    stage: StageName
    """Which writes it."""
    output: Path
    """The output that `path` is, or is in."""
    desc: str = ""
    gates: int = 0
    """How many gates a version has to pass."""
    rules: Digest = Digest("")
    """Of all that its gates say, and of what they judge."""
    scored_by: StageName = StageName("")
    """The stage that scores it; empty where none does."""
    tests: tuple[Path, ...] = ()
    """What commands name that test it, some of which may be files."""


class Pipeline(Struct, frozen=True):
    """All stages of a project and what is declared beside them; all that `run` needs, small enough to cache."""

    project: str
    stages: tuple[Stage, ...]
    metrics: tuple[Path, ...] = ()
    plots: tuple[Path, ...] = ()
    params: tuple[Path, ...] = ()
    sources: tuple[Source, ...] = ()
    remotes: Mapping[str, Remote] = {}
    """By name; the first is meant where none is named."""
    aims: Mapping[str, Aim] = {}
    """The metrics that gates speak of, in their order, and which way each is better."""
    models: Mapping[str, ModelOutput] = {}
    """By name."""
    checks: Mapping[Path, CheckedPath] = {}


# ------------------------------------------------------------------ what is on disk


class Entry(Struct, frozen=True, omit_defaults=True):
    """What a path holds: a file's bytes, or a folder's tree object."""

    digest: Digest
    size: int
    kind: Literal["file", "tree"] = "file"
    files: int = 1
    executable: bool = False
    state: str = ""
    """Of what is at an address, and not here: how its server calls what is there now, as `etag:…`."""


class Record(Struct, frozen=True, omit_defaults=True):
    """What a stage read and wrote when it last ran: its entry in `outdo.lock` and in the run cache."""

    key: Key
    cmd: tuple[str, ...]
    deps: Mapping[Path, Entry] = {}
    params: Mapping[str, Value] = {}
    """By `str(Param)`."""
    env: Mapping[str, str] = {}
    outs: Mapping[Path, Entry] = {}
    run: RunId | None = None
    """The run that computed it."""
    seconds: float = 0.0
    logged: Mapping[str, float] = {}
    """The last values of the metrics that its command logged as a client of MLflow; finite ones."""


# ------------------------------------------------------------------ what is decided

ReasonKind = Literal[
    "never_ran",
    "command",
    "dependency_changed",
    "dependency_added",
    "dependency_removed",
    "param_changed",
    "param_added",
    "param_removed",
    "env",
    "output_missing",
    "output_changed",
    "output_added",
    "output_removed",
    "upstream",
    "upstream_failed",
    "check_failed",
    "forced",
    "always_changed",
    "no_inputs",
    "lost",
    "frozen",
    "barred",
]


class Reason(Struct, frozen=True):
    """One cause of an action. `before` and `after` are digests of files, values of params, texts of commands."""

    kind: ReasonKind
    subject: str = ""
    """The path, the param, the variable or the stage that it is about; of `barred` all that is to be said, and `after`
    is how to mend it."""
    before: Value = None
    after: Value = None


Verb = Literal["keep", "restore", "run", "wait", "skip"]
"""keep: fresh. restore: a known result is put back. run: the command runs. wait: it runs, is restored or kept
once what is above it has ended. skip: left out, as something above it failed."""


class Action(Struct, frozen=True):
    """What will be done about one stage, and why."""

    stage: StageName
    verb: Verb
    reasons: tuple[Reason, ...] = ()
    key: Key | None = None
    """None while it waits for inputs that are not known yet."""
    record: Record | None = None
    """The result that is kept or restored."""


class Inspection(Struct, frozen=True):
    """What will be done about the checks of a path."""

    path: Path
    verb: Literal["keep", "run", "wait"]
    """keep: it is known how they come out. run: the data is looked at. wait: what writes it comes first."""
    known: Judgement | None = None
    """How they came out before, of the same data."""

    @property
    def stops(self) -> bool:
        """Whether it is known that those who read the data must not."""
        return self.known is not None and not self.known.lets_through


class Plan(Struct, frozen=True):
    """One action per selected stage, each after those it depends on. `--dry` prints it; `run` executes it."""

    actions: tuple[Action, ...]
    checks: tuple[Inspection, ...] = ()

    def verb(self, stage: str) -> Verb:
        return next(action.verb for action in self.actions if action.stage == stage)
