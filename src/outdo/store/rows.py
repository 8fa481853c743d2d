"""Runs as rows of the ledger's tables, and rows as runs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec import json
from sqlalchemy import Column, Connection, Row, Table, delete, insert, select, update

from outdo.core.digest import digest
from outdo.core.events import Artifact, Trial
from outdo.core.model import Entry, Reason, RunId, StageName, Value
from outdo.core.record import Found, Notice, Run, StageRun
from outdo.core.values import number_of, text_of
from outdo.store.database import artifacts, codes, environments, metrics, params, runs, stage_runs

AT_ONCE = 10_000
"""How many values one statement names at most."""

Values = dict[str, Value]
_encode = json.Encoder().encode
_words = json.Decoder(tuple[str, ...]).decode
_counts = json.Decoder(dict[str, int]).decode
_reasons = json.Decoder(tuple[Reason, ...]).decode
_notices = json.Decoder(tuple[Notice, ...]).decode
_judged = json.Decoder(tuple[Found, ...]).decode
_trial = json.Decoder(Trial).decode


# Runs to rows.


def write(connection: Connection, changed: Sequence[Run]) -> None:
    """Puts runs in place of what the tables have of them."""
    written = [run.number for run in changed]
    there = {row.number for row in _where(connection, runs.c.number, written)}
    _add_missing(connection, codes, "id", [code for run in changed if (code := _code(run))])
    _add_missing(
        connection,
        environments,
        "digest",
        [{"digest": run.environment} for run in changed if run.environment],
    )
    rows = [_run_row(run) for run in changed]
    _insert(connection, runs, [row for row in rows if row["number"] not in there])
    for row in rows:
        if row["number"] in there:
            connection.execute(update(runs).where(runs.c.number == row["number"]).values(row))
    for table in (stage_runs, params, metrics, artifacts):
        for some in _batches(sorted(there)):
            connection.execute(delete(table).where(table.c.run.in_(some)))
    numbers = _numbers(connection, changed)
    stages = [(run.number, place, one) for run in changed for place, one in enumerate(run.stages.values())]
    _insert(connection, stage_runs, [_stage_row(*each, numbers) for each in stages])
    own = [(number, one) for number, _, one in stages if one.source == one.run]
    _insert(connection, params, [row for each in own for row in _param_rows(*each)])
    _insert(connection, metrics, [row for each in own for row in _metric_rows(*each)])
    _insert(connection, artifacts, [row for each in own for row in _artifact_rows(*each)])


def _insert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _numbers(connection: Connection, changed: Sequence[Run]) -> dict[RunId, int]:
    """The numbers of all runs whose results these runs show."""
    sources = sorted({one.source for run in changed for one in run.stages.values()})
    return {RunId(row.id): row.number for row in _where(connection, runs.c.id, sources)}


def _add_missing(connection: Connection, table: Table, key: str, rows: Iterable[Values]) -> None:
    """Adds those rows whose key the table lacks."""
    wanted = {row[key]: row for row in rows}
    there = {row[0] for row in _where(connection, table.c[key], list(wanted))}
    _insert(connection, table, [row for name, row in wanted.items() if name not in there])


def _code(run: Run) -> Values | None:
    if run.commit is None and run.patch is None:
        return None
    return {"id": digest("code/1", run.commit, run.patch), "commit": run.commit, "patch": run.patch}


def _run_row(run: Run) -> Values:
    code = _code(run)
    return {
        "number": run.number,
        "id": run.id,
        "started": run.started,
        "finished": run.finished,
        "seconds": run.seconds,
        "status": run.status,
        "project": run.project,
        "command": _json(run.command),
        "user": run.user,
        "plan": _json(run.plan),
        "code": code["id"] if code else None,
        "branch": run.branch,
        "dirty": run.dirty,
        "environment": run.environment,
        "warnings": _json(run.warnings),
        "sweep": run.trial.sweep if run.trial else None,
        "trial": _json(run.trial) if run.trial else None,
        "judged": _json(run.judged) if run.judged else None,
    }


def _stage_row(run: int, place: int, one: StageRun, numbers: Mapping[RunId, int]) -> Values:
    return {
        "run": run,
        "stage": one.stage,
        "place": place,
        "source": numbers[one.source],
        "status": one.status,
        "started": one.started,
        "finished": one.finished,
        "reasons": _json(one.reasons),
        "key": one.key,
        "attempts": one.attempts,
        "retried": _json(one.retried),
        "exit_code": one.exit_code,
        "failure": one.failure,
        "seconds": one.seconds,
        "cpu_seconds": one.cpu_seconds,
        "peak_memory": one.peak_memory,
        "log": one.log,
    }


def _param_rows(run: int, one: StageRun) -> Iterator[Values]:
    for name, value in one.params.items():
        yield {
            "run": run,
            "stage": one.stage,
            "name": name,
            "value": _json(value),
            "text": text_of(value),
            "number": number_of(value),
        }


def _metric_rows(run: int, one: StageRun) -> Iterator[Values]:
    for name, value in one.metrics.items():
        finite = isfinite(value)
        yield {
            "run": run,
            "stage": one.stage,
            "name": name,
            "value": value if finite else None,
            "odd": None if finite else str(value),
        }


def _artifact_rows(run: int, one: StageRun) -> Iterator[Values]:
    for place, artifact in enumerate(one.artifacts):
        entry = artifact.entry
        yield {
            "run": run,
            "stage": one.stage,
            "place": place,
            "path": artifact.path,
            "role": artifact.role,
            "digest": entry.digest,
            "kind": entry.kind,
            "size": entry.size,
            "files": entry.files,
            "executable": entry.executable,
        }


def _json(value: object) -> str:
    return _encode(value).decode()


# Rows to runs.

Place = tuple[int, StageName]
"""Number of the run and name of the stage that own some contents."""


class _Contents:
    """What stage runs own, by their place."""

    def __init__(self, connection: Connection, owners: Sequence[int], *, with_artifacts: bool) -> None:
        self.params: dict[Place, dict[str, Value]] = defaultdict(dict)
        self.metrics: dict[Place, dict[str, float]] = defaultdict(dict)
        self.artifacts: dict[Place, list[Artifact]] = defaultdict(list)
        for row in _where(connection, params.c.run, owners, params.c.name):
            self.params[row.run, row.stage][row.name] = json.decode(row.value)
        for row in _where(connection, metrics.c.run, owners, metrics.c.name):
            self.metrics[row.run, row.stage][row.name] = float(row.odd) if row.odd else row.value
        for row in _where(connection, artifacts.c.run, owners if with_artifacts else [], artifacts.c.place):
            entry = Entry(row.digest, row.size, row.kind, row.files, row.executable)
            self.artifacts[row.run, row.stage].append(Artifact(row.path, row.role, entry))


def read(
    connection: Connection, numbers: Sequence[int], *, with_artifacts: bool = True, taken_over: bool = True
) -> list[Run]:
    """The runs of these numbers, in this order. Without `taken_over`, a stage that was kept or restored comes
    without what it has from another run."""
    found = {row.number: row for row in _where(connection, runs.c.number, numbers)}
    stages = _where(connection, stage_runs.c.run, numbers, stage_runs.c.place)
    sources = {row.source for row in stages}
    ids = {row.number: RunId(row.id) for row in _where(connection, runs.c.number, sorted(sources))}
    owners = sorted(sources) if taken_over else list(numbers)
    contents = _Contents(connection, owners, with_artifacts=with_artifacts)
    known = {
        row.id: row
        for row in _where(connection, codes.c.id, sorted({r.code for r in found.values() if r.code}))
    }
    by_run: dict[int, dict[StageName, StageRun]] = defaultdict(dict)
    for row in stages:
        by_run[row.run][row.stage] = _stage(row, RunId(found[row.run].id), ids[row.source], contents)
    return [_run(found[number], known, by_run[number]) for number in numbers if number in found]


def _run(row: Row[Any], known: Mapping[str, Row[Any]], stages: Mapping[StageName, StageRun]) -> Run:
    code = known.get(row.code)
    return Run(
        id=RunId(row.id),
        number=row.number,
        started=row.started,
        finished=row.finished,
        seconds=row.seconds,
        status=row.status,
        project=row.project,
        command=_words(row.command),
        user=row.user,
        commit=code.commit if code else None,
        branch=row.branch,
        dirty=row.dirty,
        patch=code.patch if code else None,
        environment=row.environment,
        plan=_counts(row.plan),
        stages=stages,
        warnings=_notices(row.warnings),
        trial=_trial(row.trial) if row.trial else None,
        judged=_judged(row.judged) if row.judged else (),
    )


def _stage(row: Row[Any], run: RunId, source: RunId, contents: _Contents) -> StageRun:
    place = (row.source, row.stage)
    return StageRun(
        run=run,
        stage=row.stage,
        source=source,
        status=row.status,
        started=row.started,
        finished=row.finished,
        reasons=_reasons(row.reasons),
        key=row.key,
        attempts=row.attempts,
        retried=_words(row.retried),
        exit_code=row.exit_code,
        failure=row.failure,
        seconds=row.seconds,
        cpu_seconds=row.cpu_seconds,
        peak_memory=row.peak_memory,
        log=row.log,
        params=contents.params.get(place, {}),
        metrics=contents.metrics.get(place, {}),
        artifacts=tuple(contents.artifacts.get(place, ())),
    )


def _where(
    connection: Connection,
    column: Column[Any],
    values: Sequence[object],
    order: Column[Any] | None = None,
) -> list[Row[Any]]:
    """All rows of the column's table whose column has one of `values`."""
    rows: list[Row[Any]] = []
    for some in _batches(values):
        rows += connection.execute(select(column.table).where(column.in_(some)).order_by(order))
    return rows


def _batches(values: Sequence[object]) -> Iterator[Sequence[object]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
