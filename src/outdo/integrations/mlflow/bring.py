"""All of a source comes here: thing after thing, so that whoever stops it loses nothing, and goes on behind what is
here; then what the source had is compared with what is here."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import msgpack

from outdo.core.brought import Brought, Counted
from outdo.core.digest import digest
from outdo.core.tracking import Experiment, LoggedModel, LoggedRun
from outdo.integrations.mlflow.landing import Landing
from outdo.integrations.mlflow.shelf import Shelf
from outdo.integrations.mlflow.source import Files, Left, Owner, Source
from outdo.store.tracking import imported

KINDS = (
    "experiments", "runs", "params", "points", "datasets", "logged models", "model metrics", "artifacts", "bytes",
    "registered models", "versions", "aliases", "tags",
)  # fmt: skip


Tell = Callable[[str, int], object]
"""Hears what has come, or was here, and how many things so far."""


class Bringing:
    """One import."""

    def __init__(self, source: Source, files: Files, landing: Landing, tell: Tell) -> None:
        self._source = source
        self._files = files
        self._landing = landing
        self._tell = tell
        self.left: list[str] = []
        self._places: dict[str, str] = {}
        self._runs = landing.notes("run")
        self._models = landing.notes("model")
        self._done = 0
        self._skipped = 0

    def carry_out(self) -> Brought:
        """All is here; raises `CantImport` where the source breaks off."""
        experiments = list(self._source.experiments())
        numbers = {one.id: self._landing.experiment(one) for one in experiments}
        for one in experiments:
            self._experiment(one, numbers[one.id])
        shelf = Shelf(self._landing, self._places, self.left.append)
        for model, versions in self._source.registered():
            shelf.take(model, versions)
            self._step(f"model {model.name}")
        return Brought(
            tuple(self._compare(len(experiments), set(numbers.values()))), self._skipped, tuple(self.left)
        )

    def _experiment(self, one: Experiment, number: int) -> None:
        for run in self._source.runs(one.id):
            location = f"mlflow-artifacts:/{number}/{run.info.id}/artifacts"
            self._places[run.info.location.rstrip("/")] = location
            stamp = _stamp(run)
            if run.info.id in self._runs and self._runs[run.info.id].name == stamp:
                self._skip(f"run {run.info.name}")
                continue
            self._run(run, number, stamp)
            self._step(f"run {run.info.name}")
        for model in self._source.models(one.id):
            location = f"mlflow-artifacts:/{number}/models/{model.id}/artifacts"
            self._places[model.location.rstrip("/")] = location
            stamp = _stamp(model)
            if model.id in self._models and self._models[model.id].name == stamp:
                self._skip(f"model {model.name}")
                continue
            self._model(model, number, stamp)
            self._step(f"model {model.name}")

    def _run(self, run: LoggedRun, number: int, stamp: str) -> None:
        landing = self._landing
        location = landing.run(run, number)
        points = landing.points(run.info.id, self._source.history(run))
        owner = Owner("run", run.info.id, run.info.experiment, run.info.location)
        files = self._keep(owner, location)
        if not run.info.active:
            landing.delete_run(run.info.id)
        datasets = {(one.dataset.name, one.dataset.digest) for one in run.inputs}
        counts = {
            "runs": 1, "params": len(run.params), "tags": len(run.tags), "points": points, "datasets": len(datasets),
            **files,
        }  # fmt: skip
        landing.note("run", run.info.id, stamp, counts)

    def _model(self, model: LoggedModel, number: int, stamp: str) -> None:
        landing = self._landing
        location = landing.model(model, number)
        files = self._keep(Owner("model", model.id, model.experiment, model.location), location)
        measured = {(one.point.key, one.run, one.dataset_name, one.dataset_digest) for one in model.metrics}
        counts = {
            "logged models": 1, "params": len(model.params), "tags": len(model.tags), "model metrics": len(measured),
            **files,
        }  # fmt: skip
        landing.note("model", model.id, stamp, counts)

    def _keep(self, owner: Owner, location: str) -> dict[str, int]:
        count = size = 0
        try:
            for length, why in self._landing.keep(self._files, owner, location):
                count += 1
                size += length
                if why:
                    self.left.append(why)
        except Left as left:
            self.left.append(f"{owner.id}: {left}")
        return {"artifacts": count, "bytes": size}

    def _skip(self, thing: str) -> None:
        self._skipped += 1
        self._step(thing)

    def _step(self, thing: str) -> None:
        self._done += 1
        self._tell(thing, self._done)

    # ---------------------------------------------------------------- what is where

    def _compare(self, experiments: int, numbers: set[int]) -> Iterator[Counted]:
        there: list[Mapping[str, int]] = [{"experiments": experiments}]
        here: list[Mapping[str, int]] = [{"experiments": len(numbers)}]
        landing = self._landing
        with landing.engine.connect() as connection:
            for id_, note in landing.notes("run").items():
                there.append(note.counts)
                here.append(imported.run_counts(connection, id_))
            for id_, note in landing.notes("model").items():
                there.append(note.counts)
                here.append(imported.model_counts(connection, id_))
            for id_, note in landing.notes("registered").items():
                there.append(note.counts)
                here.append(imported.registered_counts(connection, id_))
            for id_, note in landing.notes("version").items():
                there.append(note.counts)
                here.append(imported.version_counts(connection, id_.rpartition("/")[0], int(note.name)))
        yield from _counted(imported.added(there), imported.added(here))


def _counted(there: Mapping[str, int], here: Mapping[str, int]) -> Sequence[Counted]:
    return [
        Counted(kind, there.get(kind, 0), here.get(kind, 0))
        for kind in KINDS
        if kind in there or kind in here
    ]


def _stamp(one: LoggedRun | LoggedModel) -> str:
    """Stands for what the source tells of it; where that changes it is brought again."""
    return digest("imported/1", msgpack.encode(one))[:16]
