"""A run as a branch: its code, params, lock and what Git keeps of its outputs, as one commit; the verb `branch`.

The workspace, the index and the branch that is checked out stay as they are.
"""

import os
import tempfile
from collections.abc import Mapping

from msgspec import Struct

from outdo.app.apply import records_of
from outdo.app.history import runs_named
from outdo.app.project import Project
from outdo.app.sides import DVC_LOCK, of_run, pipeline_of
from outdo.core.errors import NoBranch, UserError
from outdo.core.model import Path, Pipeline, Record, StageName
from outdo.core.record import Run
from outdo.integrations.dvc.adoption import Adoption
from outdo.integrations.dvc.former import FormerLock
from outdo.run.git import Refused
from outdo.run.revisions import Revision, add_branch, commit_of, contents, resolve
from outdo.store.lock import NAME as LOCK
from outdo.store.lock import read_lock, text_of


class Branched(Struct, frozen=True):
    """A branch that was made."""

    branch: str
    commit: str
    number: int
    """Of the run."""
    on: str
    """The commit that the run started from; the branch's own where nothing is to be added to it."""
    notices: tuple[str, ...] = ()


def branch(project: Project, name: str, wanted: str = "") -> Branched:
    """Makes a branch, `run-12` where no name is wanted; raises `UnknownRun`, and `NoBranch`."""
    (run,) = runs_named(project.root, [name])
    label = wanted or f"run-{run.number}"
    if resolve(project.root, f"refs/heads/{label}"):
        raise NoBranch(f"there is a branch '{label}' already", fix=f"outdo branch {name} ANOTHER_NAME")
    then = of_run(project, run)
    if then.code is None or then.code.commit is None:
        raise NoBranch(
            f"the commit of run {run.number} is not on record", fix="git init and commit, then run"
        )
    with tempfile.TemporaryDirectory(prefix="branch-", dir=project.state) as folder:
        try:
            files, notices = _files(project, run, then.code, folder)
            commit = commit_of(project.root, then.code, files, _message(run))
            add_branch(project.root, label, commit)
        except Refused as refused:
            fix = "outdo branch --help; git config user.name and user.email say who commits"
            raise NoBranch(f"the branch '{label}' can't be made: {refused}", fix=fix) from None
    return Branched(label, commit, run.number, then.code.commit, (*then.side.notices, *notices))


def _message(run: Run) -> str:
    settings = ", ".join(f"{key}={value}" for key, value in run.trial.settings.items()) if run.trial else ""
    head = f"Run {run.number}: {settings}" if settings else f"Run {run.number}"
    metrics = {name: value for one in run.stages.values() for name, value in one.metrics.items()}
    told = "".join(f"{name}: {value:.6g}\n" for name, value in list(metrics.items())[:20])
    return "\n".join([head, "", *([told] if told else []), f"Outdo-Run: {run.id}", ""])


def _files(project: Project, run: Run, code: Revision, folder: str) -> tuple[dict[Path, str], list[str]]:
    """The lock of the run, and its outputs that Git keeps; and sentences about those that are lost."""
    assert code.commit is not None
    pipeline = _pipeline(project, run, code.commit)
    former = contents(project.root, code.commit, [LOCK]).get(LOCK)
    stages = {stage.name for stage in pipeline.stages}
    known = read_lock(former) if former is not None else {}
    records = {**known, **records_of(project, run, stages)}
    files: dict[Path, str] = {}
    notices: list[str] = []
    if project.repository is None or former is not None:
        mine = {stage: record for stage, record in records.items() if stage in stages}
        files[LOCK] = _written(folder, LOCK, text_of(mine))
    if project.repository is not None:
        text, untold = _dvc_lock(project, code.commit, pipeline, records_of(project, run, stages))
        files[DVC_LOCK] = _written(folder, DVC_LOCK, text.encode())
        notices += [
            f"`dvc.lock` can't tell of stage '{name}': what it read is nowhere any more" for name in untold
        ]
    outs = {
        each.path: each.entry for one in run.stages.values() for each in one.artifacts if each.role != "dep"
    }
    kept = [out.path for stage in pipeline.stages for out in stage.outs if not out.cache and out.path in outs]
    for path in kept:
        entry = outs[path]
        try:
            if entry.kind != "file":
                raise NoBranch("it is a folder")
            files[path] = project.objects.path(entry.digest)
        except UserError:
            notices.append(f"'{path}' stays as the commit has it: the store does not hold what the run wrote")
    return files, notices


def _written(folder: str, name: str, content: bytes) -> str:
    place = os.path.join(folder, name)
    with open(place, "wb") as file:
        file.write(content)
    return place


def _dvc_lock(
    project: Project, commit: str, pipeline: Pipeline, records: Mapping[StageName, Record]
) -> tuple[str, list[StageName]]:
    """DVC's lock of the run, and the stages that it can't tell of."""

    def read(path: Path) -> bytes | None:
        return contents(project.root, commit, [path]).get(path)

    adoption = project.adopted
    assert isinstance(adoption, Adoption)
    former = (read(DVC_LOCK) or b"").decode("utf-8", "replace")
    told = FormerLock(adoption, project.objects, former, read).told(pipeline.stages, records)
    adoption.repository.save()
    return told


def _pipeline(project: Project, run: Run, commit: str) -> Pipeline:
    """The pipeline of the run's commit; the one of today where that can't be read."""

    def read(path: Path) -> bytes | None:
        return contents(project.root, commit, [path]).get(path)

    if read(project.file) is None:
        return project.pipeline
    return pipeline_of(project, project.file, read, f"run {run.number}")
