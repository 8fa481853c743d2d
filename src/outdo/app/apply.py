"""A run put back into the workspace: its params and what its stages wrote; the verb `apply`."""

import os
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from outdo.app.compare import diff
from outdo.app.history import runs_named
from outdo.app.project import Project
from outdo.app.sides import held, of_run
from outdo.core.compare import ValueChange, value_changes
from outdo.core.errors import NotInStore, Unreadable, WouldOverwrite
from outdo.core.model import Artifact, Entry, Path, Record, StageName, Value
from outdo.core.record import Run
from outdo.core.rewrite import set_values
from outdo.core.sweep import Setting
from outdo.core.values import leaves
from outdo.run.revisions import contents, resolve
from outdo.store.atomic import write_atomic


class Applied(Struct, frozen=True):
    """What was put back."""

    number: int
    params: tuple[ValueChange, ...]
    outs: tuple[Path, ...]
    """The outputs that were not there, or held something else."""
    code: tuple[Path, ...] = ()
    """Files of code that differ from those the run had; they are left as they are."""
    notices: tuple[str, ...] = ()


class _Wanted(Struct, frozen=True):
    """What has to be done, all of it known to be possible."""

    params: tuple[ValueChange, ...]
    texts: Mapping[Path, str]
    outs: Mapping[Path, Entry]
    records: Mapping[StageName, Record]
    notices: tuple[str, ...]


def apply(project: Project, name: str, *, force: bool = False) -> Applied:
    """Puts a run's params and outputs back; the caller has the turn in the workspace.

    Before anything is touched raises `UnknownRun`, `NotInStore` where an output is lost, `BadSet` where a params file
    has no place for a value, and without `force` `WouldOverwrite` for what is nowhere else."""
    (run,) = runs_named(project.root, [name])
    wanted = _wanted(project, run)
    if not force:
        _refuse_loss(project, wanted)
    for path, text in wanted.texts.items():
        write_atomic(os.path.join(project.root, path), text.encode("utf-8", "surrogateescape"), durable=True)
    for path, entry in wanted.outs.items():
        project.workspace.restore(path, entry)
    records = {**project.lock.records, **wanted.records}
    project.lock.save({stage: record for stage, record in records.items() if stage in project.graph.stages})
    project.stat.save()
    code = diff(project.root, [f"run:{run.id}"], ["code"]).code
    files = tuple(change.path for change in code if change.path not in wanted.texts)
    return Applied(run.number, wanted.params, tuple(wanted.outs), files, wanted.notices)


def _wanted(project: Project, run: Run) -> _Wanted:
    now = held(project, "workspace", code=False).side
    recorded = of_run(project, run, code=False).side
    places = dict(_places(project, recorded.tracked))
    changes = tuple(
        change for change in value_changes(now.tracked, recorded.tracked) if change.kind != "removed"
    )
    params = tuple(change for change in changes if change.name in places)
    settings = [Setting(*places[change.name], change.after) for change in params]
    notices = [f"no stage reads {change.name} now" for change in changes if change.name not in places]
    outs: dict[Path, Entry] = {}
    for stage in project.pipeline.stages:
        for out in stage.outs:
            entry = recorded.outs.get(out.path)
            if entry is None or now.outs.get(out.path) == entry:
                continue
            if project.workspace.holds(entry):
                outs[out.path] = entry
            elif out.cache:
                what = f"the store has lost what run {run.number} wrote to '{out.path}'"
                raise NotInStore(what, fix=f"outdo pull, or run it anew: outdo show {run.number}")
            else:
                notices.append(f"'{out.path}' is Git's, and stays as it is")
    return _Wanted(params, _texts(project, settings), outs, _records(project, run), tuple(notices))


def _places(project: Project, names: Iterable[str]) -> Iterable[tuple[str, tuple[Path, str]]]:
    """For each name of a param that a stage reads, its file and its key there."""
    read = {param for stage in project.pipeline.stages for param in stage.params}
    for name in names:
        for param in read:
            rest = name.removeprefix(str(param))
            if rest != name and rest[:1] in ("", "."):
                yield name, (param.file, f"{param.key}{rest}".removeprefix("."))


def _texts(project: Project, settings: Sequence[Setting]) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for path in dict.fromkeys(one.file for one in settings):
        text = _read(project, path).decode("utf-8", "surrogateescape")
        found[path] = set_values(path, text, [one for one in settings if one.file == path])
    return found


def _records(project: Project, run: Run) -> dict[StageName, Record]:
    found: dict[StageName, Record] = {}
    for one in run.stages.values():
        record = project.results.get(one.key) if one.key and one.stage in project.graph.stages else None
        if record is not None and all(
            _wrote(one.artifacts, path) == entry for path, entry in record.outs.items()
        ):
            found[one.stage] = record
    return found


def _wrote(artifacts: Iterable[Artifact], path: Path) -> Entry | None:
    return next((each.entry for each in artifacts if each.role != "dep" and each.path == path), None)


def _refuse_loss(project: Project, wanted: _Wanted) -> None:
    """Raises `WouldOverwrite` for an output that the store lacks, and for params that neither the last commit nor
    the last run has."""
    now = project.workspace.look(wanted.outs)
    lost = [path for path, entry in now.items() if not project.workspace.holds(entry)]
    last: dict[str, Value] = {}
    for record in project.lock.records.values():
        last |= leaves(record.params)
    edited = any(change.name not in last or last[change.name] != change.before for change in wanted.params)
    if edited:
        commit = resolve(project.root, "HEAD")
        committed = contents(project.root, commit, wanted.texts) if commit else {}
        lost += [path for path in wanted.texts if committed.get(path) != _read(project, path)]
    if lost:
        listed = ", ".join(f"'{path}'" for path in lost[:5])
        what = f"{listed} would be overwritten, and what is there is neither committed nor in the store"
        raise WouldOverwrite(what, fix="commit or run it first; or --force")


def _read(project: Project, path: Path) -> bytes:
    try:
        with open(os.path.join(project.root, path), "rb") as file:
            return file.read()
    except OSError as error:
        raise Unreadable(f"'{path}' can't be read: {error.strerror}") from None
