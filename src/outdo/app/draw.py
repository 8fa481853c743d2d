"""What a picture of a project is made from: the verb `graph`."""

import os
from collections.abc import Mapping, Sequence

from msgspec import Struct

from outdo.app.plan import make_plan
from outdo.app.project import Project
from outdo.core.checknodes import with_checks
from outdo.core.errors import CantWrite
from outdo.core.graph import Graph
from outdo.core.looks import State
from outdo.core.model import Inspection, Path, StageName
from outdo.core.plan import Request
from outdo.core.sketch import Mark, part
from outdo.core.wording import clauses


class Drawing(Struct, frozen=True):
    """Some stages of a project, and what a run would do about them."""

    project: str
    graph: Graph
    marks: Mapping[StageName, Mark]
    """Empty where nobody asked."""
    checks: frozenset[StageName] = frozenset()
    """Which of the graph's nodes are no stages."""


class Card(Struct, frozen=True):
    """A stage as `outdo graph --json` tells it."""

    name: StageName
    parents: tuple[StageName, ...]
    cmd: tuple[str, ...]
    deps: tuple[Path, ...]
    params: tuple[str, ...]
    outs: tuple[Path, ...]
    desc: str
    state: State | None
    """The verb of the plan; None where nobody asked."""


def draw(project: Project, targets: Sequence[str], *, status: bool = False) -> Drawing:
    """The stages that `targets` name with all they depend on, or all; with `status` marked by what a run would do."""
    graph = project.graph
    shown = part(graph, graph.above(graph.named(targets))) if targets else graph
    if not status:
        return Drawing(project.pipeline.project, shown, {})
    made = make_plan(project, Request(tuple(targets)))
    project.stat.save()
    actions = {action.stage: action for action in made.actions}
    marks = {name: Mark(action.verb, clauses(action, actions)) for name, action in actions.items()}
    checks = {one.path: project.pipeline.checks[one.path] for one in made.checks}
    marks |= {_title(one.path): _mark(one) for one in made.checks}
    whole = with_checks(shown, checks, _title)
    return Drawing(project.pipeline.project, whole, marks, frozenset(map(_title, checks)))


def cards(drawing: Drawing) -> list[Card]:
    """The stages, each after those it depends on."""
    return [
        Card(
            name,
            tuple(each for each in drawing.graph.parents[name] if each not in drawing.checks),
            stage.cmd,
            stage.deps,
            tuple(str(param) for param in stage.params),
            tuple(out.path for out in stage.outs),
            stage.desc,
            drawing.marks[name].state if name in drawing.marks else None,
        )
        for name, stage in drawing.graph.stages.items()
        if name not in drawing.checks
    ]


def save(path: str, text: str) -> None:
    """Writes a picture, in UTF-8, making its folder where there is none; raises `UserError`."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise CantWrite(f"'{path}' can't be written: {error.strerror}", fix="name another file") from None


def _title(path: Path) -> StageName:
    """What the checks of a path are called in a picture."""
    return StageName(f"check {path}")


def _mark(one: Inspection) -> Mark:
    """What is known of the checks of a path."""
    if one.stops:
        return Mark("failed", "does not pass")
    return Mark(one.verb, "passed" if one.verb == "keep" else "will be checked")
