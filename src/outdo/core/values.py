"""Nested values as files hold them: what stands under a name, their numbers, and short words for them."""

import re
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Final

from msgspec import json

from outdo.core.model import Value


class Missing(Enum):
    """The answer where a value is not there, as None is a value."""

    MISSING = 0


MISSING: Final = Missing.MISSING


def lookup(values: Value, key: str) -> Value | Missing:
    """The value under a dotted name, `MISSING` where there is none; items of lists are named by their index."""
    for step in key.split("."):
        values = step_into(values, step)
        if values is MISSING:
            break
    return values


def step_into(values: Value, step: str) -> Value | Missing:
    """What a mapping has under a key, or a list at an index; else `MISSING`."""
    if isinstance(values, dict):
        return values.get(step, MISSING)
    if (
        isinstance(values, list)
        and re.fullmatch("-?[0-9]{1,9}", step)
        and -len(values) <= int(step) < len(values)
    ):
        return values[int(step)]
    return MISSING


def numbers(value: Value) -> dict[str, float]:
    """The numbers in a nested value by dotted name: `{"test": {"auc": 0.7}}` is `{"test.auc": 0.7}`.

    In the order of the file. Booleans are no numbers; items of a list are named by their index.
    """
    found: dict[str, float] = {}
    todo: list[tuple[str, Value]] = [("", value)]
    while todo:
        name, part = todo.pop()
        if isinstance(part, int | float) and not isinstance(part, bool):
            found[name] = float(part)
            continue
        inner = (
            part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ()
        )
        todo += [(f"{name}.{key}" if name else str(key), value) for key, value in inner][::-1]
    return found


def leaves(values: Mapping[str, Value]) -> dict[str, Value]:
    """The single values in mappings by dotted name; lists, and mappings with nothing in them, stay whole."""
    found: dict[str, Value] = {}
    todo = list(values.items())[::-1]
    while todo:
        name, part = todo.pop()
        if isinstance(part, Mapping) and part:
            dot = "" if name.endswith(":") else "."
            todo += [(f"{name}{dot}{key}", value) for key, value in part.items()][::-1]
        else:
            found[name] = part
    return found


def short(value: Value, width: int = 40) -> str:
    """A value as a person writes it, cut in the middle beyond `width` characters."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(str(value).split())
    return text if len(text) <= width else f"{text[: width // 2 - 1]}…{text[-(width // 2 - 1) :]}"


def number_of(value: Value) -> float | None:
    """The value as a number to compare, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def text_of(value: Value) -> str:
    """The value as a text to compare: a text as it is, anything else as JSON (`true`, `[1,2]`)."""
    return value if isinstance(value, str) else json.encode(value, order="deterministic").decode()
