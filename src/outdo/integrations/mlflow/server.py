"""An MLflow server, read through its REST interface alone: whatever keeps its runs, and wherever its files lie."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from msgspec import Struct, ValidationError, convert

from outdo.core.errors import CantImport
from outdo.core.places import SCHEME
from outdo.core.tracking import (
    Dataset,
    Experiment,
    Input,
    LoggedModel,
    LoggedRun,
    ModelPoint,
    ModelUse,
    ModelVersion,
    Point,
    RegisteredModel,
    RunInfo,
)
from outdo.integrations.mlflow.connection import Connection, NotThere
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

API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
PAGE = 500
MODELS = 50
POINTS = 25_000


class _Metric(Struct):
    key: str = ""
    value: float | str = 0.0
    timestamp: int = 0
    step: int = 0
    run_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""

    def point(self, key: str = "") -> Point:
        return Point(key or self.key, float(self.value), self.timestamp, self.step)


class Server:
    """What was logged to a server; a `Source` and its `Files`."""

    def __init__(self, connection: Connection, tell: Callable[[str], object]) -> None:
        """`tell` hears of what is left out."""
        self._server = connection
        self._tell = tell

    # ---------------------------------------------------------------- a source

    def experiments(self) -> Iterator[Experiment]:
        """All of them, the deleted ones too."""
        for one in self._pages("POST", "experiments/search", "experiments", view_type="ALL"):
            yield Experiment(
                _whole(one, "experiment_id"),
                _text(one, "name"),
                _text(one, "artifact_location"),
                one.get("lifecycle_stage") != "deleted",
                _whole(one, "creation_time"),
                _whole(one, "last_update_time") or _whole(one, "creation_time"),
                _tags(one),
            )

    def runs(self, experiment: int) -> Iterator[LoggedRun]:
        """All of its runs, the deleted ones too."""
        asked = {"experiment_ids": [str(experiment)], "run_view_type": "ALL"}
        for one in self._pages("POST", "runs/search", "runs", **asked):
            yield _run(one, experiment)

    def history(self, run: LoggedRun) -> Iterator[Point]:
        """All points of all metrics of a run."""
        for key in [point.key for point in run.metrics]:
            asked = {"run_id": run.info.id, "metric_key": key, "max_results": POINTS}
            for one in self._pages("GET", "metrics/get-history", "metrics", **asked):
                yield _as(one, _Metric).point(key)

    def models(self, experiment: int) -> Iterator[LoggedModel]:
        """Its logged models; none of a server that knows no such thing."""
        try:
            asked = {"experiment_ids": [str(experiment)], "max_results": MODELS}
            yield from map(_model, self._pages("POST", "logged-models/search", "models", **asked))
        except NotThere:
            return

    def registered(self) -> Iterator[tuple[RegisteredModel, list[ModelVersion]]]:
        """The registered models, with their versions from the first to the last."""
        versions: dict[str, list[ModelVersion]] = defaultdict(list)
        try:
            for one in self._pages("GET", "model-versions/search", "model_versions"):
                versions[_text(one, "name")].append(_version(one))
            found = list(self._pages("GET", "registered-models/search", "registered_models"))
        except NotThere:
            return
        for one in found:
            name = _text(one, "name")
            aliases = {_text(each, "alias"): _whole(each, "version") for each in _list(one, "aliases")}
            model = RegisteredModel(
                name,
                _whole(one, "creation_timestamp"),
                _whole(one, "last_updated_timestamp"),
                _text(one, "description"),
                _tags(one),
                aliases,
            )
            yield model, sorted(versions.get(name, []), key=lambda each: each.version)

    # ---------------------------------------------------------------- files

    def listing(self, owner: Owner) -> Iterator[Found]:
        """All files of an owner; raises `Left` for a listing that leads elsewhere."""
        todo = [("", 0)]
        count = 0
        while todo:
            folder, depth = todo.pop()
            for path, size, is_folder in self._list(owner, folder):
                count += 1
                if count > MOST_FILES or depth > DEEPEST:
                    raise Left("its listing has no end")
                if is_folder:
                    todo.append((path, depth + 1))
                else:
                    yield Found(path, size)

    def read(self, owner: Owner, path: str) -> Iterable[bytes]:
        """The bytes of a file; raises `Left` where it is not there."""
        check_path(path)
        try:
            if owner.location.startswith(SCHEME):
                yield from self._server.stream(f"{PROXY}/{quote(f'{_place(owner)}/{path}')}")
            elif owner.kind == "run":
                yield from self._server.stream("/get-artifact", run_uuid=owner.id, path=path)
            else:
                call = f"/ajax-api/2.0/mlflow/logged-models/{quote(owner.id)}/artifacts/files"
                yield from self._server.stream(call, artifact_file_path=path)
        except NotThere:
            raise Left(f"the server has no '{path}'") from None

    def _list(self, owner: Owner, folder: str) -> Iterator[tuple[str, int | None, bool]]:
        """What is in a folder: paths from the owner's; each is one name below the folder."""
        try:
            if owner.location.startswith(SCHEME):
                found = self._server.get(PROXY, path=f"{_place(owner)}/{folder}".rstrip("/"))
                below = f"{folder}/" if folder else ""
            elif owner.kind == "run":
                found = self._server.get(f"{API}/artifacts/list", run_id=owner.id, path=folder)
                below = ""
            else:
                call = f"{API}/logged-models/{quote(owner.id)}/artifacts/directories"
                found = self._server.get(call, artifact_directory_path=folder)
                below = ""
        except NotThere:
            return
        for one in _list(found, "files"):
            path = check_path(below + _text(one, "path"))
            if path.rpartition("/")[0] != folder:
                raise Left(f"its listing of '{folder}' has '{path[:200]}' in it")
            size = one.get("file_size")
            yield path, None if size is None else _whole(one, "file_size"), one.get("is_dir") is True

    def _pages(self, method: str, call: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
        token = ""
        seen: set[str] = set()
        asked.setdefault("max_results", PAGE)
        while True:
            ask = self._server.post if method == "POST" else self._server.get
            found = ask(f"{API}/{call}", **asked, page_token=token)
            yield from _list(found, key)
            token = _text(found, "next_page_token")
            if not token:
                return
            if token in seen:
                raise CantImport(f"the pages of {call} have no end")
            seen.add(token)


def _place(owner: Owner) -> str:
    """The path that the proxy knows an owner's files by; raises `Left`."""
    location = owner.location.removeprefix(SCHEME)
    if location.startswith("/"):  # mlflow-artifacts://host:port/path
        location = location.lstrip("/").partition("/")[2]
    return check_path(location.strip("/"))


def _run(one: dict[str, Any], experiment: int) -> LoggedRun:
    info, data, inputs = _dict(one, "info"), _dict(one, "data"), _dict(one, "inputs")
    tags = _tags(data)
    outputs = _dict(one, "outputs")
    uses = [ModelUse(_text(each, "model_id"), "input") for each in _list(inputs, "model_inputs")]
    uses += [
        ModelUse(_text(each, "model_id"), "output", _whole(each, "step"))
        for each in _list(outputs, "model_outputs")
    ]
    return LoggedRun(
        RunInfo(
            _text(info, "run_id") or _text(info, "run_uuid"),
            experiment,
            _text(info, "run_name") or tags.get("mlflow.runName", ""),
            _text(info, "user_id"),
            RUN_STATES.get(info.get("status"), "FINISHED"),
            _whole(info, "start_time"),
            _whole(info, "end_time") or None,
            _text(info, "artifact_uri"),
            info.get("lifecycle_stage") != "deleted",
        ),
        {_text(each, "key"): _text(each, "value") for each in _list(data, "params")},
        tags,
        tuple(_as(each, _Metric).point() for each in _list(data, "metrics")),
        tuple(_input(each) for each in _list(inputs, "dataset_inputs")),
        tuple(uses),
    )


def _input(one: dict[str, Any]) -> Input:
    data = _dict(one, "dataset")
    dataset = Dataset(
        _text(data, "name"),
        _text(data, "digest"),
        _text(data, "source_type"),
        _text(data, "source"),
        _text(data, "schema"),
        _text(data, "profile"),
    )
    return Input(dataset, _tags(one))


def _model(one: dict[str, Any]) -> LoggedModel:
    info, data = _dict(one, "info"), _dict(one, "data")
    status = str(info.get("status", "")).removeprefix("LOGGED_MODEL_")
    return LoggedModel(
        _text(info, "model_id"),
        _whole(info, "experiment_id"),
        _text(info, "name"),
        _text(info, "model_type"),
        MODEL_STATES.get(status, "READY"),
        _text(info, "source_run_id"),
        _text(info, "artifact_uri"),
        _whole(info, "creation_timestamp_ms"),
        _whole(info, "last_updated_timestamp_ms"),
        {_text(each, "key"): _text(each, "value") for each in _list(data, "params")},
        _tags(info),
        tuple(_model_point(_as(each, _Metric)) for each in _list(data, "metrics")),
    )


def _model_point(one: _Metric) -> ModelPoint:
    return ModelPoint(one.point(), one.run_id, one.dataset_name, one.dataset_digest)


def _version(one: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        _text(one, "name"),
        _whole(one, "version"),
        _text(one, "source"),
        _text(one, "storage_location") or _text(one, "source"),
        _whole(one, "creation_timestamp"),
        _whole(one, "last_updated_timestamp"),
        None,
        _text(one, "run_id"),
        _text(one, "run_link"),
        _text(one, "model_id") or None,
        VERSION_STAGES.get(one.get("current_stage"), "None"),
        _text(one, "user_id"),
        _text(one, "description"),
        _tags(one),
    )


def _as(one: dict[str, Any], shape: type[_Metric]) -> _Metric:
    try:
        return convert({key: value for key, value in one.items() if value is not None}, shape, strict=False)
    except ValidationError as error:
        raise CantImport(f"the server tells of a metric that is none: {error}") from None


def _list(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = found.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _dict(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return "" if value is None else str(value)


def _whole(found: dict[str, Any], key: str) -> int:
    value = _text(found, key)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def _tags(found: dict[str, Any]) -> dict[str, str]:
    return {_text(each, "key"): _text(each, "value") for each in _list(found, "tags")}
