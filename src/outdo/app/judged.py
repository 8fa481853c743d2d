"""The gates of a model carried out: on its predictions, beside the champion's on the same rows."""

import os
import time
from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from outdo.app.compare import values
from outdo.app.models import Version, version
from outdo.app.project import Project, declared
from outdo.core.digest import stage_key
from outdo.core.errors import NothingToCheck, UnknownVersion, UserError
from outdo.core.hints import did_you_mean
from outdo.core.judge import judge
from outdo.core.model import Entry, Path, Place, Record, Stage
from outdo.core.predicted import Champion, Facts
from outdo.core.sections import Model, Predictions
from outdo.core.verdict import Outcome, Verdict, overall
from outdo.run.rows import Rows, read_rows

CHAMPION = "champion"
"""The alias of the version to beat."""


class JudgedModel(Struct, frozen=True):
    """A model of the file with its verdicts."""

    model: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    champion: str
    """Such as `delay/6`; empty where there is none."""
    seconds: float


def judged(project: Project, name: str) -> JudgedModel:
    """The verdicts of the gates of a model, as it is in the workspace; raises `NothingToCheck`."""
    began = time.perf_counter()
    models = declared(project).models
    if name not in models:
        raise NothingToCheck(
            f"there is no model '{name}'", where=Place(project.file), fix=did_you_mean(name, models)
        )
    model = models[name]
    if not model.gates:
        raise NothingToCheck(
            f"model '{name}' has no gates", where=Place(project.file), fix="add 'gates:' to it"
        )
    rows, champion = both(project, name)
    told = rows if isinstance(rows, str) else rows.predicted
    verdicts = judge(model.gates, told, champion, _facts(project, model))
    title = "" if champion is None else champion.name
    return JudgedModel(name, overall(verdicts), tuple(verdicts), title, time.perf_counter() - began)


def both(project: Project, name: str) -> tuple[Rows | str, Champion | None]:
    """The predictions of a model as it is in the workspace, or why there are none; and its champion on the same rows,
    if there is one."""
    model = declared(project).models[name]
    rows = _rows(project, model)
    holder = _holder(project, name)
    return rows, None if holder is None else _champion(project, model, holder, rows)


def _rows(project: Project, model: Model) -> Rows | str:
    """The predictions in the workspace, if they are those of the model there."""
    if model.predictions is None:
        return "the model has no 'predictions:'"
    stage = _evaluates(project, model)
    if stage is None:
        return f"no stage writes '{model.predictions.path}'"
    record = project.lock.records.get(stage.name)
    path = model.predictions.path
    now = project.workspace.look([path, model.path.rstrip("/")])
    known = {} if record is None else {**record.deps, **record.outs}
    if any(now.get(each) != known.get(each) for each in now) or path not in now:
        return f"'{path}' is not of the model in the workspace: run '{stage.name}' first"
    return _read(os.path.join(project.root, path), model.predictions)


def _read(file: str, told: Predictions) -> Rows | str:
    key = (told.key,) if isinstance(told.key, str) else told.key
    return read_rows(file, told.path, told.label, told.score, [each for each in key if each])


def _evaluates(project: Project, model: Model) -> Stage | None:
    """The stage that scores the model: the one that is named, or else that writes the predictions."""
    stages = project.pipeline.stages
    if model.evaluate is not None:
        return next((one for one in stages if one.name == model.evaluate), None)
    wanted = model.predictions.path if model.predictions else ""
    return next((one for one in stages if any(out.path == wanted for out in one.outs)), None)


def _holder(project: Project, name: str) -> Version | None:
    try:
        return version(project.root, f"{name}@{CHAMPION}")
    except UnknownVersion:
        return None


def _champion(project: Project, model: Model, holder: Version, ours: Rows | str) -> Champion:
    """The champion's predictions: what the evaluating stage makes with the champion in the model's place.

    That is one key with one dependency replaced: if it was ever computed, on these data by this code, it is known."""
    stage = _evaluates(project, model)
    record = None if stage is None else project.lock.records.get(stage.name)
    if isinstance(ours, str) or stage is None or record is None or model.predictions is None:
        return Champion(holder.name, None, ours if isinstance(ours, str) else "nothing scores the model")
    path = model.path.rstrip("/")
    if holder.entry is None or path not in record.deps:
        return Champion(
            holder.name, None, f"{holder.name} can't stand in for '{path}' in stage '{stage.name}'"
        )
    known = _with(project, stage, record, {**record.deps, path: holder.entry})
    if known is None or model.predictions.path not in known.outs:
        advice = f"reproduce or run it with {holder.name} in the place of '{path}'"
        return Champion(holder.name, None, f"{holder.name} was not scored on these rows: {advice}")
    entry = known.outs[model.predictions.path]
    try:
        project.take_in(entry)
        theirs = _read(project.objects.path(entry.digest), model.predictions)
    except UserError as error:
        return Champion(holder.name, None, error.what)
    if isinstance(theirs, str):
        return Champion(holder.name, None, theirs)
    if (ours.key is None) != (theirs.key is None) or not np.array_equal(_ids(ours), _ids(theirs)):
        return Champion(holder.name, None, f"{holder.name} was scored on other rows")
    return Champion(holder.name, theirs.predicted)


def _ids(rows: Rows) -> "np.ndarray[tuple[int, ...], np.dtype[np.generic]]":
    return np.arange(len(rows.predicted.truth)) if rows.key is None else rows.key


def _with(project: Project, stage: Stage, record: Record, deps: Mapping[Path, Entry]) -> Record | None:
    """What the stage made of other dependencies; None where it never did, as far as is known here."""
    return project.results.get(stage_key(stage, deps, record.params))


def _facts(project: Project, model: Model) -> Facts:
    """The metrics that stages told, and the size of the model's files."""
    told = {
        name.rpartition(":")[2]: float(value)
        for name, value in values(project.root, "metrics").items()
        if isinstance(value, int | float)
    }
    path = Path(model.path.rstrip("/"))
    entry = project.workspace.look([path]).get(path)
    return Facts(told, 0 if entry is None else entry.size)
