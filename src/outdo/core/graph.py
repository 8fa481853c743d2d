"""Stages to a graph: who makes what, who waits for whom, in which order; or why there is none."""

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from posixpath import dirname

from msgspec import Struct

from outdo.core.errors import Cycle, Mistakes, TwoWriters, UnknownStage, UserError
from outdo.core.model import Path, Stage, StageName


class Graph(Struct, frozen=True):
    """Stages by name in an order in which each comes after those it depends on."""

    stages: Mapping[StageName, Stage]
    """In topological order; among those that could be next, by name."""
    parents: Mapping[StageName, tuple[StageName, ...]]
    """The stages whose outputs a stage reads, sorted."""
    made_by: Mapping[Path, StageName]
    """Output to its stage."""
    paths: list[Path]
    """All outputs, sorted."""

    def children(self) -> dict[StageName, list[StageName]]:
        """For each stage those that read its outputs, in topological order."""
        below: dict[StageName, list[StageName]] = {name: [] for name in self.stages}
        for name in self.stages:
            for parent in self.parents[name]:
                below[parent].append(name)
        return below

    def makers(self, path: Path) -> list[StageName]:
        """The stages that write `path`, something in it, or a folder it is in."""
        return _makers(path, self.made_by, self.paths)

    def above(self, names: Iterable[StageName]) -> set[StageName]:
        """`names` and all they depend on."""
        return _closure(names, self.parents)

    def below(self, names: Iterable[StageName]) -> set[StageName]:
        """`names` and all that depend on them."""
        return _closure(names, self.children())

    def named(self, targets: Iterable[str]) -> list[StageName]:
        """The stages that `targets` mean: names, groups (`train` for every `train@…`), or paths of outputs.

        Raises `UnknownStage` for one that is none of these."""
        found: dict[StageName, None] = {}
        for target in targets:
            for name in self._meant_by(target):
                found[name] = None
        return list(found)

    def _meant_by(self, target: str) -> list[StageName]:
        if target in self.stages:
            return [StageName(target)]
        group = [name for name in self.stages if name.partition("@")[0] == target]
        if group:
            return group
        makers = _makers(target.rstrip("/"), self.made_by, self.paths)
        if makers:
            return makers
        from difflib import get_close_matches  # only where there is a mistake to explain

        words = [*self.stages, *{name.partition("@")[0] for name in self.stages}, *self.made_by]
        near = get_close_matches(target, words, n=1)
        fix = f"did you mean '{near[0]}'?" if near else "`outdo status` lists all stages"
        raise UnknownStage(f"no stage or output is named '{target}'", fix=fix)


def build(stages: Sequence[Stage]) -> Graph:
    """The graph of `stages`; raises `Mistakes` with every doubled output, or the ring that they form."""
    by_name = {stage.name: stage for stage in stages}
    made_by, mistakes = _outputs(stages)
    if mistakes:
        raise Mistakes(mistakes)
    paths = sorted(made_by)
    parents = {stage.name: _parents(stage, made_by, paths) for stage in stages}
    order = _order(by_name, parents)
    return Graph(
        {name: by_name[name] for name in order}, {name: parents[name] for name in order}, made_by, paths
    )


def is_glob(path: Path) -> bool:
    """Whether a dependency is a pattern rather than a path."""
    return ("*" in path or "?" in path or "[" in path) and not is_url(path)


def is_url(path: Path) -> bool:
    """Whether a dependency is an address, and no path."""
    return "://" in path


@lru_cache(maxsize=4096)
def glob_pattern(glob: Path) -> re.Pattern[str]:
    """The expression for a glob over whole paths: `*` and `?` within a folder, `**` across folders, `[…]` a set."""
    out: list[str] = []
    i = 0
    while i < len(glob):
        if glob.startswith("**/", i):
            out.append("(?:.*/)?")
            i += 3
        elif glob.startswith("**", i):
            out.append(".*")
            i += 2
        elif glob[i] == "*":
            out.append("[^/]*")
            i += 1
        elif glob[i] == "?":
            out.append("[^/]")
            i += 1
        elif glob[i] == "[" and (end := glob.find("]", i + 2)) > 0:
            inside = glob[i + 1 : end].replace("\\", "\\\\")
            out.append(f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
            i = end + 1
        else:
            out.append(re.escape(glob[i]))
            i += 1
    return re.compile("".join(out) + r"\Z", re.DOTALL)


def _outputs(stages: Sequence[Stage]) -> tuple[dict[Path, StageName], list[UserError]]:
    made_by: dict[Path, StageName] = {}
    mistakes: list[UserError] = []
    for stage in stages:
        for out in stage.outs:
            if out.path in made_by:
                mistakes.append(_two_writers(out.path, made_by[out.path], out.path, stage.name, stage))
            else:
                made_by[out.path] = stage.name
    for path in sorted(made_by):
        folder = dirname(path)
        while folder not in ("", "/"):
            if folder in made_by:
                inner, outer = made_by[path], made_by[folder]
                by = next(stage for stage in stages if stage.name == inner)
                mistakes.append(_two_writers(folder, outer, path, inner, by))
            folder = dirname(folder)
    return made_by, mistakes


def _two_writers(first: Path, one: StageName, second: Path, other: StageName, at: Stage) -> TwoWriters:
    if one == other:
        what = f"stage '{one}' writes '{second}' twice"
    elif first == second:
        what = f"stages '{one}' and '{other}' both write '{first}'"
    else:
        what = f"stage '{other}' writes '{second}' inside '{first}', which stage '{one}' writes"
    return TwoWriters(what, where=at.place, fix="give each output one stage and a path of its own")


def _parents(stage: Stage, made_by: Mapping[Path, StageName], paths: list[Path]) -> tuple[StageName, ...]:
    found: set[StageName] = set()
    for dep in stage.deps:
        maker = made_by.get(dep)
        found.update([maker] if maker is not None else _makers(dep, made_by, paths))
    for param in stage.params:
        if param.file in made_by:
            found.add(made_by[param.file])
    return tuple(sorted(found))


def _makers(path: Path, made_by: Mapping[Path, StageName], paths: list[Path]) -> list[StageName]:
    if is_glob(path):
        pattern = glob_pattern(path)
        return [made_by[out] for out in paths if pattern.match(out)]
    if path in made_by:
        return [made_by[path]]
    folder = dirname(path)
    while folder not in ("", "/"):
        if folder in made_by:
            return [made_by[folder]]
        folder = dirname(folder)
    prefix = "" if path == "." else f"{path}/"
    found: list[StageName] = []
    for i in range(bisect_left(paths, prefix), len(paths)):
        if not paths[i].startswith(prefix):
            break
        found.append(made_by[paths[i]])
    return found


def _order(
    stages: Mapping[StageName, Stage], parents: Mapping[StageName, tuple[StageName, ...]]
) -> list[StageName]:
    missing = {name: len(above) for name, above in parents.items()}
    children: dict[StageName, list[StageName]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in above:
            children[parent].append(name)
    ready = [name for name, count in missing.items() if not count]
    heapq.heapify(ready)
    order: list[StageName] = []
    while ready:
        name = heapq.heappop(ready)
        order.append(name)
        for child in children[name]:
            missing[child] -= 1
            if not missing[child]:
                heapq.heappush(ready, child)
    if len(order) < len(parents):
        raise _cycle(stages, parents, {name for name, count in missing.items() if count})
    return order


def _cycle(
    stages: Mapping[StageName, Stage],
    parents: Mapping[StageName, tuple[StageName, ...]],
    stuck: set[StageName],
) -> UserError:
    """Walks from any stuck stage to a stuck parent until one comes round again."""
    name = min(stuck)
    seen: dict[StageName, int] = {}
    trail: list[StageName] = []
    while name not in seen:
        seen[name] = len(trail)
        trail.append(name)
        name = next(parent for parent in parents[name] if parent in stuck)
    ring = trail[seen[name] :][::-1]
    first = ring.index(min(ring))
    ring = ring[first:] + ring[:first]
    if len(ring) == 1:
        what = f"stage '{ring[0]}' reads what it writes itself"
        fix = "take the path out of its deps; to keep an output between runs say `persist: true`"
    else:
        what = "stages wait for each other: " + " → ".join([*ring, ring[0]])
        fix = "one of them must read something else"
    return Cycle(what, where=stages[ring[0]].place, fix=fix)


def _closure(start: Iterable[StageName], edges: Mapping[StageName, Sequence[StageName]]) -> set[StageName]:
    found = set(start)
    todo = list(found)
    while todo:
        for name in edges[todo.pop()]:
            if name not in found:
                found.add(name)
                todo.append(name)
    return found
