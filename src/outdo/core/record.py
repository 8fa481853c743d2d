"""Events to runs: the fold that says what happened.

The ledger's tables are a copy of what `fold` returns, so that a question asked of either has one answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.events import (
    AnyEvent,
    Artifact,
    Captured,
    Judged,
    RunFinished,
    RunStarted,
    RunStatus,
    StageFinished,
    StageRetried,
    StageStarted,
    Status,
    Trial,
    Warned,
)
from outdo.core.model import Digest, Key, Reason, Record, RunId, StageName, Value
from outdo.core.values import leaves
from outdo.core.verdict import Outcome, complaint

StageState = Status | Literal["running", "interrupted"]


class StageRun(Struct, frozen=True):
    """One stage in one run."""

    run: RunId
    stage: StageName
    source: RunId
    """The run whose execution gave the params, metrics and artifacts: another one where the stage was kept or
    restored and that one is on record."""
    status: StageState = "running"
    started: float | None = None
    finished: float | None = None
    reasons: tuple[Reason, ...] = ()
    key: Key | None = None
    attempts: int = 0
    retried: tuple[str, ...] = ()
    """Why each attempt but the last failed."""
    exit_code: int | None = None
    failure: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    log: str = ""
    params: Mapping[str, Value] = {}
    metrics: Mapping[str, float] = {}
    artifacts: tuple[Artifact, ...] = ()


class Notice(Struct, frozen=True):
    """A warning that a run gave."""

    at: float
    message: str
    stage: StageName | None = None


class Found(Struct, frozen=True, omit_defaults=True):
    """What checks of data, or gates of a model, found in a run; the journal has their numbers."""

    kind: Literal["data", "model"]
    subject: str
    """The path, or the model's name."""
    outcome: Outcome
    key: str
    """By which the judgement is found."""
    digest: str
    stops: bool = False
    kept: bool = False
    seconds: float = 0.0
    verdicts: int = 0
    """How many there are."""
    why: tuple[str, ...] = ()
    """What each says that did not pass."""


class Run(Struct, frozen=True):
    """One execution of a pipeline, with all its stages in the order in which they were first heard of."""

    id: RunId
    number: int
    """1 for the first run on record."""
    started: float
    finished: float | None = None
    seconds: float = 0.0
    status: RunStatus = "running"
    project: str = ""
    command: tuple[str, ...] = ()
    user: str = ""
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    patch: Digest | None = None
    environment: Digest | None = None
    plan: Mapping[str, int] = {}
    stages: Mapping[StageName, StageRun] = {}
    warnings: tuple[Notice, ...] = ()
    trial: Trial | None = None
    judged: tuple[Found, ...] = ()


class Before(Struct, frozen=True):
    """What is already on record when further events are folded."""

    runs: Mapping[RunId, Run] = {}
    """At least those that the events speak of, and those that still run."""
    count: int = 0
    """How many runs there are."""
    owners: tuple[StageRun, ...] = ()
    """Stage runs, oldest first, that later kept or restored ones may refer to; they may lack their contents."""


NOTHING = Before()


def fold(events: Iterable[AnyEvent], before: Before = NOTHING) -> dict[RunId, Run]:
    """Returns the runs of `before` and of `events` as they are after `events`, in the order of their numbers.

    A run that never ended is `interrupted` once a later one has started, as a workspace has one run, or the trials of
    one sweep, at a time."""
    state = _Fold(before)
    for event in events:
        state.take(event)
    return {run: part.done() for run, part in state.parts.items()}


class _Part:
    """A run while it is put together."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.stages = dict(run.stages)
        self.warnings = list(run.warnings)
        self.judged = list(run.judged)

    def done(self) -> Run:
        stages = self.stages
        if self.run.status != "running":
            stages = {
                name: replace(one, status="interrupted") if one.status == "running" else one
                for name, one in stages.items()
            }
        return replace(self.run, stages=stages, warnings=tuple(self.warnings), judged=tuple(self.judged))


class _Fold:
    """All runs while they are put together, and which stage runs own a result."""

    def __init__(self, before: Before) -> None:
        self.parts = {run.id: _Part(run) for run in before.runs.values()}
        self._count = before.count
        self._running = [part for part in self.parts.values() if part.run.status == "running"]
        self._owners: dict[tuple[RunId, StageName], StageRun] = {}
        self._latest: dict[tuple[StageName, Key], StageRun] = {}
        for owner in before.owners:
            self._own(owner)

    def take(self, event: AnyEvent) -> None:
        if isinstance(event, RunStarted):
            self._start(event)
            return
        part = self.parts.get(event.run) or self._add(Run(event.run, self._next(), event.at))
        match event:
            case StageStarted() | StageRetried() | StageFinished():
                former = part.stages.get(event.stage) or StageRun(event.run, event.stage, event.run)
                part.stages[event.stage] = self._stage(former, event)
            case Captured():
                part.run = replace(
                    part.run,
                    commit=event.commit,
                    branch=event.branch,
                    dirty=event.dirty,
                    patch=event.patch,
                    environment=event.environment,
                )
            case Warned(at=at, message=message, stage=stage):
                part.warnings.append(Notice(at, message, stage))
            case Judged():
                part.judged.append(_found(event))
            case RunFinished(at=at, status=status, seconds=seconds):
                part.run = replace(part.run, status=status, finished=at, seconds=seconds)

    def _start(self, event: RunStarted) -> None:
        still = [part for part in self._running if part.run.status == "running"]
        self._running = [part for part in still if _together(part.run.trial, event.trial)]
        for part in still:
            if part not in self._running and part.run.id != event.run:
                part.run = replace(part.run, status="interrupted")
        former = self.parts.get(event.run)
        facts = {
            "started": event.at,
            "project": event.project,
            "command": event.command,
            "user": event.user,
            "plan": event.plan,
            "trial": event.trial,
        }
        if former:
            former.run = replace(former.run, **facts)
            self._running.append(former)
        else:
            self._add(replace(Run(event.run, self._next(), event.at), **facts))

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _add(self, run: Run) -> _Part:
        part = self.parts[run.id] = _Part(run)
        self._running.append(part)
        return part

    def _stage(self, former: StageRun, event: StageStarted | StageRetried | StageFinished) -> StageRun:
        match event:
            case StageStarted(at=at, attempt=attempt, log=log, reasons=reasons):
                started = at if former.started is None else former.started
                return replace(
                    former, status="running", started=started, attempts=attempt, log=log, reasons=reasons
                )
            case StageRetried(failure=failure):
                return replace(former, retried=(*former.retried, failure))
            case StageFinished():
                return self._finish(former, event)

    def _finish(self, former: StageRun, event: StageFinished) -> StageRun:
        ended = replace(
            former,
            status=event.status,
            finished=event.at,
            reasons=event.reasons or former.reasons,
            key=event.key,
            attempts=event.attempts or former.attempts,
            exit_code=event.exit_code,
            failure=event.failure,
            seconds=event.seconds,
            cpu_seconds=event.cpu_seconds,
            peak_memory=event.peak_memory,
            log=event.log or former.log,
        )
        owner = self._owner(event)
        if owner is not None:
            return replace(
                ended,
                source=owner.run,
                params=owner.params,
                metrics=owner.metrics,
                artifacts=owner.artifacts,
            )
        params = leaves(event.record.params) if event.record else {}
        artifacts = event.artifacts or _artifacts(event.record)
        ended = replace(ended, params=params, metrics=event.metrics, artifacts=artifacts)
        if owns(ended):
            self._own(ended)
        return ended

    def _owner(self, event: StageFinished) -> StageRun | None:
        if event.key is None or event.status not in ("kept", "restored"):
            return None
        computed = event.record.run if event.record else None
        named = self._owners.get((computed, event.stage)) if computed else None
        if named is not None and named.key == event.key:
            return named
        return self._latest.get((event.stage, event.key))

    def _own(self, one: StageRun) -> None:
        self._owners[one.run, one.stage] = one
        if one.key is not None:
            self._latest[one.stage, one.key] = one


def _found(event: Judged) -> Found:
    one = event.judgement
    why = tuple(complaint(verdict) for verdict in one.verdicts if verdict.outcome != "passed")
    return Found(
        one.kind, one.subject, one.outcome, one.key, one.digest, event.stops, event.kept, event.seconds,
        len(one.verdicts), why,
    )  # fmt: skip


def _together(one: Trial | None, other: Trial | None) -> bool:
    """Whether two runs are trials of one sweep, which may go on at once."""
    return one is not None and other is not None and one.sweep == other.sweep


def _artifacts(record: Record | None) -> tuple[Artifact, ...]:
    """What a result alone tells of what was read and written; roles but these two it does not know."""
    if record is None:
        return ()
    read = (Artifact(path, "dep", entry) for path, entry in record.deps.items())
    wrote = (Artifact(path, "out", entry) for path, entry in record.outs.items())
    return (*read, *wrote)


def owns(one: StageRun) -> bool:
    """Whether a stage run has a result of its own that later ones may refer to."""
    return one.key is not None and one.source == one.run and one.status in ("ran", "kept", "restored")


# What a run is asked for: numbers and texts by name.


def metric_values(run: Run, name: str) -> list[float]:
    """The values of a metric in a run, one per stage that has it; `STAGE:NAME` asks one stage only."""
    return [value for value in _named(run, name, "metrics") if isfinite(value)]


def param_values(run: Run, name: str) -> list[Value]:
    """The values of a param in a run, one per stage that reads it; `STAGE:NAME` asks one stage only."""
    return list(_named(run, name, "params"))


def _named(run: Run, name: str, kind: Literal["metrics", "params"]) -> Iterator[Value]:
    for one in run.stages.values():
        values: Mapping[str, Value] = getattr(one, kind)
        if name in values:
            yield values[name]
        inner = name.removeprefix(f"{one.stage}:")
        if inner != name and inner in values:
            yield values[inner]
