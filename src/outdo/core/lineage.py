"""Where a result came from: who wrote these bytes, of what, and of what that was made."""

from collections.abc import Iterable, Mapping
from posixpath import dirname
from typing import NamedTuple

from msgspec import Struct

from outdo.core.events import Artifact
from outdo.core.model import Digest, Entry, Path, RunId, StageName
from outdo.core.record import Run, StageRun


class Maker(Struct, frozen=True):
    """A stage run that wrote some bytes at a path."""

    run: RunId
    stage: StageName
    path: Path


class Step(Struct, frozen=True):
    """One artifact on the way back from a result, with who made it and of what."""

    path: Path
    entry: Entry
    maker: Maker | None
    """None: nothing on record made it; it came from outside, as code and raw data do."""
    made_of: tuple[int, ...] = ()
    """The places of those among the steps that its maker read."""


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
    return lineage.back_from(latest) if latest else ()


def trace_from(runs: Mapping[RunId, Run], maker: Maker, entry: Entry) -> tuple[Step, ...]:
    """The same from what one stage run wrote, or was said to have written; `runs` has it."""
    by = runs[maker.run].stages[maker.stage]
    return _Lineage(runs).back_from(_Made(maker.path, entry, by))


def scores(runs: Iterable[Run], maker: Maker) -> dict[str, float]:
    """The metrics of what a stage run made: its own, and those of the stages that read it; of the newest run that has
    them, of `runs` from the newest to the oldest in which its result stands."""
    found: dict[str, float] = {}
    for run in runs:
        for one in run.stages.values():
            if one.stage == maker.stage or any(_touch(item.path, maker.path) for item in _inputs(one)):
                for name, value in one.metrics.items():
                    found.setdefault(name, value)
    return found


def _touch(one: Path, other: Path) -> bool:
    return bool(other) and (one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/"))


Content = tuple[Path, Digest]


class _Made(NamedTuple):
    """Some bytes at a path, and the execution that wrote them."""

    path: Path
    entry: Entry
    by: StageRun | None

    @property
    def content(self) -> Content:
        return (self.path, self.entry.digest)


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
                    self.wrote.update((each.entry.digest, each) for each in made)
                    self._made.update((each.content, each) for each in made)

    def back_from(self, start: _Made) -> tuple[Step, ...]:
        """The steps from one artifact to all that is behind it, each once."""
        todo = [start]
        places = {start.content: 0}
        steps: list[Step] = []
        for made in todo:
            made_of: dict[int, None] = {}
            for found in (
                found for dep in _inputs(made.by) if made.by for found in self.behind(made.by, dep)
            ):
                if found.content not in places:
                    places[found.content] = len(todo)
                    todo.append(found)
                made_of[places[found.content]] = None
            maker = Maker(made.by.run, made.by.stage, made.path) if made.by else None
            steps.append(Step(made.path, made.entry, maker, tuple(made_of)))
        return tuple(steps)

    def behind(self, reader: StageRun, dep: Artifact) -> list[_Made]:
        """What a dependency of a stage run is: an output of its run or of another one, the output folder that
        holds it, or itself with the outputs inside it."""
        written = self._written_in(reader.run)
        path, digest = dep.path, dep.entry.digest
        here = [made for made in written.get(path, ()) if made.path == path]
        exact = next((made for made in here if made.entry.digest == digest), self._made.get((path, digest)))
        if exact or here:
            return [exact or _Made(path, dep.entry, None)]
        folder = dirname(path)
        while folder and folder != "/":
            for made in written.get(folder, ()):
                if made.path == folder:
                    return [made]
            folder = dirname(folder)
        if (reader.run, path) in self._entered:
            return [_Made(path, dep.entry, None)]
        self._entered.add((reader.run, path))
        return [_Made(path, dep.entry, None), *written.get(path, ())]

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
    return [_Made(item.path, item.entry, by) for item in one.artifacts if item.role != "dep"]


def _inputs(one: StageRun | None) -> list[Artifact]:
    return [item for item in one.artifacts if item.role == "dep"] if one else []
