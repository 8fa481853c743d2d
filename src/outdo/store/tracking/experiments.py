"""Experiments as rows: made, found, renamed, deleted and taken back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from outdo.core.places import SCHEME
from outdo.core.refusals import BadState, NameTaken, Unknown
from outdo.core.tracking import Experiment, Milliseconds
from outdo.store.tracking.prepared import Prepared
from outdo.store.tracking.tables import experiment_tags, experiments, logged_runs
from outdo.store.tracking.writing import new_number, upsert

_OWN = ("id", "name", "location", "active", "created", "updated")
_ONE = Prepared(
    lambda _: select(*(experiments.c[name] for name in _OWN)).where(experiments.c.id == bindparam("id"))
)
_TAGS = Prepared(
    lambda _: select(experiment_tags.c.key, experiment_tags.c.value).where(
        experiment_tags.c.experiment == bindparam("id")
    )
)


def create(connection: Connection, made: Experiment) -> int:
    """The id of a new experiment; that of `made` does not count. Where its artifacts are at no place but the
    server's store, they get a folder of that id there. Raises `NameTaken`."""
    if find_name(connection, made.name) is not None:
        raise NameTaken(f"Experiment(name={made.name}) already exists.")
    row = {
        "name": made.name,
        "location": made.location,
        "active": True,
        "created": made.created,
        "updated": made.updated,
    }
    number = new_number(connection, experiments, row)
    if made.location == SCHEME:
        connection.execute(
            update(experiments).where(experiments.c.id == number).values(location=f"{made.location}{number}")
        )
    set_tags(connection, number, made.tags)
    return number


def create_first(connection: Connection, made: Experiment) -> None:
    """The experiment is there under the id 0, which runs go to that name none."""
    row = {"id": 0, "name": made.name, "location": f"{made.location}0", "active": True}
    connection.execute(insert(experiments).values(**row, created=made.created, updated=made.updated))


def find(connection: Connection, number: int) -> Experiment:
    """The experiment of this id; raises `Unknown`."""
    id_, name, location, active, created, updated = _found(connection, number)
    tags: dict[str, str] = dict(_TAGS.rows(connection, {"id": number}))
    return Experiment(id_, name, location, bool(active), created, updated, tags)


def find_name(connection: Connection, name: str) -> Experiment | None:
    """The experiment of this name, also a deleted one."""
    found = _read(connection, select(experiments).where(experiments.c.name == name))
    return found[0] if found else None


def read(connection: Connection, numbers: Sequence[int]) -> list[Experiment]:
    """The experiments of these ids, in this order."""
    found = {
        one.id: one for one in _read(connection, select(experiments).where(experiments.c.id.in_(numbers)))
    }
    return [found[number] for number in numbers if number in found]


def rename(connection: Connection, number: int, name: str, now: Milliseconds) -> None:
    """The experiment has another name; raises `Unknown`, `NameTaken`, and `BadState` for a deleted one."""
    one = find(connection, number)
    if not one.active:
        raise BadState("Cannot rename a non-active experiment.")
    other = find_name(connection, name)
    if other is not None and other.id != number:
        raise NameTaken(f"Experiment(name={name}) already exists.")
    connection.execute(update(experiments).where(experiments.c.id == number).values(name=name, updated=now))


def set_active(connection: Connection, number: int, *, active: bool, now: Milliseconds) -> None:
    """The experiment and its runs are deleted, or are there again; raises `Unknown` where that is so already."""
    one = find(connection, number)
    if one.active == active:
        raise Unknown(f"No Experiment with id={number} exists")
    connection.execute(
        update(experiments).where(experiments.c.id == number).values(active=active, updated=now)
    )
    connection.execute(update(logged_runs).where(logged_runs.c.experiment == number).values(active=active))


def set_tags(connection: Connection, number: int, tags: Mapping[str, str]) -> None:
    """The experiment has these tags, beside others."""
    rows = [{"experiment": number, "key": key, "value": value} for key, value in tags.items()]
    upsert(connection, experiment_tags, rows, ["value"])


def remove_tag(connection: Connection, number: int, key: str) -> None:
    """The experiment has no such tag any more; raises `Unknown` where it had none."""
    here = (experiment_tags.c.experiment == number) & (experiment_tags.c.key == key)
    if not connection.execute(delete(experiment_tags).where(here)).rowcount:
        raise Unknown(f"No tag with name: {key} in experiment with id {number}")


def require_active(connection: Connection, number: int) -> str:
    """Where the artifacts of the experiment are; raises `Unknown`, and `BadState` for a deleted one."""
    _id, _name, location, active, *_ = _found(connection, number)
    if not active:
        raise BadState(f"The experiment {number} must be in the 'active' state. Current state is deleted.")
    return str(location)


def _found(connection: Connection, number: int) -> tuple[Any, ...]:
    row = _ONE.row(connection, {"id": number})
    if row is None:
        raise Unknown(f"No Experiment with id={number} exists")
    return row


def _read(connection: Connection, query: Select[Any]) -> list[Experiment]:
    rows: Sequence[Row[Any]] = connection.execute(query).all()
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    wanted = select(experiment_tags).where(experiment_tags.c.experiment.in_([row.id for row in rows]))
    for tag in connection.execute(wanted):
        tags[tag.experiment][tag.key] = tag.value
    return [
        Experiment(row.id, row.name, row.location, row.active, row.created, row.updated, tags.get(row.id, {}))
        for row in rows
    ]
