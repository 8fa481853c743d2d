"""Facts to a plan: for each stage whether it is kept, restored or run, and exactly why.

`decide` answers for one stage whose inputs are known; `plan` asks it for all, and where a stage above will change
something says `wait`: the engine asks `decide` again once that is known. So what `--dry` prints and what a run does
come from one place, and an output that comes out the same stops the wave by itself.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.digest import stage_key
from outdo.core.errors import BadParams, Mistakes, UnknownInput, UserError
from outdo.core.graph import Graph
from outdo.core.model import (
    Action,
    Digest,
    Entry,
    Param,
    Path,
    Plan,
    Reason,
    Record,
    Stage,
    StageName,
    Value,
)


class Request(Struct, frozen=True):
    """Which stages are meant, and how."""

    targets: tuple[str, ...] = ()
    """Stages, groups or outputs; none means all."""
    single: bool = False
    """Only the targets, not what they depend on."""
    downstream: bool = False
    """The targets and all that depends on them, not what they depend on."""
    force: bool = False
    """Run even what is fresh."""


class Absent(Struct, frozen=True):
    """A param that is not there, and why."""

    why: UserError


class Facts(Struct, frozen=True):
    """What is known of the world when a plan is made."""

    entries: Mapping[Path, Entry]
    """What each path or glob holds now; a missing path is not in it."""
    params: Mapping[Param, Value | Absent]
    lock: Mapping[StageName, Record]
    result: Callable[[Stage, Record], Record | None]
    """The run cache: what is known to come out of a stage with what a record without outputs says."""
    held: Callable[[Entry], bool]
    """Whether the store has the bytes of a file, or of all files of a folder."""
    tracked: Callable[[Path], bool] = lambda _: False
    """Whether a pointer stands for a path, or for a folder around it."""
    unreached: Mapping[Path, UserError] = {}
    """Addresses whose servers do not say what is there, and why."""


def select(graph: Graph, request: Request) -> list[StageName]:
    """The stages that a request means, in topological order; raises `UnknownStage`."""
    if not request.targets:
        return list(graph.stages)
    wanted = graph.named(request.targets)
    if request.downstream:
        chosen = graph.below(wanted)
    elif request.single:
        chosen = set(wanted)
    else:
        chosen = graph.above(wanted)
    return [name for name in graph.stages if name in chosen]


def plan(graph: Graph, facts: Facts, request: Request = Request()) -> Plan:  # noqa: B008  a frozen value
    """One action per selected stage; raises `Mistakes` with every input that is not there."""
    selected = select(graph, request)
    forced = _forced(graph, selected, request)
    known: dict[Path, Entry] = dict(facts.entries)
    pending: dict[StageName, Action] = {}
    """Stages whose outputs are not known before they have run."""
    moving: set[StageName] = set()
    """Stages whose outputs are not in the workspace yet."""
    hopeless: set[StageName] = set()
    """Stages that lack something that no selected stage makes, and those that wait for one of them."""
    barred: set[StageName] = set()
    """Stages that can't be run here, and those below them."""
    actions: list[Action] = []
    mistakes: list[UserError] = []
    world = replace(facts, entries=known)
    for name in selected:
        stage = graph.stages[name]
        above = [
            p for p in graph.parents[name] if p in pending or (p in moving and not _exact(stage, p, graph))
        ]
        if why := bar(stage, world) or _below(name, graph, barred):
            barred.add(name)
            action = Action(name, "skip", (why,))
        elif above and not stage.frozen:
            action = _wait(stage, above, graph, world, force=name in forced)
            pending[name] = action
        else:
            missing = missing_inputs(stage, world, graph, hopeless)
            mistakes += [each for each in missing if str(each) not in map(str, mistakes)]
            if missing or hopeless.intersection(graph.parents[name]):
                action = Action(name, "skip")
                hopeless.add(name)
            else:
                action = decide(stage, world, force=name in forced)
            if action.verb == "run":
                pending[name] = action
            elif action.verb == "restore" and action.record is not None:
                known.update(action.record.outs)
                moving.add(name)
        actions.append(action)
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Mistakes(mistakes)
    return Plan(tuple(actions))


def bar(stage: Stage, facts: Facts) -> Reason | None:
    """Why a stage can't be run here, though what it reads may be all right; None for nearly all."""
    if stage.frozen:
        return None
    if stage.barred is not None:
        return Reason("barred", stage.barred.what, None, stage.barred.fix)
    error = next((facts.unreached[dep] for dep in stage.deps if dep in facts.unreached), None)
    return None if error is None else Reason("barred", error.what, None, error.fix)


def _below(name: StageName, graph: Graph, barred: Container[StageName]) -> Reason | None:
    above = next((parent for parent in graph.parents[name] if parent in barred), None)
    frozen = graph.stages[name].frozen
    return None if above is None or frozen else Reason("upstream_failed", above)


def decide(stage: Stage, facts: Facts, *, force: bool = False) -> Action:
    """The action for a stage whose inputs are all known and there."""
    old = facts.lock.get(stage.name)
    deps = {dep: facts.entries[dep] for dep in stage.deps if dep in facts.entries}
    params = {str(param): facts.params.get(param) for param in stage.params}
    if stage.frozen:
        return _frozen(stage, old, facts, deps, params)
    key = stage_key(stage, deps, params)
    always = Reason("forced") if force else _always(stage)
    same = old if old is not None and old.key == key else None
    if same and not always and not (wrong := _wrong_outputs(stage, same, facts)):
        return Action(stage.name, "keep", key=key, record=same)
    causes = wrong if same and not always else differences(stage, old, deps, params)
    if always:
        return Action(stage.name, "run", (always, *causes), key)
    for record in (same, facts.result(stage, Record(key, stage.cmd, deps, params, stage.env))):
        if record is None or set(record.outs) != {out.path for out in stage.outs}:
            continue
        if not (wrong := _wrong_outputs(stage, record, facts)):
            return Action(stage.name, "keep", causes, key, record)
        if _lasts(stage):
            continue
        if all(_held(stage, reason.subject, record, facts) for reason in wrong):
            return Action(stage.name, "restore", causes, key, record)
        causes += _lost(stage, record, wrong, causes, facts)
    return Action(stage.name, "run", causes, key)


def differences(
    stage: Stage, old: Record | None, deps: Mapping[Path, Entry], params: Mapping[str, Value]
) -> tuple[Reason, ...]:
    """How what a stage would read and do now differs from when it last ran."""
    if old is None:
        return (Reason("never_ran"),)
    reasons: list[Reason] = []
    if old.cmd != stage.cmd:
        reasons.append(Reason("command", "", "\n".join(old.cmd), "\n".join(stage.cmd)))
    for path in stage.deps:
        before, after = old.deps.get(path), deps.get(path)
        if before is None and after is not None:
            reasons.append(Reason("dependency_added", path, None, after.state or after.digest))
        elif before is not None and after is not None and _content(before) != _content(after):
            told = before.state or before.digest, after.state or after.digest
            reasons.append(Reason("dependency_changed", path, *told))
    reasons += [Reason("dependency_removed", path) for path in old.deps if path not in stage.deps]
    reasons += _changed_params("", old.params, params)
    for name in sorted({*old.env, *stage.env}):
        if old.env.get(name) != stage.env.get(name):
            reasons.append(Reason("env", name, old.env.get(name), stage.env.get(name)))
    outs = [out.path for out in stage.outs]
    reasons += [Reason("output_added", path) for path in outs if path not in old.outs]
    reasons += [Reason("output_removed", path) for path in old.outs if path not in outs]
    return tuple(reasons)


def _changed_params(prefix: str, before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[Reason]:
    """How params differ, down to the single values of a section that is tracked as a whole."""
    for key, value in after.items():
        name = f"{prefix}{key}"
        old = before.get(key)
        if key not in before:
            yield Reason("param_added", name, None, value)
        elif isinstance(old, Mapping) and isinstance(value, Mapping):
            yield from _changed_params(f"{name}{'' if name.endswith(':') else '.'}", old, value)
        elif old != value or type(old) is not type(value):
            yield Reason("param_changed", name, old, value)
    for key, old in before.items():
        if key not in after:
            yield Reason("param_removed", f"{prefix}{key}", old)


def missing_inputs(
    stage: Stage, facts: Facts, graph: Graph, unmade: Container[StageName] = ()
) -> list[UserError]:
    """The dependencies and params of a stage that are not there, but for what stages of `unmade` would make: why that
    is missing is told with them."""
    if stage.frozen:
        return []
    mistakes: list[UserError] = [
        _unknown_input(stage, path, graph, facts)
        for path in stage.deps
        if path not in facts.entries and not any(maker in unmade for maker in graph.makers(path))
    ]
    for param in stage.params:
        value = facts.params.get(param)
        if isinstance(value, Absent):
            why = value.why
            mistakes.append(BadParams(f"stage '{stage.name}': {why.what}", where=why.where, fix=why.fix))
    return mistakes


def needed(graph: Graph, selected: Iterable[StageName]) -> tuple[list[Path], list[Param]]:
    """The paths whose content, and the params whose value, a plan for `selected` depends on."""
    paths: dict[Path, None] = {}
    params: dict[Param, None] = {}
    for name in selected:
        stage = graph.stages[name]
        for out in stage.outs:
            paths[out.path] = None
        for dep in stage.deps:
            paths[dep] = None
        for param in stage.params:
            params[param] = None
    return list(paths), list(params)


def _wait(stage: Stage, above: Sequence[StageName], graph: Graph, facts: Facts, *, force: bool) -> Action:
    """Waits for `above`; the reasons that are certain already are told with it."""
    old = facts.lock.get(stage.name)
    unsure = set(above)
    reasons = [Reason("upstream", name) for name in above]
    if force:
        reasons.append(Reason("forced"))
    elif always := _always(stage):
        reasons.append(always)
    if old is None:
        return Action(stage.name, "wait", (*reasons, Reason("never_ran")))
    deps = {
        dep: old.deps[dep]
        if dep in old.deps and unsure.intersection(graph.makers(dep))
        else facts.entries[dep]
        for dep in stage.deps
        if dep in facts.entries or dep in old.deps
    }
    params = {}
    for param in stage.params:
        value = facts.params.get(param)
        if isinstance(value, Absent) or graph.made_by.get(param.file) in unsure:
            value = old.params.get(str(param))
        params[str(param)] = value
    return Action(stage.name, "wait", (*reasons, *differences(stage, old, deps, params)))


def _forced(graph: Graph, selected: Sequence[StageName], request: Request) -> set[StageName]:
    return {name for name in selected if not graph.stages[name].frozen} if request.force else set()


def _exact(stage: Stage, parent: StageName, graph: Graph) -> bool:
    """Whether everything that a stage reads of a parent is a whole output of it, so that its content is known
    before it is in place."""
    outs = {out.path for out in graph.stages[parent].outs}
    files = {param.file for param in stage.params}
    return not files & outs and all(dep in outs or parent not in graph.makers(dep) for dep in stage.deps)


def _always(stage: Stage) -> Reason | None:
    if stage.always_changed:
        return Reason("always_changed")
    if not stage.deps and not stage.params and not stage.outs:
        return Reason("no_inputs")
    return None


def _frozen(
    stage: Stage,
    old: Record | None,
    facts: Facts,
    deps: Mapping[Path, Entry],
    params: Mapping[str, Value | Absent],
) -> Action:
    if old is None:
        known = {name: value for name, value in params.items() if not isinstance(value, Absent)}
        asked = Record(stage_key(stage, deps, known), stage.cmd, deps, known, stage.env)
        old = facts.result(stage, asked)
    if old is not None:
        wrong = _wrong_outputs(stage, old, facts)
        if wrong and all(_held(stage, reason.subject, old, facts) for reason in wrong):
            return Action(stage.name, "restore", wrong, old.key, old)
    return Action(stage.name, "keep", (Reason("frozen"),), None if old is None else old.key, old)


def _wrong_outputs(stage: Stage, record: Record, facts: Facts) -> tuple[Reason, ...]:
    """How the outputs in the workspace differ from a record's."""
    reasons: list[Reason] = []
    for out in stage.outs:
        should, now = record.outs.get(out.path), facts.entries.get(out.path)
        if should is None:
            reasons.append(Reason("output_added", out.path))
        elif now is None:
            reasons.append(Reason("output_missing", out.path))
        elif _content(should) != _content(now):
            reasons.append(Reason("output_changed", out.path, should.digest, now.digest))
    return tuple(reasons)


def _lasts(stage: Stage) -> bool:
    """Whether an output outlives its stage (`persist`): then what comes out depends on what was there before, which
    no key holds, so no former result is put in its place."""
    return any(out.persist for out in stage.outs)


def _held(stage: Stage, path: Path, record: Record, facts: Facts) -> bool:
    entry = record.outs.get(path)
    return entry is not None and _stored(stage, path) and facts.held(entry)


def _lost(
    stage: Stage, record: Record, wrong: Iterable[Reason], told: Sequence[Reason], facts: Facts
) -> tuple[Reason, ...]:
    """The outputs that a known result had and that the store should hold but does not."""
    paths = [
        r.subject for r in wrong if _stored(stage, r.subject) and not _held(stage, r.subject, record, facts)
    ]
    return tuple(reason for path in paths if (reason := Reason("lost", path)) not in told)


def _stored(stage: Stage, path: Path) -> bool:
    """Whether the store keeps an output: metrics and plots always, as they are small and a result needs them."""
    return any(out.path == path and (out.cache or out.role != "out") for out in stage.outs)


def _content(entry: Entry) -> tuple[str, Digest]:
    return entry.kind, entry.digest


def _unknown_input(stage: Stage, path: Path, graph: Graph, facts: Facts) -> UnknownInput:
    if facts.tracked(path):
        what = f"stage '{stage.name}' reads '{path}', which is tracked data and not here"
        fix = f"outdo data checkout {path}; or outdo data pull {path}, where the store lacks it"
        return UnknownInput(what, where=stage.place, fix=fix)
    makers = graph.makers(path)
    if stage.packages is not None and path in (stage.packages.file, *stage.packages.also) and not makers:
        what = f"the environment '{stage.packages}' is built from '{path}', which is not here"
        fix = "uv lock" if path == "uv.lock" else f"put the file at '{path}', or name another behind 'env:'"
        return UnknownInput(what, where=stage.place.file, fix=fix)
    if makers:
        what = f"stage '{stage.name}' reads '{path}', which is not there; stage '{makers[0]}' makes it"
        return UnknownInput(what, where=stage.place, fix=f"outdo run {makers[0]}")
    from difflib import get_close_matches  # only where there is a mistake to explain

    what = f"stage '{stage.name}' reads '{path}', but no stage writes it and no such file is here"
    near = get_close_matches(path, [*graph.made_by, *(p for p in facts.entries if p != path)], n=1)
    if near:
        maker = graph.made_by.get(near[0])
        fix = f"did you mean '{near[0]}'" + (f" (made by '{maker}')?" if maker else "?")
    else:
        fix = f"put the file at '{path}', or take it out of the deps of '{stage.name}'"
    return UnknownInput(what, where=stage.place, fix=fix)
