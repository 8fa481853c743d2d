"""A model judged by its gates: as it was judged before, else on its predictions beside the champion's.

NumPy is loaded only for what is judged anew.
"""

from collections.abc import Mapping
from time import perf_counter, time

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.checked import JudgedModel
from outdo.app.compare import values
from outdo.app.inspected import keep
from outdo.app.lazy import lazy
from outdo.app.models import Version, version
from outdo.app.project import Project, declared
from outdo.core.digest import digest, gates_key, judged_key, stage_key
from outdo.core.errors import NothingToCheck, UnknownVersion
from outdo.core.hints import did_you_mean
from outdo.core.model import Entry, Key, Path, Place, Stage
from outdo.core.modelgates import measured_anew
from outdo.core.sections import Model
from outdo.core.verdict import Judgement, Verdict, overall

CHAMPION = "champion"
"""The alias of the version to beat."""


class Sides(Struct, frozen=True):
    """What the gates of a model look at, of the model in the workspace and of its champion."""

    model: Entry | None
    ours: Entry | str
    """Its predictions, or why there are none."""
    champion: Version | None
    theirs: Entry | str | None
    """The champion's predictions on the same data, or why there are none; None without a champion."""


def gated(project: Project, name: str, *, force: bool = False) -> JudgedModel:
    """The verdicts of the gates of a model, as it is in the workspace, from a former judgement where all that they look
    at is the same, and `force` is not asked. What was found is kept. Raises `NothingToCheck`."""
    began = perf_counter()
    model = _with_gates(project, name)
    sides = sides_of(project, name, model)
    champion = "" if sides.champion is None else sides.champion.name
    key = _key(model, sides, metrics_told(project))
    known = project.judgements.get(sides.model.digest, key) if sides.model and key else None
    if known is not None and known.holds(time()) and not force:
        found, kept = known.verdicts, True
    else:
        found, kept = _judge(project, name, model), False
        if sides.model is not None:
            rules = gates_key(model.gates)
            key = key or Key(digest("unjudged/1", rules))
            keep(project, Judgement("model", name, sides.model.digest, key, found, time(), champion, rules))
    return JudgedModel(name, overall(found), found, champion, perf_counter() - began, kept)


def sides_of(project: Project, name: str, model: Model) -> Sides:
    """What is there of a model and of its champion."""
    path = model.path.rstrip("/")
    entry = project.workspace.look([path]).get(path)
    ours = _ours(project, model)
    try:
        champion = version(project.root, f"{name}@{CHAMPION}")
    except UnknownVersion:
        return Sides(entry, ours, None, None)
    return Sides(entry, ours, champion, ours if isinstance(ours, str) else _theirs(project, model, champion))


def metrics_told(project: Project) -> dict[str, float]:
    """The last metrics that stages told."""
    told: Mapping[str, object] = values(project.root, "metrics")
    return {
        name.rpartition(":")[2]: float(value)
        for name, value in told.items()
        if isinstance(value, int | float)
    }


def evaluates(project: Project, model: Model) -> Stage | None:
    """The stage that scores the model: the one that is named, or else that writes the predictions."""
    stages = project.pipeline.stages
    if model.evaluate is not None:
        return next((one for one in stages if one.name == model.evaluate), None)
    wanted = model.predictions.path if model.predictions else ""
    return next((one for one in stages if any(out.path == wanted for out in one.outs)), None)


def _with_gates(project: Project, name: str) -> Model:
    models = declared(project).models
    if name not in models:
        raise NothingToCheck(
            f"there is no model '{name}'", where=Place(project.file), fix=did_you_mean(name, models)
        )
    if not models[name].gates:
        raise NothingToCheck(
            f"model '{name}' has no gates", where=Place(project.file), fix="add 'gates:' to it"
        )
    return models[name]


def _judge(project: Project, name: str, model: Model) -> tuple[Verdict, ...]:
    found: tuple[Verdict, ...] = lazy("outdo.app.judged").verdicts(project, name)
    return tuple(replace(one, doubt=model.doubt) for one in found) if model.doubt != "stop" else found


def _key(model: Model, sides: Sides, told: Mapping[str, float]) -> Key | None:
    """None where what is to be judged is not known, or a verdict follows from what no key tells."""
    if sides.model is None or measured_anew(model.gates):
        return None
    scored = [str(one.digest if isinstance(one, Entry) else one) for one in (sides.ours, sides.theirs)]
    champion = sides.champion.name if sides.champion else ""
    rules = digest("rules/1", model.gates, model.predictions, model.evaluate, model.doubt)
    return judged_key(rules, sides.model, [*scored, champion], told)


def _ours(project: Project, model: Model) -> Entry | str:
    """The predictions in the workspace, if they are those of the model there."""
    if model.predictions is None:
        return "the model has no 'predictions:'"
    stage = evaluates(project, model)
    if stage is None:
        return f"no stage writes '{model.predictions.path}'"
    record = project.lock.records.get(stage.name)
    path = model.predictions.path
    now = project.workspace.look([path, model.path.rstrip("/")])
    known: Mapping[Path, Entry] = {} if record is None else {**record.deps, **record.outs}
    if any(now.get(each) != known.get(each) for each in now) or path not in now:
        return f"'{path}' is not of the model in the workspace: run '{stage.name}' first"
    return now[path]


def _theirs(project: Project, model: Model, champion: Version) -> Entry | str:
    """What the evaluating stage makes with the champion in the model's place.

    That is one key with one dependency replaced: if it was ever computed, on these data by this code, it is known."""
    stage = evaluates(project, model)
    record = None if stage is None else project.lock.records.get(stage.name)
    if stage is None or record is None or model.predictions is None:
        return "nothing scores the model"
    path = model.path.rstrip("/")
    if champion.entry is None or path not in record.deps:
        return f"{champion.name} can't stand in for '{path}' in stage '{stage.name}'"
    key = stage_key(stage, {**record.deps, path: champion.entry}, record.params)
    known = project.results.get(key)
    if known is None or model.predictions.path not in known.outs:
        advice = f"reproduce or run it with {champion.name} in the place of '{path}'"
        return f"{champion.name} was not scored on these rows: {advice}"
    return known.outs[model.predictions.path]
