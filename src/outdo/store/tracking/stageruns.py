"""Stage runs among the logged runs: what a stage's client logs, and what is on record of the stage, are one row."""

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, Row, Select, insert, select, update

from outdo.core.access import PROJECT_TAG
from outdo.core.places import SCHEME, inside
from outdo.core.stagelog import StageLog
from outdo.core.tracking import Experiment, Point, RunInfo
from outdo.store.tracking import experiments, files
from outdo.store.tracking.points import Keys, log_points
from outdo.store.tracking.runs import NAME_TAG
from outdo.store.tracking.tables import latest, logged_runs, metric_keys, run_params, run_tags
from outdo.store.tracking.writing import upsert

OF_MACHINE = "system/"
"""How the names of metrics begin that a client measures of the machine by itself."""


def put(connection: Connection, keys: Keys, logs: Sequence[StageLog]) -> None:
    """The stage runs are logged runs, in the experiment of the project's name where they are new.

    What a client has logged stays; the state, the end and our tags are as told. A told metric becomes the last value
    of its name, and a told param counts where the client has logged none. One that was deleted is left alone."""
    known = _rows(connection, logs)
    new = [told for told in logs if told.id not in known]
    if new:
        named = {told.project: _experiment(connection, told) for told in new}
        connection.execute(insert(logged_runs), [asdict(_info(told, named[told.project])) for told in new])
    there = {**known, **_rows(connection, new)}
    over = [told for told in logs if told.ended is not None and there[told.id].active]
    for told in over:
        if told.id in known:
            ended = {"status": told.state, "ended": told.ended}
            connection.execute(update(logged_runs).where(logged_runs.c.id == told.id).values(ended))
    tagged = {told.id: told for told in (*new, *over)}.values()
    _put_tags(connection, [(there[told.id].number, told, told.id not in known) for told in tagged])
    params = [
        {"run": there[told.id].number, "key": key, "value": value}
        for told in over
        for key, value in told.params.items()
    ]
    upsert(connection, run_params, params)
    log_points(connection, keys, list(_news(connection, [(there[told.id], told) for told in over])))


def move(connection: Connection, id_: str, experiment: Experiment) -> None:
    """The logged run is in this experiment; where its files are stays, if it has any, or only clients know."""
    row = connection.execute(select(logged_runs).where(logged_runs.c.id == id_)).one()
    if row.experiment == experiment.id:
        return
    folder = inside(row.location)
    stays = folder is None or any(files.below(connection, folder))
    location = row.location if stays else _location(experiment, id_)
    here = update(logged_runs).where(logged_runs.c.number == row.number)
    connection.execute(here.values(experiment=experiment.id, location=location))
    connection.execute(update(latest).where(latest.c.run == row.number).values(experiment=experiment.id))


def last_values(connection: Connection, id_: str) -> dict[str, float]:
    """The last value of each metric of a logged run, but for those of the machine; none of one that is not there."""
    query = (
        select(metric_keys.c.name, latest.c.value, latest.c.nan)
        .join(latest, latest.c.key == metric_keys.c.id)
        .join(logged_runs, logged_runs.c.number == latest.c.run)
        .where(logged_runs.c.id == id_)
        .order_by(metric_keys.c.name)
    )
    return {
        name: float("nan") if nan else value
        for name, value, nan in connection.execute(query)
        if not name.startswith(OF_MACHINE)
    }


def ended(connection: Connection, ids: list[str]) -> set[str]:
    """Those of these logged runs that are there and have ended."""
    query = select(logged_runs.c.id).where(logged_runs.c.id.in_(ids), logged_runs.c.ended.is_not(None))
    return set(connection.scalars(query))


def _rows(connection: Connection, logs: Sequence[StageLog]) -> dict[str, Row[Any]]:
    ids = [told.id for told in logs]
    columns = (logged_runs.c.id, logged_runs.c.number, logged_runs.c.experiment, logged_runs.c.active)
    query: Select[Any] = select(*columns).where(logged_runs.c.id.in_(ids))
    return {row.id: row for row in connection.execute(query)}


def _put_tags(connection: Connection, told: Sequence[tuple[int, StageLog, bool]]) -> None:
    rows = [
        {"run": number, "key": key, "value": value}
        for number, one, new in told
        for key, value in one.tags.items()
        if new or key != NAME_TAG
    ]
    upsert(connection, run_tags, rows, ["value"])


def _news(
    connection: Connection, logs: Sequence[tuple[Row[Any], StageLog]]
) -> Iterator[tuple[int, int, Point]]:
    """The metrics as told, where another value, or none, is the last."""
    query = (
        select(
            latest.c.run, metric_keys.c.name, latest.c.value, latest.c.nan, latest.c.step, latest.c.timestamp
        )
        .join(latest, latest.c.key == metric_keys.c.id)
        .where(latest.c.run.in_([row.number for row, _ in logs]))
    )
    known = {(row.run, row.name): row for row in connection.execute(query)}
    for row, told in logs:
        for name, value in told.metrics.items():
            last = known.get((row.number, name))
            if last is None:
                yield row.number, row.experiment, Point(name, value, told.ended or told.started)
            elif isnan(value) != last.nan or (not last.nan and value != last.value):
                point = Point(name, value, max(told.ended or 0, last.timestamp + 1), last.step)
                yield row.number, row.experiment, point


def _info(told: StageLog, experiment: Experiment) -> RunInfo:
    where = _location(experiment, told.id)
    return RunInfo(
        told.id, experiment.id, told.name, told.user, told.state, told.started, told.ended, where, True
    )


def _location(experiment: Experiment, id_: str) -> str:
    return f"{experiment.location.rstrip('/')}/{id_}/artifacts"


def _experiment(connection: Connection, told: StageLog) -> Experiment:
    """The experiment of the project; its runs go there also when it is deleted, and come back with it."""
    name = told.project or "Default"
    found = experiments.find_name(connection, name)
    if found is not None:
        return found
    tags = {PROJECT_TAG: told.project} if told.project else {}
    made = Experiment(0, name, SCHEME, True, told.started, told.started, tags)
    return experiments.find(connection, experiments.create(connection, made))
