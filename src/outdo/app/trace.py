"""The verb `trace`: the whole way back from a model, an object or a path to the code and data it was made of."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import DecodeError, Struct, json

from outdo.app.history import with_ledger
from outdo.app.lazy import lazy
from outdo.app.project import Project, open_project
from outdo.core.digest import digest_bytes
from outdo.core.errors import NoLineage, UnknownVersion, UserError
from outdo.core.lineage import Maker, Step, trace, trace_from
from outdo.core.model import Digest, Entry, Path, RunId, StageName, Value
from outdo.core.pointer import read_pointer
from outdo.core.record import Run
from outdo.core.tracked import Origin
from outdo.core.versions import read_reference
from outdo.run.git import Refused
from outdo.run.revisions import contents

if TYPE_CHECKING:
    from outdo.app.history import Runs
    from outdo.app.models import Version

SHORTEST = 6
"""Letters of a digest that mean an object."""
PATHS_AT_ONCE = 5000


class Source(Struct, frozen=True):
    """What is known of something that no stage made."""

    kind: str
    """`code`: as the commit has it; `changed`: a file of the commit that differed from it; `tracked`: data with a
    pointer; `outside`: nothing is known."""
    pointer: Path = ""
    origin: Origin | None = None
    """Where tracked data was imported from."""


class Traced(Struct, frozen=True):
    """One artifact on the way back."""

    path: Path
    entry: Entry
    run: RunId | None
    """The run that made it; None where nothing on record did."""
    stage: StageName | None
    made_of: tuple[int, ...]
    """Places of the artifacts that its stage read."""
    params: Mapping[str, Value] = {}
    metrics: Mapping[str, float] = {}
    source: Source | None = None
    """Of what no stage made."""


class TracedRun(Struct, frozen=True):
    """A run on the way back."""

    number: int
    started: datetime
    user: str
    command: tuple[str, ...]
    commit: str | None
    branch: str | None
    dirty: bool
    patch: Digest | None
    """What differed from the commit."""
    environment: Digest | None
    python: str
    packages: int


class Trace(Struct, frozen=True):
    """The way back: artifacts, the first of them what was asked for, and the runs that made them."""

    subject: str
    artifacts: tuple[Traced, ...]
    runs: Mapping[RunId, TracedRun]
    version: "Version | None" = None


def trace_back(start: str, word: str) -> Trace:
    """The way back from a model (`delay@champion`), an object (its digest, or the beginning), or a path.

    Raises `NoLineage` where nothing on record made it, and `UnknownVersion`."""
    project = open_project(start)
    version = _version(project, word)
    if version is not None:
        return of_version(project, version)
    runs = with_ledger(project.root, _all)
    digest = _digest(project, runs, word)
    steps = trace(runs, digest)
    if not steps:
        steps = _read_only(runs, digest)
    if not steps:
        what = f"nothing on record made '{word}', or read it"
        raise NoLineage(what, fix="name a model, or what a stage wrote: outdo show RUN")
    return _trace(project, word, steps, runs)


def of_version(project: Project, version: "Version") -> Trace:
    """The way back from a version; nothing but itself where no stage run on record made it."""
    runs = with_ledger(project.root, _all)
    entry = version.entry or Entry(version.digest or Digest(""), 0, "tree")
    by = version.by
    if by is None or by.run not in runs:
        return _trace(project, version.name, (Step(version.path, entry, None),), runs, version)
    steps = trace_from(runs, Maker(by.run, by.stage, version.path), entry)
    return _trace(project, version.name, steps, runs, version)


def _version(project: Project, word: str) -> "Version | None":
    models = lazy("outdo.app.models")
    try:
        found: Version = models.version(project.root, word)
    except UnknownVersion:
        name = read_reference(word).model
        meant = name in project.pipeline.models or "@" in word or word.startswith("models:/")
        if meant and not os.path.lexists(os.path.join(project.root, word)):
            raise
        return None
    return found


def _all(ledger: "Runs") -> dict[RunId, Run]:
    return {run.id: run for run in sorted(ledger.runs(), key=lambda run: run.number)}


def _digest(project: Project, runs: Mapping[RunId, Run], word: str) -> Digest:
    """Of the object or the path that is meant; empty where it is neither."""
    try:
        path = os.path.relpath(os.path.abspath(word), project.root)
        entry = None if path.startswith("..") else project.workspace.look([path]).get(path)
    except UserError:
        entry = None
    if entry is not None:
        return entry.digest
    if len(word) < SHORTEST:
        return Digest("")
    found = {
        item.entry.digest for run in runs.values() for one in run.stages.values() for item in one.artifacts
    }
    meant = [digest for digest in found if digest.startswith(word)]
    if len(meant) > 1:
        raise NoLineage(f"'{word}' could be any of {len(meant)} objects", fix="say more of it")
    return meant[0] if meant else Digest("")


def _read_only(runs: Mapping[RunId, Run], digest: Digest) -> tuple[Step, ...]:
    for run in reversed(list(runs.values())):
        for one in run.stages.values():
            for item in one.artifacts:
                if item.entry.digest == digest:
                    return (Step(item.path, item.entry, None),)
    return ()


# ------------------------------------------------------------------ what is told of each


def _trace(
    project: Project,
    subject: str,
    steps: Sequence[Step],
    runs: Mapping[RunId, Run],
    version: "Version | None" = None,
) -> Trace:
    used = {step.maker.run: runs[step.maker.run] for step in steps if step.maker}
    sources = _sources(project, steps, runs)
    traced = []
    for place, step in enumerate(steps):
        one = runs[step.maker.run].stages[step.maker.stage] if step.maker else None
        traced.append(
            Traced(
                step.path,
                step.entry,
                step.maker.run if step.maker else None,
                step.maker.stage if step.maker else None,
                step.made_of,
                one.params if one else {},
                one.metrics if one else {},
                sources.get(place),
            )
        )
    return Trace(subject, tuple(traced), {id_: _run(project, run) for id_, run in used.items()}, version)


def _run(project: Project, run: Run) -> TracedRun:
    found: Mapping[str, Value] = {}
    if run.environment is not None:
        try:
            found = json.decode(project.objects.get(run.environment), type=dict[str, Value])
        except (UserError, DecodeError):
            pass  # it was collected; its digest is told all the same
    python = found.get("python") or {}
    return TracedRun(
        run.number,
        datetime.fromtimestamp(round(run.started, 3), UTC),
        run.user,
        run.command,
        run.commit,
        run.branch,
        run.dirty,
        run.patch,
        run.environment,
        python.get("version") or "",
        len(python.get("distributions") or {}) + len(python.get("conda") or {}),
    )


def _sources(project: Project, steps: Sequence[Step], runs: Mapping[RunId, Run]) -> dict[int, Source]:
    """What is known of those that no stage made, by place: of the commit of the run that read them."""
    readers: dict[int, Run] = {}
    for step in steps:
        if step.maker:
            readers.update(dict.fromkeys(step.made_of, runs[step.maker.run]))
    asked: dict[str, dict[int, Step]] = {}
    for place, step in enumerate(steps):
        if step.maker is None:
            run = readers.get(place)
            asked.setdefault((run.commit if run else None) or "", {})[place] = step
    found: dict[int, Source] = {}
    for commit, these in asked.items():
        texts = _texts(project, commit, {path for step in these.values() for path in _asked(step.path)})
        found.update({place: _source(step, texts) for place, step in these.items()})
    return found


def _texts(project: Project, commit: str, paths: set[Path]) -> Mapping[Path, bytes]:
    """What these files held in a commit; a pointer that is in none, as it is in the workspace."""
    texts: dict[Path, bytes] = {}
    if commit:
        try:
            texts = dict(contents(project.root, commit, sorted(paths)[:PATHS_AT_ONCE]))
        except Refused:
            pass  # the commit is not here; the workspace may still tell
    for path in paths:
        if path not in texts and path.endswith(".outdo"):
            try:
                with open(os.path.join(project.root, path), "rb") as file:
                    texts[path] = file.read(1 << 20)
            except OSError:
                continue
    return texts


def _asked(path: Path) -> Iterator[Path]:
    yield path
    while path and path != "/" and ".." not in path:
        yield f"{path}.outdo"
        path = path.rpartition("/")[0]


def _source(step: Step, texts: Mapping[Path, bytes]) -> Source:
    for pointer in list(_asked(step.path))[1:]:
        if pointer in texts:
            try:
                tracked = read_pointer(pointer, texts[pointer].decode())
            except (UserError, UnicodeDecodeError):
                continue
            return Source("tracked", pointer, tracked.origin)
    content = texts.get(step.path)
    if content is None:
        return Source("outside")
    return Source("code" if digest_bytes(content) == step.entry.digest else "changed")
