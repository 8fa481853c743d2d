"""Whether a model may pass: numbers against their bounds, a challenger against the champion."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.statistics.difference import Difference, detectable, holm, needed
from outdo.core.verdict import NOTHING, Evidence, Outcome, Verdict, overall
from outdo.core.written import Bound

POWER = 0.8
"""The power that what could have been detected, and the rows needed, are told for."""

Name = TypeVar("Name")

Standing = Literal["better", "not worse", "worse", "not better enough", "can't tell"]


class Lead(Struct, frozen=True):
    """What a challenger's lead over the champion comes to."""

    standing: Standing
    outcome: Outcome
    reason: str


def lead(found: Difference, *, margin: float, confidence: float, corrected: float | None = None) -> Lead:
    """Where a challenger stands, `margin` asked for: above 0 it has to be better by so much; below, it may be worse by
    so much, but no more (non-inferiority).

    It passes if the p, corrected for being one of many where it is, is no higher than 1 - confidence.
    """
    p = found.p if corrected is None else corrected
    rows = f"{found.rows:,} rows"
    if p <= 1 - confidence and found.value > margin:
        if margin < 0 and found.low <= 0:
            return Lead("not worse", "passed", f"not worse by more than {short(-margin)} on {rows}")
        return Lead(
            "better", "passed", f"better by {short(found.value)}, by {short(found.low)} at least, on {rows}"
        )
    if found.high < min(margin, 0):
        return Lead("worse", "failed", f"worse by {short(-found.value)} on {rows}")
    if found.high < margin:
        return Lead(
            "not better enough", "failed", f"better by {short(found.high)} at most, asked {short(margin)}"
        )
    return Lead("can't tell", "inconclusive", f"can't tell on {rows}{_advice(found, margin, confidence)}")


def _advice(found: Difference, margin: float, confidence: float) -> str:
    want = needed(found.rows, found.error, found.value - margin, confidence=confidence, power=POWER)
    seen = short(detectable(found.error, confidence, POWER))
    if not isfinite(want):
        return f": no lead is seen, and they would show one of {seen}"
    return f" (would need about {round_up(want):,}): it leads by {short(found.value)}, and they would show {seen}"


def beats(
    name: str,
    found: Difference,
    scores: tuple[float, float],
    *,
    margin: float = 0.0,
    confidence: float = 0.95,
    corrected: float | None = None,
    champion: str = "champion",
) -> Verdict:
    """The verdict on a challenger against the champion in one metric; `scores` are the challenger's and its."""
    where = lead(found, margin=margin, confidence=confidence, corrected=corrected)
    want = needed(found.rows, found.error, found.value - margin, confidence=confidence, power=POWER)
    return Verdict(
        f"beats champion {name}",
        where.outcome,
        where.reason,
        Evidence(
            value=found.value,
            low=found.low,
            high=found.high,
            confidence=confidence,
            bound=f"> {margin:g}",
            challenger=scores[0],
            champion=scores[1],
            rows=found.rows,
            p=found.p,
            corrected=corrected,
            detectable=detectable(found.error, confidence, POWER),
            needed=round_up(want) if where.outcome == "inconclusive" and isfinite(want) else None,
            method=found.method,
            compared=champion,
        ),
    )


def first(name: str) -> Verdict:
    """The verdict where there is no champion yet, which a first model passes."""
    return Verdict(f"beats champion {name}", "passed", "there is no champion yet")


def within(
    name: str,
    value: float,
    bound: Bound,
    *,
    evidence: Evidence = NOTHING,
    told: str = "",
    champion: float | None = None,
) -> Verdict:
    """The verdict on a number held against its bound; a number that is none was not evaluated.

    `told` is how the number is said, `champion` what a bound that speaks of the champion means."""
    found = replace(evidence, value=value if isfinite(value) else None, bound=str(bound), champion=champion)
    if not isfinite(value):
        return Verdict(name, "not_evaluated", "it has no value on these rows", found)
    good = bound.holds(value, champion)
    reason = f"{told or short(value)} is {'' if good else 'not '}{bound}"
    reason += "" if champion is None else f", which has {short(champion)}"
    return Verdict(name, "passed" if good else "failed", reason, found)


def surely_within(name: str, bound: Bound, evidence: Evidence) -> Verdict:
    """The verdict on an interval held against a bound: it passes where all of it does, and fails where none does."""
    low, high = evidence.low, evidence.high
    if low is None or high is None:
        return Verdict(name, "not_evaluated", "it has no interval on these rows", evidence)
    ends = [bound.holds(low), bound.holds(high)]
    span = f"{short(low)} to {short(high)}"
    span = span if evidence.value is None else f"{short(evidence.value)} ({span})"
    found = replace(evidence, bound=str(bound))
    if all(ends):
        return Verdict(name, "passed", f"{span} is surely {bound}", found)
    if not any(ends):
        return Verdict(name, "failed", f"{span} is surely not {bound}", found)
    return Verdict(name, "inconclusive", f"{span} may be {bound} or not", found)


def corrected(chances: Mapping[Name, float]) -> dict[Name, float]:
    """P-values of all comparisons of a model, by whatever names them, corrected by Holm for being so many."""
    return dict(zip(chances, holm(list(chances.values())), strict=True))


def together(name: str, parts: Sequence[Verdict], *, nothing: str) -> Verdict:
    """One verdict of several, which fails with any of them; `nothing` says why there are none."""
    if not parts:
        return Verdict(name, "not_evaluated", nothing)
    outcome = overall(parts)
    bad = [part for part in parts if part.outcome == outcome] if outcome != "passed" else []
    reason = (
        f"all {len(parts)} pass"
        if not bad
        else f"{len(bad)} of {len(parts)}: {bad[0].subject} {bad[0].reason}"
    )
    return Verdict(name, outcome, reason, parts=tuple(parts))


def short(value: float) -> str:
    """A number with four digits that count."""
    return f"{value:.4g}"


def round_up(rows: float) -> int:
    """A number of rows with two digits that count, as estimates of them are no better."""
    whole = int(rows) + 1
    step: int = 10 ** max(0, len(str(whole)) - 2)
    return -(-whole // step) * step
