"""The gates of a model to verdicts, on the rows that it and the champion were scored on."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from outdo.core import rules
from outdo.core.gate import beats, corrected, first, short, together, within
from outdo.core.metrics.reading import scored
from outdo.core.metrics.scored import Array, Metric, Scored, Unscored
from outdo.core.metrics.table import METRICS, metric
from outdo.core.statistics.bootstrap import draws, units
from outdo.core.statistics.delong import areas
from outdo.core.statistics.difference import Difference, above
from outdo.core.statistics.paired import difference
from outdo.core.verdict import Evidence, Outcome, Verdict
from outdo.core.written import Bound, Bytes

SURE = 0.95
RESAMPLES = 1000
"""Of each part of the rows; the comparison with the champion has more."""


class Predicted(Struct, frozen=True, eq=False):
    """Rows with their labels, what one model said of them, and the columns that part them."""

    truth: NDArray[Any]
    said: NDArray[Any]
    by: Mapping[str, NDArray[Any]] = {}

    def scored(self) -> Scored:
        """As metrics want them; raises `Unscored`."""
        return scored(self.truth, self.said)


class Champion(Struct, frozen=True, eq=False):
    """What the challenger is compared with."""

    name: str
    """Such as `delay/6`."""
    rows: Predicted | None = None
    """The same rows in the same order; None where it was not scored on them."""
    why: str = ""
    """Then why not."""


class Facts(Struct, frozen=True):
    """What is known of the challenger beside its predictions."""

    metrics: Mapping[str, float]
    """Those that its stages told, which count before those that are computed."""
    size: int
    """Bytes of its files."""


def judge(
    gates: Sequence[rules.Gate],
    rows: Predicted | str,
    champion: Champion | None,
    facts: Facts,
    *,
    seed: int = 0,
) -> list[Verdict]:
    """A verdict for each gate, in their order; `rows` are the challenger's, or why there are none. No champion is one
    that a first model doesn't need."""
    judging = _Judging(rows, champion, facts, seed)
    leads = {
        place: judging.compared(gate) for place, gate in enumerate(gates) if isinstance(gate, rules.Beats)
    }
    # all comparisons with the champion are one family: any false alarm among them would let a worse model pass
    adjusted = corrected({place: lead.p for place, lead in leads.items() if isinstance(lead, Difference)})
    found: list[Verdict] = []
    for place, gate in enumerate(gates):
        if isinstance(gate, rules.Beats):
            found.append(judging.beats(gate, leads[place], adjusted.get(place), len(adjusted)))
        else:
            found += judging.verdicts(gate)
    return found


class _Judging:
    def __init__(self, rows: Predicted | str, champion: Champion | None, facts: Facts, seed: int) -> None:
        self.rows = rows
        self.champion = champion
        self.facts = facts
        self.seed = seed

    @cached_property
    def ours(self) -> Scored:
        """The challenger's rows; raises `Unscored`."""
        if isinstance(self.rows, str):
            raise Unscored(self.rows)
        return self.rows.scored()

    @cached_property
    def theirs(self) -> Scored:
        """The champion's rows; raises `Unscored`."""
        if self.champion is None or self.champion.rows is None:
            raise Unscored(self.champion.why if self.champion else "there is no champion yet")
        return self.champion.rows.scored()

    def verdicts(self, gate: rules.Gate) -> list[Verdict]:
        match gate:
            case rules.MetricGate(bounds):
                return [self._metric(name, bound) for name, bound in bounds.items()]
            case rules.Slices():
                return [self._slices(gate)]
            case rules.Fairness():
                return [self._fairness(gate)]
            case rules.Size(bound):
                return [within("size", self.facts.size, bound, told=Bytes(self.facts.size).short())]
            case rules.Latency():
                return [Verdict("latency", "not_evaluated", "it is not measured yet")]
            case rules.ModelTests(cmd):
                return [Verdict(f"tests {cmd}", "not_evaluated", "tests of models are not run yet")]
            case _:
                raise AssertionError(gate)

    # ---------------------------------------------------------------- metrics, and the champion

    def _metric(self, name: str, bound: Bound) -> Verdict:
        title, told, theirs = f"metric {name}", self.facts.metrics.get(name), None
        try:
            value = _value(name, self.ours) if told is None else told
            if bound.relative_to is not None and self.champion is None:
                return Verdict(title, "passed", "there is no champion yet")
            if bound.relative_to is not None:
                theirs = _value(name, self.theirs)
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason), Evidence(bound=str(bound)))
        compared = "" if theirs is None or self.champion is None else self.champion.name
        return within(title, value, bound, evidence=Evidence(compared=compared), champion=theirs)

    def compared(self, gate: rules.Beats) -> Difference | Verdict:
        """How far the challenger leads in a metric; or the verdict where that can't be told."""
        name = f"beats champion {gate.champion}"
        known = metric(gate.champion)
        if known is None:
            names = ", ".join(METRICS)
            reason = f"'{gate.champion}' can't be computed from predictions; what can: {names}"
            return Verdict(name, "not_evaluated", reason)
        if isinstance(self.rows, str):
            return Verdict(name, "not_evaluated", self.rows)
        if self.champion is None:
            return first(gate.champion)
        if self.champion.rows is None:
            return Verdict(name, "not_evaluated", self.champion.why, Evidence(compared=self.champion.name))
        try:
            return difference(
                known, self.ours, self.theirs, confidence=gate.confidence, margin=gate.margin, seed=self.seed
            )
        except Unscored as reason:
            return Verdict(name, "not_evaluated", str(reason))

    def beats(self, gate: rules.Beats, found: Difference | Verdict, p: float | None, family: int) -> Verdict:
        """The verdict on a comparison, its p corrected for being one of a family."""
        if isinstance(found, Verdict):
            return found
        assert self.champion is not None
        verdict = beats(
            gate.champion,
            found,
            (_value(gate.champion, self.ours), _value(gate.champion, self.theirs)),
            margin=gate.margin,
            confidence=gate.confidence,
            corrected=p,
            champion=self.champion.name,
        )
        note = f"Holm over {family}" if family > 1 else ""
        return replace(verdict, evidence=replace(verdict.evidence, correction=note))

    # ---------------------------------------------------------------- parts of the rows

    def _parts(self, by: str | rules.Columns, least: int) -> dict[str, Scored]:
        """The parts of the rows that are large enough, by the values that each shares; raises `Unscored`."""
        ours = self.ours
        assert isinstance(self.rows, Predicted)
        names = (by,) if isinstance(by, str) else by
        if missing := [name for name in names if name not in self.rows.by]:
            raise Unscored(f"the predictions have no column '{missing[0]}'")
        columns = [map(str, self.rows.by[name]) for name in names]
        joined = np.array([", ".join(each) for each in zip(*columns, strict=True)])
        values, part = np.unique(joined, return_inverse=True)
        large = np.flatnonzero(np.bincount(part) >= least)
        return {str(values[number]): ours.part(part == number) for number in large}

    def _slices(self, gate: rules.Slices) -> Verdict:
        title = f"slices {gate.metric} by {_listed(gate.by)}"
        try:
            known, parts = _computed(gate.metric), self._parts(gate.by, gate.min_rows)
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason))
        found = {value: _part(known, rows, gate, self.seed) for value, rows in parts.items()}
        adjusted = corrected({value: one.p for value, one in found.items() if isinstance(one, _Part)})
        verdicts = [
            one.verdict(value, adjusted[value], len(adjusted))
            if isinstance(one, _Part)
            else replace(one, subject=value)
            for value, one in found.items()
        ]
        return together(title, verdicts, nothing=f"no slice has {gate.min_rows} rows")

    def _fairness(self, gate: rules.Fairness) -> Verdict:
        title = f"fairness {gate.metric} by {_listed(gate.by)}"
        try:
            known, groups = _computed(gate.metric), self._parts(gate.by, gate.min_rows)
            values = {value: known.of(rows) for value, rows in groups.items()}
            spread = [_draws(known, rows, self.seed) for rows in groups.values()]
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason))
        if len(values) < 2:
            return Verdict(title, "not_evaluated", f"fewer than two groups have {gate.min_rows} rows")
        if not all(map(isfinite, values.values())):
            return Verdict(title, "not_evaluated", "a group has no value of it")
        low, high = min(values, key=lambda v: values[v]), max(values, key=lambda v: values[v])
        told = f"{low} {short(values[low])}, {high} {short(values[high])}"
        table, verdicts = np.stack(spread), []
        for word, bound in (("ratio", gate.ratio), ("difference", gate.difference)):
            if bound is None:
                continue
            each = _disparity(word, table)
            point = float(_disparity(word, np.array([[v] for v in values.values()]))[0])
            ends = np.nanquantile(each, [1 - SURE, SURE])
            evidence = Evidence(
                low=float(ends[0]),
                high=float(ends[1]),
                confidence=SURE,
                rows=sum(one.rows for one in groups.values()),
            )
            verdict = within(word, point, bound, evidence=evidence)
            verdicts.append(replace(verdict, reason=f"{word} {verdict.reason} ({told})", subject=""))
        return replace(together(title, verdicts, nothing=""), reason="; ".join(v.reason for v in verdicts))


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
        value, error = known.of(rows), _error(known, rows, seed)
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


def _error(known: Metric, rows: Scored, seed: int) -> float:
    """The standard error of a metric: DeLong's of the area under the curve, else by drawing rows again."""
    if known.name == "auc" and rows.classes == 2:
        try:
            return sqrt(float(areas(rows.truth, [rows.scores()]).covariance[0, 0]))
        except ValueError as reason:
            raise Unscored(str(reason)) from reason
    return float(np.nanstd(_draws(known, rows, seed), ddof=1))


def _draws(known: Metric, rows: Scored, seed: int) -> Array:
    return draws(known.prepare(rows), units(rows.rows), resamples=RESAMPLES, seed=seed)


def _computed(name: str) -> Metric:
    """The metric of this name; `Unscored` where none can be computed."""
    known = metric(name)
    if known is None:
        raise Unscored(f"no metric '{name}' can be computed from predictions")
    return known


def _value(name: str, rows: Scored) -> float:
    """A metric of some rows; raises `Unscored`."""
    known = metric(name)
    if known is None:
        raise Unscored(f"no metric '{name}' was told, and none of this name can be computed")
    return known.of(rows)


def _listed(by: str | rules.Columns) -> str:
    return by if isinstance(by, str) else ", ".join(by)


def _disparity(word: str, values: Array) -> Array:
    """The lowest group's value divided by the highest's, or their difference, down the columns."""
    low, high = values.min(axis=0), values.max(axis=0)
    if word == "difference":
        return np.asarray(high - low)
    return np.asarray(np.divide(low, high, out=np.ones_like(high), where=high != 0))
