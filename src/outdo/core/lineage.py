"""Where a result came from: who wrote these bytes, of what, and of what that was made."""

from collections.abc import Mapping
from posixpath import dirname
from typing import NamedTuple

from msgspec import Struct

from outdo.core.model import Digest, Path, RunId, StageName
from outdo.core.record import Run, StageRun


class Maker(Struct, frozen=True):
    """A stage run that wrote some bytes at a path."""

    run: RunId
    stage: StageName
    path: Path


class Step(Struct, frozen=True):
    """One artifact on the way back from a result, with who made it and of what."""

    path: Path
    digest: Digest
    maker: Maker | None
    """None: nothing on record made it; it came from outside, as code and raw data do."""
    made_of: tuple[tuple[Path, Digest], ...] = ()


def made_by(runs: Mapping[RunId, Run], digest: Digest) -> tuple[Maker, ...]:
    """The executions that wrote these bytes, oldest first."""
    return tuple(
        Maker(one.run, one.stage, artifact.path)
        for run in runs.values()
        for one in run.stages.values()
        if one.source == one.run
        for artifact in one.artifacts
        if artifact.role != "dep" and artifact.entry.digest == digest
    )


def trace(runs: Mapping[RunId, Run], digest: Digest) -> tuple[Step, ...]:
    """The way back from some bytes to all they were made of, each artifact once, the result first.

    Empty where no run wrote these bytes."""
    lineage = _Lineage(runs)
    latest = lineage.wrote.get(digest)
    todo = [latest] if latest else []
    seen = {made.content for made in todo}
    steps: list[Step] = []
    for made in todo:
        deps = _inputs(made.by)
        maker = Maker(made.by.run, made.by.stage, made.path) if made.by else None
        steps.append(Step(made.path, made.digest, maker, deps))
        for found in (found for dep in deps if made.by for found in lineage.behind(made.by, dep)):
            if found.content not in seen:
                seen.add(found.content)
                todo.append(found)
    return tuple(steps)


Content = tuple[Path, Digest]


class _Made(NamedTuple):
    """Some bytes at a path, and the execution that wrote them."""

    path: Path
    digest: Digest
    by: StageRun | None

    @property
    def content(self) -> Content:
        return (self.path, self.digest)


class _Lineage:
    """Who wrote what, over all runs, built in one pass."""

    def __init__(self, runs: Mapping[RunId, Run]) -> None:
        self._runs = runs
        self.wrote: dict[Digest, _Made] = {}
        """By the latest execution that wrote these bytes anywhere."""
        self._made: dict[Content, _Made] = {}
        """By the latest execution that wrote them there."""
        self._written: dict[RunId, dict[Path, list[_Made]]] = {}
        self._entered: set[tuple[RunId, Path]] = set()
        for run in runs.values():
            for one in run.stages.values():
                if one.source == one.run:
                    made = _outputs(one, one)
                    self.wrote.update((each.digest, each) for each in made)
                    self._made.update((each.content, each) for each in made)

    def behind(self, reader: StageRun, dep: Content) -> list[_Made]:
        """What a dependency of a stage run is: an output of its run or of another one, the output folder that
        holds it, or itself with the outputs inside it."""
        written = self._written_in(reader.run)
        path, digest = dep
        here = [made for made in written.get(path, ()) if made.path == path]
        exact = next((made for made in here if made.digest == digest), self._made.get(dep))
        if exact or here:
            return [exact or _Made(path, digest, None)]
        folder = dirname(path)
        while folder and folder != "/":
            for made in written.get(folder, ()):
                if made.path == folder:
                    return [made]
            folder = dirname(folder)
        if (reader.run, path) in self._entered:
            return [_Made(path, digest, None)]
        self._entered.add((reader.run, path))
        return [_Made(path, digest, None), *written.get(path, ())]

    def _written_in(self, run: RunId) -> dict[Path, list[_Made]]:
        """The outputs that stood in the workspace in a run, by their path and by every folder above it."""
        if run not in self._written:
            found = self._written[run] = {}
            for one in self._runs[run].stages.values():
                source = self._runs.get(one.source)
                for made in _outputs(one, source.stages.get(one.stage, one) if source else one):
                    folder = made.path
                    while folder and folder != "/":
                        found.setdefault(folder, []).append(made)
                        folder = dirname(folder)
        return self._written[run]


def _outputs(one: StageRun, by: StageRun) -> list[_Made]:
    return [_Made(item.path, item.entry.digest, by) for item in one.artifacts if item.role != "dep"]


def _inputs(one: StageRun | None) -> tuple[Content, ...]:
    return tuple((dep.path, dep.entry.digest) for dep in one.artifacts if dep.role == "dep") if one else ()
