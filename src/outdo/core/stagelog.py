"""Stage runs as clients of MLflow see them: one logged run each, and one that is the parent of all in a run."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from outdo.core.digest import stage_run_id, whole_run_id
from outdo.core.events import RunStatus
from outdo.core.record import Run, StageRun, StageState
from outdo.core.tracking import Milliseconds, RunState

STATES: Mapping[StageState | RunStatus, RunState] = {
    "running": "RUNNING",
    "ran": "FINISHED",
    "restored": "FINISHED",
    "done": "FINISHED",
    "failed": "FAILED",
    "cancelled": "KILLED",
    "interrupted": "KILLED",
}
"""A stage that was kept or skipped did nothing, and has no logged run of its own."""

LONGEST = 6000
"""Characters of a param's value that a client of MLflow can log."""


class StageLog(Struct, frozen=True):
    """A stage run, or a run as a whole, as a logged run. What its client logs comes on top."""

    id: str
    """32 hex characters."""
    project: str
    """The name of the experiment, unless the client chooses another."""
    name: str
    user: str
    state: RunState
    started: Milliseconds
    ended: Milliseconds | None = None
    tags: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    metrics: Mapping[str, float] = {}
    """The last values, of metric files too."""


def whole_log(run: Run) -> StageLog:
    """A run as a whole."""
    ended = run.finished if run.finished is not None else _last(run)
    return StageLog(
        whole_run_id(run.id),
        run.project,
        run.id,
        run.user,
        STATES[run.status],
        _milliseconds(run.started),
        None if run.status == "running" else _milliseconds(ended),
        {"mlflow.runName": run.id, **_tags(run)},
    )


def stage_logs(run: Run) -> Iterator[StageLog]:
    """The stage runs in a run in which something was done."""
    for one in run.stages.values():
        if one.status in STATES:
            yield stage_log(run, one)


def stage_log(run: Run, one: StageRun) -> StageLog:
    """A stage run; its params and metrics are told once it has ended, as its client may log them itself."""
    state = STATES[one.status]
    over = state != "RUNNING"
    finished = one.finished if one.finished is not None else _last(run)
    started = one.started if one.started is not None else finished - one.seconds
    tags = {
        "mlflow.runName": one.stage,
        "mlflow.parentRunId": whole_run_id(run.id),
        "outdo.stage": one.stage,
        **_tags(run),
    }
    if one.key is not None:
        tags["outdo.key"] = one.key
    if over and one.status not in ("ran", "failed"):
        tags["outdo.status"] = one.status
    if one.source != run.id:
        tags["outdo.source"] = one.source
    return StageLog(
        stage_run_id(run.id, one.stage),
        run.project,
        one.stage,
        run.user,
        state,
        _milliseconds(started),
        _milliseconds(finished) if over else None,
        tags,
        {name: str(value)[:LONGEST] for name, value in one.params.items()} if over else {},
        one.metrics if over else {},
    )


def _tags(run: Run) -> dict[str, str]:
    tags = {
        "mlflow.user": run.user,
        "mlflow.source.name": " ".join(run.command) or "outdo run",
        "outdo.run": run.id,
    }
    if run.commit is not None:
        tags["mlflow.source.git.commit"] = run.commit
    if run.branch is not None:
        tags["mlflow.source.git.branch"] = run.branch
    if run.patch is not None:
        tags["outdo.patch"] = run.patch
    if run.trial is not None:
        tags["outdo.sweep"] = run.trial.sweep
    return tags


def _last(run: Run) -> float:
    """The last moment at which anything is known of a run."""
    known = [run.started, *(one.finished or one.started or 0.0 for one in run.stages.values())]
    return max(known)


def _milliseconds(seconds: float) -> Milliseconds:
    return int(seconds * 1000)
