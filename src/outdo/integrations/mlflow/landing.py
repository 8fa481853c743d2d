"""Where what was logged elsewhere is kept here: each thing once, under its own id where that is free, and noted as soon
as it is here whole. Whatever is done twice comes to the same."""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import isnan
from typing import TypeVar

from blake3 import blake3
from msgspec.structs import replace
from sqlalchemy import Engine, insert, select, update

from outdo.core.model import Digest
from outdo.core.places import SCHEME
from outdo.core.tracking import GREATEST, Experiment, LoggedModel, LoggedRun, ModelPoint, Point, clamp
from outdo.integrations.mlflow.source import Files, Left, Owner
from outdo.store.database import writing
from outdo.store.files import create, drop, write
from outdo.store.tracking import files, imported, models, points, runs
from outdo.store.tracking.files import File
from outdo.store.tracking.imported import Counts, Kind, Note
from outdo.store.tracking.points import Batch, Keys
from outdo.store.tracking.tables import experiment_tags, experiments, logged_models, logged_runs
from outdo.store.tracking.writing import upsert
from outdo.store.vault import Vault

HIGHEST = 1_000_000_000
"""The highest id of an experiment that is kept: new ones count on from there."""
AT_ONCE = 5_000
FILES_AT_ONCE = 200

T = TypeVar("T")


class Landing:
    """The database and the store that things come to, from one source."""

    def __init__(self, engine: Engine, vault: Vault, source: str) -> None:
        self.engine = engine
        self.vault = vault
        self.source = source
        self._keys = Keys()

    def notes(self, kind: Kind) -> Mapping[str, Note]:
        """What is here whole of a kind, by its id there."""
        with self.engine.connect() as connection:
            return imported.notes(connection, self.source, kind)

    def note(self, kind: Kind, id_: str, name: str, counts: Counts) -> None:
        """This is here whole, and on the disk."""
        with writing(self.engine) as connection:
            imported.note(connection, self.source, kind, id_, Note(name, counts))

    # ---------------------------------------------------------------- experiments

    def experiment(self, one: Experiment) -> int:
        """The id that the experiment has here: the one that it came to before, the one of its name, else a new one, its
        own where that is free."""
        with writing(self.engine) as connection:
            noted = imported.notes(connection, self.source, "experiment").get(str(one.id))
            before = experiments.c.id == int(noted.name) if noted else experiments.c.name == one.name
            number = connection.scalar(select(experiments.c.id).where(before))
            if number is None:
                row = {"name": one.name, "location": "", "active": one.active}
                row |= {"created": one.created, "updated": one.updated}
                own = (
                    connection.dialect.name == "sqlite"
                    and (one.id > 0 or one.name == "Default")
                    and one.id <= HIGHEST
                )
                taken = connection.scalar(select(experiments.c.id).where(experiments.c.id == one.id))
                if own and taken is None:
                    row["id"] = one.id
                made = connection.execute(insert(experiments).values(row)).inserted_primary_key
                assert made is not None
                number = int(made[0])
                here = experiments.c.id == number
                connection.execute(update(experiments).where(here).values(location=f"{SCHEME}{number}"))
            if one.tags:
                rows = [{"experiment": number, "key": key, "value": value} for key, value in one.tags.items()]
                upsert(connection, experiment_tags, rows)
            imported.note(connection, self.source, "experiment", str(one.id), Note(str(number), {}))
            return number

    # ---------------------------------------------------------------- runs and models

    def run(self, one: LoggedRun, experiment: int) -> str:
        """Where the files of the run are to be here; it is here, with all but its points and files."""
        id_ = one.info.id
        location = f"{SCHEME}{experiment}/{id_}/artifacts"
        with writing(self.engine) as connection:
            number = connection.scalar(select(logged_runs.c.number).where(logged_runs.c.id == id_))
            values = {
                "experiment": experiment, "name": one.info.name, "user": one.info.user, "status": one.info.status,
                "started": one.info.started, "ended": one.info.ended, "location": location, "active": True,
            }  # fmt: skip
            if number is None:
                made = connection.execute(insert(logged_runs).values(id=id_, **values)).inserted_primary_key
                assert made is not None
                number = int(made[0])
            else:
                connection.execute(update(logged_runs).where(logged_runs.c.number == number).values(values))
            runs.put_tags(connection, number, one.tags)
            models.add_inputs(connection, number, experiment, one.inputs)
            models.add_uses(connection, number, one.models)
            points.log(connection, self._keys, id_, Batch((), one.params))
        return location

    def points(self, id_: str, history: Iterable[Point]) -> int:
        """How many points the history has, the same one counted once; the run has them all."""
        count = 0
        key = ""
        seen: set[tuple[float, int, int]] = set()
        for piece in _pieces(history, AT_ONCE):
            finite = [_finite(point) for point in piece]
            with writing(self.engine) as connection:
                points.log(connection, self._keys, id_, Batch(finite))
            for point in finite:
                if point.key != key:
                    key, seen = point.key, set()
                same = (GREATEST if isnan(point.value) else point.value, point.timestamp, point.step)
                count += same not in seen
                seen.add(same)
        return count

    def delete_run(self, id_: str) -> None:
        """The run is deleted, as it is there."""
        with writing(self.engine) as connection:
            connection.execute(update(logged_runs).where(logged_runs.c.id == id_).values(active=False))

    def model(self, one: LoggedModel, experiment: int) -> str:
        """Where the files of the logged model are to be here; it is here, with all but those."""
        location = f"{SCHEME}{experiment}/models/{one.id}/artifacts"
        with writing(self.engine) as connection:
            number = connection.scalar(select(logged_models.c.number).where(logged_models.c.id == one.id))
            values = {
                "experiment": experiment, "name": one.name, "kind": one.kind, "status": one.status, "run": one.run,
                "location": location, "created": one.created, "updated": one.updated, "active": True,
            }  # fmt: skip
            if number is None:
                made = connection.execute(
                    insert(logged_models).values(id=one.id, **values)
                ).inserted_primary_key
                assert made is not None
                number = int(made[0])
            models.put_params(connection, number, one.params)
            models.put_tags(connection, number, one.tags)
            measured = [(one.id, ModelPoint(_finite(each.point), each.run, each.dataset_name, each.dataset_digest))
                        for each in one.metrics]  # fmt: skip
            models.log_points(connection, measured)
        return location

    # ---------------------------------------------------------------- files

    def keep(self, source: Files, owner: Owner, location: str) -> Iterator[tuple[int, str]]:
        """For each file of the owner its size, and why it was left out, which is mostly empty; once this has ended the
        others are here."""
        folder = location.removeprefix(SCHEME)
        with self.engine.connect() as connection:
            here = {path: file.size for path, file in files.below(connection, folder)}
        waiting: list[tuple[str, File]] = []
        for found in source.listing(owner):
            if found.size is not None and here.get(found.path) == found.size:
                yield found.size, ""
                continue
            try:
                file = self._fetch(source, owner, found.path, found.size)
            except Left as left:
                yield found.size or 0, f"{owner.id}: {left}"
                continue
            waiting.append((f"{folder}/{found.path}", file))
            if len(waiting) >= FILES_AT_ONCE:
                self._put(waiting)
                waiting = []
            yield file.size, ""
        self._put(waiting)

    def _fetch(self, source: Files, owner: Owner, path: str, size: int | None) -> File:
        temporary = self.vault.scratch.name()
        hasher = blake3()
        try:
            fd = create(temporary, 0o444)
            try:
                got = 0
                for piece in source.read(owner, path):
                    got += len(piece)
                    if size is not None and got > size:
                        raise Left(f"'{path}' has more than the {size} bytes that are told of it")
                    hasher.update(piece)
                    write(fd, piece)
            finally:
                os.close(fd)
            if size is not None and got < size:
                raise Left(f"'{path}' broke off after {got} of {size} bytes")
            file = File(Digest(hasher.hexdigest()), got)
            self.vault.keep(temporary, file.digest)
            return file
        finally:
            drop(temporary)

    def _put(self, waiting: list[tuple[str, File]]) -> None:
        if waiting:
            with writing(self.engine) as connection:
                for path, file in waiting:
                    files.put(connection, path, file)


def _finite(point: Point) -> Point:
    """The point as it is kept: an infinite value is the greatest."""
    return replace(point, value=clamp(point.value))


def _pieces(these: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(these)
    while piece := list(islice(rest, size)):
        yield piece
