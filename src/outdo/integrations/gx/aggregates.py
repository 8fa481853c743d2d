"""Expectations of a column as a whole: its extremes, mean, quantiles, distinct values, distribution."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from outdo.core.gate import short
from outdo.core.probes import Probe, literal
from outdo.core.verdict import Evidence, Verdict
from outdo.integrations.gx.divergence import kl_divergence
from outdo.integrations.gx.question import NO_ROWS, NUMBERS, Bounds, Elsewhere, Question, Unfit
from outdo.integrations.gx.values import Ask, as_times

_MOST_SHOWN = 100
_TOLERANCE, _LEAST = 1e-4, 1e-8
"""How far a quantile may be off the end of its range: a share of it, and so much at least."""


def _judged(ask: Question, value: Any, rows: int, bounds: Bounds) -> Verdict:
    """The verdict on what was seen of so many rows."""
    number = isinstance(value, int | float)
    if not rows or value is None or (isinstance(value, float) and not isfinite(value)):
        reason = NO_ROWS if not rows else "it has no value on these rows"
        return ask.verdict("not_evaluated", reason, Evidence(rows=rows, bound=str(bounds)))
    seen = value if isinstance(value, int | float) else str(value)
    evidence = Evidence(value=float(value) if number else None, observed=seen, rows=rows, bound=str(bounds))
    passed = bounds.holds(seen)
    told = short(value) if isinstance(value, float) else f"{value:,}" if number else str(value)
    return ask.told(passed=passed, reason=f"{told} is {'' if passed else 'not '}{bounds}", evidence=evidence)


def _number(ask: Question, aggregate: str, rows: str, bounds: Bounds) -> Probe:
    """An aggregate of so many `rows` within bounds, both in SQL."""
    return Probe(
        ask.expectation.title,
        (aggregate, rows),
        lambda values: _judged(ask, values[0], int(values[1]), bounds),
        level=ask.level,
    )


def _numbers(ask: Question) -> Bounds:
    bounds = ask.bounds()
    if isinstance(bounds.low, str) or isinstance(bounds.high, str):
        raise Unfit("its min_value and max_value have to be numbers")
    return bounds


def extreme(ask: Question, *, word: str) -> Probe:
    name, bounds = ask.column(), ask.bounds()
    value, typed = as_times(ask, name, bounds)
    found = f"{word}({value}) FILTER ({ask.scope})"
    if not typed:
        return _number(ask, found, ask.filled(name), bounds)
    form = literal("%Y-%m-%dT%H:%M:%S")
    low, high = _as_told(bounds.low), _as_told(bounds.high)
    held = Bounds(low, high, bounds.strict_low, bounds.strict_high)
    micro = f"CASE WHEN microsecond({found}) % 1000000 = 0 THEN '' ELSE strftime({found}, '.%f') END"
    return _number(ask, f"strftime({found}, {form}) || {micro}", ask.filled(name), held)


def _as_told(text: str | None) -> str | None:
    """A time in the form in which those that are seen are told, so that texts compare as times do."""
    if text is None:
        return None
    day, _, clock = text.replace(" ", "T").partition("T")
    clock, _, part = (clock + ":00" if len(clock) == 5 else clock or "00:00:00").partition(".")
    return f"{day}T{clock}" + (f".{part:0<6}" if part.strip("0") else "")


def aggregate(ask: Question, *, form: str) -> Probe:
    """One number of a column; `form` is the aggregate, with `{}` for the value."""
    name, bounds = ask.column(), _numbers(ask)
    value = ask.need(name, *NUMBERS)
    return _number(ask, f"{form.format(value)} FILTER ({ask.scope})", ask.filled(name), bounds)


def total(ask: Question) -> Probe:
    name = ask.column()
    return aggregate(ask, form="fsum({})" if ask.family(name) == "float" else "sum({})")


def mean(ask: Question) -> Probe:
    name = ask.column()
    return aggregate(ask, form="favg({})" if ask.family(name) == "float" else "avg({})")


def distinct_count(ask: Question) -> Probe:
    name, bounds = ask.column(), _numbers(ask)
    distinct = f"count(DISTINCT {ask.value(name)}) FILTER ({ask.scope})"
    return _number(ask, distinct, ask.filled(name), bounds)


def proportion_of_unique(ask: Question) -> Probe:
    name, bounds = ask.column(), _numbers(ask)
    distinct = f"count(DISTINCT {ask.value(name)}) FILTER ({ask.scope})"
    return _number(ask, f"{distinct} / nullif({ask.filled(name)}, 0)", ask.filled(name), bounds)


def proportion_of_non_null(ask: Question) -> Probe:
    name, bounds = ask.column(), _numbers(ask)
    rows = f"count(*) FILTER ({ask.scope})"
    return _number(ask, f"{ask.filled(name)} / nullif({rows}, 0)", rows, bounds)


def most_common(ask: Question) -> Probe:
    name, values, ties = ask.column(), ask.listed("value_set"), ask.flag("ties_okay")
    value, among = ask.value(name), ask.among(name, values, "v")
    rows = f"SELECT {value} AS v FROM rows_ WHERE ({ask.scope}) AND {value} IS NOT NULL"
    counted = f"SELECT v, count(*) AS n FROM ({rows}) GROUP BY v"
    modes = f"FROM (SELECT v FROM ({counted}) QUALIFY n = max(n) OVER ())"
    asks = (
        f"(SELECT count(*) {modes})",
        f"(SELECT count(*) FILTER ({among}) {modes})",
        f"(SELECT list(v ORDER BY v)[:{_MOST_SHOWN}] {modes})",
        ask.filled(name),
    )

    def judge(answers: Sequence[Any]) -> Verdict:
        count, inside, shown, rows = int(answers[0]), int(answers[1]), answers[2], int(answers[3])
        if not rows:
            return ask.verdict("not_evaluated", NO_ROWS, Evidence(rows=0))
        passed = inside > 0 if ties else count == inside == 1
        told = ", ".join(map(str, shown[:3])) + (f" and {count - 3} more" if count > 3 else "")
        reason = f"the most common is {told}, wanted one of {', '.join(map(str, values[:6]))}"
        return ask.told(passed=passed, reason=reason, evidence=Evidence(rows=rows, observed=shown))

    return Probe(ask.expectation.title, asks, judge, level=ask.level)


def quantiles(ask: Question) -> Probe:
    name, given = ask.column(), ask.given("quantile_ranges")
    value = ask.need(name, *NUMBERS)
    at, ranges, way = _quantile_ranges(given, ask.given("allow_relative_error", False) or "nearest")
    place = {
        "nearest": "round_even({} * (n - 1), 0)",
        "lower": "floor({} * (n - 1))",
        "higher": "ceil({} * (n - 1))",
    }
    if way == "linear":
        seen = [f"quantile_cont({value}::DOUBLE, {each!r}) FILTER ({ask.scope})" for each in at]
    elif way in place:
        row = f"row_number() OVER (ORDER BY {value}) - 1 AS i, count(*) OVER () AS n"
        rows = f"SELECT {value} AS v, {row} FROM rows_ WHERE ({ask.scope}) AND {value} IS NOT NULL"
        found = ", ".join(f"max(v) FILTER (i = {place[way].format(f'{each!r}::DOUBLE')})" for each in at)
        seen = [f"(SELECT [{found}] FROM ({rows}))"]
    else:
        raise Elsewhere(f"its allow_relative_error is {way!r}")

    def judge(answers: Sequence[Any]) -> Verdict:
        rows = int(answers[-1])
        values = list(answers[:-1]) if way == "linear" else answers[0]
        evidence = Evidence(rows=rows, observed={"quantiles": at, "values": values})
        if not rows:
            return ask.verdict("not_evaluated", NO_ROWS, evidence)
        off = [
            f"quantile {each:g} is {short(found)}, not {_span(span)}"
            for each, found, span in zip(at, values, ranges, strict=True)
            if not _near(found, span)
        ]
        reason = "; ".join(off) or f"{len(at)} quantiles are in their ranges"
        return ask.told(passed=not off, reason=reason, evidence=evidence)

    return Probe(ask.expectation.title, (*seen, ask.filled(name)), judge, level=ask.level)


def _quantile_ranges(given: Any, way: Any) -> tuple[list[float], list[tuple[Any, Any]], str]:
    problem = Unfit(
        "its quantile_ranges have to hold as many quantiles from 0 to 1 as value_ranges [low, high]"
    )
    if not isinstance(given, Mapping):
        raise problem
    at, ranges = given.get("quantiles"), given.get("value_ranges")
    if not isinstance(at, list) or not isinstance(ranges, list) or len(at) != len(ranges) or not at:
        raise problem
    if not all(isinstance(each, int | float) and 0 <= each <= 1 for each in at):
        raise problem
    for span in ranges:
        if not isinstance(span, list) or len(span) != 2:
            raise problem
        ends = [end for end in span if end is not None]
        if not all(isinstance(end, int | float) for end in ends) or ends != sorted(ends):
            raise problem
    if all(span == [None, None] for span in ranges):
        raise Unfit("its value_ranges have no ends, so it asserts nothing")
    return [float(each) for each in at], [(low, high) for low, high in ranges], str(way)


def _span(span: tuple[Any, Any]) -> str:
    return str(Bounds(*span))


def _near(value: float, span: tuple[Any, Any]) -> bool:
    """Whether a quantile is in its range, or as close to an end of it as Great Expectations takes for equal."""
    if any(end is not None and abs(value - end) <= _LEAST + _TOLERANCE * abs(end) for end in span):
        return True
    return Bounds(*span).holds(value)


def distinct_values(ask: Question, *, inside: bool, all_seen: bool) -> Probe:
    """The distinct values of a column beside a set: none `inside` it is another, or the set is `all_seen`."""
    name, values = ask.column(), ask.listed("value_set")
    if not values:
        raise Unfit("its value_set is empty")
    if not all(isinstance(each, str | int | float | None) for each in values):
        raise Unfit("its value_set has to hold texts, numbers or truths")
    among, value, apart = ask.among(name, values), ask.value(name), len(set(values))
    asks = (
        f"count(DISTINCT {value}) FILTER (({ask.scope}) AND NOT ({among}))",
        f"count(DISTINCT {value}) FILTER (({ask.scope}) AND ({among}))",
        ask.filled(name),
    )

    def judge(answers: Sequence[Any]) -> Verdict:
        outside, seen, rows = map(int, answers)
        lacking = apart - seen
        evidence = Evidence(
            rows=rows, unexpected=outside if inside else None, missing=lacking if all_seen else None
        )
        if not rows:
            return ask.verdict("not_evaluated", NO_ROWS, evidence)
        bad = [f"{outside:,} distinct values are not in the set"] if inside and outside else []
        bad += [f"{lacking:,} of the set are not seen"] if all_seen and lacking else []
        reason = " and ".join(bad) or f"{seen + outside:,} distinct values are as expected"
        return ask.told(passed=not bad, reason=reason, evidence=evidence)

    shows = (name,) if inside else ()
    unexpected = f"({ask.scope}) AND {value} IS NOT NULL AND NOT ({among})" if inside else ""
    return Probe(ask.expectation.title, asks, judge, unexpected, shows, ask.level)


AGGREGATES: Mapping[str, Ask] = {
    "expect_column_min_to_be_between": lambda ask: extreme(ask, word="min"),
    "expect_column_max_to_be_between": lambda ask: extreme(ask, word="max"),
    "expect_column_mean_to_be_between": mean,
    "expect_column_sum_to_be_between": total,
    "expect_column_median_to_be_between": lambda ask: aggregate(ask, form="quantile_cont({}::DOUBLE, 0.5)"),
    "expect_column_stdev_to_be_between": lambda ask: aggregate(ask, form="stddev_samp({})"),
    "expect_column_unique_value_count_to_be_between": distinct_count,
    "expect_column_proportion_of_unique_values_to_be_between": proportion_of_unique,
    "expect_column_proportion_of_non_null_values_to_be_between": proportion_of_non_null,
    "expect_column_most_common_value_to_be_in_set": most_common,
    "expect_column_quantile_values_to_be_between": quantiles,
    "expect_column_distinct_values_to_be_in_set": lambda ask: distinct_values(
        ask, inside=True, all_seen=False
    ),
    "expect_column_distinct_values_to_contain_set": lambda ask: distinct_values(
        ask, inside=False, all_seen=True
    ),
    "expect_column_distinct_values_to_equal_set": lambda ask: distinct_values(
        ask, inside=True, all_seen=True
    ),
    "expect_column_kl_divergence_to_be_less_than": kl_divergence,
}
