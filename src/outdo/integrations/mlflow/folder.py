"""A folder `mlruns`, as MLflow's file store keeps it. Nothing in it is trusted: no link is followed, and no address in
it is opened; what belongs to a run is what lies in its own folder."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from outdo.core.document import parse
from outdo.core.errors import CantImport, Mistakes
from outdo.core.tracking import (
    Dataset,
    Experiment,
    Input,
    LoggedModel,
    LoggedRun,
    ModelPoint,
    ModelState,
    ModelUse,
    ModelVersion,
    Point,
    RegisteredModel,
    RunInfo,
    RunState,
)
from outdo.integrations.mlflow.source import (
    DEEPEST,
    MODEL_STATES,
    MOST_FILES,
    RUN_STATES,
    VERSION_STAGES,
    Found,
    Left,
    Owner,
    check_path,
)

META = "meta.yaml"
LARGEST = 1 << 20
"""Bytes that a file with facts may have."""
PIECE = 1 << 20
_RUN_NUMBERS: Mapping[object, RunState] = {
    1: "RUNNING",
    2: "SCHEDULED",
    3: "FINISHED",
    4: "FAILED",
    5: "KILLED",
}
_MODEL_NUMBERS: Mapping[object, ModelState] = {1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}


T = TypeVar("T")


class Folder:
    """What was logged to a folder; a `Source` and its `Files`."""

    def __init__(self, root: str, tell: Callable[[str], object]) -> None:
        """`tell` hears of what is left out."""
        self._root = os.path.realpath(root)
        self._tell = tell
        self._places: dict[int, str] = {}
        """Folders of experiments, by id."""
        self._runs: dict[str, str] = {}
        self._models: dict[str, str] = {}

    # ---------------------------------------------------------------- a source

    def experiments(self) -> Iterator[Experiment]:
        """All of them, the deleted ones too."""
        for above in (self._root, os.path.join(self._root, ".trash")):
            for name in _folders(above):
                place = os.path.join(above, name)
                if not name.isdigit() or not os.path.isfile(os.path.join(place, META)):
                    continue
                meta = self._meta(place)
                number = int(name)
                self._places[number] = place
                yield Experiment(
                    number,
                    _text(meta, "name") or name,
                    _text(meta, "artifact_location"),
                    meta.get("lifecycle_stage") != "deleted",
                    _number(meta, "creation_time"),
                    _number(meta, "last_update_time") or _number(meta, "creation_time"),
                    self._texts(os.path.join(place, "tags")),
                )

    def runs(self, experiment: int) -> Iterator[LoggedRun]:
        """All of its runs, the deleted ones too."""
        above = self._places[experiment]
        for name in _folders(above):
            place = os.path.join(above, name)
            if not os.path.isfile(os.path.join(place, META)) or len(name) != 32:
                continue
            meta = self._meta(place)
            self._runs[name] = place
            tags = self._texts(os.path.join(place, "tags"))
            info = RunInfo(
                name,
                experiment,
                _text(meta, "run_name") or tags.get("mlflow.runName", ""),
                _text(meta, "user_id"),
                _state(_RUN_NUMBERS, RUN_STATES, meta) or "FINISHED",
                _number(meta, "start_time"),
                _number(meta, "end_time") or None,
                _text(meta, "artifact_uri"),
                meta.get("lifecycle_stage") != "deleted",
            )
            metrics = tuple(Point(key, 0.0, 0) for key, _ in self._values(os.path.join(place, "metrics")))
            params = self._texts(os.path.join(place, "params"))
            yield LoggedRun(info, params, tags, metrics, tuple(self._inputs(above, place)), self._uses(place))

    def history(self, run: LoggedRun) -> Iterator[Point]:
        """All points of all metrics of a run."""
        for key, path in self._values(os.path.join(self._runs[run.info.id], "metrics")):
            for parts in self._lines(path):
                yield Point(key, *_measured(parts))

    def models(self, experiment: int) -> Iterator[LoggedModel]:
        """Its logged models."""
        above = os.path.join(self._places[experiment], "models")
        for name in _folders(above):
            place = os.path.join(above, name)
            if not name.startswith("m-") or not os.path.isfile(os.path.join(place, META)):
                continue
            meta = self._meta(place)
            if meta.get("lifecycle_stage") == "deleted":
                continue
            self._models[name] = place
            yield LoggedModel(
                name,
                experiment,
                _text(meta, "name"),
                _text(meta, "model_type"),
                _state(_MODEL_NUMBERS, MODEL_STATES, meta) or "READY",
                _text(meta, "source_run_id"),
                _text(meta, "artifact_location"),
                _number(meta, "creation_timestamp"),
                _number(meta, "last_updated_timestamp"),
                self._texts(os.path.join(place, "params")),
                self._texts(os.path.join(place, "tags")),
                tuple(self._model_points(place)),
            )

    def registered(self) -> Iterator[tuple[RegisteredModel, list[ModelVersion]]]:
        """The registered models, with their versions from the first to the last."""
        above = os.path.join(self._root, "models")
        for name in _folders(above):
            place = os.path.join(above, name)
            if not os.path.isfile(os.path.join(place, META)):
                continue
            meta = self._meta(place)
            told = self._texts(os.path.join(place, "aliases")).items()
            aliases = {alias: int(version) for alias, version in told if version.strip().isdigit()}
            model = RegisteredModel(
                _text(meta, "name") or name,
                _number(meta, "creation_timestamp"),
                _number(meta, "last_updated_timestamp"),
                _text(meta, "description"),
                self._texts(os.path.join(place, "tags")),
                aliases,
            )
            numbers = sorted(
                int(one.removeprefix("version-"))
                for one in _folders(place)
                if one.startswith("version-") and one.removeprefix("version-").isdigit()
            )
            yield model, [self._version(place, model.name, number) for number in numbers]

    # ---------------------------------------------------------------- files

    def listing(self, owner: Owner) -> Iterator[Found]:
        """All files of an owner, which lie in its own folder; raises `Left` where they lie elsewhere."""
        place = self._artifacts(owner)
        if os.path.islink(place):
            raise Left("its folder of files is a link")
        if not os.path.isdir(place):
            own = f"/{owner.id}/artifacts"
            if owner.location and not owner.location.rstrip("/").endswith(own):
                raise Left(f"its files lie at {owner.location}, which is not in this folder")
            return
        for count, (path, status) in enumerate(_walk(place)):
            if count >= MOST_FILES:
                raise Left(f"it has more than {MOST_FILES:,} files")
            yield Found(path, status.st_size if stat.S_ISREG(status.st_mode) else None)

    def read(self, owner: Owner, path: str) -> Iterable[bytes]:
        """The bytes of a file; raises `Left` for what is none, or a link."""
        place = self._artifacts(owner)
        for part in check_path(path).split("/"):
            place = os.path.join(place, part)
            if stat.S_ISLNK(os.lstat(place).st_mode):
                raise Left(f"'{path}' is a link")
        yield from _pieces(place, path)

    # ---------------------------------------------------------------- inside

    def _artifacts(self, owner: Owner) -> str:
        places = self._runs if owner.kind == "run" else self._models
        return os.path.join(places[owner.id], "artifacts")

    def _version(self, above: str, model: str, number: int) -> ModelVersion:
        place = os.path.join(above, f"version-{number}")
        meta = self._meta(place)
        return ModelVersion(
            model,
            number,
            _text(meta, "source"),
            _text(meta, "storage_location") or _text(meta, "source"),
            _number(meta, "creation_timestamp"),
            _number(meta, "last_updated_timestamp"),
            None,
            _text(meta, "run_id"),
            _text(meta, "run_link"),
            _text(meta, "model_id") or None,
            VERSION_STAGES.get(meta.get("current_stage"), "None"),
            _text(meta, "user_id"),
            _text(meta, "description"),
            self._texts(os.path.join(place, "tags")),
        )

    def _inputs(self, experiment: str, run: str) -> Iterator[Input]:
        above = os.path.join(run, "inputs")
        for name in _folders(above):
            meta = self._meta(os.path.join(above, name))
            if meta.get("source_type") != "DATASET":
                continue
            data = self._meta(
                os.path.join(experiment, "datasets", os.path.basename(_text(meta, "source_id")))
            )
            tags = meta.get("tags")
            yield Input(
                Dataset(
                    _text(data, "name"),
                    _text(data, "digest"),
                    _text(data, "source_type"),
                    _text(data, "source"),
                    _text(data, "schema"),
                    _text(data, "profile"),
                ),
                {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {},
            )

    def _uses(self, run: str) -> tuple[ModelUse, ...]:
        read = [ModelUse(one, "input") for one, _ in self._used(os.path.join(run, "inputs"))]
        made = [ModelUse(one, "output", step) for one, step in self._used(os.path.join(run, "outputs"))]
        return (*read, *made)

    def _used(self, above: str) -> Iterator[tuple[str, int]]:
        for name in _folders(above):
            meta = self._meta(os.path.join(above, name))
            ids = [_text(meta, "destination_id"), _text(meta, "source_id")]
            kinds = {str(meta.get(key)) for key in ("destination_type", "source_type")}
            if any(kind.startswith("MODEL") for kind in kinds):
                model = next((one for one in ids if one.startswith("m-")), "")
                if model:
                    yield model, _number(meta, "step")

    def _model_points(self, place: str) -> Iterator[ModelPoint]:
        for key, path in self._values(os.path.join(place, "metrics")):
            for parts in self._lines(path):
                name, digest = (parts[4], parts[5]) if len(parts) >= 6 else ("", "")
                run = parts[3] if len(parts) >= 4 else ""
                yield ModelPoint(Point(key, *_measured(parts)), run, name, digest)

    def _values(self, folder: str) -> Iterator[tuple[str, str]]:
        """The files in a folder and those in it, by what they are called: a key may have `/` in it."""
        if not os.path.isdir(folder):
            return
        if os.path.islink(folder):
            raise CantImport("a link in such a folder leads elsewhere, and is not followed", where=folder)
        for path, status in _walk(folder):
            if stat.S_ISREG(status.st_mode):
                yield path, os.path.join(folder, path)
            else:
                self._tell(f"'{os.path.join(folder, path)}' is a link, or no file, and is left out")

    def _texts(self, folder: str) -> dict[str, str]:
        return {key: _read(path) for key, path in self._values(folder)}

    def _lines(self, path: str) -> Iterator[list[str]]:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                parts = line.split()
                if len(parts) == 1:
                    raise CantImport("it holds a line that is no point of a metric", where=path)
                if parts:
                    yield parts

    def _meta(self, place: str) -> dict[str, Any]:
        path = os.path.join(place, META)
        if os.path.realpath(path) != path:
            raise CantImport("a link in such a folder leads elsewhere, and is not followed", where=path)
        try:
            found = parse(path, _read(path)).value
        except Mistakes as mistakes:
            raise CantImport(f"it can't be read: {mistakes.mistakes[0].what}", where=path) from None
        if not isinstance(found, dict):
            raise CantImport("it holds no facts", where=path)
        return found


def _folders(above: str) -> list[str]:
    """The folders in a folder, by name; no links."""
    try:
        with os.scandir(above) as entries:
            return sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def _walk(top: str) -> Iterator[tuple[str, os.stat_result]]:
    """All that is in a folder and the folders in it but folders, by its path; no link is followed."""
    todo = [("", 0)]
    while todo:
        inner, depth = todo.pop()
        if depth > DEEPEST:
            raise CantImport(f"folders nest deeper than {DEEPEST}", where=top)
        with os.scandir(os.path.join(top, inner)) as entries:
            found = sorted(entries, key=lambda one: one.name)
        for one in found:
            path = f"{inner}/{one.name}" if inner else one.name
            if one.is_dir(follow_symlinks=False):
                todo.append((path, depth + 1))
            else:
                yield path, one.stat(follow_symlinks=False)


def _pieces(place: str, path: str) -> Iterator[bytes]:
    fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Left(f"'{path}' is no file")
        while piece := file.read(PIECE):
            yield piece


def _read(path: str) -> str:
    content = b""
    for piece in _pieces(path, path):
        content += piece
        if len(content) > LARGEST:
            raise CantImport(f"it has more than {LARGEST} bytes", where=path)
    return content.decode("utf-8", "replace")


def _measured(parts: list[str]) -> tuple[float, int, int]:
    """Value, time and step of a line of at least two words."""
    try:
        return float(parts[1]), int(parts[0]), int(parts[2]) if len(parts) > 2 else 0
    except ValueError:
        raise CantImport(f"'{' '.join(parts)[:80]}' is no point of a metric", fix="mend that line") from None


def _text(meta: Mapping[str, Any], key: str) -> str:
    value = meta.get(key)
    return "" if value is None else str(value)


def _number(meta: Mapping[str, Any], key: str) -> int:
    value = meta.get(key)
    return int(value) if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()) else 0


def _state(numbers: Mapping[object, T], names: Mapping[object, T], meta: Mapping[str, Any]) -> T | None:
    value = meta.get("status")
    return numbers.get(value) or names.get(value)
