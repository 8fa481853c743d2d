"""Which project things belong to.

An experiment belongs to the project that its tag names, else to that of the first part of its name. Runs, traces,
logged models and artifacts belong to their experiment's. A registered model belongs to the project that its tag names,
else to that of the first run that a version of it came from; without versions it is nobody's yet.
"""

from collections.abc import Sequence

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from outdo.core.access import PROJECT_TAG, Sight, Thing, project_of
from outdo.core.places import SCHEME
from outdo.store.tracking.files import VERSIONS
from outdo.store.tracking.prepared import Prepared
from outdo.store.tracking.tables import (
    experiment_tags,
    experiments,
    logged_models,
    logged_runs,
    model_tags,
    model_versions,
    registered_models,
)
from outdo.store.tracking.trace_tables import traces

Projects = frozenset[str]
"""All those in which somebody needs a role; none of them: whoever has it anywhere."""
NOBODYS: Projects = frozenset()
NONE: Projects = frozenset({""})
"""Only a role in all projects reaches it."""


def projects_of(connection: Connection, thing: Thing) -> Projects | None:
    """The projects that a thing belongs to; None where there is no such thing."""
    match thing.kind:
        case "experiment":
            return _of_experiment(connection, experiments.c.id == experiment_id(thing.name))
        case "experiment name":
            return _of_experiment(connection, experiments.c.name == thing.name)
        case "run":
            row = _OF_RUN.row(connection, {"id": thing.name})
            return None if row is None else frozenset({_project(row[0], row[1])})
        case "logged model":
            return _of_experiment(connection, experiments.c.id == _in(logged_models, thing.name))
        case "model":
            return _of_model(connection, thing.name)
        case "version":
            return _of_model(connection, thing.name.rpartition("/")[0])
        case "artifact":
            return _of_artifact(connection, thing.name)
        case "webhook":  # it is told of what happens in all projects
            return NONE
        case "trace":
            return _of_experiment(connection, experiments.c.id == _in(traces, thing.name))


def seen_experiments(sight: Sight) -> ColumnElement[bool] | None:
    """Which experiments somebody may look at; None: all."""
    if sight is None:
        return None
    tag = experiment_tags.c
    tagged = select(tag.experiment).where(tag.key == PROJECT_TAG)
    name = func.ltrim(experiments.c.name, "/")
    named = [or_(name == one, name.startswith(f"{one}/", autoescape=True)) for one in sorted(sight)]
    by_name = and_(experiments.c.id.not_in(tagged), or_(*named)) if named else None
    by_tag = experiments.c.id.in_(tagged.where(tag.value.in_(sorted(sight))))
    return by_tag if by_name is None else or_(by_tag, by_name)


def seen_models(sight: Sight) -> ColumnElement[bool] | None:
    """Which registered models somebody may look at; None: all."""
    seen = seen_experiments(sight)
    if sight is None or seen is None:
        return None
    tag = model_tags.c
    tagged = select(tag.model).where(tag.key == PROJECT_TAG)
    by_run = (
        select(model_versions.c.name)
        .join(logged_runs, logged_runs.c.id == model_versions.c.run)
        .where(model_versions.c.number.in_(_first_of_runs()))
        .where(logged_runs.c.experiment.in_(select(experiments.c.id).where(seen)))
    )
    name = registered_models.c.name
    by_version = or_(name.in_(by_run), name.not_in(select(model_versions.c.name)))
    by_tag = registered_models.c.number.in_(tagged.where(tag.value.in_(sorted(sight))))
    return or_(by_tag, and_(registered_models.c.number.not_in(tagged), by_version))


def seen_versions(sight: Sight) -> ColumnElement[bool] | None:
    """Which versions of registered models somebody may look at; None: all."""
    seen = seen_models(sight)
    return None if seen is None else model_versions.c.name.in_(select(registered_models.c.name).where(seen))


def only_seen(connection: Connection, within: Sequence[int], sight: Sight) -> list[int]:
    """Those of the experiments that somebody may look at."""
    seen = seen_experiments(sight)
    if seen is None:
        return list(within)
    found = set(connection.scalars(select(experiments.c.id).where(experiments.c.id.in_(within), seen)))
    return [number for number in within if number in found]


def experiment_id(name: str) -> int:
    """The number that a name of an experiment is; -1, which none has, for one that is no number."""
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 18 else -1


def _in(table: Table, id_: "str | BindParameter[str]") -> ScalarSelect[int]:
    return select(table.c.experiment).where(table.c.id == id_).scalar_subquery()


def _of_experiment(connection: Connection, which: ColumnElement[bool]) -> Projects | None:
    found = connection.execute(_with_tag().where(which)).first()
    return None if found is None else frozenset({_project(found.name, found.value)})


def _of_artifact(connection: Connection, path: str) -> Projects:
    """Of every experiment whose folder the path is in; for the files of a registered version of every such model."""
    parts = path.split("/")
    if parts[0] == VERSIONS:
        names = connection.scalars(
            select(model_versions.c.name)
            .where(model_versions.c.location == SCHEME + "/".join(parts[:2]))
            .distinct()
        )
        return frozenset().union(*(_of_model(connection, name) or NONE for name in names)) or NONE
    above = [SCHEME + "/".join(parts[: count + 1]) for count in range(len(parts))]
    rows = connection.execute(_with_tag().where(experiments.c.location.in_(above)))
    return frozenset(_project(row.name, row.value) for row in rows) or NONE


def _of_model(connection: Connection, name: str) -> Projects | None:
    number = connection.scalar(select(registered_models.c.number).where(registered_models.c.name == name))
    if number is None:
        return None
    here = (model_tags.c.model == number) & (model_tags.c.key == PROJECT_TAG)
    tag = connection.scalar(select(model_tags.c.value).where(here))
    if tag is not None:
        return frozenset({tag})
    first = _first_of_runs().where(model_versions.c.name == name).scalar_subquery()
    run = select(model_versions.c.run).where(model_versions.c.number == first).scalar_subquery()
    experiment = select(logged_runs.c.experiment).where(logged_runs.c.id == run).scalar_subquery()
    found = _of_experiment(connection, experiments.c.id == experiment)
    if found is not None:
        return found
    any_version = select(model_versions.c.number).where(model_versions.c.name == name).limit(1)
    return NOBODYS if connection.scalar(any_version) is None else NONE


def _first_of_runs() -> Select[tuple[int]]:
    """The first version of each model that came from a run that is known."""
    return (
        select(func.min(model_versions.c.number))
        .join(logged_runs, logged_runs.c.id == model_versions.c.run)
        .group_by(model_versions.c.name)
    )


def _with_tag() -> Select[tuple[str, str | None]]:
    tag = experiment_tags.c
    on = and_(tag.experiment == experiments.c.id, tag.key == literal_column(f"'{PROJECT_TAG}'"))
    return select(experiments.c.name, tag.value).outerjoin_from(experiments, experiment_tags, on)


def _project(name: str, tag: str | None) -> str:
    return project_of(name) if tag is None else tag


_OF_RUN = Prepared(lambda _: _with_tag().where(experiments.c.id == _in(logged_runs, bindparam("id"))))
"""Asked for every point that is logged by who works in some projects alone."""
