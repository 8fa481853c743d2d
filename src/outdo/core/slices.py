"""A metric in every part of the rows, held against a bound."""

from collections.abc import Mapping
from math import inf

from msgspec.structs import replace

from outdo.core import rules
from outdo.core.gate import POWER, corrected, short, together
from outdo.core.metrics.scored import Metric, Scored, Unscored
from outdo.core.parts import column, computed, listed, parts
from outdo.core.predicted import Column, Predicted
from outdo.core.search import Bounds, search
from outdo.core.statistics.difference import detectable
from outdo.core.statistics.estimate import Estimate, estimate
from outdo.core.verdict import Evidence, Outcome, Verdict

SURE = 0.95
_SHOWN = 20
"""Slices of a search that are told, worst first."""


def slices(gate: rules.Slices, predicted: Predicted, rows: Scored, seed: int) -> Verdict:
    """The verdict on all slices together; raises `Unscored`."""
    known = computed(gate.metric)
    bounds = _bounds(gate, known, rows)
    if gate.find:
        names = predicted.others if gate.find == "all" else gate.find
        return _searched(gate, known, bounds, rows, {name: column(predicted, name) for name in names}, seed)
    found = parts(rows, predicted, gate.by, gate.min_rows)
    judged = {value: _estimated(known, each, seed) for value, each in found.items()}
    chances = {value: bounds.chance(one) for value, one in judged.items() if isinstance(one, Estimate)}
    adjusted = corrected(chances)
    verdicts = [
        _verdict(value, one, bounds, chances[value], adjusted[value], len(adjusted))
        if isinstance(one, Estimate)
        else Verdict(value, "not_evaluated", one, subject=value)
        for value, one in judged.items()
    ]
    return together(slices_title(gate), verdicts, nothing=f"no slice has {gate.min_rows} rows")


def slices_title(gate: rules.Slices) -> str:
    """Such as `slices auc by carrier`."""
    return f"worst slices {gate.metric}" if gate.find else f"slices {gate.metric} by {listed(gate.by)}"


def _bounds(gate: rules.Slices, known: Metric, rows: Scored) -> Bounds:
    """What each slice has to keep. A bound that speaks of the whole takes the whole as known: as a slice is a part of
    it, they differ by less chance than that, and no alarm is given too early."""
    low = -inf if gate.at_least is None else gate.at_least
    high = inf if gate.at_most is None else gate.at_most
    if gate.at_most_worse is not None:
        whole = known.of(rows)
        if known.aim is None:
            raise Unscored(f"neither a higher nor a lower {known.name} is worse")
        if known.aim == "high":
            low = max(low, whole - gate.at_most_worse)
        else:
            high = min(high, whole + gate.at_most_worse)
    return Bounds(low, high)


def _estimated(known: Metric, rows: Scored, seed: int) -> Estimate | str:
    try:
        return estimate(known, rows, seed)
    except Unscored as reason:
        return str(reason)


def _verdict(name: str, found: Estimate, bounds: Bounds, p: float, sure: float, family: int) -> Verdict:
    """On one slice: failed only where being beyond the bound is no chance, so many slices looked at."""
    beyond, bound = bounds.crossed(found.value), _words(bounds)
    told = f"{short(found.value)} is {'not ' if beyond else ''}{bound} on {found.rows:,} rows"
    outcome: Outcome = "passed"
    if beyond:
        outcome = "failed" if sure <= 1 - SURE else "inconclusive"
        told += "" if outcome == "failed" else ", which may be chance"
    low, high = found.bounds(SURE)
    evidence = Evidence(
        value=found.value, low=low, high=high, confidence=SURE, bound=bound, rows=found.rows, p=p, corrected=sure,
        correction=f"Holm over {family}", method=found.method, detectable=detectable(found.error, SURE, POWER),
    )  # fmt: skip
    return Verdict(name, outcome, told, evidence, subject=name)


def _searched(
    gate: rules.Slices,
    known: Metric,
    bounds: Bounds,
    rows: Scored,
    columns: Mapping[str, Column],
    seed: int,
) -> Verdict:
    """On the worst slices by one column or two. Among so many some always lie beyond the bound by chance, so that only
    one that surely does is a reason not to pass."""
    title = slices_title(gate)
    found = search(known, rows, columns, bounds, least=gate.min_rows, seed=seed)
    if not found.examined:
        return Verdict(title, "not_evaluated", f"no slice has {gate.min_rows} rows")
    verdicts = [
        _verdict(one.name, one.found, bounds, one.p, one.corrected, found.examined)
        for one in found.weak[:_SHOWN]
    ]
    told = f"of {found.examined:,} slices"
    failed = [one for one in verdicts if one.outcome == "failed"]
    if failed:
        worst = f"{len(failed)} {told}: {failed[0].name} {failed[0].reason}"
        return Verdict(title, "failed", worst, parts=tuple(verdicts))
    kept = tuple(replace(one, outcome="passed") for one in verdicts)
    reason = f"none {told} is surely not {_words(bounds)}"
    reason += f"; the worst: {kept[0].name} {kept[0].reason}" if kept else ""
    return Verdict(title, "passed", reason, parts=kept)


def _words(bounds: Bounds) -> str:
    words = [f">= {bounds.low:.4g}"] if bounds.low > -inf else []
    words += [f"<= {bounds.high:.4g}"] if bounds.high < inf else []
    return " and ".join(words)
