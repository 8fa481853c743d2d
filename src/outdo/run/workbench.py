"""One stage, from clean outputs to a stored result: prepare, run, check, store."""

import os
import re
from collections.abc import Callable, Mapping
from math import isfinite
from time import monotonic, time

from msgspec import Struct, structs

from outdo.core.digest import digest
from outdo.core.errors import Damaged, NotInStore, NotWritten, UserError
from outdo.core.events import (
    AnyEvent,
    Artifact,
    BuildFinished,
    BuildStarted,
    StageRetried,
    StageStarted,
    Status,
    Warned,
)
from outdo.core.graph import is_glob, is_url
from outdo.core.model import Action, Entry, Path, Record, RunId, Stage, Value
from outdo.core.params import parse
from outdo.core.values import numbers
from outdo.run.budget import Share
from outdo.run.building import Build, Built, Environments
from outdo.run.clients import Clients, Line
from outdo.run.ports import Cancel, Executor, Job, Outcome
from outdo.run.watch import Watch, Watched
from outdo.store.objects import Objects
from outdo.store.results import Results
from outdo.store.workspace import Workspace

SOURCE_LIMIT = 64 * 1024
"""Bytes up to which a dependency is kept in the store, so that `why` can later say which lines changed."""

SOURCE_FILES = 200
"""Files up to which the same is done for a folder, of eight times that size."""

METRICS_LIMIT = 4 * 1024 * 1024
"""Bytes up to which a metric file is read for numbers."""


COMPELLING = ("forced", "always_changed", "no_inputs")
"""Reasons by which a stage runs even where its result is known."""


class Work(Struct, frozen=True):
    """A stage that is to be run or restored, with the contents that were found for it."""

    stage: Stage
    action: Action
    deps: Mapping[Path, Entry]
    params: Mapping[str, Value]
    share: Share


class Ended(Struct, frozen=True):
    """How a stage's work ended."""

    status: Status
    record: Record | None = None
    failure: str = ""
    tried: Record | None = None
    """What a failed stage was given; a record without outputs."""
    lost: Path = ""
    """The output whose bytes turned out to be damaged or gone, so that it could not be restored."""
    outcome: Outcome | None = None
    attempts: int = 0
    seconds: float = 0.0
    log: str = ""
    logged: Mapping[str, float] = {}
    """The last values that its command logged as a client of MLflow."""


class Folders(Struct, frozen=True):
    """Where a run works: the project's folder and its state beside it, both absolute."""

    root: str
    state: str
    dvc: str = ""
    """The folder of the DVC repository around it, by which commands know that a pipeline runs them; empty without."""


class Stores(Struct, frozen=True):
    """Where bytes and results are kept."""

    workspace: Workspace
    objects: Objects
    results: Results
    recall: Callable[[Stage, Record], Record | None] | None = None
    """A result that others have pushed, once its outputs are in the store; asked, with a record of what goes in,
    before a stage is run."""
    bring: Callable[[Entry], None] | None = None
    """Has the store hold an entry that is kept elsewhere on this machine; asked before one is restored."""
    environments: Environments | None = None
    """Needed where a stage declares one."""


class Orders(Struct, frozen=True):
    """What all attempts of a run share."""

    run: RunId
    post: Callable[[AnyEvent], None]
    """Adds an event to the run's stream; may be called from any thread."""
    watch: Watch


class Workbench:
    """Does the work of single stages; called from several threads at once."""

    def __init__(
        self, folders: Folders, stores: Stores, executor: Executor, line: Line | None = None
    ) -> None:
        self._folders = folders
        self._workspace = stores.workspace
        self._objects = stores.objects
        self._results = stores.results
        self._recall = stores.recall
        self._bring = stores.bring
        self._environments = stores.environments
        self._executor = executor
        self._clients = Clients(folders.root, line) if line else None
        self.cancel = Cancel()
        self._env = {"PYTHONUNBUFFERED": "1", **os.environ, "OUTDO_ROOT": folders.root}
        if folders.dvc:
            self._env.setdefault("DVC_ROOT", folders.dvc)

    def restore(self, work: Work) -> Ended:
        """Puts a known result in place; where the store turns out not to have it, says what is `lost`."""
        record = work.action.record
        assert record is not None
        started = monotonic()
        for out in work.stage.outs:
            entry = record.outs[out.path]
            try:
                if self._workspace.look([out.path]).get(out.path) != entry:
                    if self._bring is not None:
                        self._bring(entry)
                    self._workspace.restore(out.path, entry, link=out.cache)
            except (Damaged, NotInStore) as error:
                return Ended("failed", lost=out.path, failure=error.what)
            except UserError as error:
                return Ended("failed", failure=f"can't restore '{out.path}': {error.what}; {error.fix}")
            except OSError as error:
                return Ended("failed", failure=f"can't restore '{out.path}': {error}")
        return Ended("restored", record, seconds=monotonic() - started)

    @property
    def asks(self) -> bool:
        """Whether there is anyone to ask for results."""
        return self._recall is not None

    def may_recall(self, stage: Stage, action: Action) -> bool:
        """Whether someone else's result would do for a stage that would run."""
        compelled = any(reason.kind in COMPELLING for reason in action.reasons)
        known = action.verb == "run" and action.key is not None
        return self.asks and known and not compelled and not any(out.persist for out in stage.outs)

    def recall(self, work: Work, orders: Orders) -> Ended | None:
        """The stage's outputs as someone else has computed them, in place; None where it has to run. A remote that
        fails is told once, and not asked again."""
        recall = self._recall
        if recall is None or not self.may_recall(work.stage, work.action):
            return None
        started = monotonic()
        try:
            record = recall(work.stage, _tried(work))
        except UserError as error:
            if self._recall is not None:
                self._recall = None
                orders.post(Warned(orders.run, time(), f"{error.what}; it is not asked again in this run"))
            return None
        if record is None or self.cancel.requested:
            return None
        known = structs.replace(work, action=structs.replace(work.action, verb="restore", record=record))
        ended = self.restore(known)
        return structs.replace(ended, seconds=monotonic() - started) if ended.record is not None else None

    def run(self, work: Work, orders: Orders) -> Ended:
        """Runs a stage's commands, as often as it may be retried, and stores what they wrote."""
        log = self._log_path(orders.run, work.stage)
        started = monotonic()
        outcome: Outcome | None = None
        attempt = 0
        record: Record | None = None
        logged: Mapping[str, float] = {}
        try:
            os.makedirs(os.path.dirname(log), exist_ok=True)
            entered = self._enter(work.stage, orders, log)
            started = monotonic()
            for attempt in range(1, work.stage.retries + 2):
                outcome, failure = self._try(work, orders, attempt, log, entered)
                if not failure or outcome.ending == "cancelled":
                    break
                if attempt <= work.stage.retries:
                    orders.post(StageRetried(orders.run, time(), work.stage.name, attempt, failure))
            if outcome is not None and outcome.ending == "cancelled":
                failure = "stopped"
            logged = self._clients.values(work.stage, self._teller(work, orders)) if self._clients else {}
            failure = failure or self._changed_inputs(work)
            if not failure:
                record = self._store(work, orders.run, monotonic() - started, logged)
        except UserError as error:
            failure = "; ".join(filter(None, [error.what, error.fix]))
        except OSError as error:
            failure = f"{error.strerror}: {error.filename}"
        stopped = outcome.ending == "cancelled" if outcome is not None else self.cancel.requested
        status: Status = "ran" if record is not None else "cancelled" if stopped else "failed"
        return Ended(
            status,
            record,
            failure,
            tried=None if record else _tried(work),
            outcome=outcome,
            attempts=attempt,
            seconds=monotonic() - started,
            log=log,
            logged=logged,
        )

    def metrics(self, stage: Stage, ended: Ended) -> dict[str, float]:
        """The numbers in a stage's metric files, and what it logged beside them; of a failed one only that."""
        if ended.record is None:
            return dict(ended.logged)
        logged = ended.logged or ended.record.logged
        if not logged and ended.status != "ran":
            known = self._results.get(ended.record.key)
            logged = known.logged if known is not None else {}
        files = self._in_files(stage)
        return {**files, **{name: value for name, value in logged.items() if name not in files}}

    def _in_files(self, stage: Stage) -> dict[str, float]:
        """The numbers in a stage's metric files by dotted name; a file that can't be read has none."""
        found: dict[str, float] = {}
        for out in stage.outs:
            if out.role != "metric":
                continue
            try:
                with open(os.path.join(self._folders.root, out.path), encoding="utf-8") as file:
                    found.update(numbers(parse(out.path, file.read(METRICS_LIMIT))))
            except (UserError, OSError, UnicodeDecodeError):
                continue
        return found

    def _enter(self, stage: Stage, orders: Orders, log: str) -> Mapping[str, str]:
        """What has the stage's command run in the environment that it declares, which is there then."""
        if stage.packages is None or self._environments is None:
            return {}
        name = str(stage.packages)

        def begun() -> None:
            orders.post(BuildStarted(orders.run, time(), name, stage.name))

        def built(one: Built) -> None:
            if not one.seconds:
                return
            seconds = round(one.seconds, 3)
            orders.post(BuildFinished(orders.run, time(), name, stage.name, seconds, one.distributions))
            for notice in one.notices:
                orders.post(Warned(orders.run, time(), notice))

        return self._environments.of(stage.packages, Build(log, self.cancel, begun, built)).variables

    def _try(
        self, work: Work, orders: Orders, attempt: int, log: str, entered: Mapping[str, str]
    ) -> tuple[Outcome, str]:
        """One attempt: how it ended, and why it failed if it did."""
        stage = work.stage
        orders.post(StageStarted(orders.run, time(), stage.name, attempt, log, work.action.reasons))
        self._prepare(stage)
        job = self._job(work, orders, attempt, log, entered)
        outcome, remarks = orders.watch.run(self._executor, self.cancel, self._watched(work), job)
        for remark in remarks.told:
            orders.post(Warned(orders.run, time(), remark, stage.name))
        return outcome, "; ".join(filter(None, [sentence(outcome, stage), remarks.failure]))

    def _prepare(self, stage: Stage) -> None:
        for out in stage.outs:
            if out.persist:
                self._workspace.unprotect(out.path)
            else:
                self._workspace.remove(out.path)
            os.makedirs(os.path.dirname(os.path.join(self._folders.root, out.path)), exist_ok=True)

    def _job(self, work: Work, orders: Orders, attempt: int, log: str, entered: Mapping[str, str]) -> Job:
        stage = work.stage
        env = {
            **self._env,
            **entered,
            **stage.env,
            "OUTDO_RUN": orders.run,
            "OUTDO_STAGE": stage.name,
            "OUTDO_ATTEMPT": str(attempt),
        }
        if self._folders.dvc:
            env["DVC_STAGE"] = stage.name
        if work.share.gpus:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(gpu for gpu, _ in work.share.gpus)
        line = None
        if self._clients is not None:
            line = self._clients.enter(stage, work.action.key, env, self._teller(work, orders))
        cwd = os.path.normpath(os.path.join(self._folders.root, stage.wdir))
        return Job(stage.name, attempt, stage.cmd, cwd, env, log, stage.timeout, line=line)

    def _teller(self, work: Work, orders: Orders) -> Callable[[str], None]:
        """Warns of something about a stage."""
        return lambda message: orders.post(Warned(orders.run, time(), message, work.stage.name))

    def _watched(self, work: Work) -> Watched:
        reads: list[Path] = []
        for dep in (dep for dep in work.deps if not is_url(dep)):
            literal = not is_glob(dep) or os.path.lexists(os.path.join(self._folders.root, dep))
            reads += [dep] if literal else self._workspace.expand(dep)
        reads += [param.file for param in work.stage.params]
        inside = [os.path.normpath(os.path.join(self._folders.root, path)) for path in dict.fromkeys(reads)]
        writes = [os.path.join(self._folders.root, out.path) for out in work.stage.outs]
        return Watched(work.stage, tuple(inside), tuple(writes))

    def _changed_inputs(self, work: Work) -> str:
        """A sentence if an input is no longer what the stage was started with: its result would then stand under
        a key that it may not have been made from."""
        for path in filter(is_url, work.deps):
            self._workspace.forget(path)
        now = self._workspace.look(work.deps)
        for path, entry in work.deps.items():
            if is_url(path):  # where its server is silent by now, what it said before counts
                if now.get(path, entry).digest != entry.digest:
                    return f"what is at '{path}' changed while it ran, so its result is not kept"
                continue
            if path not in now:
                return f"its input '{path}' is gone: the stage, or someone meanwhile, deleted it"
            if now[path].digest != entry.digest:
                self._objects.known_good(
                    entry.digest
                )  # written through a hardlink, the object is damaged now
                return (
                    f"its input '{path}' changed while it ran, by the stage itself or by someone else, "
                    "so its result is not kept"
                )
        return ""

    def _store(self, work: Work, run: RunId, seconds: float, logged: Mapping[str, float]) -> Record:
        stage = work.stage
        outs: dict[Path, Entry] = {}
        for out in stage.outs:
            if not os.path.lexists(os.path.join(self._folders.root, out.path)):
                raise NotWritten(f"it ended well but did not write '{out.path}'", fix=_hint(stage, out.path))
            small = out.role != "out"
            outs[out.path] = self._workspace.save(out.path, cache=out.cache or small, link=out.cache)
        for path, entry in work.deps.items():
            few = entry.files <= SOURCE_FILES and entry.size <= SOURCE_LIMIT * (
                1 if entry.kind == "file" else 8
            )
            if few and not entry.state and not self._objects.has(entry.digest):
                self._workspace.keep_copy(path)
        finite = {name: value for name, value in logged.items() if isfinite(value)}
        record = structs.replace(_tried(work), outs=outs, run=run, seconds=round(seconds, 3), logged=finite)
        if not stage.always_changed:
            self._results.put(record)
        return record

    def _log_path(self, run: RunId, stage: Stage) -> str:
        name = re.sub(r"[^\w.@=+-]", "_", stage.name)[:150]
        if name != stage.name:
            name = f"{name}-{digest('log/1', stage.name)[:8]}"
        return os.path.join(self._folders.state, "logs", run, f"{name}.log")


def _tried(work: Work) -> Record:
    assert work.action.key is not None
    return Record(work.action.key, work.stage.cmd, work.deps, work.params, work.stage.env)


def artifacts(stage: Stage, record: Record) -> tuple[Artifact, ...]:
    """All that a stage read and wrote, with roles."""
    roles = {out.path: out.role for out in stage.outs}
    read = [Artifact(path, "dep", entry) for path, entry in record.deps.items()]
    return (
        *read,
        *(Artifact(path, roles[path], entry) for path, entry in record.outs.items() if path in roles),
    )


def sentence(outcome: Outcome, stage: Stage) -> str:
    """Why an attempt failed, as a person would say it; empty if it did not."""
    if outcome.ok:
        return ""
    if outcome.ending == "exited":
        return f"its command exited with {outcome.exit_code}"
    if outcome.ending == "signalled":
        hint = " (out of memory?)" if outcome.signal == 9 else ""
        return f"its command was killed by signal {outcome.signal}{hint}"
    if outcome.ending == "timeout":
        return f"it took longer than its timeout of {stage.timeout:g} s, and was ended"
    if outcome.ending == "cancelled":
        return "stopped"
    return f"its command could not be started: {outcome.message}"


def _hint(stage: Stage, path: Path) -> str:
    where = "" if stage.wdir == "." else f" (it runs in '{stage.wdir}')"
    return f"make its command write '{path}'{where}, or take it out of the outs"
