"""A metric in groups of the rows: how far the lowest is from the highest."""

from collections.abc import Mapping
from itertools import permutations
from math import hypot, inf, sqrt
from statistics import NormalDist

from msgspec import Struct

from outdo.core import rules
from outdo.core.gate import corrected, short
from outdo.core.metrics.scored import Scored, Unscored
from outdo.core.parts import computed, listed, parts
from outdo.core.predicted import Predicted
from outdo.core.statistics.difference import z
from outdo.core.statistics.estimate import Estimate, estimate
from outdo.core.verdict import Evidence, Outcome, Verdict, worst
from outdo.core.written import Bound

SURE = 0.95
_FAR = 8.0
"""Standard errors beyond which nothing is surer."""
NAMED: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}
"""Notions of fairness by the metrics that have to be alike, all of them."""

Groups = Mapping[str, Estimate]


def fairness(gate: rules.Fairness, predicted: Predicted, rows: Scored, seed: int) -> Verdict:
    """The verdict on the groups; raises `Unscored`."""
    groups = parts(rows, predicted, gate.by, gate.min_rows)
    if len(groups) < 2:
        raise Unscored(f"fewer than two groups have {gate.min_rows} rows")
    names = NAMED.get(gate.metric, (gate.metric,))
    measured = {name: _measured(name, groups, seed) for name in names}
    bounds = {"ratio": gate.ratio, "difference": gate.difference}
    found = [_judged(word, bound, measured) for word, bound in bounds.items() if bound is not None]
    outcome = worst(one.outcome for one in found)
    return Verdict(fairness_title(gate), outcome, "; ".join(one.reason for one in found), parts=tuple(found))


def fairness_title(gate: rules.Fairness) -> str:
    """Such as `fairness selection_rate by origin`."""
    return f"fairness {gate.metric} by {listed(gate.by)}"


def _measured(name: str, groups: Mapping[str, Scored], seed: int) -> Groups:
    known, found = computed(name), {}
    for group, rows in groups.items():
        try:
            found[group] = estimate(known, rows, seed)
        except Unscored as reason:
            raise Unscored(f"{name} of {group}: {reason}") from reason
    return found


class _Gap(Struct, frozen=True):
    """The lowest group of a metric beside the highest."""

    metric: str
    low: str
    high: str
    value: float


def _judged(word: str, bound: Bound, measured: Mapping[str, Groups]) -> Verdict:
    """On the widest gap. It fails only where some group is surely beyond the bound from some other, all pairs of groups
    looked at, and which of them are far apart not known before."""
    gaps = [_gap(word, name, groups) for name, groups in measured.items()]
    widest = (min if word == "ratio" else max)(gaps, key=lambda gap: gap.value)
    chances = {
        (name, low, high): _chance(word, bound.value, groups[low], groups[high])
        for name, groups in measured.items()
        for low, high in permutations(groups, 2)
    }
    adjusted = corrected(chances)
    good, sure = bound.holds(widest.value), min(adjusted.values())
    outcome: Outcome = "passed" if good else "failed" if sure <= 1 - SURE else "inconclusive"
    groups = measured[widest.metric]
    one, other = groups[widest.low], groups[widest.high]
    told = f"{widest.low} {short(one.value)}, {widest.high} {short(other.value)}"
    told = f"{widest.metric} of {told}" if len(measured) > 1 else told
    chance = ", which may be chance" if outcome == "inconclusive" else ""
    low, high = interval(word, one, other, z(SURE))
    return Verdict(
        word,
        outcome,
        f"{word} {short(widest.value)} is {'' if good else 'not '}{bound}{chance} ({told})",
        Evidence(
            value=widest.value, low=low, high=high, confidence=SURE, bound=str(bound),
            rows=sum(each.rows for each in groups.values()), p=min(chances.values()), corrected=sure,
            correction=f"Holm over {len(chances)}", method=one.method, compared=f"{widest.low} with {widest.high}",
        ),
        parts=tuple(_told(name, each, name in (widest.low, widest.high), outcome) for name, each in groups.items()),
    )  # fmt: skip


def _told(name: str, group: Estimate, extreme: bool, outcome: Outcome) -> Verdict:
    low, high = group.bounds(SURE)
    evidence = Evidence(value=group.value, low=low, high=high, confidence=SURE, rows=group.rows)
    reason = f"{short(group.value)} on {group.rows:,} rows"
    return Verdict(name, outcome if extreme else "passed", reason, evidence, subject=name)


def _gap(word: str, name: str, groups: Groups) -> _Gap:
    low, high = min(groups, key=lambda g: groups[g].value), max(groups, key=lambda g: groups[g].value)
    return _Gap(name, low, high, _disparity(word, groups[low].value, groups[high].value))


def _disparity(word: str, low: float, high: float) -> float:
    """One group's value divided by the other's, or how much lower it is; two of 0 are alike."""
    if word == "difference":
        return high - low
    return low / high if high else 1.0


def interval(word: str, one: Estimate, other: Estimate, reach: float) -> tuple[float, float]:
    """The bounds of the gap, so many standard errors away, from those of the two groups: of differences Newcombe's
    (1998), of ratios Donner and Zou's (2012)."""
    (low, high), (down, up) = one.within(reach), other.within(reach)
    if word == "ratio":
        return _bound(one.value, other.value, low, up, -1.0), _bound(one.value, other.value, high, down, 1.0)
    gap = other.value - one.value
    return (
        gap - hypot(other.value - down, high - one.value),
        gap + hypot(up - other.value, one.value - low),
    )


def _bound(top: float, below: float, top_end: float, below_end: float, sign: float) -> float:
    product, scale = top * below, below_end * (2 * below - below_end)
    if scale <= 0:
        return inf if sign > 0 else 0.0
    under = product**2 - top_end * (2 * top - top_end) * scale
    return max(0.0, (product + sign * sqrt(max(under, 0.0))) / scale)


def _chance(word: str, at: float, one: Estimate, other: Estimate) -> float:
    """How likely it is that the first group is so far below the other, were the true gap the bound: the level at which
    the interval comes to have the bound for its end."""
    weight, least = (at, 0.0) if word == "ratio" else (1.0, at)
    lead = weight * other.value - one.value - least

    def sure(reach: float) -> bool:
        down, up = weight * (other.value - other.within(reach)[0]), one.within(reach)[1] - one.value
        return lead > hypot(down, up)

    if lead <= 0:
        return 1.0
    near, far = 0.0, _FAR
    for _ in range(40):
        middle = (near + far) / 2
        near, far = (middle, far) if sure(middle) else (near, middle)
    return 1 - NormalDist().cdf(near)
