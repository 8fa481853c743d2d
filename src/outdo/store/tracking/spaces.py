"""What can be searched: tables, what belongs to their rows, and by which names it is asked for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)

from outdo.core.tracking import (
    Condition,
    Order,
)
from outdo.store.tracking.prepared import Prepared
from outdo.store.tracking.tables import (
    experiment_tags,
    experiments,
    latest,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    logged_runs,
    metric_keys,
    model_tags,
    model_versions,
    registered_models,
    run_params,
    run_tags,
    version_tags,
)

RUN_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "run_id": logged_runs.c.id,
    "run_name": logged_runs.c.name,
    "status": logged_runs.c.status,
    "artifact_uri": logged_runs.c.location,
    "user_id": logged_runs.c.user,
    "start_time": logged_runs.c.started,
    "end_time": logged_runs.c.ended,
    "experiment_id": logged_runs.c.experiment,
}

EXPERIMENT_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "name": experiments.c.name,
    "experiment_id": experiments.c.id,
    "creation_time": experiments.c.created,
    "last_update_time": experiments.c.updated,
}

LOGGED_MODEL_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "name": logged_models.c.name,
    "model_id": logged_models.c.id,
    "model_type": logged_models.c.kind,
    "status": logged_models.c.status,
    "source_run_id": logged_models.c.run,
    "artifact_uri": logged_models.c.location,
    "experiment_id": logged_models.c.experiment,
    "creation_timestamp": logged_models.c.created,
    "last_updated_timestamp": logged_models.c.updated,
}

MODEL_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "name": registered_models.c.name,
    "creation_timestamp": registered_models.c.created,
    "last_updated_timestamp": registered_models.c.updated,
}

VERSION_ATTRIBUTES: Mapping[str, ColumnElement[Any]] = {
    "name": model_versions.c.name,
    "version_number": model_versions.c.version,
    "run_id": model_versions.c.run,
    "source_path": model_versions.c.source,
    "creation_timestamp": model_versions.c.created,
    "last_updated_timestamp": model_versions.c.updated,
}


class Measured(NamedTuple):
    """Where a metric's values are: rows with an owner, a value, and whether it is NaN."""

    source: FromClause
    these: ColumnElement[bool]
    """Which rows of it are of the metric."""
    owner: ColumnElement[int]
    value: ColumnElement[float]
    nan: ColumnElement[bool]
    by_owner: bool = False
    """Whether there is one row at most for each owner, which is found at once."""


class Space(NamedTuple):
    """What is searched: a table with what belongs to its rows."""

    table: Table
    number: ColumnElement[int]
    attributes: Mapping[str, ColumnElement[Any]]
    texts: Mapping[str, Table]
    """Tables of key and value by entity."""
    within: tuple[int, ...] = ()
    """The experiments that are searched."""
    measured: Callable[[Connection, "Space", Order | Condition], Measured] | None = None
    """Finds a metric's values, where rows have metrics."""
    measured_on: tuple[tuple[str, str], ...] = ()
    """Names and digests of the datasets whose metrics count; all, where none is named."""
    nullable: frozenset[str] = frozenset()
    """Attributes that a row may lack."""


def _measured_runs(connection: Connection, space: Space, asked: Order | Condition) -> Measured:
    there = latest.alias()
    key = metric_key(connection, asked.key)
    these = and_(there.c.key == key, one_of(there.c.experiment, space.within))
    return Measured(there, these, there.c.run, there.c.value, there.c.nan, by_owner=True)


def _measured_models(connection: Connection, space: Space, asked: Order | Condition) -> Measured:  # noqa: ARG001
    """All points of a metric, for a condition; for an order the latest of each model."""
    rows = logged_model_metrics.c
    if isinstance(asked, Condition):
        these = and_(rows.key == asked.key, on_datasets(space.measured_on))
        return Measured(logged_model_metrics, these, rows.model, rows.value, rows.nan)
    latest_first = (rows.timestamp.desc(), rows.step.desc(), rows.run)
    place = func.row_number().over(partition_by=rows.model, order_by=latest_first).label("place")
    these = and_(rows.key == asked.key, on_datasets((asked.dataset,) if asked.dataset else ()))
    there = select(rows.model, rows.value, rows.nan, place).where(these).subquery()
    return Measured(there, there.c.place == 1, there.c.model, there.c.value, there.c.nan)


def on_datasets(named: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    """Whether a point was measured on one of these datasets; true where none is named."""
    return or_(*(_of_dataset(name, digest) for name, digest in named)) if named else true()


def _of_dataset(name: str, digest: str) -> ColumnElement[bool]:
    rows = logged_model_metrics.c
    wanted = ((rows.dataset_name, name), (rows.dataset_digest, digest))
    return and_(*(column == value for column, value in wanted if value))


RUNS = Space(
    logged_runs,
    logged_runs.c.number,
    RUN_ATTRIBUTES,
    {"param": run_params, "tag": run_tags},
    measured=_measured_runs,
    nullable=frozenset({"end_time"}),
)
EXPERIMENTS = Space(experiments, experiments.c.id, EXPERIMENT_ATTRIBUTES, {"tag": experiment_tags})
LOGGED_MODELS = Space(
    logged_models,
    logged_models.c.number,
    LOGGED_MODEL_ATTRIBUTES,
    {"param": logged_model_params, "tag": logged_model_tags},
    measured=_measured_models,
)
MODELS = Space(registered_models, registered_models.c.number, MODEL_ATTRIBUTES, {"tag": model_tags})
VERSIONS = Space(model_versions, model_versions.c.number, VERSION_ATTRIBUTES, {"tag": version_tags})

_KEY = Prepared(lambda _: select(metric_keys.c.id).where(metric_keys.c.name == bindparam("name")))


def one_of(column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """As an equality where it is one: only then an index gives the rest in order."""
    return column == numbers[0] if len(numbers) == 1 else column.in_(numbers)


def metric_key(connection: Connection, name: str) -> int:
    """The number of a metric's name; -1, which no metric has, for one that nobody logged."""
    found = _KEY.row(connection, {"name": name})
    return -1 if found is None else int(found[0])
