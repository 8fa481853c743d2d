"""A metric in every part of the rows, held against a bound."""

from collections.abc import Mapping
from math import inf, isfinite

from msgspec import Struct
from msgspec.structs import replace

from outdo.core import rules
from outdo.core.gate import corrected, short, together
from outdo.core.metrics.scored import Metric, Scored, Unscored
from outdo.core.parts import computed, error_of, listed, parts
from outdo.core.predicted import Column
from outdo.core.statistics.difference import above
from outdo.core.verdict import Evidence, Outcome, Verdict

SURE = 0.95


def slices(gate: rules.Slices, rows: Scored, by: Mapping[str, Column], seed: int) -> Verdict:
    """The verdict on all slices together; raises `Unscored`."""
    known, found = computed(gate.metric), parts(rows, by, gate.by, gate.min_rows)
    judged = {value: _part(known, each, gate, seed) for value, each in found.items()}
    adjusted = corrected({value: one.p for value, one in judged.items() if isinstance(one, _Part)})
    verdicts = [
        one.verdict(value, adjusted[value], len(adjusted))
        if isinstance(one, _Part)
        else replace(one, subject=value)
        for value, one in judged.items()
    ]
    return together(slices_title(gate), verdicts, nothing=f"no slice has {gate.min_rows} rows")


def slices_title(gate: rules.Slices) -> str:
    """Such as `slices auc by carrier`."""
    return f"slices {gate.metric} by {listed(gate.by)}"


class _Part(Struct, frozen=True):
    """One slice held against its bound."""

    value: float
    error: float
    p: float
    """How likely a value so far beyond the bound is, if the true one were on it."""
    beyond: bool
    bound: str
    rows: int

    def verdict(self, name: str, p: float, family: int) -> Verdict:
        """Failed only where being beyond the bound is no chance, many slices looked at."""
        note = f"Holm over {family}"
        evidence = Evidence(
            value=self.value, bound=self.bound, rows=self.rows, p=self.p, corrected=p, correction=note, confidence=SURE,
            low=self.value - 1.645 * self.error, high=self.value + 1.645 * self.error,
        )  # fmt: skip
        told = f"{short(self.value)} is {'not ' if self.beyond else ''}{self.bound} on {self.rows:,} rows"
        outcome: Outcome = "passed"
        if self.beyond:
            outcome = "failed" if p <= 1 - SURE else "inconclusive"
            told += "" if outcome == "failed" else ", which may be chance"
        return Verdict(name, outcome, told, evidence, subject=name)


def _part(known: Metric, rows: Scored, gate: rules.Slices, seed: int) -> _Part | Verdict:
    try:
        value, error = known.of(rows), error_of(known, rows, seed)
    except Unscored as reason:
        return Verdict("", "not_evaluated", str(reason))
    if not (isfinite(value) and isfinite(error)):
        return Verdict("", "not_evaluated", "it has no value there")
    low, high = gate.at_least, gate.at_most
    past = max(
        -inf if low is None else low - value,
        -inf if high is None else value - high,
    )
    words = [f">= {low:g}"] if low is not None else []
    words += [f"<= {high:g}"] if high is not None else []
    return _Part(value, error, above(past, error, 0.0), past > 0, " and ".join(words), rows.rows)
