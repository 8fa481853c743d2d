"""The gates of a model to verdicts, on the rows that it and the champion were scored on."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

from msgspec.structs import replace

from outdo.core import rules
from outdo.core.calibration import calibration
from outdo.core.fairness import fairness, fairness_title
from outdo.core.gate import beats, corrected, first, surely_within, within
from outdo.core.metrics.scored import Metric, Scored, Unscored
from outdo.core.metrics.table import METRICS, metric
from outdo.core.modelgates import Calibration, Measured, Size
from outdo.core.parts import column, computed, values
from outdo.core.predicted import Champion, Facts, Predicted
from outdo.core.slices import slices, slices_title
from outdo.core.statistics.difference import Difference
from outdo.core.statistics.estimate import estimate
from outdo.core.statistics.paired import difference
from outdo.core.verdict import Evidence, Verdict
from outdo.core.written import Bound, Bytes


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
        elif isinstance(gate, Measured):
            found += facts.measured.get(place, ())
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
                return [
                    self._surely(name, bound)
                    if isinstance(bound, rules.SureBound)
                    else self._metric(name, bound)
                    for name, bound in bounds.items()
                ]
            case rules.Slices():
                return [self._parted(slices_title(gate), partial(slices, gate))]
            case rules.Fairness():
                return [self._parted(fairness_title(gate), partial(fairness, gate))]
            case Calibration():
                return [self._parted("calibration", partial(calibration, gate))]
            case Size(bound):
                return [within("size", self.facts.size, bound, told=Bytes(self.facts.size).short())]
            case _:
                raise AssertionError(gate)

    # ---------------------------------------------------------------- metrics, and the champion

    def _metric(self, name: str, bound: Bound) -> Verdict:
        title, theirs = f"metric {name}", None
        told = None if name in self.facts.own else self.facts.metrics.get(name)
        try:
            value = self._value(name, self.ours) if told is None else told
            if bound.relative_to is not None and self.champion is None:
                return Verdict(title, "passed", "there is no champion yet")
            if bound.relative_to is not None and self.champion is not None and self.champion.same:
                return Verdict(title, "passed", f"it is {self.champion.name}, the champion, itself")
            if bound.relative_to is not None:
                theirs = self._value(name, self.theirs)
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason), Evidence(bound=str(bound)))
        compared = "" if theirs is None or self.champion is None else self.champion.name
        return within(title, value, bound, evidence=Evidence(compared=compared), champion=theirs)

    def _surely(self, name: str, told: rules.SureBound) -> Verdict:
        """On a metric of these rows, whatever a stage told: only they say how sure it is."""
        title = f"metric {name}"
        try:
            found = estimate(self.facts.own.get(name) or computed(name), self.ours, self.seed)
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason), Evidence(bound=str(told.bound)))
        low, high = found.bounds(told.confidence)
        evidence = Evidence(
            value=found.value, low=low, high=high, confidence=told.confidence, rows=found.rows, method=found.method
        )  # fmt: skip
        return surely_within(title, told.bound, evidence)

    def compared(self, gate: rules.Beats) -> Difference | Verdict:
        """How far the challenger leads in a metric; or the verdict where that can't be told."""
        name = f"beats champion {gate.champion}"
        known = self._known(gate.champion)
        if known is None:
            names = ", ".join([*self.facts.own, *METRICS])
            reason = f"'{gate.champion}' can't be computed from predictions; what can: {names}"
            return Verdict(name, "not_evaluated", reason)
        if isinstance(self.rows, str):
            return Verdict(name, "not_evaluated", self.rows)
        if self.champion is None:
            return first(gate.champion)
        if self.champion.same:
            return Verdict(name, "passed", f"it is {self.champion.name}, the champion, itself")
        if self.champion.rows is None:
            return Verdict(name, "not_evaluated", self.champion.why, Evidence(compared=self.champion.name))
        try:
            return difference(
                known,
                self.ours,
                self.theirs,
                confidence=gate.confidence,
                margin=gate.margin,
                clusters=values(column(self.rows, gate.cluster)).codes if gate.cluster else None,
                seed=self.seed,
            )
        except Unscored as reason:
            return Verdict(name, "not_evaluated", str(reason))

    def beats(self, gate: rules.Beats, found: Difference | Verdict, p: float | None, family: int) -> Verdict:
        """The verdict on a comparison, its p corrected for being one of a family."""
        if isinstance(found, Verdict):
            return found
        assert self.champion is not None
        try:
            scores = (self._value(gate.champion, self.ours), self._value(gate.champion, self.theirs))
        except Unscored as reason:
            return Verdict(f"beats champion {gate.champion}", "not_evaluated", str(reason))
        verdict = beats(
            gate.champion,
            found,
            scores,
            margin=gate.margin,
            confidence=gate.confidence,
            corrected=p,
            champion=self.champion.name,
        )
        note = f"Holm over {family}" if family > 1 else ""
        return replace(verdict, evidence=replace(verdict.evidence, correction=note))

    def _known(self, name: str) -> Metric | None:
        return self.facts.own.get(name) or metric(name)

    def _value(self, name: str, rows: Scored) -> float:
        """A metric of some rows; raises `Unscored`."""
        known = self._known(name)
        if known is None:
            raise Unscored(f"no metric '{name}' was told, and none of this name can be computed")
        return known.of(rows)

    def _parted(self, title: str, said: Callable[[Predicted, Scored, int], Verdict]) -> Verdict:
        """What is said of the challenger's rows in parts, or why nothing can be."""
        try:
            ours = self.ours
            assert isinstance(self.rows, Predicted)
            return said(self.rows, ours, self.seed)
        except Unscored as reason:
            return Verdict(title, "not_evaluated", str(reason))
