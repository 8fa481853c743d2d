"""The same runs and points for both servers, written into their databases while they are stopped.

How they got there is not measured here, and through MLflow's server it would take ten minutes.
"""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import URL, Connection, insert, select

from benchmarks.mlflow_sides import Name, database
from outdo.core.tracking import Experiment
from outdo.store.database import writing
from outdo.store.tracking import experiments, tables
from outdo.store.tracking.opening import open_tracking

METRICS = 10
RUN = f"{1:032x}"
"""The run with the long history, in the experiment with the number 0; its metric is `long`."""

STEP = 5000
Row = tuple[str, int, list[float]]


def runs_of(count: int) -> list[Row]:
    """Id, start and metrics of runs, the same each time."""
    chance = random.Random(7)
    return [(f"{at + 2:032x}", at, [chance.random() for _ in range(METRICS)]) for at in range(count)]


def fill(name: Name, home: str, runs: int, points: int) -> None:
    """The database has an experiment `many` with so many runs, and a run with so many points of one metric."""
    {"outdo": _fill_outdo, "mlflow": _fill_mlflow}[name](database(name, home), runs, points)


def _fill_outdo(path: str, runs: int, points: int) -> None:
    engine = open_tracking(URL.create("sqlite", database=path))
    with writing(engine) as connection:
        if experiments.find_name(connection, "Default") is None:
            experiments.create_first(connection, Experiment(0, "Default", "mlflow-artifacts:/", True, 1, 1))
        many = experiments.create(connection, Experiment(0, "many", "mlflow-artifacts:/", True, 1, 1))
        keys = _keys(connection, ["long", *(f"m{at}" for at in range(METRICS))])
        rows = [(RUN, 0, []), *runs_of(runs)]
        for start in range(0, len(rows), STEP):
            _put_runs(connection, many, keys, rows[start : start + STEP])
        (number,) = _numbers(connection, [RUN])
        connection.execute(
            tables.logged_runs.update().where(tables.logged_runs.c.number == number).values(experiment=0)
        )
        point = {"run": number, "key": keys[0], "value": 1.0, "nan": False}
        connection.execute(
            insert(tables.latest), [{**point, "experiment": 0, "timestamp": points, "step": points}]
        )
        for start in range(0, points, STEP):
            steps = range(start, min(points, start + STEP))
            connection.execute(
                insert(tables.points), [{**point, "timestamp": at + 1, "step": at} for at in steps]
            )
    engine.dispose()


def _put_runs(connection: Connection, many: int, keys: Sequence[int], rows: Sequence[Row]) -> None:
    common = {"experiment": many, "user": "me", "status": "FINISHED", "ended": 1, "active": True}
    made = [
        {
            **common,
            "id": id_,
            "name": f"run {at}",
            "started": at,
            "location": f"mlflow-artifacts:/1/{id_}/artifacts",
        }
        for id_, at, _ in rows
    ]
    connection.execute(insert(tables.logged_runs), made)
    numbers = _numbers(connection, [id_ for id_, _, _ in rows])
    tag = [
        {"run": number, "key": "mlflow.runName", "value": f"run {at}"}
        for number, (_, at, _) in zip(numbers, rows, strict=True)
    ]
    connection.execute(insert(tables.run_tags), tag)
    points: list[dict[str, Any]] = [
        {"run": number, "key": keys[1 + at], "timestamp": 1, "step": 0, "value": value, "nan": False}
        for number, (_, _, values) in zip(numbers, rows, strict=True)
        for at, value in enumerate(values)
    ]
    if points:
        connection.execute(insert(tables.points), points)
        connection.execute(insert(tables.latest), [{**point, "experiment": many} for point in points])


def _keys(connection: Connection, names: Sequence[str]) -> list[int]:
    connection.execute(insert(tables.metric_keys), [{"name": name} for name in names])
    found = dict(connection.execute(select(tables.metric_keys.c.name, tables.metric_keys.c.id)).all())
    return [found[name] for name in names]


def _numbers(connection: Connection, ids: Sequence[str]) -> list[int]:
    columns = tables.logged_runs.c
    found = dict(connection.execute(select(columns.id, columns.number).where(columns.id.in_(ids))).all())
    return [found[id_] for id_ in ids]


def _fill_mlflow(path: str, runs: int, points: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        many = connection.execute(
            "insert into experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time)"
            " values ('many', 'mlflow-artifacts:/1', 'active', 1, 1) returning experiment_id"
        ).fetchone()[0]
        rows: list[Row] = [(RUN, 0, []), *runs_of(runs)]
        connection.executemany(
            "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
            " end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
            " values (?, ?, 'UNKNOWN', '', '', 'me', 'FINISHED', ?, 1, '', 'active', ?, ?)",
            [
                (id_, f"run {at}", at, f"mlflow-artifacts:/1/{id_}/artifacts", 0 if id_ == RUN else many)
                for id_, at, _ in rows
            ],
        )
        connection.executemany(
            "insert into tags (key, value, run_uuid) values ('mlflow.runName', ?, ?)",
            [(f"run {at}", id_) for id_, at, _ in rows],
        )
        values = [(f"m{at}", value, id_) for id_, _, found in rows for at, value in enumerate(found)]
        new = "(key, value, timestamp, run_uuid, step, is_nan) values"
        connection.executemany(f"insert into metrics {new} (?, ?, 1, ?, 0, 0)", values)
        connection.executemany(f"insert into latest_metrics {new} (?, ?, 1, ?, 0, 0)", values)
        history = [("long", 1.0, at + 1, RUN, at) for at in range(points)]
        connection.executemany(f"insert into metrics {new} (?, ?, ?, ?, ?, 0)", history)
        connection.execute(
            f"insert into latest_metrics {new} ('long', 1.0, ?, ?, ?, 0)", (points, RUN, points)
        )
