"""A suite's file, as Great Expectations 1.x and 0.18 write it, to its expectations."""

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, Struct, json

LARGEST = 16 << 20
"""Bytes of a file that is read."""
_MOST = 10_000
_SEVERITIES = ("critical", "warning", "info")
_DROPPED = {
    "allow_cross_type_comparisons",
    "auto",
    "batch_id",
    "catch_exceptions",
    "include_config",
    "output_strftime_format",
    "profiler_config",
    "result_format",
}
"""Keys of 0.18 beside the arguments that say nothing of what is expected."""
_RENAMED = {
    "expect_multicolumn_values_to_be_unique": "expect_select_column_values_to_be_unique_within_record"
}


class BadSuite(ValueError):
    """A file holds no suite; it says why."""


class Expectation(Struct, frozen=True):
    """One expectation, with its arguments as they stand in the file."""

    type: str
    kwargs: Mapping[str, Any]
    severity: str = "critical"
    id: str | None = None
    meta: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """What it is called in a table: `column_values_to_be_between distance`."""
        columns = self.kwargs.get("column_list", self.kwargs.get("column_set"))
        named = [self.kwargs.get(key) for key in ("column", "column_A", "column_B")]
        named += columns if isinstance(columns, list) else []
        return " ".join([self.type.removeprefix("expect_"), ", ".join(map(str, filter(None, named)))]).strip()


class Suite(Struct, frozen=True):
    """Expectations with the name they have together."""

    name: str
    expectations: tuple[Expectation, ...]


def read_suite(content: bytes) -> Suite:
    """The suite in a file; raises `BadSuite` with one sentence."""
    if len(content) > LARGEST:
        raise BadSuite(f"it is larger than {LARGEST >> 20} MB")
    try:
        value = json.decode(content)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadSuite(f"it is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadSuite("it is no suite: an object with 'expectations' was expected")
    listed = value.get("expectations")
    if not isinstance(listed, list):
        raise BadSuite("it has no list 'expectations'")
    if len(listed) > _MOST:
        raise BadSuite(f"it has more than {_MOST:,} expectations")
    name = value.get("name", value.get("expectation_suite_name"))
    read = tuple(_expectation(each, place) for place, each in enumerate(listed, 1))
    return Suite(name if isinstance(name, str) else "", read)


def _expectation(value: Any, place: int) -> Expectation:
    if not isinstance(value, dict):
        raise BadSuite(f"expectation {place} is no object")
    kind = value.get("type", value.get("expectation_type"))
    if not isinstance(kind, str) or not kind.isidentifier():
        raise BadSuite(f"expectation {place} has no 'type'")
    kwargs = value.get("kwargs", {})
    if not isinstance(kwargs, dict):
        raise BadSuite(f"the 'kwargs' of expectation {place} are no object")
    severity = value.get("severity") or "critical"
    if severity not in _SEVERITIES:
        raise BadSuite(f"the severity of expectation {place} has to be one of {', '.join(_SEVERITIES)}")
    mark, meta = value.get("id", value.get("ge_cloud_id")), value.get("meta")
    return Expectation(
        _RENAMED.get(kind, kind),
        {key: each for key, each in kwargs.items() if key not in _DROPPED},
        severity,
        mark if isinstance(mark, str) else None,
        meta if isinstance(meta, dict) else None,
    )
