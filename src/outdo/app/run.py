"""The verb `run`: carries a plan out, writes down what happened, and leaves the workspace in order."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from time import gmtime, monotonic, strftime, time
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from outdo.app.capture import capture, describe_environment, with_built
from outdo.app.lazy import lazy
from outdo.app.passed import judged_by
from outdo.app.person import user
from outdo.app.project import Project
from outdo.app.registered import outputs, registers, unregistered
from outdo.core.checknodes import node, with_checks, with_nodes
from outdo.core.errors import BadRehearsal, TrackedByGit, UserError
from outdo.core.events import (
    AnyEvent,
    Captured,
    Judged,
    RunFinished,
    RunStarted,
    RunStatus,
    StageFinished,
    Trial,
    Warned,
)
from outdo.core.graph import Graph
from outdo.core.model import Plan, Record, RunId, Stage, StageName, Verb
from outdo.run.budget import Budget, measure
from outdo.run.building import Environments
from outdo.run.claims import Bell, Claims
from outdo.run.execute import Engine, Order
from outdo.run.inspecting import Asking, Inspector
from outdo.run.local import Local
from outdo.run.ports import Cancel, Executor
from outdo.run.rehearsal import Rehearsal, parse_faults
from outdo.run.source import add_to_git, ignore, tracked
from outdo.run.watch import Unwatched, Watch
from outdo.run.workbench import Folders, Stores, Workbench
from outdo.store.journal import Journal, Recorder

if TYPE_CHECKING:
    from outdo.run.line import Line

DVC_LOCK = "dvc.lock"
JOURNAL = "journal.jsonl"
CAPTURE_SECONDS = 20.0
"""How long the end of a run waits for Git and the environment to be read."""


class Options(Struct, frozen=True):
    """How a plan is carried out."""

    force: bool = False
    keep_going: bool = False
    jobs: int | None = None
    """Stages at once at most; None: as many as fit on the machine."""
    sandbox: bool = False
    audit: bool = False
    rehearse: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """The words that started it, for the ledger."""
    remote: bool = True
    """Ask the remote, where one is declared, for what would run."""
    trial: Trial | None = None


class Commons(Struct, frozen=True):
    """What runs that go on at once share."""

    budget: Budget
    claims: Claims
    executor: Executor
    """Left open at the end of a run."""
    environment: Callable[[], bytes]
    """Describes the environment, which is one for all."""
    branch: str | None
    """The branch of the code that all start from."""
    line: "Line"
    """Where stages log; left open at the end of a run."""


class Result(Struct, frozen=True):
    """How a run went."""

    run: RunId | None
    """None where nothing was to be done: then nothing is recorded."""
    status: RunStatus
    stages: Mapping[StageName, StageFinished]
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.status == "done"

    @property
    def failed(self) -> list[StageFinished]:
        return [stage for stage in self.stages.values() if stage.status == "failed"]


class Run:
    """One run of a plan: iterate over `events()` once, then read `result`. `stop` ends it from any thread."""

    def __init__(
        self,
        project: Project,
        made: Plan,
        options: Options,
        executor: Executor | None = None,
        commons: Commons | None = None,
    ) -> None:
        self._commons = commons
        self._project = project
        self._plan = made
        self._options = options
        now = time()
        self.id = RunId(f"{strftime('%Y%m%d-%H%M%S', gmtime(now))}-{os.urandom(3 if commons else 2).hex()}")
        counts: dict[str, int] = {}
        for action in made.actions:
            counts[action.verb] = counts.get(action.verb, 0) + 1
        name = project.pipeline.project
        self._started = RunStarted(self.id, now, name, options.command, user(), counts, options.trial)
        faults = parse_faults(options.rehearse)
        for stage in faults:
            if stage not in project.graph.stages:
                project.graph.named([stage])
                raise BadRehearsal(
                    f"'{stage}' is a group or an output", fix="name one stage: `outdo status` lists them"
                )
        executor = executor or (commons.executor if commons else Local(self.id))
        self._executor = Rehearsal(executor, faults) if faults else executor
        # A stage whose result turns out to be lost runs after all, so it is watched as if it would.
        self._watch = watch_for(project, self._stages("run", "wait", "restore", "skip"), options)
        self._engine = self._make_engine(self._watch)
        self._recorder = Recorder(Journal(os.path.join(project.home, JOURNAL)))
        self._finished: dict[StageName, StageFinished] = {}
        self._warnings: list[str] = []
        self._seconds = 0.0
        self._trouble = ""
        self._cancel = Cancel()
        """Of what follows the stages."""
        self._settled = False
        self._cut = False
        """Whether it was stopped before all models were judged."""
        self._refused: list[str] = []
        """Models that did not pass their gates."""
        self._ignored: list[str] = []
        """Files in which Git was told of outputs."""
        self.captured: Captured | None = None
        """The code and the environment that it had, as far as they are known."""

    def _make_engine(self, watch: Watch) -> Engine:
        project = self._project
        common = self._commons
        budget = (
            common.budget if common else Budget(measure(), 1 if watch.one_at_a_time else self._options.jobs)
        )
        budget.check(self._stages("run", "wait"))
        _check_git(project)
        bring = project.adopted.bring if project.adopted else None
        self._environments = Environments(project.root, project.environments, os.environ)
        stores = Stores(
            project.workspace, project.objects, project.results, self._recall(), bring, self._environments
        )
        self._line = common.line if common else open_line(project, self._options)
        line = lazy("outdo.run.line").RunLine(self._line, self._started)
        folders = Folders(project.root, project.home, project.dvc_root)
        bench = Workbench(folders, stores, self._executor, line)
        checks = {one.path: project.pipeline.checks[one.path] for one in self._plan.checks}
        graph = with_checks(project.graph, checks)
        order = Order(
            self.id,
            graph,
            with_nodes(graph, self._plan),
            self._options.force,
            self._options.keep_going,
            {node(path): (path, one) for path, one in checks.items()},
        )
        asking = Asking(
            (project.root, project.file, project.home), project.judgements, self._executor, bench.cancel
        )
        inspector = Inspector(project.judgements, asking)
        self._claims = common.claims if common else Claims(Bell(), project.results.claims)
        return Engine(order, project, bench, budget, watch, self._claims, inspector)

    def _stages(self, *verbs: Verb) -> list[Stage]:
        return [self._project.graph.stages[one.stage] for one in self._plan.actions if one.verb in verbs]

    def _recall(self) -> Callable[[Stage, Record], Record | None] | None:
        declared = self._project.pipeline.remotes or self._project.repository
        if not declared or not self._options.remote or self._options.rehearse:
            return None
        asked: Callable[[Stage, Record], Record | None] | None = lazy("outdo.app.share").look_up(
            self._project
        )
        return asked

    def stop(self) -> None:
        """Ends every command that runs; the stream of events then ends."""
        self._cancel.request()
        self._engine.stop()

    def events(self) -> Iterator[AnyEvent]:
        """Carries the plan out and yields what happens. Whatever becomes of the consumer, when this has ended
        nothing runs any more and everything that was finished is written down."""
        started = monotonic()
        capture = threading.Thread(target=self._capture, name="outdo-capture", daemon=True)
        try:
            for event in chain(self._engine_events(capture), self._afterwards()):
                self._note(event)
                yield event
        finally:
            if capture.ident is not None:  # else the consumer left before anything began
                capture.join(CAPTURE_SECONDS)
            closing: list[AnyEvent] = [*self._engine.posted(), *([] if self._settled else self._settle())]
            closing += self._entered(closing)
            self._seconds = monotonic() - started
            closing.append(RunFinished(self.id, time(), self.result.status, round(self._seconds, 3)))
            for event in closing:
                self._note(event)
            lost = self._recorder.close(5.0)
            if lost:
                self._warnings.append(lost)
            if self._commons is None:
                self._executor.close()
                self._line.close()
                self._claims.close()
        yield from closing
        if lost:
            yield Warned(self.id, time(), lost)

    def execute(self) -> Result:
        """Carries the plan out to its end."""
        for _ in self.events():
            pass
        return self.result

    @property
    def result(self) -> Result:
        status = "failed" if self._trouble or self._refused else self._engine.status
        if status == "done" and self._cut:
            status = "interrupted"
        return Result(self.id, status, dict(self._finished), self._seconds, tuple(self._warnings))

    def _engine_events(self, capture: threading.Thread) -> Iterator[AnyEvent]:
        yield self._started
        for limit in self._watch.limits:
            yield Warned(self.id, time(), limit)
        if self._commons is None:
            yield from (Warned(self.id, time(), told) for told in self._stale())
        # Before anything is written, so that no output is ever taken for code.
        self._ignored = ignore(self._project.root, self._project.for_git(_owned(self._project.graph)))
        capture.start()
        yield from self._engine.events()

    def _stale(self) -> Sequence[str]:
        """What is to be said of tracked data that stages will read."""
        deps = sorted({dep for stage in self._stages("run", "wait") for dep in stage.deps})
        tracked = [dep for dep in deps if self._project.is_tracked(dep)]
        told: Sequence[str] = lazy("outdo.app.data.stale").stale(self._project, tracked) if tracked else ()
        return told

    def _note(self, event: AnyEvent) -> None:
        self._recorder(event)
        if isinstance(event, StageFinished):
            self._finished[event.stage] = event
        elif isinstance(event, Warned):
            self._warnings.append(event.message)
        elif isinstance(event, Captured):
            self.captured = event
        elif isinstance(event, Judged) and event.judgement.kind == "model" and event.stops:
            self._refused.append(event.judgement.subject)

    def _settle(self) -> list[Warned]:
        """Makes what was finished durable: objects first, then the lock that names them."""
        project = self._project
        warnings: list[Warned] = []
        try:
            project.objects.sync()
            records = {**project.lock.records, **self._engine.records}
            project.lock.save(
                {name: record for name, record in records.items() if name in project.graph.stages}
            )
            warnings += self._tell_dvc()
        except UserError as error:
            self._trouble = error.what
            warnings.append(Warned(self.id, time(), f"{error.what}; {error.fix}"))
        except OSError as error:
            self._trouble = f"what was finished could not be written down: {error}"
            warnings.append(Warned(self.id, time(), self._trouble))
        try:
            project.remember()
        except (UserError, OSError) as error:
            warnings.append(Warned(self.id, time(), f"the stat cache was not written: {error}"))
        warnings += [
            Warned(self.id, time(), f"object {digest[:12]} in the store was damaged and set aside")
            for digest in project.objects.damaged
        ]
        return warnings

    def _afterwards(self) -> Iterator[AnyEvent]:
        """The models of the file are versions, and judged, where all went well and this is no mere try."""
        project, options = self._project, self._options
        tried = self._commons is not None or options.trial is not None or bool(options.rehearse)
        if self._engine.status != "done" or tried or not registers(project) or not project.pipeline.models:
            return
        self._settled = True
        yield from self._settle()
        if self._trouble:
            return
        if found := unregistered(project, outputs(project, project.lock.records, self._finished)):
            registering = lazy("outdo.app.registering")
            yield from registering.register(project, found, registering.By(user(), self.id))
        if names := judged_by(project, self._finished):
            gating = lazy("outdo.app.gating").Gating(project, self.id, self._executor, self._cancel)
            yield from gating.events(names)
            self._cut = self._cancel.requested

    def _tell_dvc(self) -> list[Warned]:
        """DVC knows what the lock says, in a repository that it keeps too."""
        project = self._project
        if project.repository is None:
            return []
        kept = lazy("outdo.app.data.stale").keep_changed(project)
        untold = project.tell_dvc()
        if project.repository.settings.autostage:
            add_to_git(project.root, [DVC_LOCK, *self._ignored, *kept.files])
        told = [Warned(self.id, time(), f"`dvc.lock` can't tell of stage '{name}'", name) for name in untold]
        return [*told, *(Warned(self.id, time(), what) for what in kept.told)]

    def _entered(self, told: Sequence[AnyEvent]) -> list[AnyEvent]:
        """The run's environment again, where stages ran in others than the one that Outdo was started in."""
        used = list(self._environments.used.values())
        known = next((event for event in told if isinstance(event, Captured)), self.captured)
        return [with_built(self._project, known, used)] if used and known else []

    def _capture(self) -> None:
        """Reads the code and the environment while stages run."""
        common = self._commons
        environment = common.environment if common else partial(describe_environment, self._project.root)
        for event in capture(self._project, self.id, environment):
            if common and isinstance(event, Captured):
                self._engine.post(structs.replace(event, branch=common.branch))
            else:
                self._engine.post(event)


def open_line(project: Project, options: Options) -> "Line":
    """Where the stages of a run log: nothing is kept of a rehearsal, and nothing opened before a stage begins."""
    line = lazy("outdo.run.line")
    boxed = options.sandbox or any(stage.sandbox for stage in project.pipeline.stages)
    scratch = project.objects.scratch.name
    name = project.pipeline.project
    home = line.Home(project.home, project.objects.root, name, scratch, boxed, bool(options.rehearse))
    opened: Line = line.Line(home, os.environ)
    return opened


def watch_for(project: Project, stages: Sequence[Stage], options: Options) -> Watch:
    if not (options.sandbox or options.audit or any(stage.sandbox for stage in stages)):
        return Unwatched()
    shown = [project.objects.folder, project.environments]
    watch: Watch = lazy("outdo.run.watching").watch_for(
        project.root, stages, shown, sandbox=options.sandbox, audit=options.audit
    )
    return watch


def _check_git(project: Project) -> None:
    """Raises `TrackedByGit` for an output that both the store and Git would own."""
    both = tracked(project.root, project.for_git(_owned(project.graph)))
    if both:
        path = both[0]
        maker = project.graph.stages[project.graph.made_by[path]] if path in project.graph.made_by else None
        what = f"'{path}' is an output that the store keeps, and Git tracks it too"
        fix = f"git rm -r --cached '{path}' (the file stays), or say `cache: false` for it"
        raise TrackedByGit(what, where=maker.place if maker else "", fix=fix)


def _owned(graph: Graph) -> Iterator[str]:
    """Outputs that the store keeps instead of Git."""
    return (out.path for stage in graph.stages.values() for out in stage.outs if out.cache)
