"""Checks as nodes between the stages: after what writes a path, before what reads it.

Loaded by every run, so it knows of checks only what a pipeline tells.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.digest import check_key
from outdo.core.graph import Graph, glob_pattern, is_glob
from outdo.core.model import (
    Action,
    CheckedPath,
    Digest,
    Entry,
    Inspection,
    Key,
    Path,
    Plan,
    Reason,
    Resources,
    Stage,
    StageName,
)
from outdo.core.paths import file_of
from outdo.core.verdict import Judgement

RESOURCES = Resources(cpu=1.0, memory=1 << 30)
"""What a look at data takes of the machine."""

Known = Callable[[Digest, Key], Judgement | None]
"""A former judgement of these bytes by this key."""


def node(path: Path) -> StageName:
    """What the checks of a path are called among stages, as no stage can be."""
    return StageName(f"check\0{path}")


class Case(Struct, frozen=True):
    """The checks of a path, and what they are of."""

    path: Path
    checks: CheckedPath
    data: Entry | None
    """None: nothing is there."""
    beside: Mapping[Path, Entry] = {}

    @property
    def key(self) -> Key | None:
        if self.data is None:
            return None
        return check_key(self.path, self.checks.rules, self.data, self.beside)

    def known(self, known: Known, now: float) -> Judgement | None:
        """What needs no look, as it was found before and holds."""
        if self.data is None or self.key is None or not self.checks.lasting:
            return None
        found = known(self.data.digest, self.key)
        return found if found is not None and found.holds(now) else None


def case(path: Path, checks: CheckedPath, entries: Mapping[Path, Entry]) -> Case:
    """The checks of a path with what it holds, and what the files hold that they speak of."""
    beside = {other: entries[other] for other in checks.beside if other in entries}
    return Case(path, checks, entries.get(file_of(path)), beside)


def chosen(
    graph: Graph, checks: Mapping[Path, CheckedPath], selected: Collection[StageName]
) -> dict[Path, CheckedPath]:
    """The checks that belong to a run of `selected`: of all that these stages read or write, and with all stages
    those of other paths too."""
    if len(selected) == len(graph.stages):
        return dict(checks)
    return {
        path: one
        for path, one in checks.items()
        if not {*graph.makers(file_of(path)), *readers(graph, path)}.isdisjoint(selected)
    }


def readers(graph: Graph, path: Path) -> list[StageName]:
    """The stages that read what is at `path`, something in it, or a folder or a pattern that it is in."""
    file = file_of(path)
    return [name for name, stage in graph.stages.items() if any(_overlap(dep, file) for dep in stage.deps)]


def with_checks(
    graph: Graph, checks: Mapping[Path, CheckedPath], named: Callable[[Path], StageName] = node
) -> Graph:
    """The graph with a node for the checks of each path: they wait for what writes it and the files they speak of, and
    all that reads it waits for them. A reader that makes one of those files can't."""
    stages: dict[StageName, Stage] = dict(graph.stages)
    parents: dict[StageName, tuple[StageName, ...]] = dict(graph.parents)
    for path, one in checks.items():
        name = named(path)
        stages[name] = Stage(name, deps=_read(path, one), resources=RESOURCES)
        makers = {maker for each in _read(path, one) for maker in graph.makers(each)}
        parents[name] = tuple(sorted(makers))
        above = replace(graph, stages=stages, parents=parents).above(makers)
        for reader in readers(graph, path):
            if reader not in above:
                parents[reader] = (*parents[reader], name)
    return replace(graph, stages=stages, parents=parents)


def planned(
    graph: Graph,
    checks: Mapping[Path, CheckedPath],
    actions: Sequence[Action],
    entries: Mapping[Path, Entry],
    known: Known,
    now: float,
) -> tuple[Inspection, ...]:
    """What a run would do about the checks of each path, after `actions` of the stages."""
    restored = {
        path: entry
        for action in actions
        if action.verb == "restore" and action.record is not None
        for path, entry in action.record.outs.items()
    }
    moving = {action.stage for action in actions if action.verb != "keep"}
    there = {**entries, **restored}
    found: list[Inspection] = []
    for path, one in checks.items():
        read = [each for each in _read(path, one) if each not in restored]
        if any(maker in moving for each in read for maker in graph.makers(each)):
            found.append(Inspection(path, "wait"))
            continue
        judgement = case(path, one, there).known(known, now)
        found.append(Inspection(path, "run" if judgement is None else "keep", judgement))
    return tuple(found)


def halted(graph: Graph, made: Plan) -> Plan:
    """The plan as it will go where it is known of some data that it does not pass: what reads it is left out, and what
    depends on that."""
    left_out: dict[StageName, Reason] = {}
    for one in made.checks:
        if one.stops:
            left_out |= dict.fromkeys(readers(graph, one.path), Reason("check_failed", one.path))
    actions: list[Action] = []
    for action in made.actions:
        above = next((parent for parent in graph.parents[action.stage] if parent in left_out), None)
        if above is not None:
            left_out.setdefault(action.stage, Reason("upstream_failed", above))
        reason = left_out.get(action.stage)
        actions.append(action if reason is None else Action(action.stage, "skip", (reason,)))
    return replace(made, actions=tuple(actions)) if left_out else made


def with_nodes(graph: Graph, made: Plan) -> Plan:
    """A plan with an action for the checks of each path too, before the first stage that waits for it in `graph`."""
    left = {node(one.path): None for one in made.checks}
    actions: list[Action] = []
    for action in made.actions:
        for parent in graph.parents[action.stage]:
            if parent in left:
                del left[parent]
                actions.append(Action(parent, "wait"))
        actions.append(action)
    return replace(made, actions=(*actions, *(Action(name, "wait") for name in left)))


def _read(path: Path, checks: CheckedPath) -> tuple[Path, ...]:
    """The files that are read to judge a path."""
    return file_of(path), *checks.beside


def _overlap(dep: Path, path: Path) -> bool:
    if dep == path or dep.startswith(f"{path}/") or path.startswith(f"{dep}/"):
        return True
    return is_glob(dep) and glob_pattern(dep).match(path) is not None
