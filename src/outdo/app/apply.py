"""A run put back into the workspace: its code, its params and what its stages wrote; the verb `apply`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.code import Code, code_of, put
from outdo.app.data.former import Former
from outdo.app.history import runs_named
from outdo.app.project import Project
from outdo.app.sides import held, of_run
from outdo.core.compare import LineChange, Side, ValueChange, value_changes
from outdo.core.errors import NotInStore, Unreadable, WouldOverwrite
from outdo.core.events import Artifact
from outdo.core.model import Entry, Path, Record, Stage, StageName, Value
from outdo.core.record import Run
from outdo.core.rewrite import set_values
from outdo.core.sweep import Setting
from outdo.core.values import leaves
from outdo.run.git import in_repository
from outdo.run.revisions import contents, resolve
from outdo.store.atomic import write_atomic

Part = Literal["code", "params", "data"]
PARTS: tuple[Part, ...] = ("code", "params", "data")


class Applied(Struct, frozen=True):
    """What was put back."""

    number: int
    params: tuple[ValueChange, ...]
    outs: tuple[Path, ...]
    """The outputs that were not there, or held something else."""
    code: tuple[LineChange, ...] = ()
    """The files of code that were not there, or held something else."""
    left: tuple[Path, ...] = ()
    """Files that the run did not have and Git does not track; they stay."""
    notices: tuple[str, ...] = ()
    data: tuple[Path, ...] = ()
    """Tracked paths that the run had read, and that were not there, or held something else."""


class _Wanted(Struct, frozen=True):
    """What has to be done beside the code, all of it known to be possible."""

    params: tuple[ValueChange, ...] = ()
    texts: Mapping[Path, str] = {}
    outs: Mapping[Path, Entry] = {}
    records: Mapping[StageName, Record] = {}
    notices: tuple[str, ...] = ()


def apply(project: Project, name: str, parts: Sequence[Part] = PARTS, *, force: bool = False) -> Applied:
    """Puts a run's code, params and outputs back; the caller has the turn in the workspace.

    Before anything is touched raises `UnknownRun`, `NotInStore` where an output is lost, `BadSet` where a params file
    has no place for a value, and without `force` `WouldOverwrite` for what is nowhere else."""
    (run,) = runs_named(project.root, [name])
    with code_of(project, run) if "code" in parts else nullcontext() as code:
        wanted = _wanted(project, run, parts, code)
        former = _former(project, run, code) if code is not None and "data" in parts else None
        if not force:
            _refuse_loss(project, wanted, code)
            former.refuse_loss() if former else None
        if code is not None:
            put(project, code, run)
    for path, text in wanted.texts.items():
        write_atomic(os.path.join(project.root, path), text.encode("utf-8", "surrogateescape"), durable=True)
    for path, entry in wanted.outs.items():
        project.workspace.restore(path, entry)
    if "data" in parts:
        stages = {stage.name for stage in (code.pipeline if code else project.pipeline).stages}
        records = {**project.lock.records, **wanted.records}
        project.lock.save({stage: record for stage, record in records.items() if stage in stages})
    project.stat.save()
    data = former.put() if former else ()
    changes, left = (code.changes, code.left) if code else ((), ())
    lost = former.lost if former else ()
    told = [f"'{path}' is tracked data that the store lacks: outdo data pull {path}" for path in lost]
    return Applied(
        run.number, wanted.params, tuple(wanted.outs), changes, left, (*wanted.notices, *told), data
    )


def _former(project: Project, run: Run, code: Code) -> Former:
    """The tracked data that a run has read."""
    read = {each.path for one in run.stages.values() for each in one.artifacts if each.role == "dep"}
    coming = {change.path: code.folder for change in code.changes if change.kind != "removed"}
    return Former(project, read, coming, {one.path for one in code.changes if one.kind == "removed"})


def _wanted(project: Project, run: Run, parts: Sequence[Part], code: Code | None) -> _Wanted:
    recorded = of_run(project, run, code=False).side
    wanted = _Wanted()
    notices: list[str] = []
    if "code" in parts and code is None and in_repository(project.root):
        notices.append(f"the code of run {run.number} is not on record")
    if "params" in parts:
        now = held(project, "workspace", code=False).side
        places = dict(_places(project, recorded.tracked))
        changes = [
            change for change in value_changes(now.tracked, recorded.tracked) if change.kind != "removed"
        ]
        params = tuple(change for change in changes if change.name in places)
        coming = {change.path for change in code.changes} if code else set()
        settings = [
            Setting(*places[one.name], one.after) for one in params if places[one.name][0] not in coming
        ]
        notices += [f"no stage reads {change.name} now" for change in changes if change.name not in places]
        wanted = replace(wanted, params=params, texts=_texts(project, settings))
    if "data" in parts:
        stages = (code.pipeline if code else project.pipeline).stages
        outs, told = _outs(project, run, recorded, stages)
        wanted = replace(
            wanted, outs=outs, records=records_of(project, run, {stage.name for stage in stages})
        )
        notices += told
    return replace(wanted, notices=tuple(notices))


def _outs(
    project: Project, run: Run, recorded: Side, stages: Sequence[Stage]
) -> tuple[dict[Path, Entry], list[str]]:
    """The outputs that differ, and sentences about those that can't be put back; raises `NotInStore`."""
    notices: list[str] = []
    outs: dict[Path, Entry] = {}
    here = project.workspace.look([out.path for stage in stages for out in stage.outs])
    for out in (out for stage in stages for out in stage.outs):
        entry = recorded.outs.get(out.path)
        if entry is None or here.get(out.path) == entry:
            continue
        if project.workspace.holds(entry):
            outs[out.path] = entry
        elif out.cache:
            what = f"the store has lost what run {run.number} wrote to '{out.path}'"
            raise NotInStore(what, fix=f"outdo pull, or run it anew: outdo show {run.number}")
        else:
            notices.append(f"'{out.path}' is Git's, and stays as it is")
    return outs, notices


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


def records_of(project: Project, run: Run, stages: set[StageName]) -> dict[StageName, Record]:
    """The results of a run's stages, as far as the run cache still has those that the run had."""
    found: dict[StageName, Record] = {}
    for one in run.stages.values():
        record = project.results.get(one.key) if one.key and one.stage in stages else None
        if record is not None and all(
            _wrote(one.artifacts, path) == entry for path, entry in record.outs.items()
        ):
            found[one.stage] = record
    return found


def _wrote(artifacts: Iterable[Artifact], path: Path) -> Entry | None:
    return next((each.entry for each in artifacts if each.role != "dep" and each.path == path), None)


def _refuse_loss(project: Project, wanted: _Wanted, code: Code | None) -> None:
    """Raises `WouldOverwrite` for an output that the store lacks, and for code and params that neither the last commit
    nor the last run has."""
    now = project.workspace.look(wanted.outs)
    lost = [*(code.lost if code else ())]
    lost += [path for path, entry in now.items() if not project.workspace.holds(entry)]
    last: dict[str, Value] = {}
    for record in project.lock.records.values():
        last |= leaves(record.params)
    edited = any(change.name not in last or last[change.name] != change.before for change in wanted.params)
    if edited and wanted.texts:
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
