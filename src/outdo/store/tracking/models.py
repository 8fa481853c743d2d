"""Logged models as rows, and what runs read and made: datasets and models."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from msgspec import json
from sqlalchemy import Connection, Row, delete, select, update

from outdo.core.refusals import Unknown
from outdo.core.tracking import (
    Dataset,
    Input,
    LoggedModel,
    Milliseconds,
    ModelPoint,
    ModelState,
    ModelUse,
    Point,
    clamp,
)
from outdo.store.tracking.experiments import require_active
from outdo.store.tracking.prepared import Prepared, among, listed
from outdo.store.tracking.tables import (
    datasets,
    inputs,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    model_uses,
)
from outdo.store.tracking.writing import new_number, upsert

CONTEXT = "mlflow.data.context"
_texts = json.Decoder(dict[str, str]).decode
_INPUTS = Prepared(
    lambda insert: (
        select(inputs.c.run, inputs.c.tags, *(datasets.c[name] for name in Dataset.__struct_fields__))
        .join(datasets, datasets.c.number == inputs.c.dataset)
        .where(among(insert, inputs.c.run))
        .order_by(inputs.c.run, datasets.c.number)
    )
)
_USES = Prepared(
    lambda insert: (
        select(model_uses.c.run, *(model_uses.c[name] for name in ModelUse.__struct_fields__))
        .where(among(insert, model_uses.c.run))
        .order_by(model_uses.c.run, model_uses.c.step)
    )
)


# ------------------------------------------------------------------ models


def create(connection: Connection, made: LoggedModel) -> None:
    """The model is there; raises `Unknown` or `BadState` for its experiment."""
    require_active(connection, made.experiment)
    row = {
        "id": made.id,
        "experiment": made.experiment,
        "name": made.name,
        "kind": made.kind,
        "status": made.status,
        "run": made.run,
        "location": made.location,
        "created": made.created,
        "updated": made.updated,
        "active": True,
    }
    number = new_number(connection, logged_models, row)
    put_params(connection, number, made.params)
    put_tags(connection, number, made.tags)


def number_of(connection: Connection, id_: str) -> int:
    """The number of a model; raises `Unknown`, also for a deleted one."""
    here = (logged_models.c.id == id_) & logged_models.c.active
    found: int | None = connection.scalar(select(logged_models.c.number).where(here))
    if found is None:
        raise Unknown(f"Logged model with ID '{id_}' not found.")
    return found


def find(connection: Connection, id_: str) -> LoggedModel:
    """The model of this id; raises `Unknown`."""
    return read(connection, [number_of(connection, id_)])[0]


def read(connection: Connection, numbers: Sequence[int]) -> list[LoggedModel]:
    """The models of these numbers, in this order."""
    query = select(logged_models).where(logged_models.c.number.in_(numbers))
    rows = {row.number: row for row in connection.execute(query)}
    params: dict[int, dict[str, str]] = defaultdict(dict)
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for table, found in ((logged_model_params, params), (logged_model_tags, tags)):
        for number, key, value in connection.execute(select(table).where(table.c.model.in_(numbers))):
            found[number][key] = value
    metrics: dict[int, list[ModelPoint]] = defaultdict(list)
    measured = select(logged_model_metrics).where(logged_model_metrics.c.model.in_(numbers))
    for row in connection.execute(measured):
        value = float("nan") if row.nan else row.value
        point = Point(row.key, value, row.timestamp, row.step)
        metrics[row.model].append(ModelPoint(point, row.run, row.dataset_name, row.dataset_digest))
    return [
        _model(rows[number], params.get(number, {}), tags.get(number, {}), metrics.get(number, ()))
        for number in numbers
        if number in rows
    ]


def finish(connection: Connection, id_: str, status: ModelState, now: Milliseconds) -> None:
    """The model has this status; raises `Unknown`."""
    number = number_of(connection, id_)
    here = logged_models.c.number == number
    connection.execute(update(logged_models).where(here).values(status=status, updated=now))


def remove(connection: Connection, id_: str, now: Milliseconds) -> None:
    """The model is deleted; raises `Unknown`."""
    number = number_of(connection, id_)
    here = logged_models.c.number == number
    connection.execute(update(logged_models).where(here).values(active=False, updated=now))


def put_params(connection: Connection, number: int, params: Mapping[str, str]) -> None:
    """The model of this number has these params, beside others."""
    rows = [{"model": number, "key": key, "value": value} for key, value in params.items()]
    upsert(connection, logged_model_params, rows)


def put_tags(connection: Connection, number: int, tags: Mapping[str, str]) -> None:
    """The model of this number has these tags, beside others."""
    rows = [{"model": number, "key": key, "value": value} for key, value in tags.items()]
    upsert(connection, logged_model_tags, rows, ["value"])


def remove_tag(connection: Connection, id_: str, key: str) -> None:
    """The model has no such tag any more; raises `Unknown` where it had none."""
    here = (logged_model_tags.c.model == number_of(connection, id_)) & (logged_model_tags.c.key == key)
    if not connection.execute(delete(logged_model_tags).where(here)).rowcount:
        raise Unknown(f"No tag with key '{key}' found for model with ID '{id_}'.")


def log_points(connection: Connection, measured: Sequence[tuple[str, ModelPoint]]) -> None:
    """The models, named by id, have these points beside others; raises `Unknown`."""
    numbers = {id_: number_of(connection, id_) for id_, _ in measured}
    upsert(connection, logged_model_metrics, [_row(numbers[id_], one) for id_, one in measured])


def _row(number: int, one: ModelPoint) -> dict[str, Any]:
    nan = isnan(one.point.value)
    return {
        "model": number,
        "key": one.point.key,
        "run": one.run,
        "dataset_name": one.dataset_name,
        "dataset_digest": one.dataset_digest,
        "timestamp": one.point.timestamp,
        "step": one.point.step,
        "value": 0.0 if nan else clamp(one.point.value),
        "nan": nan,
    }


# ------------------------------------------------------------------ what runs read and made


def add_inputs(connection: Connection, run: int, experiment: int, read_: Sequence[Input]) -> None:
    """The run of this number read these datasets."""
    for one in read_:
        dataset = _dataset(connection, experiment, one.dataset)
        tags = json.encode(one.tags).decode()
        row = {"run": run, "dataset": dataset, "tags": tags, "context": one.tags.get(CONTEXT)}
        upsert(connection, inputs, [row])


def add_uses(connection: Connection, run: int, uses: Sequence[ModelUse]) -> None:
    """The run of this number read or made these models."""
    rows = [{"run": run, "model": use.model, "role": use.role, "step": use.step} for use in uses]
    upsert(connection, model_uses, rows, ["step"])


def inputs_of(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[Input, ...]]:
    """What the runs of these numbers read."""
    found: dict[int, list[Input]] = defaultdict(list)
    for run, tags, *told in _INPUTS.rows(connection, listed(numbers)):
        found[run].append(Input(Dataset(*told), _texts(tags)))
    return {number: tuple(read_) for number, read_ in found.items()}


def uses_of(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[ModelUse, ...]]:
    """The models that the runs of these numbers read and made."""
    found: dict[int, list[ModelUse]] = defaultdict(list)
    for run, *told in _USES.rows(connection, listed(numbers)):
        found[run].append(ModelUse(*told))
    return {number: tuple(uses) for number, uses in found.items()}


def _dataset(connection: Connection, experiment: int, one: Dataset) -> int:
    here = (
        (datasets.c.experiment == experiment)
        & (datasets.c.name == one.name)
        & (datasets.c.digest == one.digest)
    )
    number: int | None = connection.scalar(select(datasets.c.number).where(here))
    if number is not None:
        return number
    row = {
        "experiment": experiment,
        "name": one.name,
        "digest": one.digest,
        "kind": one.kind,
        "source": one.source,
        "schema": one.schema,
        "profile": one.profile,
    }
    return new_number(connection, datasets, row)


def _model(
    row: Row[Any], params: Mapping[str, str], tags: Mapping[str, str], metrics: Sequence[ModelPoint]
) -> LoggedModel:
    return LoggedModel(
        row.id,
        row.experiment,
        row.name,
        row.kind,
        row.status,
        row.run,
        row.location,
        row.created,
        row.updated,
        params,
        tags,
        tuple(metrics),
    )
