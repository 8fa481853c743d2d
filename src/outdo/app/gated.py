"""A model judged by its gates: as it was judged before, else on its predictions beside the champion's.

NumPy is loaded only for what is judged anew.
"""

from collections.abc import Callable, Mapping
from time import perf_counter, time

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.checked import JudgedModel
from outdo.app.compare import values
from outdo.app.inspected import keep
from outdo.app.lazy import lazy
from outdo.app.models import Version, version
from outdo.app.project import Project, declared
from outdo.core.digest import gates_key, judged_key, stage_key
from outdo.core.errors import NothingToCheck, UnknownVersion, UserError
from outdo.core.hints import did_you_mean
from outdo.core.holdout import worn
from outdo.core.model import Entry, Key, Path, Place, Stage, Value
from outdo.core.modelgates import measured_anew, read_besides
from outdo.core.rules import Beats, MetricGate
from outdo.core.sections import CHAMPION, Model
from outdo.core.verdict import Judgement, Verdict
from outdo.core.written import Bound


class Unscored(Struct, frozen=True):
    """The evaluating stage as it would score the champion: with one dependency replaced."""

    stage: Stage
    deps: Mapping[Path, Entry]
    params: Mapping[str, Value]
    champion: str
    """Such as `delay/6`."""

    @property
    def key(self) -> Key:
        return stage_key(self.stage, self.deps, self.params)

    def __str__(self) -> str:
        return f"{self.champion} was not scored on these rows"


class Sides(Struct, frozen=True):
    """What the gates of a model look at, of the model in the workspace and of its champion."""

    model: Entry | None
    ours: Entry | str
    """Its predictions, or why there are none."""
    champion: Version | None
    theirs: Entry | Unscored | str | None
    """The champion's predictions on the same data, or why there are none; None without a champion."""


Score = Callable[[Unscored], str]
"""Has the champion scored; returns why that failed, nothing where its result is known now."""


class Due(Struct, frozen=True):
    """A model with its gates, and all that they look at."""

    name: str
    model: Model
    sides: Sides
    key: Key | None
    """None: the model is not here."""

    @property
    def champion(self) -> str:
        """Such as `delay/6`; empty where there is none."""
        return "" if self.sides.champion is None else self.sides.champion.name


def gated(project: Project, name: str, *, force: bool = False, score: Score | None = None) -> JudgedModel:
    """The verdicts of the gates of a model, as it is in the workspace, from a former judgement where all that they look
    at is the same, and `force` is not asked. What was found is kept. Raises `NothingToCheck`."""
    began = perf_counter()
    one = due(project, name, score)
    known = None if force else known_of(project, one)
    found = known or judge(project, one)
    models = project.holdouts.models(found.holdout) if found.holdout else 0
    seconds = perf_counter() - began
    return JudgedModel(name, found.outcome, found.verdicts, one.champion, seconds, known is not None, models)


def due(project: Project, name: str, score: Score | None = None) -> Due:
    """What is to be judged of a model, its champion scored where a gate compares the two; raises `NothingToCheck`."""
    model = _with_gates(project, name)
    sides = sides_of(project, name, model)
    if isinstance(sides.theirs, Unscored) and score is not None and _compares(model):
        wanted = sides.theirs
        why = score(wanted)
        told = f"{wanted}: {why}" if why else _known(project, model, wanted)
        sides = replace(sides, theirs=told)
    return Due(name, model, sides, _key(project, name, model, sides))


def known_of(project: Project, one: Due) -> Judgement | None:
    """How a model was judged before, of the same predictions by the same gates."""
    if one.sides.model is None or one.key is None or measured_anew(one.model.gates):
        return None
    found = project.judgements.get(one.sides.model.digest, one.key)
    return found if found is not None and found.holds(time()) else None


def judge(project: Project, one: Due) -> Judgement:
    """How a model does by its gates, which is kept."""
    verdicts: tuple[Verdict, ...]
    verdicts, holdout = lazy("outdo.app.judged").verdicts(project, one)
    models = _counted(project, holdout, one.sides.model)
    found = tuple(replace(verdict, doubt=one.model.doubt) for verdict in (*verdicts, *worn(models)))
    digest_ = one.sides.model.digest if one.sides.model else ""
    rules = gates_key(one.model.gates)
    made = Judgement(
        "model", one.name, digest_, one.key or "", found, time(), one.champion, rules, holdout, models
    )
    if one.key is not None:
        keep(project, made)
    return made


def sides_of(project: Project, name: str, model: Model) -> Sides:
    """What is there of a model and of its champion."""
    path = model.path.rstrip("/")
    entry = project.workspace.look([path]).get(path)
    stage = evaluates(project, name)
    ours = _ours(project, model, stage)
    try:
        champion = version(project.root, f"{name}@{CHAMPION}")
    except UnknownVersion:
        return Sides(entry, ours, None, None)
    return Sides(
        entry, ours, champion, ours if isinstance(ours, str) else _theirs(project, model, stage, champion)
    )


def metrics_told(project: Project) -> dict[str, float]:
    """The last metrics that stages told."""
    told: Mapping[str, object] = values(project.root, "metrics")
    return {
        name.rpartition(":")[2]: float(value)
        for name, value in told.items()
        if isinstance(value, int | float)
    }


def evaluates(project: Project, name: str) -> Stage | None:
    """The stage that scores a model."""
    model = project.pipeline.models.get(name)
    return project.graph.stages.get(model.scored_by) if model else None


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


def _compares(model: Model) -> bool:
    """Whether a gate holds the model against its champion."""
    return any(
        isinstance(gate, Beats)
        or (
            isinstance(gate, MetricGate)
            and any(isinstance(one, Bound) and one.relative_to for one in gate.bounds.values())
        )
        for gate in model.gates
    )


def _counted(project: Project, holdout: str, model: Entry | None) -> int:
    """How many models were judged on these rows, once this one was; in a store that can't be written to, before."""
    if not holdout or model is None:
        return 0
    try:
        project.make_state()
        project.holdouts.add(holdout, model.digest)
    except UserError:
        pass
    return project.holdouts.models(holdout)


def _key(project: Project, name: str, model: Model, sides: Sides) -> Key | None:
    if sides.model is None:
        return None
    against = (sides.theirs, sides.champion and sides.champion.name) if _compares(model) else ()
    scored = [str(one.digest if isinstance(one, Entry) else one) for one in (sides.ours, *against)]
    stage = evaluates(project, name)
    beside = read_besides(model.gates, model.load, stage.deps if stage else ())
    beside += [one.function.rpartition(":")[0] for one in model.metrics.values()]
    held = project.workspace.look(beside)
    scored += [f"{path} {held[path].digest if path in held else ''}" for path in map(Path, beside)]
    return judged_key(project.pipeline.models[name].rules, sides.model, scored, metrics_told(project))


def _ours(project: Project, model: Model, stage: Stage | None) -> Entry | str:
    """The predictions in the workspace, if they are those of the model there."""
    if model.predictions is None:
        return "the model has no 'predictions:'"
    if stage is None:
        return f"no stage writes '{model.predictions.path}'"
    record = project.lock.records.get(stage.name)
    path = model.predictions.path
    now = project.workspace.look([path, model.path.rstrip("/")])
    known: Mapping[Path, Entry] = {} if record is None else {**record.deps, **record.outs}
    if any(now.get(each) != known.get(each) for each in now) or path not in now:
        return f"'{path}' is not of the model in the workspace: run '{stage.name}' first"
    return now[path]


def _theirs(project: Project, model: Model, stage: Stage | None, champion: Version) -> Entry | Unscored | str:
    """What the evaluating stage makes with the champion in the model's place.

    That is one key with one dependency replaced: if it was ever computed, on these data by this code, it is known."""
    record = None if stage is None else project.lock.records.get(stage.name)
    if stage is None or record is None or model.predictions is None:
        return "nothing scores the model"
    path = model.path.rstrip("/")
    if champion.entry is None or path not in record.deps:
        return f"{champion.name} can't stand in for '{path}' in stage '{stage.name}'"
    deps = {**record.deps, path: champion.entry}
    return _known(project, model, Unscored(stage, deps, record.params, champion.name))


def _known(project: Project, model: Model, wanted: Unscored) -> Entry | Unscored:
    """The champion's predictions where they are known."""
    known = project.results.get(wanted.key)
    path = model.predictions.path if model.predictions else ""
    return wanted if known is None or path not in known.outs else known.outs[path]
