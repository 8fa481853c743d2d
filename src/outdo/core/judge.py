"""The gates of a model to verdicts, on the rows that it and the champion were scored on."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, sqrt
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
    leads = [judging.compared(gate) for gate in gates if isinstance(gate, rules.Beats)]
    # all comparisons with the champion are one family: any false alarm among them would let a worse model pass
    chances = {str(place): each.p for place, each in enumerate(leads) if isinstance(each, Difference)}
    adjusted = corrected(chances)
    found: list[Verdict] = []
    for gate in gates:
        if isinstance(gate, rules.Beats):
            place = sum(one.name.startswith("beats ") for one in found)
            found.append(judging.beats(gate, leads[place], adjusted.get(str(place)), len(chances)))
        else:
            found += judging.verdicts(gate)
    return found


class _Judging:
    def __init__(self, rows: Predicted | str, champion: Champion | None, facts: Facts, seed: int) -> None:
        self.rows = rows
        self.champion = champion
        self.facts = facts
        self.seed = seed

    def verdicts(self, gate: rules.Gate) -> list[Verdict]:
        match gate:
            case rules.MetricGate(bounds):
                return [self._metric(name, bound) for name, bound in bounds.items()]
            case rules.Slices():
                return [self._slices(gate)]
            case rules.Fairness():
                return [self._fairness(gate)]
            case rules.Size(bound):
                found, size = within("size", self.facts.size, bound), Bytes(self.facts.size)
                return [
                    replace(
                        found,
                        reason=f"{size.short()} is {'' if found.outcome == 'passed' else 'not '}{bound}",
                    )
                ]
            case rules.Latency():
                return [Verdict("latency", "not_evaluated", "it is not measured yet")]
            case rules.ModelTests(cmd):
                return [Verdict(f"tests {cmd}", "not_evaluated", "tests of models are not run yet")]
            case _:
                raise AssertionError(gate)

    # ---------------------------------------------------------------- metrics, and the champion

    def _value(self, name: str, rows: Predicted | str | None) -> float | str:
        """A metric of some rows; or why it has none."""
        if isinstance(rows, str) or rows is None:
            return rows or "there are no rows"
        known = metric(name)
        if known is None:
            return f"no metric '{name}' was told, and none of this name can be computed"
        try:
            value = known.of(rows.scored())
        except Unscored as reason:
            return str(reason)
        return value if isfinite(value) else "it has no value on these rows"

    def _metric(self, name: str, bound: Bound) -> Verdict:
        told = self.facts.metrics.get(name)
        value = self._value(name, self.rows) if told is None else told
        if isinstance(value, str):
            return Verdict(f"metric {name}", "not_evaluated", value, Evidence(bound=str(bound)))
        if bound.relative_to is None:
            return within(f"metric {name}", value, bound)
        if self.champion is None:
            return Verdict(f"metric {name}", "passed", "there is no champion yet")
        theirs = self._value(name, self.champion.rows)
        if isinstance(theirs, str):
            return Verdict(f"metric {name}", "not_evaluated", self.champion.why or theirs)
        good = bound.holds(value, theirs)
        evidence = Evidence(value=value, bound=str(bound), champion=theirs, compared=self.champion.name)
        reason = f"{short(value)} is {'' if good else 'not '}{bound}, which has {short(theirs)}"
        return Verdict(f"metric {name}", "passed" if good else "failed", reason, evidence)

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
                known,
                self.rows.scored(),
                self.champion.rows.scored(),
                confidence=gate.confidence,
                margin=gate.margin,
                seed=self.seed,
            )
        except Unscored as reason:
            return Verdict(name, "not_evaluated", str(reason))

    def beats(self, gate: rules.Beats, found: Difference | Verdict, p: float | None, family: int) -> Verdict:
        """The verdict on a comparison, its p corrected for being one of a family."""
        if isinstance(found, Verdict):
            return found
        assert self.champion is not None
        scores = (self._value(gate.champion, self.rows), self._value(gate.champion, self.champion.rows))
        verdict = beats(
            gate.champion,
            found,
            (float(scores[0]), float(scores[1])),
            margin=gate.margin,
            confidence=gate.confidence,
            corrected=p,
            champion=self.champion.name,
        )
        note = f"Holm over {family}" if family > 1 else ""
        return replace(verdict, evidence=replace(verdict.evidence, correction=note))

    # ---------------------------------------------------------------- parts of the rows

    def _parts(self, by: str | rules.Columns, least: int) -> Iterator[tuple[str, Predicted]]:
        """The parts of the rows that are large enough, each with the values that it shares; raises `Unscored`."""
        if isinstance(self.rows, str):
            raise Unscored(self.rows)
        names = (by,) if isinstance(by, str) else by
        if missing := [name for name in names if name not in self.rows.by]:
            raise Unscored(f"the predictions have no column '{missing[0]}'")
        labels = [np.array([str(each) for each in self.rows.by[name]]) for name in names]
        joined = (
            labels[0]
            if len(labels) == 1
            else np.array([", ".join(each) for each in zip(*labels, strict=True)])
        )
        for value in np.unique(joined):
            here = joined == value
            if here.sum() >= least:
                yield str(value), Predicted(self.rows.truth[here], self.rows.said[here])

    def _slices(self, gate: rules.Slices) -> Verdict:
        by = gate.by if isinstance(gate.by, str) else ", ".join(gate.by)
        title, known = f"slices {gate.metric} by {by}", metric(gate.metric)
        if known is None:
            return Verdict(
                title, "not_evaluated", f"no metric '{gate.metric}' can be computed from predictions"
            )
        try:
            parts = list(self._parts(gate.by, gate.min_rows))
            found = {value: _part(known, rows, gate, self.seed) for value, rows in parts}
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason))
        adjusted = corrected({value: one.p for value, one in found.items() if isinstance(one, _Part)})
        verdicts = [
            replace(one, subject=value)
            if isinstance(one, Verdict)
            else one.verdict(value, adjusted[value], len(adjusted))
            for value, one in found.items()
        ]
        return together(title, verdicts, nothing=f"no slice has {gate.min_rows} rows")

    def _fairness(self, gate: rules.Fairness) -> Verdict:
        by = gate.by if isinstance(gate.by, str) else ", ".join(gate.by)
        title, known = f"fairness {gate.metric} by {by}", metric(gate.metric)
        if known is None:
            return Verdict(
                title, "not_evaluated", f"no metric '{gate.metric}' can be computed from predictions"
            )
        try:
            groups = dict(self._parts(gate.by, gate.min_rows))
            scores = {value: _whole(rows, self.rows) for value, rows in groups.items()}
            values = {value: known.of(rows) for value, rows in scores.items()}
            spread = [_draws(known, rows, self.seed) for rows in scores.values()]
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
                rows=sum(one.rows for one in scores.values()),
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


def _part(known: Metric, rows: Predicted, gate: rules.Slices, seed: int) -> _Part | Verdict:
    try:
        part = rows.scored()
        value, error = known.of(part), _error(known, part, seed)
    except Unscored as reason:
        return Verdict("", "not_evaluated", str(reason))
    if not (isfinite(value) and isfinite(error)):
        return Verdict("", "not_evaluated", "it has no value there")
    low, high = gate.at_least, gate.at_most
    below = low is not None and value < low
    beyond = below or (high is not None and value > high)
    short_of = (low - value) if low is not None else value - (high or 0.0)
    words = [f">= {low:g}"] if low is not None else []
    words += [f"<= {high:g}"] if high is not None else []
    return _Part(value, error, above(short_of, error, 0.0), beyond, " and ".join(words), len(rows.truth))


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


def _whole(rows: Predicted, every: Predicted | str) -> Scored:
    """A group's rows with the classes that all rows have, as a group may lack one."""
    assert isinstance(every, Predicted)
    part = rows.scored() if len(np.unique(rows.truth)) > 1 else None
    if part is not None:
        return part
    both = scored(np.concatenate([every.truth, rows.truth]), np.concatenate([every.said, rows.said]))
    here = slice(len(every.truth), None)
    return Scored(
        both.truth[here],
        None if both.score is None else both.score[here],
        None if both.decision is None else both.decision[here],
        both.classes,
    )


def _disparity(word: str, values: Array) -> Array:
    """The lowest group's value divided by the highest's, or their difference, down the columns."""
    low, high = values.min(axis=0), values.max(axis=0)
    if word == "difference":
        return np.asarray(high - low)
    return np.asarray(np.divide(low, high, out=np.ones_like(high), where=high != 0))
