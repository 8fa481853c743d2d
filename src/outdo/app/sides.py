"""What a workspace, a commit or a run holds, read without touching any of them."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.lazy import lazy
from outdo.app.params import ParamFiles
from outdo.app.project import FILES, Project
from outdo.core.compare import Side
from outdo.core.digest import digest_bytes
from outdo.core.errors import UnknownRevision, UnknownRun, UserError
from outdo.core.model import Entry, Param, Path, Pipeline, Record, Source, StageName, Value
from outdo.core.params import parse
from outdo.core.plan import Absent
from outdo.core.values import leaves, numbers
from outdo.run import revisions
from outdo.run.revisions import Revision
from outdo.run.source import read_code
from outdo.store.lock import NAME as LOCK
from outdo.store.lock import read_lock

if TYPE_CHECKING:
    from outdo.core.record import Run

WORKSPACE = "workspace"
SWEEP = "sweep:"
DVC_LOCK = "dvc.lock"
METRICS_LIMIT = 16_000_000
"""Bytes of a metrics file that are read."""
_FIRST = (*FILES, LOCK, DVC_LOCK, "params.yaml")
"""Files of a commit that are asked for together with it."""
RUN_NAME = re.compile(r"last(~\d+)?|#?\d{1,6}")

Read = Callable[[Path], bytes | None]


class Held(Struct, frozen=True):
    """A side, and where the rest of it is found."""

    side: Side
    here: bool = False
    """Whether it is the workspace."""
    code: Revision | None = None
    """None where it is not known, as outside Git."""
    read: Mapping[Path, Entry] = {}
    """Of a run, what its stages read."""


def held(project: Project, word: str, *, code: bool = True) -> Held:
    """What a word means: `workspace`, a run, or whatever Git knows; raises `UnknownRevision`.

    `commit:NAME` and `run:NAME` say which is meant. With `code` the workspace's changes are asked of Git too."""
    if word == WORKSPACE:
        return _workspace(project, code=code)
    kind, _, name = word.partition(":")
    if kind == "run" and name:
        return _run(project, name)
    if RUN_NAME.fullmatch(word):
        try:
            return _run(project, word)
        except UnknownRun:
            pass  # Git may know a commit or a tag of this name
    revision = name if kind == "commit" and name else word
    found = revisions.peek(project.root, revision, _FIRST)
    if found is not None:
        return _commit(project, revision, *found)
    try:
        return _run(project, word)
    except UnknownRun:
        if revisions.is_experiment(project.root, name or word):
            what = f"'{name or word}' is an experiment of DVC's, which only DVC itself reads"
            fix = f"dvc exp branch {name or word} NAME makes a branch of it, that Outdo reads"
            raise UnknownRevision(what, fix=fix) from None
        fix = "name a commit, a branch, a tag, a run of `outdo log`, or `workspace`"
        raise UnknownRevision(f"neither Git nor the ledger knows '{word}'", fix=fix) from None


def held_all(project: Project, words: Sequence[str]) -> list[Side]:
    """What each word means, but for its code, `sweep:NAME` being all its trials; the ledger is asked once for those
    that can only mean a run."""
    history = lazy("outdo.app.history")
    runs = [word for word in words if RUN_NAME.fullmatch(word)]
    try:
        found = history.runs_named(project.root, runs) if runs else []
    except UnknownRun:
        found = []  # one of them may be a commit, or is told below
    known = {word: [run] for word, run in zip(runs, found, strict=False)}
    known |= {
        word: history.trials_of(project.root, word.removeprefix(SWEEP))
        for word in words
        if word.startswith(SWEEP)
    }
    sides: list[Side] = []
    for word in words:
        some = [of_run(project, run, code=False) for run in known.get(word, ())]
        sides += [one.side for one in some or [held(project, word, code=False)]]
    return sides


def _run(project: Project, name: str) -> Held:
    (run,) = lazy("outdo.app.history").runs_named(project.root, [name])
    return of_run(project, run)


def of_run(project: Project, run: "Run", *, code: bool = True) -> Held:
    """What a run is on record with; without `code` what differed from its commit is not read."""
    stages = run.stages.values()
    outs = {each.path: each.entry for one in stages for each in one.artifacts if each.role != "dep"}
    tracked = {name: value for one in stages for name, value in one.params.items()}
    metrics: dict[str, Mapping[str, float]] = {one.stage: one.metrics for one in stages}
    found, notices = _recorded_code(project, run) if code else (None, ())
    side = Side(f"run {run.number}", tracked, None, metrics, outs, notices)
    read = {each.path: each.entry for one in stages for each in one.artifacts if each.role == "dep"}
    return Held(side, code=found, read=read)


def _recorded_code(project: Project, run: "Run") -> tuple[Revision | None, tuple[str, ...]]:
    name = f"run {run.number}"
    if run.commit is None and run.patch is None:
        return None, ()
    if run.patch is None:
        lost = (f"what differed from the commit in {name} was not recorded",) if run.dirty else ()
        return Revision(run.commit), lost
    try:
        return Revision(run.commit, project.objects.get(run.patch)), ()
    except UserError:
        return Revision(run.commit), (f"the store has lost what differed from the commit in {name}",)


# What files say, in the workspace or in a commit.


def _workspace(project: Project, *, code: bool) -> Held:
    def read(path: Path) -> bytes | None:
        try:
            with open(os.path.join(project.root, path), "rb") as file:
                return file.read(METRICS_LIMIT)
        except OSError:
            return None

    pipeline = project.pipeline
    files = ParamFiles(project.root, _cache(project))
    params, tracked, notices = _params(pipeline, files)
    outs = project.workspace.look([out.path for stage in pipeline.stages for out in stage.outs])
    project.stat.save()
    metrics = _metrics(pipeline, read, _logged(project, project.lock.records))
    side = Side(WORKSPACE, tracked, params, metrics, outs, notices)
    return Held(side, True, _code_here(project) if code else None)


def _code_here(project: Project) -> Revision | None:
    found = read_code(project.root, without=[*written(project.pipeline), LOCK])
    return Revision(found.commit, found.patch) if found.commit is not None or found.dirty else None


def with_code(project: Project, side: Held) -> Held:
    """The side with its code, where that of the workspace was not asked for yet."""
    return replace(side, code=_code_here(project)) if side.here and side.code is None else side


def _commit(project: Project, word: str, commit: str, known: Mapping[Path, bytes]) -> Held:
    name = word if commit.startswith(word) else f"{word} ({commit[:8]})"
    contents = {path: known.get(path) for path in _FIRST}

    def fetch(*paths: Path) -> None:
        asked = [path for path in paths if path not in contents]
        found = revisions.contents(project.root, commit, asked) if asked else {}
        contents.update({path: found.get(path) for path in asked})

    def read(path: Path) -> bytes | None:
        fetch(path)
        return contents[path]

    def strict(path: Path) -> bytes:
        content = read(path)
        if content is None:
            raise FileNotFoundError(2, f"it is not in {name}", path)
        return content

    file = next((each for each in FILES if contents[each] is not None), None)
    if file is None:
        side = Side(name, params={}, notices=(f"there is no {FILES[0]} in {name}",))
        return Held(side, code=Revision(commit))
    pipeline = pipeline_of(project, file, read, name)
    fetch(*(param.file for stage in pipeline.stages for param in stage.params), *pipeline.params)
    params, tracked, notices = _params(pipeline, ParamFiles(project.root, _cache(project), strict))
    lock, theirs = contents[LOCK], contents[DVC_LOCK]
    records = read_lock(lock) if lock is not None else {}
    made = {path: entry for one in pipeline.stages for path, entry in _outs(records, one.name).items()}
    if project.adopted is not None and theirs is not None:
        made = _as_dvc_says(project, pipeline, theirs, made, read)
    outs = {path: made[path] for path in written(pipeline) if path in made}
    if written(pipeline) and lock is None and theirs is None:
        notices = (*notices, f"there is no {LOCK} in {name}, so its data is not known")
    lost: list[Path] = []

    def metric(path: Path) -> bytes | None:
        content = _stored(project, made.get(path)) or read(path)
        if content is None and path in made:
            lost.append(path)
        return content

    metrics = _metrics(pipeline, metric, _logged(project, records))
    notices = (
        *notices,
        *(f"the store has lost '{path}' of {name}, so its metrics are not known" for path in lost),
    )
    return Held(Side(name, tracked, params, metrics, outs, notices), code=Revision(commit))


def _as_dvc_says(
    project: Project, pipeline: Pipeline, lock: bytes, made: Mapping[Path, Entry], read: Read
) -> dict[Path, Entry]:
    """`made`, with what `dvc.lock` tells in its place: it is the newer one where only DVC ran. What DVC's cache lacks
    may stand in Git."""
    assert project.adopted is not None
    found = dict(made)
    try:
        recorded = project.adopted.recorded(pipeline.stages, lock.decode("utf-8", "replace"))
    except UserError:
        return found
    for path, entry in (pair for outs in recorded.values() for pair in outs.items()):
        content = read(path) if entry is None else None
        if content is not None:
            entry = Entry(digest_bytes(content), len(content))
        if entry is not None:
            found[path] = entry
        else:
            found.pop(path, None)
    return found


def _outs(records: Mapping[StageName, Record], stage: StageName) -> Mapping[Path, Entry]:
    return records[stage].outs if stage in records else {}


def pipeline_of(project: Project, file: str, read: Read, name: str) -> Pipeline:
    """The pipeline as other code has it; raises `UnknownRevision` for one with mistakes in it."""

    def text(path: Path) -> str | None:
        content = read(path)
        return None if content is None else content.decode("utf-8", "replace")

    if file == project.file and all(_is_of(source, read) for source in project.pipeline.sources):
        return project.pipeline  # to read it again would give the same, at the price of a YAML parser
    config = lazy("outdo.core.config")
    try:
        found: Pipeline = config.read_project(
            file, text(file) or "", text, os.path.basename(project.root)
        ).pipeline
    except UserError as error:
        mistakes = getattr(error, "mistakes", (error,))
        what = f"the pipeline in {name} can't be read: {mistakes[0].what} ({mistakes[0].where})"
        raise UnknownRevision(what, fix="compare with a commit whose pipeline is sound") from None
    return found


def _is_of(source: Source, read: Read) -> bool:
    content = read(source.path)
    return source.digest == (None if content is None else digest_bytes(content))


def _params(
    pipeline: Pipeline, files: ParamFiles
) -> tuple[dict[str, Value], dict[str, Value], tuple[str, ...]]:
    """All params in the files, those that stages read, and what could not be read."""
    params: dict[str, Value] = {}
    tracked: dict[str, Value] = {}
    notices: list[str] = []
    read = [param for stage in pipeline.stages for param in stage.params]
    for path in dict.fromkeys(["params.yaml", *(param.file for param in read), *pipeline.params]):
        value = files.get(Param(path))
        if not isinstance(value, Absent):
            params |= leaves(
                value if path == "params.yaml" and isinstance(value, dict) else {f"{path}:": value}
            )
        elif any(param.file == path for param in read):
            notices.append(value.why.what)
    for param in dict.fromkeys(read):
        value = files.get(param)
        if not isinstance(value, Absent):
            tracked |= leaves({str(param): value})
    return params, tracked, tuple(notices)


def _logged(project: Project, records: Mapping[StageName, Record]) -> dict[str, Mapping[str, float]]:
    """What stages have logged when these results were computed, as far as the run cache knows."""
    known = {name: project.results.get(record.key) for name, record in records.items()}
    return {name: one.logged for name, one in known.items() if one is not None and one.logged}


def _metrics(
    pipeline: Pipeline, read: Read, logged: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """The numbers in the metric files, and what stages logged beside them."""
    found: dict[str, dict[str, float]] = {}
    owned: set[Path] = set()
    for stage in pipeline.stages:
        files = [out.path for out in stage.outs if out.role == "metric"]
        owned.update(files)
        for path in files:
            found.setdefault(stage.name, {}).update(_numbers(path, read(path)))
        if stage.name in logged:
            found[stage.name] = {**logged[stage.name], **found.get(stage.name, {})}
    for path in pipeline.metrics:
        if path not in owned:
            found.setdefault("", {}).update(_numbers(path, read(path)))
    return found


def _numbers(path: Path, content: bytes | None) -> dict[str, float]:
    try:
        return numbers(parse(path, content.decode())) if content is not None else {}
    except (UserError, UnicodeDecodeError):
        return {}


def _stored(project: Project, entry: Entry | None) -> bytes | None:
    if entry is None or entry.kind != "file" or entry.size > METRICS_LIMIT:
        return None
    try:
        project.take_in(entry)
        return project.objects.get(entry.digest)
    except UserError:
        return None


def written(pipeline: Pipeline) -> list[Path]:
    """The paths that stages write."""
    return [out.path for stage in pipeline.stages for out in stage.outs]


def _cache(project: Project) -> str:
    return os.path.join(project.state, "cache", "params")
