"""What happened: the verbs `log` and `show`, read from the ledger."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from msgspec import DecodeError, Struct, json

from outdo.app.lazy import lazy
from outdo.app.project import STATE, aims_of
from outdo.app.reproduce.kept import Reproduced, reproductions
from outdo.core.errors import BadFilter, DamagedLedger, UnknownRun, UnknownStage, UserError
from outdo.core.model import Aim, Artifact, Digest, Key, Reason, RunId, RunStatus, StageName, Trial, Value
from outdo.core.query import Filter, Sort, nearest, parse_filter, parse_sort, pick
from outdo.core.ranking import chosen
from outdo.core.record import Found, Run, StageRun, StageState
from outdo.store.folded import Folded
from outdo.store.objects import Objects

if TYPE_CHECKING:
    from outdo.store.ledger import Ledger

    Runs = Ledger | Folded
    """Whatever answers for the runs of a project."""

TAIL_LINES = 15
TAIL_BYTES = 65_536

T = TypeVar("T")


class Asked(Struct, frozen=True):
    """Which runs a person wants to see, as they wrote it."""

    filters: tuple[str, ...] = ()
    sort: str = ""
    ascending: bool = False
    limit: int | None = None
    base: str = ""
    """The run that the others are measured against."""


class LogRow(Struct, frozen=True):
    """One run in a log."""

    number: int
    run: RunId
    status: RunStatus
    started: datetime
    seconds: float | None
    """None for a run without an end."""
    user: str
    command: tuple[str, ...]
    commit: str | None
    branch: str | None
    dirty: bool
    stages: Mapping[str, int]
    """How many stages ran, were restored, kept …"""
    metrics: Mapping[str, float]
    params: Mapping[str, Value]
    trial: Trial | None = None
    """None for a run of the workspace itself."""
    stopped: tuple[str, ...] = ()
    """The paths and models whose checks or gates stopped it."""


class LogPage(Struct, frozen=True):
    """Some runs, and what is worth a column of its own."""

    runs: tuple[LogRow, ...]
    matching: int
    """How many runs meet the filters."""
    recorded: int
    """How many runs there are."""
    metrics: tuple[str, ...] = ()
    """Names of all metrics of these runs, those first that were asked about, then those that gates speak of."""
    params: tuple[str, ...] = ()
    """Names of the params that differ between these runs, or were asked about."""
    notices: tuple[str, ...] = ()
    base: LogRow | None = None
    """The run that the others are measured against."""


class StageView(Struct, frozen=True):
    """One stage in one run."""

    stage: StageName
    status: StageState
    seconds: float
    cpu_seconds: float
    peak_memory: int
    attempts: int
    reasons: tuple[Reason, ...]
    source: RunId
    """The run that computed its result."""
    source_number: int
    key: Key | None
    exit_code: int | None
    failure: str
    retried: tuple[str, ...]
    log: str
    tail: tuple[str, ...]
    """Last lines of the log of a stage that did not end well."""
    params: Mapping[str, Value]
    metrics: Mapping[str, float]
    artifacts: tuple[Artifact, ...]


class Code(Struct, frozen=True):
    """The code a run had."""

    commit: str | None
    branch: str | None
    dirty: bool
    patch: Digest | None


class RunView(Struct, frozen=True):
    """All about one run."""

    number: int
    run: RunId
    status: RunStatus
    started: datetime
    finished: datetime | None
    seconds: float
    project: str
    command: tuple[str, ...]
    user: str
    code: Code
    environment: Mapping[str, Value] | None
    """None where it was not recorded, or the store does not hold it any more."""
    stages: tuple[StageView, ...]
    warnings: tuple[str, ...]
    judged: tuple[Found, ...]
    """What checks and gates found."""
    notices: tuple[str, ...] = ()
    reproduced: tuple[Reproduced, ...] = ()
    """The times that it was made again, oldest first."""
    trial: Trial | None = None
    """Its place in a sweep; None for a run of the workspace itself."""


def log(root: str, asked: Asked, now: datetime) -> LogPage:
    """The runs that were asked for, newest first where no order is; raises `BadFilter`."""
    filters = [parse_filter(each, now) for each in asked.filters]
    sort = parse_sort(asked.sort, descending=not asked.ascending) if asked.sort else None

    def answer(ledger: "Runs") -> LogPage:
        recorded = ledger.count()
        if recorded:
            _check_names(ledger, [*filters, *([sort] if sort else [])])
        found = ledger.runs(filters, sort, asked.limit, with_artifacts=False)
        matching = ledger.count(filters) if filters else recorded
        base = [_run(ledger, asked.base)] if asked.base else []
        page = _page([*found, *base], [*([sort] if sort else []), *filters], aims_of(root))
        rows = page.runs[: len(found)]
        first = page.runs[-1] if base else None
        return LogPage(rows, matching, recorded, page.metrics, page.params, tuple(ledger.notices), first)

    return with_ledger(root, answer)


def show(root: str, name: str) -> RunView:
    """All about the run that `name` means: `12`, `last`, `last~1`, a part of its id; raises `UnknownRun`."""

    def answer(ledger: "Runs") -> RunView:
        run = _run(ledger, name)
        numbers = {id_: number for number, id_ in enumerate(ledger.ids(), 1)}
        return _view(root, run, numbers, tuple(ledger.notices))

    return with_ledger(root, answer)


def runs_named(root: str, names: Sequence[str]) -> list[Run]:
    """The runs that these names mean, one for each; raises `UnknownRun`."""

    def answer(ledger: "Runs") -> list[Run]:
        recorded = ledger.ids()
        wanted = [pick(name, recorded) for name in names]
        found = {run.id: run for run in ledger.runs_named(list(dict.fromkeys(wanted)))}
        return [found[id_] for id_ in wanted]

    return with_ledger(root, answer)


def trials_of(root: str, name: str) -> list[Run]:
    """The runs of the sweep that `name` means: `last`, `last~1`, a part of its name; by the numbers of their trials.
    Raises `UnknownRun`."""

    def answer(ledger: "Runs") -> list[Run]:
        sweeps = ledger.sweeps()
        try:
            sweep = pick(name, sweeps)
        except UnknownRun as unknown:
            what = (
                unknown.what.replace("no run is called", "no sweep is called")
                if sweeps
                else "no sweep is on record"
            )
            raise UnknownRun(what, fix="outdo run --set NAME=VALUE,VALUE") from None
        found = ledger.runs([Filter("sweep", "=", sweep)])
        return sorted(found, key=lambda run: run.trial.number if run.trial else 0)

    return with_ledger(root, answer)


def log_path(root: str, name: str, stage: str) -> str:
    """The file with what a stage printed in a run, or in the run whose result it took over.

    Raises `UnknownRun`, `UnknownStage`, or `UserError` where no log was written or it is gone."""

    def answer(ledger: "Runs") -> str:
        run = _run(ledger, name)
        one = run.stages.get(StageName(stage))
        if one is None:
            near = nearest(stage, run.stages)
            fix = f"did you mean '{near}'?" if near else f"outdo show {run.number}"
            raise UnknownStage(f"run {run.number} has no stage '{stage}'", fix=fix)
        if not one.log and one.source != run.id:
            run = _run(ledger, one.source)
            one = run.stages[one.stage]
        path = _log(root, one)
        if not path:
            raise UnknownRun(
                f"the log of '{stage}' in run {run.number} is not there", fix=f"outdo show {run.number}"
            )
        return path

    return with_ledger(root, answer)


def patch(root: str, name: str) -> bytes:
    """What differed from the commit in a run, for `git apply`; empty where nothing did. Raises `UnknownRun`, and
    `NotInStore` where the store does not hold it any more."""
    digest = show(root, name).code.patch
    return _objects(root).get(digest) if digest else b""


def with_ledger(root: str, ask: Callable[["Runs"], T]) -> T:
    """The answer of the project's ledger: of its journal alone where that is small, else of its tables, which are made
    anew where they turn out to be damaged."""
    state = os.path.join(root, STATE)
    folded = Folded.open(state)
    if folded is not None:
        return ask(folded)
    tables = lazy("outdo.store.ledger").Ledger
    try:
        with closing(tables.open(state)) as ledger:
            return ask(ledger)
    except DamagedLedger:
        with closing(tables.rebuild(state)) as ledger:
            return ask(ledger)


# The log.


def _check_names(ledger: "Runs", asked: Iterable[Filter | Sort]) -> None:
    """Raises `BadFilter` for a metric or a param that no run has, as it is most likely misspelt."""
    for one in asked:
        if one.field not in ("metrics", "params"):
            continue
        known = ledger.metric_names() if one.field == "metrics" else ledger.param_names()
        if one.name not in known and not any(one.name.endswith(f":{name}") for name in known):
            near = nearest(one.name, known)
            fix = (
                f"did you mean '{one.field}.{near}'?"
                if near
                else f"known are {', '.join(known[:8]) or 'none yet'}"
            )
            raise BadFilter(f"no run has a {one.field.removesuffix('s')} '{one.name}'", fix=fix)


def _page(found: Sequence[Run], asked: Sequence[Filter | Sort], aims: Mapping[str, Aim]) -> LogPage:
    wanted_metrics = [one.name for one in asked if one.field == "metrics"]
    wanted_params = [one.name for one in asked if one.field == "params"]
    metrics = _named(found, lambda one: one.metrics, wanted_metrics)
    params = _named(found, lambda one: one.params, wanted_params)
    rows = tuple(_row(*each) for each in zip(found, metrics, params, strict=True))
    named = {name: None for row in metrics for name in row}
    asked_for = _asked_for(wanted_params, {name: None for row in params for name in row})
    return LogPage(
        rows,
        len(rows),
        len(rows),
        tuple(chosen(metrics, aims, _asked_for(wanted_metrics, named))),
        tuple(dict.fromkeys([*asked_for, *_differing(params)])),
    )


def _row(run: Run, metrics: Mapping[str, float], params: Mapping[str, Value]) -> LogRow:
    counts: dict[str, int] = {}
    for one in run.stages.values():
        counts[one.status] = counts.get(one.status, 0) + 1
    return LogRow(
        number=run.number,
        run=run.id,
        status=run.status,
        started=_time(run.started),
        seconds=run.seconds if run.finished is not None else None,
        user=run.user,
        command=run.command,
        commit=run.commit,
        branch=run.branch,
        dirty=run.dirty,
        stages=counts,
        metrics=metrics,
        params=params,
        trial=run.trial,
        stopped=tuple(one.subject for one in run.judged if one.stops),
    )


def _named(
    found: Sequence[Run], of: Callable[[StageRun], Mapping[str, T]], wanted: Sequence[str]
) -> list[dict[str, T]]:
    """For each run its values by name; by `STAGE:NAME` where that was asked about, or where one name has several
    values in some run."""
    several = {
        name
        for run in found
        for name, values in _by_name(run, of).items()
        if any(value != values[0] for value in values[1:])
    }
    several |= {
        each.removeprefix(f"{stage}:")
        for each in wanted
        for run in found
        for stage in run.stages
        if f"{stage}:" in each
    }
    return [
        {
            f"{one.stage}:{name}" if name in several else name: value
            for one in run.stages.values()
            for name, value in of(one).items()
        }
        for run in found
    ]


def _by_name(run: Run, of: Callable[[StageRun], Mapping[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for one in run.stages.values():
        for name, value in of(one).items():
            found.setdefault(name, []).append(value)
    return found


def _differing(rows: Sequence[Mapping[str, Value]]) -> list[str]:
    """The names of which the rows that have them do not all have the same value."""
    first: dict[str, Value] = {}
    differing = {
        name for row in rows for name, value in row.items() if first.setdefault(name, value) != value
    }
    return sorted(differing)


def _asked_for(wanted: Sequence[str], names: Iterable[str]) -> list[str]:
    """Those of `names` that are wanted, alone or for any stage."""
    return [name for each in wanted for name in names if name == each or name.endswith(f":{each}")]


# One run.


def _run(ledger: "Runs", name: str) -> Run:
    id_ = pick(name, ledger.ids())
    (run,) = ledger.runs_named([id_])
    return run


def _view(root: str, run: Run, numbers: Mapping[RunId, int], notices: tuple[str, ...]) -> RunView:
    return RunView(
        number=run.number,
        run=run.id,
        status=run.status,
        started=_time(run.started),
        finished=_time(run.finished) if run.finished is not None else None,
        seconds=run.seconds,
        project=run.project,
        command=run.command,
        user=run.user,
        code=Code(run.commit, run.branch, run.dirty, run.patch),
        environment=_environment(root, run.environment),
        stages=tuple(_stage_view(root, one, numbers) for one in run.stages.values()),
        warnings=tuple(
            f"{each.stage}: {each.message}" if each.stage else each.message for each in run.warnings
        ),
        judged=run.judged,
        notices=notices,
        reproduced=reproductions(os.path.join(root, STATE), run.id),
        trial=run.trial,
    )


def _stage_view(root: str, one: StageRun, numbers: Mapping[RunId, int]) -> StageView:
    bad = one.status in ("failed", "cancelled", "interrupted", "running")
    path = _log(root, one)
    return StageView(
        stage=one.stage,
        status=one.status,
        seconds=one.seconds,
        cpu_seconds=one.cpu_seconds,
        peak_memory=one.peak_memory,
        attempts=one.attempts,
        reasons=one.reasons,
        source=one.source,
        source_number=numbers.get(one.source, 0),
        key=one.key,
        exit_code=one.exit_code,
        failure=one.failure,
        retried=one.retried,
        log=path,
        tail=tuple(tail(path)) if bad and path else (),
        params=one.params,
        metrics=one.metrics,
        artifacts=one.artifacts,
    )


def _environment(root: str, digest: Digest | None) -> Mapping[str, Value] | None:
    if digest is None:
        return None
    try:
        found: dict[str, Value] = json.decode(_objects(root).get(digest), type=dict[str, Value])
    except (UserError, DecodeError):
        return None
    return found


def _objects(root: str) -> Objects:
    return Objects(os.environ.get("OUTDO_STORE") or os.path.join(root, STATE))


def _log(root: str, one: StageRun) -> str:
    """The log of a stage run where it is now, as a project may have been moved; empty where there is none."""
    moved = os.path.join(root, STATE, "logs", one.run, os.path.basename(one.log))
    return next((path for path in (one.log, moved) if one.log and os.path.isfile(path)), "")


def tail(path: str) -> list[str]:
    """The last lines of a log, each as it stood when a progress bar in it was last drawn."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - TAIL_BYTES))
            content = file.read(TAIL_BYTES)
    except OSError:
        return []
    lines = [
        line.rstrip("\r").rpartition("\r")[2].rstrip()
        for line in content.decode("utf-8", "replace").split("\n")
    ]
    return [line for line in lines if line][-TAIL_LINES:]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 3), UTC)
