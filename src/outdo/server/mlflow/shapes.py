"""Shapes that calls and answers share, and the checks that a value has to pass.

A key of an answer that has nothing to say is left out, as the protocol has it.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Annotated, Any

from msgspec import Meta, Struct, json

from outdo.core.refusals import Invalid
from outdo.core.tracking import Experiment, Input, LoggedRun, Point, RunInfo

KEY_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
EXPERIMENT_TAG_LENGTH = 20_000
EXPERIMENT_NAME_LENGTH = 500
MOST_EXPERIMENTS = 10_000
BATCH = {"metrics": 1000, "params": 100, "tags": 100}
BATCH_TOGETHER = 1000

LONGEST_SHOWN = 500
"""Characters of a value that an error repeats."""

Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""What a database can keep as a whole number."""

_NAME = re.compile(r"[/\w.\- :]*")
_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
    "slashes (/)."
)


class Tag(Struct, frozen=True):
    key: str | None = None
    value: str = ""


class Metric(Struct, frozen=True):
    key: str | None = None
    value: float | str | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


# ------------------------------------------------------------------ what is said


def said_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def said_point(point: Point) -> dict[str, Any]:
    value = "NaN" if isnan(point.value) else point.value
    return {"key": point.key, "value": value, "timestamp": point.timestamp, "step": point.step}


def said_experiment(one: Experiment) -> dict[str, Any]:
    return filled(
        experiment_id=str(one.id),
        name=one.name,
        artifact_location=one.location,
        lifecycle_stage="active" if one.active else "deleted",
        last_update_time=one.updated,
        creation_time=one.created,
        tags=said_tags(one.tags),
    )


def said_info(info: RunInfo) -> dict[str, Any]:
    return filled(
        run_uuid=info.id,
        experiment_id=str(info.experiment),
        run_name=info.name,
        user_id=info.user,
        status=info.status,
        start_time=info.started,
        end_time=info.ended,
        artifact_uri=info.location,
        lifecycle_stage="active" if info.active else "deleted",
        run_id=info.id,
    )


def said_run(run: LoggedRun) -> dict[str, Any]:
    data = filled(
        metrics=[said_point(point) for point in run.metrics],
        params=said_tags(run.params),
        tags=said_tags(run.tags),
    )
    used = {role: [use for use in run.models if use.role == role] for role in ("input", "output")}
    read = filled(
        dataset_inputs=[said_input(one) for one in run.inputs],
        model_inputs=[{"model_id": use.model} for use in used["input"]],
    )
    made = filled(model_outputs=[{"model_id": use.model, "step": use.step} for use in used["output"]])
    return {"info": said_info(run.info), "data": data, "inputs": read, "outputs": made}


def said_input(one: Input) -> dict[str, Any]:
    dataset = filled(
        name=one.dataset.name,
        digest=one.dataset.digest,
        source_type=one.dataset.kind,
        source=one.dataset.source,
        schema=one.dataset.schema or None,
        profile=one.dataset.profile or None,
    )
    return {"tags": said_tags(one.tags), "dataset": dataset}


def filled(**values: Any) -> dict[str, Any]:
    """The values that say something: neither nothing nor an empty list."""
    return {name: value for name, value in values.items() if value is not None and value != []}


# ------------------------------------------------------------------ what may be said


def require(name: str, value: Any) -> None:
    """Raises `Invalid` where a call lacks what it needs."""
    if value is None or value == "":
        raise Invalid(
            f"Missing value for required parameter '{name}'. See the API docs for more information about request "
            "parameters."
        )


def refused(path: str, value: object, why: str = "") -> Invalid:
    return Invalid(f"Invalid value {shown(value)} for parameter '{path}' supplied{f': {why}' if why else ''}")


def shown(value: object) -> str:
    """The value as JSON, its beginning where it is long."""
    text = json.encode(value).decode()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def check_length(name: str, limit: int, value: str) -> None:
    """Raises `Invalid` for a text of more than `limit` characters."""
    if len(value) > limit:
        raise Invalid(f"'{name}' exceeds the maximum length of {limit} characters")


def check_key(key: str | None, path: str, label: str = "") -> str:
    """The key of a metric, a param or a tag; raises `Invalid` for one that can't be."""
    require(path, key)
    assert key is not None
    if not _NAME.fullmatch(key):
        raise refused(path, key, _CHARACTERS)
    plain = posixpath.normpath(key)
    if plain != key or plain == "." or plain.startswith(("..", "/")):
        raise refused(
            path,
            key,
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. "
            f"This name would resolve to '{plain}'",
        )
    check_length(label or path, KEY_LENGTH, key)
    return key


def experiment_number(text: str) -> int:
    """The number of an experiment; raises `Invalid`."""
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise Invalid(f"Invalid experiment ID '{text}'. Experiment ID must be a valid integer.")
    return int(text)


def experiment_numbers(texts: Sequence[str]) -> list[int]:
    """The numbers of experiments, each once; raises `Invalid`."""
    if len(texts) > MOST_EXPERIMENTS:
        raise Invalid(f"'experiment_ids' has {len(texts)} ids; it may have {MOST_EXPERIMENTS}")
    return list(dict.fromkeys(experiment_number(text) for text in texts))


def read_tags(tags: Iterable[Tag], path: str = "", limit: int = TAG_LENGTH) -> dict[str, str]:
    """Tags by key, the last of each; raises `Invalid`. A run's tag that is too long is cut, as clients rely on."""
    found: dict[str, str] = {}
    for at, tag in enumerate(tags):
        where = f"{path}[{at}]." if path else ""
        key = check_key(tag.key, f"{where}key")
        if limit != TAG_LENGTH:
            check_length(f"{where}value", limit, tag.value)
        found[key] = tag.value[:limit]
    return found


def read_params(params: Sequence[Tag], path: str = "") -> dict[str, str]:
    """Params by key; raises `Invalid`, also where a key is there twice. A value that is too long is cut."""
    found: dict[str, str] = {}
    twice: list[str] = []
    for at, param in enumerate(params):
        key = check_key(param.key, f"{path}[{at}].key" if path else "key", "Param key")
        if key in found:
            twice.append(key)
        found[key] = param.value[:PARAM_LENGTH]
    if twice:
        raise Invalid(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one param "
            "value per param key."
        )
    return found


def read_point(metric: Metric, path: str = "") -> Point:
    """The point; raises `Invalid`."""
    at = f"{path}." if path else ""
    key = check_key(metric.key, f"{at}name", "Metric name")
    require(f"{at}value", metric.value)
    require(f"{at}timestamp", metric.timestamp)
    value = _number(metric.value)
    if value is None:
        raise refused(
            f"{at}value",
            metric.value,
            f"(timestamp={metric.timestamp}). Please specify value as a valid double (64-bit floating point)",
        )
    if metric.timestamp is None or not 0 <= metric.timestamp < 1 << 63:
        raise refused(
            f"{at}timestamp",
            metric.timestamp,
            f"metric '{key}' (value={metric.value}). Timestamp must be a nonnegative long (64-bit integer) ",
        )
    if not -(1 << 63) <= metric.step < 1 << 63:
        raise refused(f"{at}step", metric.step, "Step must be a valid long (64-bit integer).")
    return Point(key, value, metric.timestamp, metric.step)


def check_batch(sizes: Mapping[str, int]) -> None:
    """Raises `Invalid` for a batch of more than may be logged at once."""
    limits = [(name, limit, sizes[name]) for name, limit in BATCH.items()]
    for name, limit, size in [*limits, ("metrics, params, and tags", BATCH_TOGETHER, sum(sizes.values()))]:
        if size > limit:
            raise Invalid(
                f"A batch logging request can contain at most {limit} {name}. Got {size} {name}. Please split up "
                f"{name} across multiple requests and try again."
            )


def _number(value: float | str | None) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None
