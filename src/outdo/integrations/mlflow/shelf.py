"""The registry as it comes over: versions keep their numbers, and point to files that are here."""

from collections.abc import Callable, Mapping
from time import time_ns

from sqlalchemy import Connection, insert, select, update

from outdo.core.places import inside
from outdo.core.refusals import Unknown
from outdo.core.tracking import PROMPT_TAG, ModelVersion, RegisteredModel
from outdo.integrations.mlflow.landing import Landing
from outdo.integrations.mlflow.source import Left, check_path
from outdo.store import trees
from outdo.store.database import writing
from outdo.store.nodes import Tree
from outdo.store.tracking import files, registry
from outdo.store.tracking.tables import (
    logged_models,
    logged_runs,
    model_versions,
    registered_models,
    version_tags,
)
from outdo.store.tracking.writing import upsert


class Shelf:
    """Registered models on their way here."""

    def __init__(self, landing: Landing, places: Mapping[str, str], tell: Callable[[str], object]) -> None:
        """`places` says where here the files of runs and logged models are, by where they are there."""
        self._landing = landing
        self._places = places
        self._tell = tell
        self._versions = landing.notes("version")
        self._models = landing.notes("registered")

    def take(self, model: RegisteredModel, versions: list[ModelVersion]) -> None:
        """The model is here with these versions; what came before is left as it is now."""
        landing, known = self._landing, self._versions
        with writing(landing.engine) as connection:
            if not _is_there(connection, model.name):
                registry.create(connection, model)
        numbers: dict[int, int] = {}
        for one in versions:
            id_ = f"{one.name}/{one.version}"
            if id_ in known:
                numbers[one.version] = int(known[id_].name)
                continue
            numbers[one.version] = self._version(one)
            landing.note("version", id_, str(numbers[one.version]), {"versions": 1, "tags": len(one.tags)})
        if model.name in self._models:
            return
        with writing(landing.engine) as connection:
            for key, value in model.tags.items():
                registry.set_tag(connection, model.name, key, value)
            for alias, version in model.aliases.items():
                if version in numbers:
                    registry.set_alias(connection, model.name, alias, numbers[version])
        counts = {"registered models": 1, "tags": len(model.tags), "aliases": len(model.aliases)}
        landing.note("registered", model.name, model.name, counts)

    def _version(self, one: ModelVersion) -> int:
        """The number that the version has here."""
        landing = self._landing
        try:
            with landing.engine.connect() as connection:
                location = self._location(connection, one)
        except Left as left:
            self._tell(f"{one.name}/{one.version}: {left}")
            location = ""
        source = one.source if one.source.startswith(("models:/", "runs:/")) or not location else location
        with writing(landing.engine) as connection:
            same = (model_versions.c.name == one.name) & (model_versions.c.version == one.version)
            there = connection.execute(select(model_versions).where(same)).first()
            if there is not None and (there.created, there.source, there.run) == (
                one.created,
                source,
                one.run,
            ):
                return one.version  # it came before it could be noted
            newest = connection.scalar(
                select(registered_models.c.newest).where(registered_models.c.name == one.name)
            )
            number = one.version if there is None else (newest or 0) + 1
            if number != one.version:
                self._tell(
                    f"{one.name}/{one.version} is {one.name}/{number} here: another one had its number"
                )
            row = {
                "name": one.name, "version": number, "description": one.description, "source": source,
                "location": location, "digest": self._digest(connection, location), "run": one.run,
                "run_link": one.run_link, "model": one.model, "stage": one.stage, "user": one.user,
                "created": one.created, "updated": one.updated or time_ns() // 1_000_000,
            }  # fmt: skip
            made = connection.execute(insert(model_versions).values(row)).inserted_primary_key
            assert made is not None
            here = registered_models.c.name == one.name
            connection.execute(update(registered_models).where(here).values(newest=max(newest or 0, number)))
            tags = [{"version": made[0], "key": key, "value": value} for key, value in one.tags.items()]
            upsert(connection, version_tags, tags)
        return number

    def _location(self, connection: Connection, one: ModelVersion) -> str:
        """Where the files of a version are here; raises `Left` where they are not."""
        if PROMPT_TAG in one.tags:
            return ""
        for source in (one.source, one.location):
            if source.startswith("models:/m-"):
                found = connection.scalar(
                    select(logged_models.c.location).where(
                        logged_models.c.id == source.removeprefix("models:/")
                    )
                )
                if found:
                    return str(found)
            elif source.startswith("models:/"):
                name, _, version = source.removeprefix("models:/").rpartition("/")
                try:
                    return registry.find_version(connection, name, int(version)).location
                except (Unknown, ValueError):
                    continue
            elif source.startswith("runs:/"):
                run, _, path = source.removeprefix("runs:/").partition("/")
                found = connection.scalar(select(logged_runs.c.location).where(logged_runs.c.id == run))
                if found:
                    return f"{found}/{check_path(path.strip('/'))}" if path.strip("/") else str(found)
            elif (place := self._below(source)) is not None:
                return place
        raise Left(f"its files lie at '{one.location or one.source}', which is of no run and no logged model")

    def _below(self, source: str) -> str | None:
        above, rest = source.rstrip("/"), ""
        while above and "/" in above:
            if above in self._places:
                return f"{self._places[above]}/{check_path(rest)}" if rest else self._places[above]
            above, _, name = above.rpartition("/")
            rest = f"{name}/{rest}".rstrip("/")
        return None

    def _digest(self, connection: Connection, location: str) -> str | None:
        folder = inside(location)
        found = list(files.below(connection, folder)) if folder else []
        if not found:
            return None
        tree = Tree([(name, file.digest, file.size, False) for name, file in found])
        return trees.build_tree(tree, self._landing.vault.put).digest


def _is_there(connection: Connection, name: str) -> bool:
    query = select(registered_models.c.number).where(registered_models.c.name == name)
    return connection.scalar(query) is not None
