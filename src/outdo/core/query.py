"""Which runs, and in which order: the filters and the sorting of `outdo log`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal, get_args

from msgspec import Struct

from outdo.core.errors import BadFilter, UnknownRun
from outdo.core.events import RunStatus
from outdo.core.model import RunId
from outdo.core.record import Run, StageRun, metric_values, param_values
from outdo.core.values import number_of, text_of

Field = Literal[
    "branch",
    "commit",
    "dirty",
    "metrics",
    "number",
    "params",
    "project",
    "seconds",
    "stage",
    "started",
    "status",
    "sweep",
    "user",
]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
COMPARISONS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    "=": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
"""What an operator means, for numbers here and for columns of a table alike."""


class Filter(Struct, frozen=True):
    """One condition on a run. A run that lacks the value meets no condition on it, `!=` neither."""

    field: Field
    operator: Operator
    text: str
    number: float | None = None
    """The value as a number: seconds since 1970 for `started`, 1 or 0 for `dirty`."""
    name: str = ""
    """Of the metric or param."""


class Sort(Struct, frozen=True):
    """An order of runs. Runs without the value come last, whichever way; equal ones newest first."""

    field: Field = "number"
    name: str = ""
    descending: bool = True


NUMBERS: tuple[Field, ...] = ("number", "seconds", "started")
EXECUTED = ("ran", "failed", "cancelled", "running", "interrupted")
"""A stage of these states had its command started."""

_FIELDS: tuple[Field, ...] = get_args(Field)
_SHAPE = re.compile(
    r"\s*(?P<field>[^=!<>]*?)\s*(?P<operator>!=|<=|>=|==|=|<|>)\s*(?P<value>.*?)\s*", re.DOTALL
)
_SPAN = re.compile(r"(?P<count>\d+(\.\d+)?)\s*(?P<unit>s|m|h|d|w)")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_FORMS = "`metrics.auc > 0.7`, `params.train.lr = 0.1`, `status = failed`, `stage = train`, `started > 2d`"


def parse_filter(text: str, now: datetime) -> Filter:
    """The condition a text such as `metrics.auc > 0.7` states; raises `BadFilter`.

    `now` is what `2d` counts back from, and its time zone is the one of dates that name none."""
    shape = _SHAPE.fullmatch(text)
    if not shape or not shape["field"] or not shape["value"]:
        raise BadFilter(f"'{text}' is no filter", fix=f"write it as one of {_FORMS}")
    field, name = _field(shape["field"], text)
    operator: Operator = "=" if shape["operator"] == "==" else shape["operator"]  # type: ignore[assignment]
    value = _unquoted(shape["value"])
    number = _number(field, value, text, now)
    if operator not in ("=", "!=") and number is None:
        raise BadFilter(
            f"'{text}' compares by size, and '{value}' is no number",
            fix=f"write `{shape['field']} = {value}`",
        )
    if operator in ("=", "!=") and field == "started":
        raise BadFilter(f"'{text}' asks for one very moment", fix=f"write `started > {value}`")
    return Filter(field, operator, value, number, name)


def parse_sort(text: str, *, descending: bool = True) -> Sort:
    """The order a text such as `metrics.auc` or `seconds` names; raises `BadFilter`."""
    field, name = _field(text.strip(), text)
    if field not in (*NUMBERS, "metrics", "params"):
        raise BadFilter(
            f"runs can't be sorted by {field}",
            fix="sort by metrics.NAME, params.NAME, started, seconds or number",
        )
    return Sort(field, name, descending)


def nearest(word: str, words: Iterable[str]) -> str:
    """The word that was probably meant, or the empty text."""
    return next(iter(get_close_matches(word, list(words), 1, 0.5)), "")


def _field(words: str, text: str) -> tuple[Field, str]:
    head, dot, name = words.partition(".")
    if head in ("metrics", "params"):
        if not name:
            raise BadFilter(f"'{text}' does not say which of the {head}", fix=f"write {head}.NAME")
        return head, name  # type: ignore[return-value]
    if dot or head not in _FIELDS:
        meant = {"metric": "metrics", "param": "params", "run": "number", "time": "started"}.get(head)
        meant = meant or nearest(head, _FIELDS)
        fix = (
            f"did you mean '{meant}{'.' + name if name else ''}'?"
            if meant
            else f"known are {', '.join(_FIELDS)}"
        )
        raise BadFilter(f"'{words}' is nothing that runs are asked for", fix=fix)
    return head, ""


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _number(field: Field, value: str, text: str, now: datetime) -> float | None:
    match field:
        case "metrics" | "number":
            return _needed(_float(value), value, text, "a number, such as 0.7")
        case "seconds":
            return _needed(_seconds(value), value, text, "a duration, such as 90 or 5m")
        case "started":
            return _needed(
                moment(value, now), value, text, "a time, such as 2d, 2026-04-13 or 2026-04-13T10:00"
            )
        case "dirty":
            known = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}
            return _needed(known.get(value.lower()), value, text, "true or false")
        case "status":
            words = get_args(RunStatus)
            if value not in words:
                raise BadFilter(
                    f"'{text}': no run has the status '{value}'",
                    fix=f"did you mean '{nearest(value, words) or 'failed'}'? known are {', '.join(words)}",
                )
            return None
        case "params":
            return _float(value)
        case _:
            return None


def _needed(number: float | None, value: str, text: str, what: str) -> float:
    if number is None:
        raise BadFilter(f"'{text}': '{value}' is not {what}")
    return number


def _float(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _span(value: str) -> float | None:
    span = _SPAN.fullmatch(value)
    return float(span["count"]) * _UNITS[span["unit"]] if span else None


def _seconds(value: str) -> float | None:
    number = _float(value)
    return _span(value) if number is None else number


def moment(value: str, now: datetime) -> float | None:
    """The time that is named, as `2d` ago or as a date, in seconds since 1970; None for what names none."""
    span = _span(value)
    try:
        if span is not None:
            return (now - timedelta(seconds=span)).timestamp()
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo or UTC)).timestamp()


# The answers, over values; `store.query` gives the same in SQL.


def select(runs: Iterable[Run], filters: Sequence[Filter] = (), sort: Sort | None = None) -> list[Run]:
    """The runs that meet all `filters`, in the order of `sort`: newest first where none is given."""
    sort = sort or Sort()
    found = [run for run in runs if all(matches(run, each) for each in filters)]
    found.sort(key=lambda run: run.number, reverse=True)
    sign = -1.0 if sort.descending else 1.0
    keyed = [(sort_value(run, sort), run) for run in found]
    keyed.sort(key=lambda pair: (pair[0] is None, sign * (pair[0] or 0.0)))
    return [run for _, run in keyed]


def sort_value(run: Run, sort: Sort) -> float | None:
    """The number a run is sorted by: of several the one that brings it nearer to the front."""
    match sort.field:
        case "metrics":
            values = metric_values(run, sort.name)
        case "params":
            values = [n for value in param_values(run, sort.name) if (n := number_of(value)) is not None]
        case _:
            values = [float(getattr(run, sort.field))]
    return (max if sort.descending else min)(values, default=None)


def matches(run: Run, wanted: Filter) -> bool:
    """Whether a run meets a condition."""
    match wanted.field:
        case "metrics":
            return _any(metric_values(run, wanted.name), wanted, lambda value: value == wanted.number)
        case "params":
            return _any(param_values(run, wanted.name), wanted, lambda value: _same(value, wanted))
        case "stage":
            return _executed(run.stages.values(), wanted.text) == (wanted.operator == "=")
        case "commit":
            return run.commit is not None and run.commit.startswith(wanted.text) == (wanted.operator == "=")
        case "dirty":
            return (float(run.dirty) == wanted.number) == (wanted.operator == "=")
        case "sweep":
            return run.trial is not None and _part(wanted.text, run.trial.sweep) == (wanted.operator == "=")
        case "number" | "seconds" | "started":
            return _compare(float(getattr(run, wanted.field)), wanted)
        case _:
            value = getattr(run, wanted.field)
            return value is not None and (value == wanted.text) == (wanted.operator == "=")


def _part(text: str, name: str) -> bool:
    """Whether a text is a beginning or an end of a name."""
    return name.startswith(text) or name.endswith(text)


def _any(values: Sequence[object], wanted: Filter, same: Callable[[object], bool]) -> bool:
    if wanted.operator == "=":
        return any(same(value) for value in values)
    if wanted.operator == "!=":
        return bool(values) and not any(same(value) for value in values)
    return any(_compare(number, wanted) for value in values if (number := number_of(value)) is not None)


def _same(value: object, wanted: Filter) -> bool:
    return (wanted.number is not None and number_of(value) == wanted.number) or text_of(value) == wanted.text


def _executed(stages: Iterable[StageRun], name: str) -> bool:
    return any(
        one.status in EXECUTED and (one.stage == name or one.stage.startswith(f"{name}@")) for one in stages
    )


def _compare(value: float, wanted: Filter) -> bool:
    return bool(COMPARISONS[wanted.operator](value, wanted.number))


def pick(name: str, ids: Sequence[RunId]) -> RunId:
    """The one of `ids`, in the order of their numbers, that a person means: its number (`12`, `#12`), `last`,
    `last~1`, or a beginning or an end of its id that no other has; raises `UnknownRun`."""
    if not ids:
        raise UnknownRun("no run is on record yet", fix="outdo run")
    back = re.fullmatch(r"last(?:~(\d{1,9}))?", name)
    number = re.fullmatch(r"#?(\d{1,9})", name)
    if back:
        place = len(ids) - 1 - int(back[1] or 0)
    else:
        place = int(number[1]) - 1 if number else -1
    if 0 <= place < len(ids):
        return ids[place]
    is_part = len(name) >= 4 or not number  # a short number is meant as one
    found = [one for one in ids if name and is_part and _part(name, one)]
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(found[-3:])
        raise UnknownRun(
            f"'{name}' could be any of {len(found)} runs", fix=f"say more of it, such as one of {told}"
        )
    near = nearest(name, ids[-1000:])
    raise UnknownRun(f"no run is called '{name}'", fix=f"did you mean {near}?" if near else "outdo log")
