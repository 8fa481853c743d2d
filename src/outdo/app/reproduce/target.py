"""What a person wants made again: a run, a commit, or the run that made a model."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.history import Asked, log, runs_named
from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.app.reproduce.adopted import recorded
from outdo.app.sides import DVC_LOCK, RUN_NAME, pipeline_of
from outdo.core.digest import digest_bytes
from outdo.core.errors import NoReproduction, UnknownRevision, UnknownRun, UnknownVersion, UserError
from outdo.core.hints import nearest
from outdo.core.model import Entry, Key, Path, Record, RunId, StageName
from outdo.core.record import Run
from outdo.core.sections import Model
from outdo.core.versions import read_reference
from outdo.run.git import git
from outdo.run.revisions import Revision, contents, resolve
from outdo.store.lock import NAME as LOCK
from outdo.store.lock import read_lock
from outdo.store.nodes import folders_of

_LIST = ("ls-tree", "-r", "-z", "--name-only")

if TYPE_CHECKING:
    from outdo.app.models import Version


class Expected(Struct, frozen=True):
    """What a stage read and wrote, as it is on record."""

    deps: Mapping[Path, Entry]
    outs: Mapping[Path, Entry]
    key: Key | None = None
    log: tuple[str, ...] = ()
    """What was told of it when it ran."""


class Target(Struct, frozen=True):
    """What is to be made again, from which code, and what should come out."""

    name: str
    revision: Revision
    stages: Mapping[StageName, Expected]
    run: Run | None = None
    """The run on record."""
    model: str = ""
    notices: tuple[str, ...] = ()


def find_target(project: Project, word: str) -> Target:
    """What `word` means: a model of the file, a registered version of one, a run, or what Git knows; `model:`, `run:`
    and `commit:` say which.

    Raises `UnknownRevision`, or `NoReproduction` where too little of it is on record."""
    kind, _, name = word.partition(":")
    if kind == "run" and name:
        return _of_run(project, name)
    if kind == "commit" and name:
        return _of_commit(project, name)
    if kind == "model" and name:
        version = _version(project, name)
        return _of_version(project, version, models_in(project)) if version else _of_model(project, name)
    models = models_in(project)
    if word in models:
        return _of_model(project, word)
    version = _version(project, word)
    if version is not None:
        return _of_version(project, version, models)
    if RUN_NAME.fullmatch(word):
        try:
            return _of_run(project, word)
        except UnknownRun:
            pass  # Git may know a commit or a tag of this name
    if resolve(project.root, word) is not None:
        return _of_commit(project, word)
    try:
        return _of_run(project, word)
    except UnknownRun:
        near = nearest(word, list(models))
        fix = (
            f"did you mean '{near}'?"
            if near
            else "name a run of `outdo log`, a commit, or a model of the file"
        )
        raise UnknownRevision(f"'{word}' is no model, no run and no commit", fix=fix) from None


def narrowed(target: Target, names: Iterable[StageName]) -> Target:
    """Only these stages of it."""
    wanted = set(names)
    return replace(target, stages={name: one for name, one in target.stages.items() if name in wanted})


# ------------------------------------------------------------------ runs


def _of_run(project: Project, name: str) -> Target:
    (run,) = runs_named(project.root, [name])
    return from_run(project, run)


def from_run(project: Project, run: Run) -> Target:
    """The stages of a run that ended well."""
    called = f"run {run.number}"
    stages = {
        one.stage: Expected(
            {each.path: each.entry for each in one.artifacts if each.role == "dep"},
            {each.path: each.entry for each in one.artifacts if each.role != "dep"},
            one.key,
            tuple(note.message for note in run.warnings if note.stage == one.stage),
        )
        for one in run.stages.values()
        if one.status in ("ran", "kept", "restored")
    }
    notices = [
        f"'{one.stage}' did not end well in {called}, so it is not made again"
        for one in run.stages.values()
        if one.stage not in stages
    ]
    if not stages:
        raise NoReproduction(f"no stage ended well in {called}", fix=f"outdo show {run.number}")
    return Target(called, _code(project, run, called), stages, run, notices=tuple(notices))


def _code(project: Project, run: Run, called: str) -> Revision:
    if run.commit is None:
        what = f"{called} has no commit on record: it was not in Git, or before the first commit"
        raise NoReproduction(what, fix="git commit, then run it, and name that run")
    if run.patch is None:
        if run.dirty:
            what = f"what differed from the commit in {called} was not recorded"
            raise NoReproduction(
                what, fix=f"`outdo show {run.number}` says why; name a run whose code was committed"
            )
        return Revision(run.commit)
    try:
        return Revision(run.commit, project.objects.get(run.patch))
    except UserError:
        what = f"the store has lost what differed from the commit in {called}"
        raise NoReproduction(what, fix="name a run whose code was committed") from None


# ------------------------------------------------------------------ commits


def _of_commit(project: Project, word: str) -> Target:
    commit = resolve(project.root, word)
    if commit is None:
        raise UnknownRevision(f"Git knows no commit, branch or tag '{word}'", fix="git fetch, or name a run")
    called = word if commit.startswith(word) else f"{word} ({commit[:8]})"
    lock = contents(project.root, commit, [LOCK]).get(LOCK)
    if lock is None:
        found = _by_dvc(project, commit, called)
        if found is not None:
            return found
        run = _clean_run_of(project, commit)
        if run is None:
            what = f"neither is there an {LOCK} in {called}, nor a run of just that code on record"
            raise NoReproduction(what, fix="name a run: outdo log")
        return replace(from_run(project, run), name=f"{called}, by run {run.number}")
    records = read_lock(lock)
    stages = {name: Expected(record.deps, record.outs, record.key) for name, record in records.items()}
    if not stages:
        raise NoReproduction(f"no stage is in the {LOCK} of {called}", fix="outdo run, then commit it")
    return Target(called, Revision(commit), stages, _run_behind(project, records.values()))


def _by_dvc(project: Project, commit: str, called: str) -> Target | None:
    """What `dvc.lock` of a commit says, in a repository of DVC's; None where there is none."""
    repository = project.repository
    known: dict[Path, bytes] = {}

    def read(path: Path) -> bytes | None:
        if path not in known:
            known.update(contents(project.root, commit, [path]))
        return known.get(path)

    lock = read(DVC_LOCK) if repository is not None else None
    if repository is None or lock is None:
        return None
    pipeline = pipeline_of(project, project.file, read, called)
    text = lock.decode("utf-8", "replace")
    in_git = {os.fsdecode(name) for name in git(project.root, [*_LIST, commit]).split(b"\0")}
    said = recorded(project, repository, pipeline.stages, text, in_git | folders_of(in_git))
    stages: dict[StageName, Expected] = {}
    lost: list[Path] = []
    for stage in pipeline.stages:
        if stage.name not in said:
            continue
        deps, outs = said[stage.name]
        written = {out.path: outs.get(out.path) or _of_git(read(out.path)) for out in stage.outs}
        lost += [path for path, entry in written.items() if entry is None]
        stages[stage.name] = Expected(deps, {path: entry for path, entry in written.items() if entry})
    notices = [
        f"what '{path}' held is neither in DVC's cache nor at its remote, so nothing is measured by it"
        for path in lost
    ]
    return Target(called, Revision(commit), stages, notices=tuple(notices)) if stages else None


def _of_git(content: bytes | None) -> Entry | None:
    return None if content is None else Entry(digest_bytes(content), len(content))


def _clean_run_of(project: Project, commit: str) -> Run | None:
    """The last run on record that ended well with the code of a commit and nothing else."""
    asked = Asked((f"commit = {commit}", "status = done"))
    rows = log(project.root, asked, datetime.fromtimestamp(0, UTC)).runs
    clean = [row.run for row in rows if not row.dirty]
    return _run(project, clean[0]) if clean else None


def _run_behind(project: Project, records: Iterable[Record]) -> Run | None:
    """The last run on record here that computed one of these results; it tells of the environment."""
    found = [
        known.run
        for record in records
        if (known := project.results.get(record.key)) is not None and known.run and known.outs == record.outs
    ]
    return _run(project, max(found)) if found else None


def _run(project: Project, name: RunId) -> Run | None:
    try:
        return runs_named(project.root, [name])[0]
    except UnknownRun:
        return None


# ------------------------------------------------------------------ models


def models_in(project: Project) -> Mapping[str, Model]:
    """The models that the file of `project` declares."""

    def read(path: str) -> str | None:
        try:
            with open(os.path.join(project.root, path), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    config = lazy("outdo.core.config")
    text = read(project.file)
    found: Mapping[str, Model] = config.read_project(project.file, text or "", read).models
    return found


def _version(project: Project, word: str) -> "Version | None":
    """The registered version that a word with a number or an alias means; raises `UnknownVersion` where there is none
    of a model that is known."""
    asked = read_reference(word)
    if asked.version is None and not asked.alias and not word.startswith("models:/"):
        return None
    try:
        found: Version = lazy("outdo.app.models").version(project.root, word)
    except UnknownVersion:
        if asked.model in models_in(project):
            raise
        return None  # it may be a branch, as `feature/7` is, or a reflog's entry
    return found


def _of_version(project: Project, version: "Version", models: Mapping[str, Model]) -> Target:
    by = version.by
    run = _run(project, by.run) if by else None
    if by is None or run is None:
        what = f"no run on record here made {version.name}"
        raise NoReproduction(what, fix="name the commit it belongs to, or outdo pull --runs")
    called = f"model {version.name} (run {run.number})"
    target = replace(from_run(project, run), name=called, model=version.model)
    if by.stage not in project.graph.stages:
        return target
    model = models.get(version.model)
    wanted = [by.stage, *(_scorers(project, model) if model else [])]
    return narrowed(target, project.graph.above([one for one in wanted if one in project.graph.stages]))


def _of_model(project: Project, name: str) -> Target:
    models = models_in(project)
    model = models.get(name)
    if model is None:
        near = nearest(name, list(models))
        fix = f"did you mean '{near}'?" if near else "declare it under 'models:'"
        raise UnknownRevision(f"no model is named '{name}'", fix=fix)
    makers = project.graph.makers(model.path)
    if not makers:
        raise NoReproduction(
            f"no stage makes '{model.path}' of the model '{name}'", fix="name its run or commit"
        )
    out = next(o.path for o in project.graph.stages[makers[0]].outs if _touch(o.path, model.path))
    now = project.workspace.look([out]).get(out)
    if now is None:
        raise NoReproduction(f"nothing is at '{out}' of the model '{name}'", fix="outdo run, or outdo pull")
    run = _maker_of(project, makers[0], out, now)
    target = replace(from_run(project, run), name=f"model {name} (run {run.number})", model=name)
    wanted = [makers[0], *_scorers(project, model)]
    return narrowed(target, project.graph.above([one for one in wanted if one in project.graph.stages]))


def _scorers(project: Project, model: Model) -> Sequence[StageName]:
    """The stage that scores the model: the one that is named, or else that writes its predictions."""
    if model.evaluate:
        return [StageName(model.evaluate)]
    return project.graph.makers(model.predictions.path)[:1] if model.predictions else []


def _maker_of(project: Project, stage: StageName, out: Path, now: Entry) -> Run:
    """The run that wrote what is in place."""
    locked = project.lock.records.get(stage)
    records = [known] if locked and (known := project.results.get(locked.key)) else []
    records += [known for key in project.results.keys() if (known := project.results.get(key))]  # noqa: SIM118
    for record in records:
        if record.run and record.outs.get(out) == now and (run := _run(project, record.run)) is not None:
            return run
    what = f"no run on record here made what is at '{out}'"
    raise NoReproduction(what, fix="name the commit it belongs to, or outdo pull --runs")


def _touch(one: Path, other: Path) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
