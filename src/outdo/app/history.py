"""What happened: the verb `log`, read from the ledger, and the runs that names mean."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.project import STATE, aims_of
from outdo.core.errors import BadFilter, DamagedLedger, UnknownRun
from outdo.core.events import RunStatus, Trial
from outdo.core.model import Aim, RunId, Value
from outdo.core.query import Filter, Sort, nearest, parse_filter, parse_sort, pick
from outdo.core.ranking import chosen
from outdo.core.record import Run, StageRun
from outdo.store.folded import Folded

if TYPE_CHECKING:
    from outdo.store.ledger import Ledger

    Runs = Ledger | Folded
    """Whatever answers for the runs of a project."""

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
        base = [run_named(ledger, asked.base)] if asked.base else []
        page = _page([*found, *base], [*([sort] if sort else []), *filters], aims_of(root))
        rows = page.runs[: len(found)]
        first = page.runs[-1] if base else None
        return LogPage(rows, matching, recorded, page.metrics, page.params, tuple(ledger.notices), first)

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


def run_named(ledger: "Runs", name: str) -> Run:
    """The run that `name` means in this ledger; raises `UnknownRun`."""
    id_ = pick(name, ledger.ids())
    (run,) = ledger.runs_named([id_])
    return run


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
        started=moment(run.started),
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


def moment(seconds: float) -> datetime:
    """A time of the ledger, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)
