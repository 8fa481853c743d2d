"""A stage under eyes: shut in a sandbox, or audited."""

from collections.abc import Sequence

from outdo.core.model import Path, Stage
from outdo.run.audit import Audit
from outdo.run.ports import Cancel, Executor, Job, Outcome
from outdo.run.sandbox import Sandbox
from outdo.run.watch import Remarks, Unwatched, Watch, Watched

MOST_NAMED = 5
"""How many files a sentence names."""


class Boxed:
    """Shuts a stage in a sandbox: what it does not declare is not there, and the attempt fails by its name."""

    one_at_a_time = False

    def __init__(self, root: str, sandbox: Sandbox) -> None:
        self._root = root
        self._sandbox = sandbox
        self.limits: tuple[str, ...] = (sandbox.limits,) if sandbox.limits else ()

    def run(self, executor: Executor, cancel: Cancel, watched: Watched, job: Job) -> tuple[Outcome, Remarks]:
        with self._sandbox.enter(self._root, watched.stage, watched.reads, watched.writes, job) as box:
            outcome = executor.run(box.job, cancel)
            dropped = box.collect()
            undeclared = box.undeclared(outcome)
        told = (f"it wrote {_names(dropped)} without declaring it; that was dropped",) if dropped else ()
        failure = (
            f"it reads {_names(undeclared)}, which it does not declare: add it to its deps"
            if undeclared
            else ""
        )
        return outcome, Remarks(told, failure)


class Audited:
    """Tells what a stage reads without declaring it, and lets it."""

    def __init__(self, root: str, audit: Audit) -> None:
        self._root = root
        self._audit = audit
        self.one_at_a_time = audit.one_at_a_time
        self.limits: tuple[str, ...] = (audit.limits,) if audit.limits else ()

    def run(self, executor: Executor, cancel: Cancel, watched: Watched, job: Job) -> tuple[Outcome, Remarks]:
        with self._audit.enter(self._root, job, (*watched.reads, *watched.writes)) as trail:
            outcome = executor.run(trail.job, cancel)
            findings = trail.findings()
            incomplete = trail.incomplete
        told = [f"it reads {_names(findings)} without declaring it"] if findings else []
        if incomplete:
            told.append("it opened more files than could be observed; there may be others")
        return outcome, Remarks(tuple(told))


class PerStage:
    """Shuts in the stages that say `sandbox: true`, and watches the others as the run asks."""

    def __init__(self, boxed: Watch, others: Watch) -> None:
        self._boxed = boxed
        self._others = others
        self.one_at_a_time = others.one_at_a_time
        self.limits = (*boxed.limits, *others.limits)

    def run(self, executor: Executor, cancel: Cancel, watched: Watched, job: Job) -> tuple[Outcome, Remarks]:
        watch = self._boxed if watched.stage.sandbox else self._others
        return watch.run(executor, cancel, watched, job)


def watch_for(
    root: str, stages: Sequence[Stage], shown: Sequence[str], *, sandbox: bool, audit: bool
) -> Watch:
    """The watch for a run of `stages`; `shown` are folders that a sandboxed stage may always read."""
    boxed = (
        Boxed(root, Sandbox.find(shown=shown)) if sandbox or any(stage.sandbox for stage in stages) else None
    )
    if boxed is not None and sandbox:
        return boxed
    others: Watch = Audited(root, Audit.find()) if audit else Unwatched()
    return others if boxed is None else PerStage(boxed, others)


def _names(paths: Sequence[Path]) -> str:
    named = ", ".join(f"'{path}'" for path in paths[:MOST_NAMED])
    more = len(paths) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
