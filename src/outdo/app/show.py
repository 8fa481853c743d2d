"""All about one run: the verb `show`, and the log and the patch of a run."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import DecodeError, Struct, json

from outdo.app.history import moment, run_named, with_ledger
from outdo.app.logtail import tail_of
from outdo.app.project import STATE
from outdo.app.reproduce.kept import Reproduced, reproductions
from outdo.core.errors import UnknownRun, UnknownStage, UserError
from outdo.core.events import Artifact, RunStatus, Trial
from outdo.core.model import Digest, Key, Reason, RunId, StageName, Value
from outdo.core.query import nearest
from outdo.core.record import Found, Run, StageRun, StageState
from outdo.store.objects import Objects

if TYPE_CHECKING:
    from outdo.app.history import Runs

TAIL_LINES = 15


class StageView(Struct, frozen=True):
    """One stage in one run."""

    stage: StageName
    status: StageState
    seconds: float
    cpu_seconds: float
    peak_memory: int
    attempts: int
    reasons: tuple[Reason, ...]
    source: RunId
    """The run that computed its result."""
    source_number: int
    key: Key | None
    exit_code: int | None
    failure: str
    retried: tuple[str, ...]
    log: str
    tail: tuple[str, ...]
    """Last lines of the log of a stage that did not end well."""
    params: Mapping[str, Value]
    metrics: Mapping[str, float]
    artifacts: tuple[Artifact, ...]


class Code(Struct, frozen=True):
    """The code a run had."""

    commit: str | None
    branch: str | None
    dirty: bool
    patch: Digest | None


class RunView(Struct, frozen=True):
    """All about one run."""

    number: int
    run: RunId
    status: RunStatus
    started: datetime
    finished: datetime | None
    seconds: float
    project: str
    command: tuple[str, ...]
    user: str
    code: Code
    environment: Mapping[str, Value] | None
    """None where it was not recorded, or the store does not hold it any more."""
    stages: tuple[StageView, ...]
    warnings: tuple[str, ...]
    judged: tuple[Found, ...]
    """What checks and gates found."""
    notices: tuple[str, ...] = ()
    reproduced: tuple[Reproduced, ...] = ()
    """The times that it was made again, oldest first."""
    trial: Trial | None = None
    """Its place in a sweep; None for a run of the workspace itself."""


def show(root: str, name: str) -> RunView:
    """All about the run that `name` means: `12`, `last`, `last~1`, a part of its id; raises `UnknownRun`."""

    def answer(ledger: "Runs") -> RunView:
        run = run_named(ledger, name)
        numbers = {id_: number for number, id_ in enumerate(ledger.ids(), 1)}
        return _view(root, run, numbers, tuple(ledger.notices))

    return with_ledger(root, answer)


def log_path(root: str, name: str, stage: str) -> str:
    """The file with what a stage printed in a run, or in the run whose result it took over.

    Raises `UnknownRun`, `UnknownStage`, or `UserError` where no log was written or it is gone."""

    def answer(ledger: "Runs") -> str:
        run = run_named(ledger, name)
        one = run.stages.get(StageName(stage))
        if one is None:
            near = nearest(stage, run.stages)
            fix = f"did you mean '{near}'?" if near else f"outdo show {run.number}"
            raise UnknownStage(f"run {run.number} has no stage '{stage}'", fix=fix)
        if not one.log and one.source != run.id:
            run = run_named(ledger, one.source)
            one = run.stages[one.stage]
        path = _log(root, one)
        if not path:
            raise UnknownRun(
                f"the log of '{stage}' in run {run.number} is not there", fix=f"outdo show {run.number}"
            )
        return path

    return with_ledger(root, answer)


def patch(root: str, name: str) -> bytes:
    """What differed from the commit in a run, for `git apply`; empty where nothing did. Raises `UnknownRun`, and
    `NotInStore` where the store does not hold it any more."""
    digest = show(root, name).code.patch
    return _objects(root).get(digest) if digest else b""


def _view(root: str, run: Run, numbers: Mapping[RunId, int], notices: tuple[str, ...]) -> RunView:
    return RunView(
        number=run.number,
        run=run.id,
        status=run.status,
        started=moment(run.started),
        finished=moment(run.finished) if run.finished is not None else None,
        seconds=run.seconds,
        project=run.project,
        command=run.command,
        user=run.user,
        code=Code(run.commit, run.branch, run.dirty, run.patch),
        environment=_environment(root, run.environment),
        stages=tuple(_stage_view(root, one, numbers) for one in run.stages.values()),
        warnings=tuple(
            f"{each.stage}: {each.message}" if each.stage else each.message for each in run.warnings
        ),
        judged=run.judged,
        notices=notices,
        reproduced=reproductions(os.path.join(root, STATE), run.id),
        trial=run.trial,
    )


def _stage_view(root: str, one: StageRun, numbers: Mapping[RunId, int]) -> StageView:
    bad = one.status in ("failed", "cancelled", "interrupted", "running")
    path = _log(root, one)
    return StageView(
        stage=one.stage,
        status=one.status,
        seconds=one.seconds,
        cpu_seconds=one.cpu_seconds,
        peak_memory=one.peak_memory,
        attempts=one.attempts,
        reasons=one.reasons,
        source=one.source,
        source_number=numbers.get(one.source, 0),
        key=one.key,
        exit_code=one.exit_code,
        failure=one.failure,
        retried=one.retried,
        log=path,
        tail=tuple(tail_of(path, TAIL_LINES)) if bad and path else (),
        params=one.params,
        metrics=one.metrics,
        artifacts=one.artifacts,
    )


def _environment(root: str, digest: Digest | None) -> Mapping[str, Value] | None:
    if digest is None:
        return None
    try:
        found: dict[str, Value] = json.decode(_objects(root).get(digest), type=dict[str, Value])
    except (UserError, DecodeError):
        return None
    return found


def _objects(root: str) -> Objects:
    return Objects(os.environ.get("OUTDO_STORE") or os.path.join(root, STATE))


def _log(root: str, one: StageRun) -> str:
    """The log of a stage run where it is now, as a project may have been moved; empty where there is none."""
    moved = os.path.join(root, STATE, "logs", one.run, os.path.basename(one.log))
    return next((path for path in (one.log, moved) if one.log and os.path.isfile(path)), "")
