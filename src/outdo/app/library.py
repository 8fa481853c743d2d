"""The Python API: a project to plan, run and look at; its results are typed, and a notebook shows them as pictures."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from msgspec import Struct

from outdo.app import plan as planning
from outdo.app import why as reasons
from outdo.app.lazy import lazy
from outdo.app.passed import unjudged
from outdo.app.project import Project, open_project
from outdo.app.registered import behind
from outdo.app.run import Options, Result, Run
from outdo.core.events import AnyEvent, Judged, RunStatus, StageFinished
from outdo.core.graph import Graph
from outdo.core.looks import LOOKS
from outdo.core.model import Action, Plan, RunId, StageName
from outdo.core.picture import svg
from outdo.core.plan import Request
from outdo.core.sections import Plot
from outdo.core.sketch import Mark, part
from outdo.core.wording import VERBS, clauses, duration
from outdo.store.turn import Turn

if TYPE_CHECKING:
    from outdo.app.plots import Plots


class Planned(Struct, frozen=True):
    """What a run would do; in a notebook its graph, with a line per stage."""

    plan: Plan
    graph: Graph

    @property
    def actions(self) -> Mapping[StageName, Action]:
        """The action of each stage, by name."""
        return {action.stage: action for action in self.plan.actions}

    @property
    def fresh(self) -> bool:
        """Whether nothing is to be done."""
        return planning.nothing_to_do(self.plan)

    def __str__(self) -> str:
        return "\n".join(f"{name}: {_told(action, self.actions)}" for name, action in self.actions.items())

    def _repr_html_(self) -> str:
        marks = {name: Mark(action.verb) for name, action in self.actions.items()}
        rows = {name: _told(action, self.actions) for name, action in self.actions.items()}
        return _page(self.graph, marks, rows)


class Finished(Struct, frozen=True):
    """How a run went; in a notebook its graph, with a line per stage."""

    run: RunId | None
    """None where nothing was to be done: then nothing is recorded."""
    status: RunStatus
    stages: Mapping[StageName, StageFinished]
    seconds: float
    warnings: tuple[str, ...]
    graph: Graph

    @property
    def ok(self) -> bool:
        """Whether every stage is fresh now."""
        return self.status == "done"

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers in the metric files of all stages, by dotted name."""
        return {name: value for stage in self.stages.values() for name, value in stage.metrics.items()}

    def __str__(self) -> str:
        head = f"{self.status} in {duration(self.seconds)}" if self.run else "nothing to do"
        return "\n".join([head, *(f"{name}: {_ended(stage)}" for name, stage in self.stages.items())])

    def _repr_html_(self) -> str:
        marks = {name: Mark(stage.status) for name, stage in self.stages.items()}
        ends = {name: _ended(stage) for name, stage in self.stages.items()}
        return _page(self.graph, marks, ends, {name: f"{value:.5g}" for name, value in self.metrics.items()})


class Pipeline:
    """A project on disk, as `outdo.load` gives it. Every call looks at the files as they are then."""

    def __init__(self, path: str | os.PathLike[str] = ".") -> None:
        self._path = os.fspath(path)
        self._open()

    def plan(
        self, *targets: str, force: bool = False, single: bool = False, downstream: bool = False
    ) -> Planned:
        """What `run` with the same arguments would do now, and why. Raises `UserError` for what can't be planned."""
        project = self._open()
        return Planned(
            planning.make_plan(project, Request(targets, single, downstream, force)), project.graph
        )

    def status(self) -> Planned:
        """Where every stage stands: the plan of a run of all."""
        return self.plan()

    def why(self, stage: str) -> reasons.Why:
        """Why a stage would run, be restored or kept, down to the lines that changed."""
        return reasons.why(self._open(), stage)

    def plots(self, *paths: str, revs: Sequence[str] = (), look: Plot | None = None) -> "Plots":
        """What `outdo plots` draws: all plots or those named, of the workspace or of `revs`; a notebook shows the page.

        `look` goes before what the file declares. Raises `BadPlot` where there is nothing to draw."""
        verb = lazy("outdo.app.plots")
        made: Plots = verb.plots(self._path, verb.Wanted(paths, tuple(revs), look or Plot()))
        return made

    def run(
        self,
        *targets: str,
        request: Request | None = None,
        options: Options | None = None,
        listener: Callable[[AnyEvent], object] | None = None,
    ) -> Finished:
        """Runs what changed, restores what is known, keeps the rest; returns once all has ended.

        A stage that fails is a value in the result, no exception. `listener` is called with every event, in the
        thread of the caller; what it raises ends the run in order and is raised again.
        """
        finished: Finished | None = None
        for event in self.stream(*targets, request=request, options=options):
            if isinstance(event, Finished):
                finished = event
            elif listener is not None:
                listener(event)
        assert finished is not None
        return finished

    def stream(
        self, *targets: str, request: Request | None = None, options: Options | None = None
    ) -> Iterator[AnyEvent | Finished]:
        """Like `run`, but yields each event as it happens, and the result last. Closing it ends the run."""
        request = request or Request(targets)
        options = options or Options(force=request.force, command=("outdo.load",))
        project = self._open()
        project.make_state()
        with Turn(os.path.join(project.state, "turn"), "a Python program", lambda _: None):
            project = self._open()
            made = planning.make_plan(project, request)
            if planning.nothing_to_do(made):
                planning.take_in(project, made)
                found = behind(project, made)
                if found:
                    yield from lazy("outdo.app.registering").register_now(project, found)
                good = True
                if names := unjudged(project, made):
                    judged = lazy("outdo.app.gating").Now(project, names).events()
                    yield from judged
                    good = not any(isinstance(one, Judged) and one.stops for one in judged)
                result = Result(None, "done" if good else "failed", {})
            else:
                run = Run(project, made, options)
                yield from run.events()
                result = run.result
        yield Finished(
            result.run, result.status, result.stages, result.seconds, result.warnings, project.graph
        )

    def __repr__(self) -> str:
        project = self._open()
        return f"<outdo project {project.pipeline.project!r} with {len(project.graph.stages)} stages at {project.root}>"

    def _repr_html_(self) -> str:
        html: str = self.plan()._repr_html_()
        return html

    def _open(self) -> Project:
        return open_project(self._path)


def load(path: str | os.PathLike[str] = ".") -> Pipeline:
    """The project that `path` is in. Raises `NoProject`, or `Mistakes` with all that is wrong in its file."""
    return Pipeline(path)


def _told(action: Action, actions: Mapping[StageName, Action]) -> str:
    why = clauses(action, actions)
    return f"{VERBS[action.verb]}: {why}" if why else VERBS[action.verb]


def _ended(stage: StageFinished) -> str:
    word = LOOKS[stage.status].word
    words = f"{word} in {duration(stage.seconds)}" if stage.status == "ran" else word
    return f"{words}: {stage.failure}" if stage.failure else words


def _page(
    graph: Graph, marks: Mapping[StageName, Mark], *tables: Mapping[StageName, str] | Mapping[str, str]
) -> str:
    drawn = "".join(_table(rows) for rows in tables if rows)
    return f"<div>{svg(part(graph, marks), marks)}{drawn}</div>"


def _table(rows: Mapping[StageName, str] | Mapping[str, str]) -> str:
    cell = "<td style='text-align:left;padding:2px 16px 2px 0;border:0'>"
    lines = "".join(
        f"<tr>{cell}<b>{escape(name)}</b></td>{cell}{escape(told)}</td></tr>" for name, told in rows.items()
    )
    return f"<table style='border-collapse:collapse;font-size:13px;margin:8px 16px'>{lines}</table>"
