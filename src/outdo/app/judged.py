"""The gates of a model carried out: on its predictions, beside the champion's on the same rows."""

import os
from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from outdo.app.gated import Due, Sides, metrics_told, sides_of
from outdo.app.measuring import measured, own_metrics
from outdo.app.project import Project, declared
from outdo.core.errors import UserError
from outdo.core.judge import judge
from outdo.core.model import Entry, Path
from outdo.core.parts import parted_by
from outdo.core.predicted import Champion, Facts
from outdo.core.sections import Model, Predictions
from outdo.core.verdict import Verdict
from outdo.run.rows import Rows, read_rows


def verdicts(project: Project, due: Due) -> tuple[tuple[Verdict, ...], str]:
    """Those of the gates of a model, as it is in the workspace, and the digest of the rows that they were found on;
    empty where there are none."""
    model = due.model
    rows, champion = _read_both(project, model, due.sides)
    told = rows if isinstance(rows, str) else rows.predicted
    with own_metrics(project, due.name, model) as own:
        facts = replace(_facts(project, due.name, model), own=own.known)
        found = tuple(judge(model.gates, told, champion, facts))
    return found, "" if isinstance(rows, str) else rows.holdout()


def both(project: Project, name: str) -> tuple[Rows | str, Champion | None]:
    """The predictions of a model as it is in the workspace, or why there are none; and its champion on the same rows,
    if there is one."""
    model = declared(project).models[name]
    return _read_both(project, model, sides_of(project, name, model))


def _read_both(project: Project, model: Model, sides: Sides) -> tuple[Rows | str, Champion | None]:
    if isinstance(sides.ours, str) or model.predictions is None:
        rows: Rows | str = str(sides.ours)
    else:
        rows = _read(
            os.path.join(project.root, model.predictions.path), model.predictions, parted_by(model.gates)
        )
    if sides.champion is None:
        return rows, None
    if sides.champion.entry is not None and sides.champion.entry == sides.model:
        return rows, Champion(
            sides.champion.name, None if isinstance(rows, str) else rows.predicted, same=True
        )
    if isinstance(rows, str) or not isinstance(sides.theirs, Entry) or model.predictions is None:
        return rows, Champion(sides.champion.name, None, rows if isinstance(rows, str) else str(sides.theirs))
    return rows, _champion(project, model.predictions, sides.champion.name, sides.theirs, rows)


def _read(file: str, told: Predictions, by: Sequence[str] = ()) -> Rows | str:
    key = (told.key,) if isinstance(told.key, str) else told.key
    found = read_rows(file, told.path, told.label, told.score, [each for each in key if each], by)
    if isinstance(found, str):
        return found
    used = {told.query, *told.scores.values()}
    others = tuple(each for each in found.predicted.others if each not in used)
    predicted = replace(
        found.predicted, others=others, threshold=told.threshold, scores=told.scores, query=told.query
    )
    return replace(found, predicted=predicted)


def _champion(project: Project, told: Predictions, name: str, entry: Entry, ours: Rows) -> Champion:
    """The champion's predictions, if they are on the same rows."""
    try:
        project.take_in(entry)
        theirs = _read(project.objects.path(entry.digest), told)
    except UserError as error:
        return Champion(name, None, error.what)
    if isinstance(theirs, str):
        return Champion(name, None, theirs)
    if (ours.key is None) != (theirs.key is None) or not np.array_equal(_ids(ours), _ids(theirs)):
        return Champion(name, None, f"{name} was scored on other rows")
    return Champion(name, theirs.predicted)


def _ids(rows: Rows) -> "np.ndarray[tuple[int, ...], np.dtype[np.generic]]":
    return np.arange(len(rows.predicted.truth)) if rows.key is None else rows.key


def _facts(project: Project, name: str, model: Model) -> Facts:
    """The metrics that stages told, the size of the model's files, and what was measured of it."""
    path = Path(model.path.rstrip("/"))
    entry = project.workspace.look([path]).get(path)
    size = 0 if entry is None else entry.size
    return Facts(metrics_told(project), size, measured(project, name, model))
