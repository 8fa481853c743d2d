"""Expectations of each value of one column: between, in a set, matching, in order, of a type."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from outdo.core.probes import Probe, literal
from outdo.core.verdict import Evidence, Verdict
from outdo.integrations.gx.question import (
    KEPT,
    NUMBERS,
    TIMES,
    Bounds,
    Elsewhere,
    Question,
    Unfit,
    plain_time,
)

Ask = Callable[[Question], Probe | Verdict]
_SHOWN = 6
_BEYOND = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P[=>])|(?<!\\)(?:\\\\)*\\(?:[1-9]|Z)|[*+?}]\+")
"""What DuckDB's regular expressions, which take linear time, don't know: looking around, back references, possessive
repeats, comments, conditions, and Python's name for the end."""
_TYPES: Mapping[str, str] = {
    "int": "int64", "int_": "int64", "long": "int64", "intp": "int64", "short": "int16", "byte": "int8",
    "uint": "uint64", "ubyte": "uint8", "ushort": "uint16",
    "float": "float64", "double": "float64", "single": "float32", "half": "float16",
    "bool_": "bool", "string_types": "str",
    **{name: name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    **{name: name for name in ("float16", "float32", "float64", "bool", "str")},
}  # fmt: skip
"""Names of types in suites for pandas, and the one of NumPy that each means."""
_HELD: Mapping[str, str] = {
    "TINYINT": "int8", "SMALLINT": "int16", "INTEGER": "int32", "BIGINT": "int64",
    "UTINYINT": "uint8", "USMALLINT": "uint16", "UINTEGER": "uint32", "UBIGINT": "uint64",
    "FLOAT": "float32", "DOUBLE": "float64", "BOOLEAN": "bool", "VARCHAR": "str",
}  # fmt: skip
"""As what pandas holds a column without missing values."""


def _some(value: str) -> str:
    return f"{value} IS NOT NULL"


def _listed(values: Sequence[Any]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(str, values[:_SHOWN])) + more


def not_null(ask: Question) -> Probe:
    name = ask.column()
    return ask.rows(_some(ask.value(name)), [name], about="true", wanted="a value", whole=True)


def null(ask: Question) -> Probe:
    name = ask.column()
    return ask.rows(f"{ask.value(name)} IS NULL", [name], about="true", wanted="no value", whole=True)


def unique(ask: Question) -> Probe:
    name = ask.column()
    value = ask.value(name)
    return alone(ask, [name], about=_some(value), values=value, compared=value)


def alone(ask: Question, shows: Sequence[str], *, about: str, values: str, compared: str) -> Probe:
    """That no two of the rows `about` have the same `values`; rows are found by those `compared`, both in SQL."""
    mostly = ask.mostly()
    scope = f"({ask.scope}) AND {about}"
    rows = f"FROM rows_ WHERE {scope} GROUP BY {values} HAVING count(*) > 1"
    asks = (
        f"count(*) FILTER ({ask.scope})",
        f"count(*) FILTER ({scope})",
        f"(SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n {rows}))",
    )
    return Probe(
        ask.expectation.title,
        asks,
        lambda answers: ask.judged_rows(answers, mostly, "in one row alone", whole=False),
        f"{scope} AND {compared} IN (SELECT {compared} {rows})",
        tuple(shows),
        ask.level,
    )


def in_set(ask: Question) -> Probe:
    name, values = ask.column(), ask.listed("value_set")
    kept = ask.among(name, values)
    return ask.rows(kept, [name], about=_some(ask.value(name)), wanted=f"one of {_listed(values)}")


def not_in_set(ask: Question) -> Probe:
    name, values = ask.column(), ask.listed("value_set")
    kept = f"NOT ({ask.among(name, values)})"
    return ask.rows(kept, [name], about=_some(ask.value(name)), wanted=f"none of {_listed(values)}")


def as_times(ask: Question, name: str, bounds: Bounds | None) -> tuple[str, str]:
    """A column's value as SQL where values are compared by size, and what a text beside it is read as."""
    held, value = ask.family(name), ask.value(name)
    ends = [end for end in (bounds.low, bounds.high) if end is not None] if bounds else []
    if held == "text" and ask.flag("parse_strings_as_datetimes"):
        value, held = f"{value}::TIMESTAMP", "timestamp"
    if held in TIMES:
        if not all(isinstance(end, str) and plain_time(end) for end in ends):
            raise Unfit(
                "its min_value and max_value have to be times such as 2024-01-31 or 2024-01-31T09:30:00"
            )
        return value, "::TIMESTAMP"
    if held not in (*NUMBERS, "text"):
        raise Elsewhere(f"'{name}' is {ask.kinds[name].lower()}")
    if any(isinstance(end, str) != (held == "text") for end in ends):
        raise Unfit(f"'{name}' is {ask.kinds[name].lower()}, and its min_value and max_value are not")
    return value, ""


def between(ask: Question) -> Probe:
    name, bounds = ask.column(), ask.bounds()
    value, typed = as_times(ask, name, bounds)
    return ask.rows(bounds.condition(value, typed), [name], about=_some(value), wanted=str(bounds))


def lengths_between(ask: Question) -> Probe:
    name, bounds = ask.column(), ask.bounds()
    if isinstance(bounds.low, str) or isinstance(bounds.high, str):
        raise Unfit("its min_value and max_value have to be numbers")
    value = ask.need(name, "text")
    kept = bounds.condition(f"length({value})")
    return ask.rows(kept, [name], about=_some(value), wanted=f"{bounds} characters")


def lengths_equal(ask: Question) -> Probe:
    name, count = ask.column(), ask.number("value")
    value = ask.need(name, "text")
    kept = f"length({value}) = {count!r}"
    return ask.rows(kept, [name], about=_some(value), wanted=f"{count:g} characters")


def _found(value: str, pattern: str) -> str:
    if _BEYOND.search(pattern):
        raise Elsewhere(f"the regular expression {pattern[:60]} looks around or back")
    return f"regexp_matches({value}, {literal(pattern)})"


def regex(ask: Question, *, wanted: bool) -> Probe:
    name = ask.column()
    value = ask.need(name, "text")
    pattern = ask.text("regex") if "regex" in ask.expectation.kwargs or not wanted else ".*"
    kept = _found(value, pattern)
    told = f"{'matches' if wanted else 'does not match'} {pattern}"
    return ask.rows(kept if wanted else f"NOT {kept}", [name], about=_some(value), wanted=told)


def _joint(ask: Question, key: str, find: Callable[[str, str], str], *, wanted: bool) -> Probe:
    """A list of patterns, of which any, all or none is found in a text."""
    name, patterns = ask.column(), ask.texts(key)
    value = ask.need(name, "text")
    mode = ask.given("match_on", "any") if wanted else "any"
    if mode not in ("any", "all"):
        raise Unfit("its match_on has to be 'any' or 'all'")
    kept = "(" + (" OR " if mode == "any" else " AND ").join(find(value, each) for each in patterns) + ")"
    told = f"matches {mode if wanted else 'none'} of {_listed(patterns)}"
    return ask.rows(kept if wanted else f"NOT {kept}", [name], about=_some(value), wanted=told)


def regex_list(ask: Question, *, wanted: bool) -> Probe:
    return _joint(ask, "regex_list", _found, wanted=wanted)


def _like(ask: Question, value: str, pattern: str) -> str:
    escape = ask.given("escape")
    if escape is None:
        return f"({value} LIKE {literal(pattern)})"
    if not isinstance(escape, str) or len(escape) != 1:
        raise Unfit("its escape has to be one character")
    return f"({value} LIKE {literal(pattern)} ESCAPE {literal(escape)})"


def like(ask: Question, *, wanted: bool) -> Probe:
    name, pattern = ask.column(), ask.text("like_pattern")
    value = ask.need(name, "text")
    kept = _like(ask, value, pattern)
    told = f"{'' if wanted else 'not '}like {pattern}"
    return ask.rows(kept if wanted else f"NOT {kept}", [name], about=_some(value), wanted=told)


def like_list(ask: Question, *, wanted: bool) -> Probe:
    return _joint(ask, "like_pattern_list", lambda value, each: _like(ask, value, each), wanted=wanted)


def json_parseable(ask: Question) -> Probe:
    name = ask.column()
    value = ask.need(name, "text")
    return ask.rows(f"outdo_is_json({value})", [name], about=_some(value), wanted="JSON")


def strftime(ask: Question) -> Probe:
    name, form = ask.column(), ask.text("strftime_format")
    value = ask.need(name, "text")
    try:
        datetime.strptime(datetime(2024, 1, 31, 9, 30, 15, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007
    except ValueError as error:
        raise Unfit(f"its strftime_format can't be used: {error}") from None
    kept = f"outdo_is_time({value}, {literal(form)})"
    return ask.rows(kept, [name], about=_some(value), wanted=f"a time written as {form}")


def ordered(ask: Question, *, rises: bool) -> Probe:
    name, strictly = ask.column(), ask.flag("strictly")
    if ask.family(name) == "text":
        value, _ = as_times(ask, name, None)
        if not ask.flag("parse_strings_as_datetimes"):
            raise Unfit(f"'{name}' is text, which has no differences")
        before = '"outdo:before"::TIMESTAMP'
    else:
        value, before = ask.need(name, *NUMBERS, *TIMES), '"outdo:before"'
    sign = (">" if rises else "<") + ("" if strictly else "=")
    way = f"{'increasing' if rises else 'decreasing'}{' strictly' if strictly else ''}"
    kept = f"{before} IS NULL OR {value} {sign} {before}"
    return ask.rows(kept, [name], about=_some(value), wanted=way, source=ask.ordered(name))


def z_scores(ask: Question) -> Probe:
    name, threshold = ask.column(), ask.number("threshold")
    value, both = ask.need(name, *NUMBERS), ask.flag("double_sided")
    rows = f"FROM rows_ WHERE ({ask.scope})"
    score = f"({value} - (SELECT avg({value}) {rows})) / nullif((SELECT stddev_samp({value}) {rows}), 0)"
    kept = f"abs({score}) < {abs(threshold)!r}" if both else f"{score} < {threshold!r}"
    source = ask.beside(f"coalesce({kept}, true)")
    wanted = f"a z-score below {threshold:g}"
    return ask.rows(KEPT, [name], about=_some(value), wanted=wanted, source=source)


def not_outliers(ask: Question) -> Probe:
    name, method, times = ask.column(), ask.given("method", "iqr"), ask.number("multiplier", 1.5)
    value, rows = ask.need(name, *NUMBERS), f"FROM rows_ WHERE ({ask.scope})"
    if method not in ("iqr", "std") or times < 0:
        raise Unfit("its method has to be 'iqr' or 'std', and its multiplier 0 or more")
    if method == "iqr":
        low, high = (f"(SELECT quantile_cont({value}::DOUBLE, {at}) {rows})" for at in (0.25, 0.75))
        span = f"{times!r} * ({high} - {low})"
        kept = f"{value} >= {low} - {span} AND {value} <= {high} + {span}"
    else:
        mean = f"(SELECT avg({value}) {rows})"
        span = f"{times!r} * (SELECT stddev_samp({value}) {rows})"
        kept = f"CASE WHEN {span} <= 0 THEN {value} = {mean} ELSE abs({value} - {mean}) < {span} END"
    source = ask.beside(f"coalesce({kept}, true)")
    wanted = f"no outlier ({method}, {times:g})"
    return ask.rows(KEPT, [name], about=_some(value), wanted=wanted, source=source)


def of_type(ask: Question, *, strict: bool = False) -> Probe:
    return _typed(ask, [ask.text("type_")], strict=strict)


def in_type_list(ask: Question) -> Probe:
    return _typed(ask, ask.texts("type_list"), strict=False)


def _typed(ask: Question, wanted: Sequence[str], *, strict: bool) -> Probe:
    """What pandas would hold a column as: whole numbers beside missing ones are `float64` there."""
    name = ask.column()
    held = _HELD.get(ask.kinds[name])
    if held is None:
        raise Elsewhere(f"'{name}' is {ask.kinds[name].lower()}")
    aliases = {} if strict and held == "str" else _TYPES
    meant = {aliases.get(each, each) for each in wanted}

    def judge(values: Sequence[Any]) -> Verdict:
        missing = int(values[0])
        if missing and held == "bool":
            return ask.verdict("not_evaluated", "pandas holds truths beside missing values as objects")
        found = "float64" if missing and held.startswith(("int", "uint")) else held
        told = f"it is {found}" + ("" if found == held else ", as values are missing beside whole numbers")
        evidence = Evidence(observed=found, bound=f"one of {_listed(wanted)}")
        return ask.told(passed=found in meant, reason=f"{told}, wanted {_listed(wanted)}", evidence=evidence)

    return Probe(ask.expectation.title, (f"count(*) - count({ask.value(name)})",), judge, level=ask.level)


VALUES: Mapping[str, Ask] = {
    "expect_column_values_to_not_be_null": not_null,
    "expect_column_values_to_be_null": null,
    "expect_column_values_to_be_unique": unique,
    "expect_column_values_to_be_in_set": in_set,
    "expect_column_values_to_not_be_in_set": not_in_set,
    "expect_column_values_to_be_between": between,
    "expect_column_value_lengths_to_be_between": lengths_between,
    "expect_column_value_lengths_to_equal": lengths_equal,
    "expect_column_values_to_match_regex": lambda ask: regex(ask, wanted=True),
    "expect_column_values_to_not_match_regex": lambda ask: regex(ask, wanted=False),
    "expect_column_values_to_match_regex_list": lambda ask: regex_list(ask, wanted=True),
    "expect_column_values_to_not_match_regex_list": lambda ask: regex_list(ask, wanted=False),
    "expect_column_values_to_match_like_pattern": lambda ask: like(ask, wanted=True),
    "expect_column_values_to_not_match_like_pattern": lambda ask: like(ask, wanted=False),
    "expect_column_values_to_match_like_pattern_list": lambda ask: like_list(ask, wanted=True),
    "expect_column_values_to_not_match_like_pattern_list": lambda ask: like_list(ask, wanted=False),
    "expect_column_values_to_be_json_parseable": json_parseable,
    "expect_column_values_to_match_strftime_format": strftime,
    "expect_column_values_to_be_increasing": lambda ask: ordered(ask, rises=True),
    "expect_column_values_to_be_decreasing": lambda ask: ordered(ask, rises=False),
    "expect_column_value_z_scores_to_be_less_than": z_scores,
    "expect_column_values_to_not_be_outliers": not_outliers,
    "expect_column_values_to_be_of_type": of_type,
    "expect_column_values_to_be_in_type_list": in_type_list,
    "expect_column_type_to_be": lambda ask: of_type(ask, strict=True),
}
