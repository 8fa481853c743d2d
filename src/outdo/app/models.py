"""The verbs `models`, `model show` and `model alias`: registered versions, and what made them."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import Connection, Engine, select

from outdo.app.history import with_ledger
from outdo.app.project import STATE, declared, open_project
from outdo.app.telling import telling
from outdo.core.access import Thing
from outdo.core.digest import stage_run_id
from outdo.core.errors import BadAlias, UnknownVersion
from outdo.core.hints import nearest
from outdo.core.lineage import Maker, scores
from outdo.core.model import Digest, Entry, Path, RunId, StageName
from outdo.core.refusals import Refusal
from outdo.core.tracking import PROMPT_TAG, ModelVersion
from outdo.core.versions import alias_fault, number_meant, read_reference
from outdo.store.database import writing
from outdo.store.tracking import made, registry
from outdo.store.tracking import runs as logged
from outdo.store.tracking.home import is_there, opened
from outdo.store.tracking.made import Made
from outdo.store.tracking.tables import logged_runs, model_versions, registered_models

if TYPE_CHECKING:
    from outdo.app.history import Runs
    from outdo.core.record import Run

Ask = Callable[[Connection], list[ModelVersion]]

SHORTEST = 6
"""Letters of a digest that mean a version."""


class By(Struct, frozen=True):
    """The stage run that made a version."""

    run: RunId
    stage: StageName
    number: int = 0
    """Of the run; 0 where it is not on record here."""
    commit: str | None = None
    dirty: bool = False


class Version(Struct, frozen=True):
    """A registered version as people ask for it."""

    model: str
    version: int
    aliases: tuple[str, ...]
    created: datetime
    user: str
    description: str
    tags: Mapping[str, str]
    digest: Digest | None
    """Of a file, or of a folder's tree; None where it has no files."""
    source: str
    path: Path
    """What the stage wrote; empty where a client registered it."""
    entry: Entry | None
    """Of that path."""
    by: By | None
    """None where no stage run on record made it."""
    logged_run: str
    """What clients call the run that made it; empty where it is none."""
    metrics: Mapping[str, float]

    @property
    def name(self) -> str:
        return f"{self.model}/{self.version}"


def models(root: str) -> list[Version]:
    """The latest version of each model, by name."""
    return _told(root, _latest)


def versions(root: str, model: str) -> list[Version]:
    """All versions of a model, newest first; raises `UnknownVersion`."""

    def those(connection: Connection) -> list[ModelVersion]:
        return _versions_of(connection, model)[::-1]

    return _told(root, those)


def version(root: str, word: str) -> Version:
    """The version that is meant: `delay`, `delay/7`, `delay@champion`, or the beginning of a digest. Raises
    `UnknownVersion`."""
    [found] = _told(root, lambda connection: [_meant(connection, word)])
    return found


def set_alias(root: str, word: str, alias: str) -> Version:
    """The version that `word` means, which the alias points to from now on, and to no other any more. Raises
    `UnknownVersion` or `BadAlias`, the latter also for the name of an environment, into which versions are promoted."""
    fault = alias_fault(alias)
    if fault:
        raise BadAlias(fault, fix="such as champion, or production")
    if alias in declared(open_project(root)).environments:
        what = f"'{alias}' is an environment of the file: versions get there on evidence"
        raise BadAlias(what, fix=f"outdo promote {word} --to {alias}")
    with opened(_home(root)) as engine, writing(engine) as connection:
        one = _meant(connection, word)
        with telling(connection, "registered-models/alias", Thing("model", one.name)):
            registry.set_alias(connection, one.name, alias, one.version)
    return version(root, f"{one.name}/{one.version}")


def remove_alias(root: str, word: str) -> Version:
    """The version that `delay@champion` meant, which has no such alias any more; raises `UnknownVersion`, or
    `BadAlias` for what is none."""
    alias = read_reference(word).alias
    if not alias:
        raise BadAlias(f"'{word}' names no alias", fix=f"{read_reference(word).model}@ALIAS")
    with opened(_home(root)) as engine, writing(engine) as connection:
        one = _meant(connection, word)
        with telling(connection, "registered-models/alias", Thing("model", one.name)):
            registry.remove_alias(connection, one.name, alias)
    return version(root, f"{one.name}/{one.version}")


# ------------------------------------------------------------------ what is registered


def _home(root: str) -> str:
    home = os.path.join(root, STATE)
    if not is_there(home):
        raise UnknownVersion(
            "no model is registered here yet", fix="declare one under 'models:', then outdo run"
        )
    return home


def _latest(connection: Connection) -> list[ModelVersion]:
    numbers = connection.scalars(select(registered_models.c.number).order_by(registered_models.c.name))
    found = registry.read(connection, list(numbers))
    every = [max(one.latest, key=lambda each: each.version) for one in found if one.latest]
    keys = [registry.version_number(connection, one.name, one.version) for one in every]
    return [one for one in registry.read_versions(connection, keys) if PROMPT_TAG not in one.tags]


def _versions_of(connection: Connection, model: str) -> list[ModelVersion]:
    here = model_versions.c.name == model
    numbers = connection.scalars(
        select(model_versions.c.number).where(here).order_by(model_versions.c.version)
    )
    found = registry.read_versions(connection, list(numbers))
    if not found:
        names = list(connection.scalars(select(registered_models.c.name)))
        near = nearest(model, names)
        fix = f"did you mean '{near}'?" if near and near != model else "outdo models"
        raise UnknownVersion(f"no version of a model '{model}' is registered", fix=fix)
    return found


def _meant(connection: Connection, word: str) -> ModelVersion:
    asked = read_reference(word)
    try:
        found = _versions_of(connection, asked.model)
    except UnknownVersion:
        by_digest = _by_digest(connection, word)
        if by_digest is not None:
            return by_digest
        raise
    aliases = {alias: one.version for one in found for alias in one.aliases}
    number = number_meant(asked, aliases, [one.version for one in found])
    return next(one for one in found if one.version == number)


def _by_digest(connection: Connection, word: str) -> ModelVersion | None:
    if len(word) < SHORTEST or not set(word) <= set("0123456789abcdef"):
        return None
    query = select(model_versions.c.number).where(model_versions.c.digest.startswith(word))
    numbers = list(connection.scalars(query.order_by(model_versions.c.number)))
    found = registry.read_versions(connection, numbers)
    if len(found) > 1 and len({one.digest for one in found}) > 1:
        told = ", ".join(f"{one.name}/{one.version}" for one in found[:5])
        raise UnknownVersion(f"'{word}' could be any of {len(found)} versions", fix=f"say which: {told}")
    return found[0] if found else None


# ------------------------------------------------------------------ who made it


class _Found(Struct, frozen=True):
    one: ModelVersion
    made: Made | None
    logged: Mapping[str, float]
    """The metrics that were logged to its run."""


def _told(root: str, ask: Ask) -> list[Version]:
    with opened(_home(root)) as engine:
        found = _read(engine, ask)
    if not found:
        return []
    return with_ledger(root, lambda ledger: [_version(one, ledger) for one in _with_makers(found, ledger)])


def _read(engine: Engine, ask: Ask) -> list[_Found]:
    with engine.connect() as connection:
        try:
            wanted = ask(connection)
        except Refusal as error:
            raise UnknownVersion(error.message, fix="outdo models") from None
        origins = made.read(connection, wanted)
        values = _logged(connection, {one.run for one in wanted if one.run})
        return [_Found(one, origins.get((one.name, one.version)), values.get(one.run, {})) for one in wanted]


def _logged(connection: Connection, ids: set[str]) -> dict[str, dict[str, float]]:
    numbers = connection.scalars(select(logged_runs.c.number).where(logged_runs.c.id.in_(ids)))
    found = logged.read(connection, list(numbers))
    return {one.info.id: {point.key: point.value for point in one.metrics} for one in found}


def _with_makers(found: Sequence[_Found], ledger: "Runs") -> list[tuple[_Found, Maker | None]]:
    strange = {each.one.run for each in found if each.made is None and each.one.run}
    known: dict[str, Maker] = {}
    if strange:
        for run in ledger.runs(with_artifacts=False):
            for stage in run.stages:
                if (id_ := stage_run_id(run.id, stage)) in strange:
                    known[id_] = Maker(run.id, stage, "")
    ids = set(ledger.ids())
    return [(each, _maker(each, ids) if each.made else known.get(each.one.run)) for each in found]


def _maker(found: _Found, ids: set[RunId]) -> Maker | None:
    """The stage run on record that made, or restored, what a pipeline registered."""
    assert found.made is not None
    origin = found.made
    for run in (origin.run, origin.registrar):
        if run in ids:
            return Maker(RunId(run), origin.stage, origin.path)
    return None


def _version(each: tuple[_Found, Maker | None], ledger: "Runs") -> Version:
    found, maker = each
    one, origin = found.one, found.made
    runs: Iterable[Run] = ledger.runs_with(maker.run, maker.stage) if maker else ()
    by = By(RunId(origin.run), origin.stage) if origin and origin.run else None
    if maker is not None:
        [run] = ledger.runs_named([maker.run])
        by = By(run.id, maker.stage, run.number, run.commit, run.dirty)
    return Version(
        one.name,
        one.version,
        one.aliases,
        datetime.fromtimestamp(one.created / 1000, UTC),
        one.user,
        one.description,
        one.tags,
        Digest(one.digest) if one.digest else None,
        one.source,
        origin.path if origin else "",
        origin.entry if origin else None,
        by,
        one.run,
        {**found.logged, **(scores(runs, maker) if maker else {})},
    )
