"""What a model answers to rows that were changed a little, to verdicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.gate import lead, short
from outdo.core.metrics.reading import scored
from outdo.core.metrics.scored import Unscored
from outdo.core.modelgates import Behaviour, Robustness
from outdo.core.parts import computed
from outdo.core.statistics.binomial import clopper_pearson
from outdo.core.statistics.paired import difference
from outdo.core.verdict import Evidence, Outcome, Verdict

HALF = 0.5
Answers = Sequence[float | str | None]


class Changed(Struct, frozen=True):
    """Answers before and after, row by row, of the rows in which something was changed."""

    before: Answers
    after: Answers


def behaviour_title(gate: Behaviour) -> str:
    """Such as `behaviour same if sex is changed`."""
    names = ", ".join(gate.change)
    return f"behaviour {gate.expect} if {names} {'is' if len(gate.change) == 1 else 'are'} changed"


def judged_behaviour(gate: Behaviour, found: Changed) -> Verdict:
    """The verdict on how many answers change that must not, or go the wrong way: with a share that is tolerated, by the
    exact bound of the true share (Clopper and Pearson 1934); with none, any one fails."""
    title, many = behaviour_title(gate), len(found.before)
    if not many:
        return Verdict(title, "not_evaluated", "the change changes no row")
    texts = any(isinstance(each, str) for each in (*found.before, *found.after))
    if gate.expect != "same" and texts:
        return Verdict(
            title, "not_evaluated", "the model answers with classes, which are neither higher nor lower"
        )
    if gate.expect != "same" and all(a == b for a, b in zip(found.before, found.after, strict=True)):
        return Verdict(title, "not_evaluated", f"no answer of {many:,} moves at all")
    wrong = int(np.count_nonzero(_wrong(gate, found, texts=texts)))
    low, high = clopper_pearson(wrong, many, gate.confidence)
    most = gate.tolerated.part
    outcome: Outcome = (
        "passed" if (high <= most if most else not wrong) else "failed" if low > most else "inconclusive"
    )
    if not most and wrong:
        outcome = "failed"
    told = f"{wrong:,} of {many:,} rows {'change' if gate.expect == 'same' else 'go the wrong way'}"
    span = f", truly {low:.2%} to {high:.2%}" if wrong else f", truly {high:.2%} at most"
    evidence = Evidence(
        value=wrong / many, low=low, high=high, confidence=gate.confidence, bound=f"<= {most:.4g}",
        rows=many, unexpected=wrong, method="Clopper-Pearson",
    )  # fmt: skip
    return Verdict(title, outcome, told + span, evidence)


def _wrong(gate: Behaviour, found: Changed, *, texts: bool) -> NDArray[np.bool_]:
    if texts:
        return np.array([a != b for a, b in zip(found.before, found.after, strict=True)])
    before, after = np.array(found.before, np.float64), np.array(found.after, np.float64)
    rise = after - before
    # an answer that is none after the change is wrong whichever way it should have gone
    gone = np.isnan(after) & ~np.isnan(before)
    if gate.expect == "higher":
        return np.asarray(gone | (rise < -gate.within))
    if gate.expect == "lower":
        return np.asarray(gone | (rise > gate.within))
    if gate.within == 0 and before.min() >= 0 and max(before.max(), after.max()) <= 1:
        return np.asarray(gone | ((before >= HALF) != (after >= HALF)))
    return np.asarray(gone | (np.abs(rise) > gate.within))


def robustness_title(gate: Robustness) -> str:
    """Such as `robustness auc`."""
    return f"robustness {gate.metric}"


def judged_robustness(
    gate: Robustness, truth: NDArray[Any], found: Changed, columns: Sequence[str], seed: int = 0
) -> Verdict:
    """The verdict on what noise costs in a metric, by the paired comparison of the answers with and without it, as of a
    challenger that may be worse by so much and no more."""
    title = robustness_title(gate)
    try:
        known = computed(gate.metric)
        plain, noisy = scored(truth, np.array(found.before)), scored(truth, np.array(found.after))
        lost = difference(known, noisy, plain, confidence=gate.confidence, margin=-gate.drop, seed=seed)
        values = known.of(plain), known.of(noisy)
    except Unscored as reason:
        return Verdict(title, "not_evaluated", str(reason))
    where = lead(lost, margin=-gate.drop, confidence=gate.confidence)
    told = f"{short(values[0])}, and {short(values[1])} with noise in {_named(columns)}"
    evidence = Evidence(
        value=lost.value, low=lost.low, high=lost.high, confidence=gate.confidence, bound=f">= {-gate.drop:g}",
        champion=values[0], challenger=values[1], rows=lost.rows, p=lost.p, method=lost.method,
        compared="the same rows without noise",
    )  # fmt: skip
    return Verdict(title, where.outcome, f"{where.reason}: {told}", evidence)


def _named(columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else f"{len(columns)} columns"
