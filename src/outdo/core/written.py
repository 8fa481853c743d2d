"""Values that people write as one text: `>= 0.70`, `2h`, `4GB`, `5%`, `0 3 * * 1`, `${secret.NAME}`.

Each kind has `written`, which reads the text or raises `ValueError` with what was expected, and `json`, its JSON
Schema.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from msgspec import Struct

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Dimension = Literal["number", "share", "seconds", "bytes"]

_NUMBER = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1} | {
    letter + suffix: base**power
    for power, letter in enumerate("KMGTP", start=1)
    for suffix, base in (("B", 1000), ("iB", 1024), ("", 1000), ("i", 1024))
}


class Written(Struct, frozen=True):
    """A value that is written as a text."""

    expected: ClassVar[str]
    json: ClassVar[dict[str, Any]]
    accepts: ClassVar[tuple[type, ...]] = (str,)

    @classmethod
    def written(cls, value: Any) -> Self:
        raise NotImplementedError

    @classmethod
    def hint(cls, value: Any) -> str:  # noqa: ARG003
        """How to mend what `written` refused, where that can be told."""
        return ""


class Secret(Written, frozen=True):
    """A reference to a secret, which is looked up only where it is used: `${secret.SLACK_WEBHOOK}`."""

    name: str

    expected: ClassVar[str] = "a secret such as '${secret.NAME}'"
    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^\$\{secret\.[A-Za-z_][A-Za-z0-9_]*\}$"}

    @classmethod
    def written(cls, value: Any) -> Self:
        found = re.fullmatch(r"\$\{\s*secret\.([A-Za-z_][A-Za-z0-9_]*)\s*\}", value)
        if found is None:
            raise ValueError(cls.expected)
        return cls(found[1])

    def __str__(self) -> str:
        return f"${{secret.{self.name}}}"


class Duration(Written, frozen=True):
    """A span of time: `30s`, `10m`, `1h30m`, `1d`, or a number of seconds."""

    seconds: float

    expected: ClassVar[str] = "a duration such as '30s', '10m', '2h', '1d', or a number of seconds"
    json: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": r"^\s*([0-9_.]+\s*(ms|us|µs|s|m|h|d|w)?\s*)+$"},
        ]
    }
    accepts: ClassVar[tuple[type, ...]] = (str, int, float)

    @classmethod
    def written(cls, value: Any) -> Self:
        seconds = _duration(value) if isinstance(value, str) else float(value)
        if seconds is None or not 0 < seconds < float("inf"):
            raise ValueError(cls.expected)
        return cls(seconds)

    def __str__(self) -> str:
        for unit in "dhm":
            if self.seconds % _SECONDS[unit] == 0:
                return f"{self.seconds / _SECONDS[unit]:.15g}{unit}"
        return _show(self.seconds, "seconds")


class Bytes(Written, frozen=True):
    """A size: `512MB`, `4GB` (decimal), `4GiB` (binary), or a number of bytes."""

    count: int

    expected: ClassVar[str] = "a size such as '512MB' or '4GB', or a number of bytes"
    json: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\s*[0-9_.]+\s*([KMGTP]i?B?|B)?\s*$"},
        ]
    }
    accepts: ClassVar[tuple[type, ...]] = (str, int)

    @classmethod
    def written(cls, value: Any) -> Self:
        if isinstance(value, str):
            found = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z]*)\s*", value)
            if found is None or found[2] not in ("", *_BYTES):
                raise ValueError(cls.expected)
            whole = found[1].replace("_", "")
            value = (int(whole) if whole.isdecimal() else float(whole)) * _BYTES.get(found[2], 1)
        if not 0 <= value < 1 << 63:
            raise ValueError(cls.expected)
        return cls(round(value))

    def short(self) -> str:
        """The size as people say it: `341KB`."""
        for power, letter in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "KB")):
            if self.count >= 1000**power:
                return f"{self.count / 1000**power:.3g}{letter}"
        return f"{self.count}B"

    def __str__(self) -> str:
        units = (unit for unit in ("TB", "GB", "MB", "KB") if self.count and self.count % _BYTES[unit] == 0)
        unit = next(units, "B")
        return f"{self.count // _BYTES[unit]}{unit}"


class Share(Written, frozen=True):
    """A part of a whole, from 0 to 1: `5%`, or `0.05`."""

    part: float

    expected: ClassVar[str] = "a share such as '5%' or 0.05"
    json: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 1},
            {"type": "string", "pattern": r"^\s*[0-9_.]+\s*%\s*$"},
        ]
    }
    accepts: ClassVar[tuple[type, ...]] = (str, int, float)

    @classmethod
    def written(cls, value: Any) -> Self:
        if isinstance(value, str):
            found = re.fullmatch(rf"\s*({_NUMBER})\s*%\s*", value)
            value = _percent(found[1]) if found else -1
        if not 0 <= value <= 1:
            raise ValueError(cls.expected)
        return cls(float(value))

    def __str__(self) -> str:
        return f"{self.part * 100:.15g}%"


class Bound(Written, frozen=True):
    """A comparison that a value has to pass: `>= 0.70`, `<= 20ms`, `> 1%`, `< champion - 0.02`.

    With `champion`, the value is compared with the champion's plus `value`."""

    op: Operator
    value: float
    """In seconds, bytes, or as it is; 1% is 0.01."""
    dimension: Dimension = "number"
    relative_to: Literal["champion"] | None = None

    relative: ClassVar[bool] = True
    allowed: ClassVar[tuple[Dimension, ...]] = ("number", "share", "seconds", "bytes")
    expected: ClassVar[str] = "a comparison such as '>= 0.70', '> 1%', '<= 20ms' or '< champion - 0.02'"
    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^\s*(<|<=|>|>=|==|!=)\s*[^<>=!\s]"}

    @classmethod
    def written(cls, value: Any) -> Self:
        found = _BOUND.fullmatch(value)
        if found is None or (found["champion"] and not cls.relative):
            raise ValueError(cls.expected)
        number, dimension = _quantity(
            found["number"] or found["offset"] or "0", found["unit"] or found["in_"] or ""
        )
        if number == 0 and dimension == "number":
            dimension = cls.allowed[0]
        if dimension not in cls.allowed or abs(number) == float("inf"):
            raise ValueError(cls.expected)
        sign = -1 if found["sign"] == "-" else 1
        op: Any = found["op"]
        return cls(op, sign * number, dimension, "champion" if found["champion"] else None)

    def holds(self, value: float, champion: float | None = None) -> bool:
        """Whether a value keeps the bound; nothing keeps one that speaks of a champion where there is none."""
        if self.relative_to is not None and champion is None:
            return False
        against = self.value + (champion or 0.0 if self.relative_to else 0.0)
        match self.op:
            case "<":
                return value < against
            case "<=":
                return value <= against
            case ">":
                return value > against
            case ">=":
                return value >= against
            case "==":
                return value == against
            case "!=":
                return value != against

    def __str__(self) -> str:
        number = _show(abs(self.value) if self.relative_to else self.value, self.dimension)
        if self.relative_to is None:
            return f"{self.op} {number}"
        return f"{self.op} {self.relative_to} {'-' if self.value < 0 else '+'} {number}"


class NumberBound(Bound, frozen=True):
    """A comparison of a plain number or a share: `>= 0.70`, `< 1%`."""

    relative: ClassVar[bool] = False
    allowed: ClassVar[tuple[Dimension, ...]] = ("number", "share")
    expected: ClassVar[str] = "a comparison such as '>= 0.70' or '< 1%'"


class TimeBound(Bound, frozen=True):
    """A comparison of a time: `<= 20ms`."""

    allowed: ClassVar[tuple[Dimension, ...]] = ("seconds",)
    expected: ClassVar[str] = "a comparison with a time such as '<= 20ms'"


class SizeBound(Bound, frozen=True):
    """A comparison of a size: `<= 100MB`."""

    allowed: ClassVar[tuple[Dimension, ...]] = ("bytes",)
    expected: ClassVar[str] = "a comparison with a size such as '<= 100MB'"


class Pattern(Written, frozen=True):
    """A regular expression that the whole of a text has to match."""

    regex: str

    expected: ClassVar[str] = "a regular expression"
    json: ClassVar[dict[str, Any]] = {"type": "string", "format": "regex"}

    @classmethod
    def written(cls, value: Any) -> Self:
        try:
            re.compile(value)
        except RecursionError:
            raise ValueError("a regular expression that nests less deep") from None
        except (re.error, OverflowError) as error:
            raise ValueError(f"a regular expression ({error})") from None
        return cls(value)

    def __str__(self) -> str:
        return self.regex


class Cron(Written, frozen=True):
    """When to start, in UTC, as five fields: minute, hour, day of the month, month, day of the week."""

    text: str

    expected: ClassVar[str] = "five fields such as '0 3 * * 1': minute, hour, day, month, weekday"
    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$"}

    @classmethod
    def written(cls, value: Any) -> Self:
        fields = value.split()
        if len(fields) != len(_CRON):
            raise ValueError(cls.expected)
        for field, (name, low, high, names) in zip(fields, _CRON, strict=True):
            if not all(_cron_part(part, low, high, names) for part in field.lower().split(",")):
                raise ValueError(f"{cls.expected}, with a valid {name}")
        return cls(" ".join(fields))

    def __str__(self) -> str:
        return self.text


_QUANTITY = rf"(?P<{{}}>{_NUMBER})\s*(?P<{{}}>%|µs|[A-Za-z]+)?"
_BOUND = re.compile(
    r"\s*(?P<op><=|>=|==|!=|<|>)\s*"
    r"(?:(?P<champion>champion)(?:\s*(?P<sign>[-+])\s*(?=[.0-9])"
    + _QUANTITY.format("offset", "in_")
    + ")?|"
    + _QUANTITY.format("number", "unit")
    + r")\s*"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)


def _number(text: str) -> float:
    return float(text.replace("_", ""))


def _percent(text: str) -> float:
    """The part that so many percent are; 0.7 % is 0.007, and not the nearest that division gives."""
    return round(_number(text) / 100, 12)


def _duration(text: str) -> float | None:
    if single := re.fullmatch(rf"\s*({_NUMBER})\s*(us|µs|ms|[smhdw])?\s*", text):
        return _number(single[1]) * _SECONDS[single[2] or "s"]
    parts = re.findall(r"\s*([0-9_.]+)\s*(us|µs|ms|[smhdw])\s*", text)
    if parts and "".join(number + unit for number, unit in parts) == re.sub(r"\s", "", text):
        try:
            return sum(_number(number) * _SECONDS[unit] for number, unit in parts)
        except ValueError:
            return None
    return None


def _quantity(number: str, unit: str) -> tuple[float, Dimension]:
    if unit == "":
        return _number(number), "number"
    if unit == "%":
        return _percent(number), "share"
    if unit in _SECONDS:
        return _number(number) * _SECONDS[unit], "seconds"
    if unit in _BYTES:
        return _number(number) * _BYTES[unit], "bytes"
    raise ValueError(f"a number with a known unit, not '{unit}'")


def _show(value: float, dimension: Dimension) -> str:
    match dimension:
        case "share":
            return f"{value * 100:.15g}%"
        case "seconds":
            return _in_units(value, {"s": 1.0, "ms": 1e-3} if abs(value) >= 1 else {"ms": 1e-3, "s": 1.0})
        case "bytes":
            return _in_units(value, {unit: float(_BYTES[unit]) for unit in ("TB", "GB", "MB", "KB", "B")})
        case "number":
            return f"{value:.15g}"


def _in_units(value: float, units: Mapping[str, float]) -> str:
    """The value in the first of these units in which it is a whole number that is read as the same; else in the
    plain one."""
    for unit, factor in units.items():
        text = f"{value / factor:.15g}"
        if value and float(text).is_integer() and float(text) * factor == value:
            return f"{text}{unit}"
    plain = next(unit for unit, factor in units.items() if factor == 1)
    text = f"{value:.15g}"
    return f"{text if float(text) == value else repr(value)}{plain}"


def _cron_part(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    span, _, step = part.partition("/")
    if "/" in part and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [_cron_number(end, low, names) for end in span.split("-")]
    return (
        len(ends) <= 2
        and all(end is not None and low <= end <= high for end in ends)
        and ends == sorted(ends)
    )


def _cron_number(text: str, low: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + low
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
