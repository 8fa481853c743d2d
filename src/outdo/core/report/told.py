"""What was judged in one call, and how it comes out as a whole."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from outdo.core.verdict import Outcome, Verdict, lets_through, worst

State = Literal["failed", "inconclusive", "not_evaluated", "warned", "passed"]
"""An outcome; or that of a warning, which stops nothing."""
WORDS: Mapping[State, str] = {
    "failed": "failed",
    "inconclusive": "in doubt",
    "not_evaluated": "not evaluated",
    "warned": "warned",
    "passed": "passed",
}
"""Each state as people say it, the gravest first."""
MARKS: Mapping[State, str] = {
    "failed": "✗",
    "inconclusive": "?",
    "not_evaluated": "–",
    "warned": "!",
    "passed": "✓",
}


class Judged(Struct, frozen=True):
    """Data or a model with its verdicts."""

    kind: Literal["data", "model"]
    """`data` or `model`."""
    name: str
    """The path, or the model's name."""
    outcome: Outcome
    """The gravest of its verdicts."""
    seconds: float
    """How long it took."""
    verdicts: tuple[Verdict, ...]
    """One for each check or gate, in the order of the file."""
    champion: str = ""
    """Such as `delay/6`; empty where there is none."""
    kept: bool = False
    """Whether it was judged before, and nothing had to be looked at again."""
    models: int = 0
    """Of a model: how many were judged on the same rows, this one among them; 0 where no rows were looked at."""


class Report(Struct, frozen=True):
    """All that was judged in one call."""

    project: str
    judged: tuple[Judged, ...]

    @property
    def outcome(self) -> Outcome:
        return worst(one.outcome for one in self.judged)

    @property
    def good(self) -> bool:
        """Whether what follows may go on."""
        return (
            bool(self.judged)
            and all(one.verdicts for one in self.judged)
            and not any(stops(verdict) for _, verdict in self.verdicts())
        )

    def verdicts(self) -> Iterator[tuple[Judged, Verdict]]:
        """Each verdict with what it is about, in the order of the file."""
        return ((one, verdict) for one in self.judged for verdict in one.verdicts)

    def gravest_first(self) -> list[tuple[Judged, Verdict]]:
        """Each verdict with what it is about, what is worst before all else."""
        return sorted(self.verdicts(), key=lambda pair: list(WORDS).index(state(pair[1])))


def state(verdict: Verdict) -> State:
    """What a verdict comes to: a warning that is none passed."""
    return "warned" if verdict.level == "warn" and verdict.outcome != "passed" else verdict.outcome


def stops(verdict: Verdict) -> bool:
    """Whether a verdict holds up what follows: a warning never does, doubt unless the file says to go on."""
    return verdict.level == "fail" and not lets_through(verdict.outcome, verdict.doubt)


def families(verdict: Verdict) -> list[tuple[Verdict, ...]]:
    """The parts of a verdict that belong together: its slices, or the groups of each of its measures, each once."""
    inner = [part.parts for part in verdict.parts if part.parts]
    found = inner or ([verdict.parts] if verdict.parts else [])
    return list(
        {tuple((part.subject, part.evidence.value) for part in parts): parts for parts in found}.values()
    )


def fallen(verdict: Verdict) -> list[Verdict]:
    """The slices and groups that did not pass."""
    return [
        part for parts in families(verdict) for part in parts if part.outcome != "passed" and part.subject
    ]


def counted(verdicts: Iterable[Verdict]) -> dict[State, int]:
    """How many verdicts there are of each state, the gravest first."""
    found = Counter(map(state, verdicts))
    return {each: found[each] for each in WORDS if found[each]}


def sentence(verdicts: Iterable[Verdict]) -> str:
    """Such as `2 failed, 1 in doubt, 14 passed`."""
    return (
        ", ".join(f"{count} {WORDS[each]}" for each, count in counted(verdicts).items()) or "nothing judged"
    )


def plainly(report: Report) -> dict[str, Any]:
    """The report for programs, as docs/reference/verdicts.md describes it."""
    return {
        "project": report.project,
        "outcome": report.outcome,
        "lets_through": report.good,
        "counts": dict.fromkeys(WORDS, 0) | counted(verdict for _, verdict in report.verdicts()),
        "judged": [
            {
                "kind": one.kind,
                "name": one.name,
                "outcome": one.outcome,
                "champion": one.champion or None,
                "seconds": round(one.seconds, 3),
                "kept": one.kept,
                "verdicts": _all(one.verdicts),
            }
            for one in report.judged
        ],
    }


def _all(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts with the same fields each; of the evidence only what applies."""
    return [
        {
            "name": one.name,
            "outcome": one.outcome,
            "level": one.level,
            "doubt": one.doubt,
            "reason": one.reason,
            "subject": one.subject or None,
            "evidence": msgspec.to_builtins(one.evidence),
            "parts": _all(one.parts),
        }
        for one in verdicts
    ]
