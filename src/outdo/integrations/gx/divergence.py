"""How far the distribution of a column is from an expected one, by Kullback and Leibler's divergence."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite, log
from typing import Any

from outdo.core.gate import short
from outdo.core.probes import Probe, literal
from outdo.core.verdict import Evidence, Verdict
from outdo.integrations.gx.question import NO_ROWS, NUMBERS, Elsewhere, Question, Unfit

_MOST_VALUES = 10_000
"""Distinct values of a column, up to which its distribution is compared."""


def kl_divergence(ask: Question) -> Probe:
    name, given, threshold = ask.column(), ask.given("partition_object"), ask.given("threshold")
    if threshold is None:
        raise Unfit("it has no threshold, so it asserts nothing")
    most = ask.number("threshold")
    tail, inner = ask.number("tail_weight_holdout", 0.0), ask.number("internal_weight_holdout", 0.0)
    if most < 0 or not (0 <= tail <= 1 and 0 <= inner <= 1):
        raise Unfit("its threshold has to be 0 or more, and its holdouts from 0 to 1")
    if given is None:
        raise Elsewhere("it has no partition_object to compare with")
    if not isinstance(given, Mapping):
        raise Unfit("its partition_object has to hold weights, and values or bins")
    weights, bucketed = _weights(given.get("weights"), "weights"), ask.flag("bucketize_data", otherwise=True)
    if isinstance(given.get("values"), list):
        return _discrete(ask, name, given["values"], weights, (most, tail, inner))
    if not bucketed:
        raise Unfit("bins with bucketize_data false can't be compared")
    return _binned(ask, name, given, weights, (most, tail, inner))


def _weights(found: Any, key: str) -> list[float]:
    if not isinstance(found, list) or not all(isinstance(each, int | float) and each >= 0 for each in found):
        raise Unfit(f"the {key} of its partition_object have to be numbers of 0 or more")
    return [float(each) for each in found]


def _discrete(
    ask: Question, name: str, values: list[Any], weights: list[float], limits: tuple[float, float, float]
) -> Probe:
    most, tail, inner = limits
    if (
        len(values) != len(weights)
        or abs(sum(weights) - 1) > 1e-5
        or len(set(map(repr, values))) < len(values)
    ):
        raise Unfit("the weights of its partition_object have to be one for each value, and 1 together")
    if not all(isinstance(each, str | int | float) for each in values):
        raise Unfit("the values of its partition_object have to be texts, numbers or truths")
    if inner > 0:
        raise Unfit("internal_weight_holdout is for bins alone")
    ask.members(name, values)
    value = ask.value(name)
    rows = f"FROM rows_ WHERE ({ask.scope}) AND {value} IS NOT NULL GROUP BY ALL LIMIT {_MOST_VALUES + 1}"
    counts = f"(SELECT list([v, n]) FROM (SELECT {value}::VARCHAR AS v, count(*)::VARCHAR AS n {rows}))"
    keys = f"[{', '.join(f'({literal(each)})::{ask.kinds[name]}::VARCHAR' for each in values)}]"

    def judge(answers: Sequence[Any]) -> Verdict:
        rows, keyed = int(answers[2]), dict(zip(answers[1], weights, strict=True))
        if not rows:
            return ask.verdict("not_evaluated", NO_ROWS, Evidence(rows=0))
        if len(answers[0]) > _MOST_VALUES:
            return ask.verdict("not_evaluated", f"it has more than {_MOST_VALUES:,} distinct values")
        seen = {key: int(count) / rows for key, count in answers[0]}
        new = [key for key in seen if key not in keyed]
        spread = tail / len(new) if new else 0.0
        expected = {key: weight * (1 - tail if new else 1) for key, weight in keyed.items()}
        expected |= dict.fromkeys(new, spread)
        return _diverged(ask, [seen.get(key, 0.0) for key in expected], list(expected.values()), most, rows)

    return Probe(ask.expectation.title, (counts, keys, ask.filled(name)), judge, level=ask.level)


def _binned(
    ask: Question,
    name: str,
    given: Mapping[str, Any],
    weights: list[float],
    limits: tuple[float, float, float],
) -> Probe:
    most, tail, inner = limits
    value, bins = ask.need(name, *NUMBERS), given.get("bins")
    tails = _weights(given["tail_weights"], "tail_weights") if "tail_weights" in given else []
    if not isinstance(bins, list) or not all(isinstance(each, int | float) for each in bins):
        raise Unfit("the bins of its partition_object have to be numbers")
    if len(bins) != len(weights) + 1 or not weights or bins != sorted(set(bins)):
        raise Unfit("its partition_object has to have one bin's edge more than weights, each above the last")
    if abs(sum(weights) + sum(tails) - 1) > 1e-5 or len(tails) not in (0, 2) or (tail and tails):
        raise Unfit(
            "the weights of its partition_object have to be 1 together, with two tail_weights or none"
        )
    edges = [repr(float(each)) for each in bins]
    inside = [f"{value} >= {low} AND {value} < {high}" for low, high in pairwise(edges)]
    inside[-1] = f"{value} >= {edges[-2]} AND {value} <= {edges[-1]}"
    parts = [f"{value} < {edges[0]}", *inside, f"{value} > {edges[-1]}"]
    asks = tuple(f"count(*) FILTER (({ask.scope}) AND {part})" for part in parts)
    expected = [each * (1 - tail - inner) for each in weights]
    if inner and (empty := expected.count(0)):
        expected = [each or inner / empty for each in expected]
    expected = [tails[0], *expected, tails[1]] if tails else [tail / 2, *expected, tail / 2]

    def judge(answers: Sequence[Any]) -> Verdict:
        rows = int(answers[-1])
        if not rows:
            return ask.verdict("not_evaluated", NO_ROWS, Evidence(rows=0))
        return _diverged(ask, [int(each) / rows for each in answers[:-1]], expected, most, rows)

    return Probe(ask.expectation.title, (*asks, ask.filled(name)), judge, level=ask.level)


def _diverged(ask: Question, seen: list[float], expected: list[float], most: float, rows: int) -> Verdict:
    """Kullback and Leibler's divergence of what was seen from what was expected, both made to sum to 1."""
    found = 0.0
    for p, q in zip(
        (each / sum(seen) for each in seen), (each / sum(expected) for each in expected), strict=True
    ):
        if p > 0:
            found += p * log(p / q) if q > 0 else float("inf")
    evidence = Evidence(value=found if isfinite(found) else None, rows=rows, bound=f"<= {most:g}")
    if not isfinite(found):
        return ask.told(passed=False, reason="it has values where none are expected", evidence=evidence)
    passed = found <= most
    reason = f"{short(found)} is {'' if passed else 'not '}at most {most:g}"
    return ask.told(passed=passed, reason=reason, evidence=evidence)
