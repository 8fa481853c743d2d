"""Carries a plan out and yields what happens.

One thread decides and yields; a crew of others runs stages and hands back how they ended. Every stage is decided
again by `core.plan.decide` at the moment it could start, with what its inputs hold then: what the plan could only
call `wait` is settled so, and a file that was edited since the plan was made is seen.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from time import time
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.checknodes import Case
from outdo.core.checknodes import case as case_of
from outdo.core.events import AnyEvent, CheckStarted, Event, Judged, RunStatus, StageFinished, Status, Warned
from outdo.core.graph import Graph
from outdo.core.model import (
    Action,
    Entry,
    Param,
    Path,
    Plan,
    Reason,
    Record,
    RunId,
    Stage,
    StageName,
)
from outdo.core.paths import file_of
from outdo.core.plan import Facts, bar, decide, missing_inputs
from outdo.core.verdict import Judgement
from outdo.run.budget import Budget, Round, Share
from outdo.run.claims import Claims
from outdo.run.crew import Crew
from outdo.run.frontier import Checks, Frontier
from outdo.run.inspecting import Asked, Inspector, Looked, unseen
from outdo.run.watch import Watch
from outdo.run.workbench import COMPELLING, Ended, Orders, Work, Workbench, artifacts

ASKED_AT_ONCE = 16
"""Stages that are looked up elsewhere at a time."""

NOTHING = Share(0.0, 0)
"""What a stage has of the machine while it is looked up."""

NOT_FOUND = Ended("failed")
"""How a look-up ends that finds nothing."""


class Order(Struct, frozen=True):
    """What is to be carried out, and how."""

    run: RunId
    graph: Graph
    plan: Plan
    force: bool = False
    keep_going: bool = False
    """A failure stops only what depends on it."""
    checks: Mapping[StageName, Checks] = {}
    """The nodes of the graph that are no stages."""


class Sight(Protocol):
    """Sees what paths and params hold at this moment."""

    def facts(self, paths: Sequence[Path], params: Sequence[Param]) -> Facts: ...


class Engine:
    """One run of a plan; `post` and `stop` may be called from any thread.

    With `claims` it waits for what others compute that go on at once, in this process or in another."""

    def __init__(
        self,
        order: Order,
        sight: Sight,
        bench: Workbench,
        budget: Budget,
        watch: Watch,
        claims: Claims | None = None,
        inspector: Inspector | None = None,
    ) -> None:
        self._claims = claims
        self._inspector = inspector
        self._order = order
        self._sight = sight
        self._bench = bench
        self._budget = budget
        self._orders = Orders(order.run, self.post, watch)
        self._crew = Crew()
        self._inbox: SimpleQueue[tuple[Work, Ended] | Looked | AnyEvent | None] = SimpleQueue()
        self._planned = {action.stage: action for action in order.plan.actions}
        self._frontier = Frontier(self._planned, order.graph, order.checks)
        self._running = 0
        self._asking: set[StageName] = set()
        """Stages that are looked up elsewhere now: they have no share of the machine."""
        self._asked: set[StageName] = set()
        """Stages that were looked up, or need not be."""
        self._told: set[StageName] = set()
        """Stages of which it was said that another process computes them."""
        self._failed = False
        self._made: dict[Path, Entry] = {}
        """Outputs of the stages that are done."""
        self.records: dict[StageName, Record] = {}
        """The result of every stage that was kept, restored or run."""

    def post(self, event: AnyEvent) -> None:
        """Adds an event to the stream."""
        self._inbox.put(event)

    def stop(self) -> None:
        """Ends every command that runs and starts no other; the stream then ends."""
        self._bench.cancel.request()
        self._inbox.put(None)

    def events(self) -> Iterator[AnyEvent]:
        """Yields what happens until nothing is left to do. When it returns, or is closed, nothing runs any more."""
        if self._claims:
            self._claims.bell.listen(self._wake)
        try:
            yield from self._start_ready()
            while self._running or self._waits:
                try:
                    message = self._inbox.get()
                except KeyboardInterrupt:
                    self.stop()
                    continue
                yield from self._receive(message)
                yield from self._start_ready()
            yield from self._left_out()
        finally:
            self._bench.cancel.request()
            while self._running:
                message = self._inbox.get()
                if isinstance(message, tuple):
                    self._conclude(*message)
                elif isinstance(message, Looked):
                    self._stop_looking(message)
            if self._claims:
                self._claims.bell.leave(self._wake)
            self._crew.close()

    def posted(self) -> Iterator[AnyEvent]:
        """Yields what was posted and not yet read."""
        while not self._inbox.empty():
            if isinstance(message := self._inbox.get(), Event):
                yield message

    @property
    def status(self) -> RunStatus:
        """How the run has ended so far."""
        if "cancelled" in self._frontier.ended.values():
            return "interrupted"
        return "done" if self._frontier.all_well else "failed"

    @property
    def _stopping(self) -> bool:
        return self._bench.cancel.requested or (self._failed and not self._order.keep_going)

    @property
    def _waits(self) -> bool:
        """Whether another run has what a stage of this one needs, the machine or a result."""
        return self._claims is not None and bool(self._frontier) and not self._stopping

    def _wake(self) -> None:
        self._inbox.put(None)

    def _start_ready(self) -> Iterator[AnyEvent]:
        """Starts what is ready and fits on the machine, in the plan's order."""
        waiting: list[StageName] = []
        with self._budget.round() as round_:
            while self._frontier and not self._stopping and (round_.open or self._next_needs_nothing()):
                name = self._frontier.take()
                planned = self._planned[name]
                if name in self._order.checks:
                    if not (yield from self._start_check(name, round_)):
                        waiting.append(name)
                    continue
                if planned.verb == "keep" and not self._frontier.blocked(name):
                    yield self._finish(name, planned, Ended("kept", planned.record))
                    continue
                if self._is_to_be_asked(name):
                    if len(self._asking) >= ASKED_AT_ONCE:
                        waiting.append(name)
                        continue
                    if (yield from self._start(name, None)):
                        continue
                share = round_.take(self._order.graph.stages[name].resources)
                if share is None or not (yield from self._start(name, share)):
                    waiting.append(name)
        self._frontier.put_back(waiting)

    def _next_needs_nothing(self) -> bool:
        """Whether the next stage can go on without a share of the machine."""
        name = self._frontier.first
        if name in self._order.checks:
            return self._needs_no_look(name)
        if self._planned[name].verb == "keep":
            return True
        return self._is_to_be_asked(name) and len(self._asking) < ASKED_AT_ONCE

    def _is_to_be_asked(self, name: StageName) -> bool:
        """Whether a stage is looked up elsewhere before it gets a share; with it where nothing else may go on."""
        return self._bench.asks and name not in self._asked and not self._orders.watch.one_at_a_time

    def _start(self, name: StageName, share: Share | None) -> Generator[AnyEvent, None, bool]:
        """Decides a stage with what its inputs hold now, and does it, or hands it to the crew; False for one that
        another run computes at the moment, and for one that needs a share and has none."""
        stage = self._order.graph.stages[name]
        planned = self._planned[name]
        if reasons := self._frontier.blocked(name):
            action = Action(name, "skip", reasons)
            ended = Ended("skipped")
        elif barred := bar(stage, facts := self._facts(stage)):
            action = Action(name, "skip", (barred,))
            ended = Ended("failed", failure=f"{barred.subject} ({stage.place}); {barred.after}")
        else:
            missing = missing_inputs(stage, facts, self._order.graph)
            if missing:
                action = Action(name, "skip", planned.reasons)
                ended = Ended("failed", failure="; ".join(mistake.what for mistake in missing))
            else:
                action = decide(stage, facts, force=self._order.force)
                asks = share is None and self._bench.may_recall(stage, action)
                if share is None and not asks:
                    self._asked.add(name)
                if action.verb in ("run", "restore") and share is None and not asks:
                    return False
                if not self._may_compute(action):
                    if share is not None:
                        self._budget.put_back(share)
                    yield from self._tell_of_other(name, action)
                    return False
                ended = Ended("kept", action.record)
                if share is not None and planned.key is not None and action.key != planned.key:
                    message = "its inputs changed since the plan was made; what they hold now counts"
                    yield Warned(self._order.run, time(), message, name)
                if action.verb in ("run", "restore"):
                    deps = {dep: facts.entries[dep] for dep in stage.deps}
                    params = {str(param): facts.params[param] for param in stage.params}
                    if share is None:
                        self._asking.add(name)
                    self._hand(Work(stage, action, deps, params, share or NOTHING))
                    return True
        if share is not None:
            self._budget.give_back(share)
        yield self._finish(name, action, ended)
        return True

    def _may_compute(self, action: Action) -> bool:
        """Whether no other run is about to come to the result that this one could take over."""
        compelled = any(reason.kind in COMPELLING for reason in action.reasons)
        if self._claims is None or action.verb != "run" or action.key is None or compelled:
            return True
        return self._claims.take(action.key, self._order.run)

    def _tell_of_other(self, name: StageName, action: Action) -> Iterator[AnyEvent]:
        """Says once of a stage that another process computes it."""
        process = self._claims.process(action.key) if self._claims and action.key else None
        if process is not None and name not in self._told:
            self._told.add(name)
            who = f"process {process}" if process else "another process"
            message = f"{who} computes the same now, and its result is taken over when it is there"
            yield Warned(self._order.run, time(), message, name)

    def _facts(self, stage: Stage) -> Facts:
        """What a stage's inputs and outputs hold now; of outputs made in this run it is known."""
        paths = [*(dep for dep in stage.deps if dep not in self._made), *(out.path for out in stage.outs)]
        facts = self._sight.facts(paths, stage.params)
        known = {dep: self._made[dep] for dep in stage.deps if dep in self._made}
        return replace(facts, entries={**facts.entries, **known})

    def _hand(self, work: Work) -> None:
        self._running += 1
        self._crew.hand(partial(self._do, work))

    def _do(self, work: Work) -> None:
        """Runs in a thread of the crew."""
        try:
            if work.action.verb == "restore":
                ended = self._bench.restore(work)
            elif work.share is NOTHING:
                ended = self._bench.recall(work, self._orders) or NOT_FOUND
            else:
                lost = any(reason.kind == "lost" for reason in work.action.reasons)
                asks = lost or work.stage.name not in self._asked
                recalled = self._bench.recall(work, self._orders) if asks else None
                ended = recalled or self._bench.run(work, self._orders)
        except Exception as error:
            ended = Ended("failed", failure=f"internal error: {error!r}")
        self._inbox.put((work, ended))

    def _receive(self, message: tuple[Work, Ended] | Looked | AnyEvent | None) -> Iterator[AnyEvent]:
        if isinstance(message, Event):
            yield message
        elif isinstance(message, Looked):
            self._stop_looking(message)
            if message.judgement is not None:
                yield self._judged(message.node, message.judgement, kept=False, seconds=message.seconds)
            else:
                self._frontier.end(message.node, "cancelled")
        elif isinstance(message, tuple):
            work, ended = message
            if ended is NOT_FOUND:
                self._ask_no_more(work)
                return
            if ended.lost and not self._stopping:
                yield Warned(
                    self._order.run, time(), f"{ended.failure}; it is computed again", work.stage.name
                )
                again = Action(work.stage.name, "run", (Reason("lost", ended.lost),), work.action.key)
                self._running -= 1
                self._crew.done()
                self._hand(Work(work.stage, again, work.deps, work.params, work.share))
                return
            self._conclude(work, ended)
            yield self._finish(work.stage.name, work.action, ended)

    def _start_check(self, name: StageName, round_: Round) -> Generator[AnyEvent, None, bool]:
        """Tells what is known of some data, or has it looked at; False where that needs a share and has none."""
        assert self._inspector is not None
        if self._frontier.blocked(name):
            self._frontier.end(name, "skipped")
            return True
        case = self._case(name)
        known = None if self._order.force else self._inspector.known(case)
        if known is not None:
            yield self._judged(name, known, kept=True)
            return True
        share = round_.take(self._order.graph.stages[name].resources)
        if share is None:
            return False
        log = self._inspector.log(self._order.run, case)
        yield CheckStarted(self._order.run, time(), "data", case.path, log)
        self._running += 1
        self._crew.hand(partial(self._look, case, name, share))
        return True

    def _needs_no_look(self, name: StageName) -> bool:
        known = not self._order.force and self._inspector and self._inspector.known(self._case(name))
        return bool(known or self._frontier.blocked(name))

    def _case(self, name: StageName) -> Case:
        """The checks of a path with what it holds now."""
        path, checks = self._order.checks[name]
        paths = [each for each in (file_of(path), *checks.beside) if each not in self._made]
        return case_of(path, checks, {**self._made, **self._sight.facts(paths, ()).entries})

    def _look(self, case: Case, name: StageName, share: Share) -> None:
        """Runs in a thread of the crew."""
        assert self._inspector is not None
        try:
            looked = self._inspector.look(case, name, self._order.run, share)
        except Exception as error:
            found = unseen(Asked("data", case.path, "", ""), f"it can't be looked at: {error}")
            looked = Looked(name, share, found, 0.0)
        self._inbox.put(looked)

    def _stop_looking(self, looked: Looked) -> None:
        self._running -= 1
        self._crew.done()
        self._budget.give_back(looked.share)

    def _judged(self, name: StageName, found: Judgement, *, kept: bool, seconds: float = 0.0) -> Judged:
        """Books how checks came out, and frees those that waited for it."""
        stops = not found.lets_through
        self._failed = self._failed or stops
        self._frontier.end(name, "failed" if stops else "kept" if kept else "ran")
        return Judged(self._order.run, time(), found, stops, kept, round(seconds, 3))

    def _ask_no_more(self, work: Work) -> None:
        """A stage that was not found elsewhere waits for its share of the machine, as before the others."""
        self._conclude(work, NOT_FOUND)
        self._frontier.put_back([work.stage.name])

    def _conclude(self, work: Work, ended: Ended) -> None:  # noqa: ARG002
        self._running -= 1
        self._crew.done()
        if work.share is NOTHING:
            self._asking.discard(work.stage.name)
            self._asked.add(work.stage.name)
        else:
            self._budget.give_back(work.share)
        if self._claims and work.action.key:
            self._claims.free(work.action.key, self._order.run)

    def _finish(self, name: StageName, action: Action, ended: Ended) -> StageFinished:
        """Books the end of a stage and frees those that waited for it."""
        barred = any(reason.kind == "barred" for reason in action.reasons)
        self._failed = self._failed or (ended.status == "failed" and not barred)
        stage = self._order.graph.stages[name]
        if ended.record is not None:
            self.records[name] = ended.record
            self._made.update(ended.record.outs)
        self._frontier.end(name, ended.status)
        outcome = ended.outcome
        new = ended.record is not None and ended.status in ("ran", "restored")
        return StageFinished(
            run=self._order.run,
            at=time(),
            stage=name,
            status=ended.status,
            reasons=action.reasons,
            key=action.key,
            record=ended.record or ended.tried,
            artifacts=artifacts(stage, ended.record) if new and ended.record else (),
            metrics=self._bench.metrics(stage, ended),
            failure=ended.failure,
            exit_code=outcome.exit_code if outcome else None,
            attempts=ended.attempts,
            seconds=ended.seconds,
            cpu_seconds=outcome.cpu_seconds if outcome else 0.0,
            peak_memory=outcome.peak_memory if outcome else 0,
            log=ended.log,
        )

    def _left_out(self) -> Iterator[AnyEvent]:
        """Tells the stages that never started because of a failure or a stop."""
        status: Status = "cancelled" if self._bench.cancel.requested else "skipped"
        for name in self._frontier.left():
            if name in self._order.checks:
                self._frontier.end(name, status)
            else:
                yield self._finish(name, Action(name, "skip", self._frontier.blocked(name)), Ended(status))
