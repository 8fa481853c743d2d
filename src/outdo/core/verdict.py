"""What a check, a gate, and later a canary or a monitor, says: its outcome, with the numbers it stands on."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import Struct

Outcome = Literal["passed", "failed", "inconclusive", "not_evaluated"]
Level = Literal["fail", "warn"]
Doubt = Literal["stop", "ask", "go"]

_GRAVE: Sequence[Outcome] = ("passed", "inconclusive", "not_evaluated", "failed")


class Evidence(Struct, frozen=True, omit_defaults=True):
    """The numbers that a verdict stands on; what doesn't apply is left out."""

    value: float | None = None
    """The estimate: a metric, a share of rows, a difference from the champion."""
    low: float | None = None
    """The lower bound of its interval."""
    high: float | None = None
    """The upper bound."""
    confidence: float | None = None
    """Of each bound on its own side."""
    bound: str = ""
    """What it was held against, such as `>= 0.7`."""
    champion: float | None = None
    """Its own metric."""
    challenger: float | None = None
    """The metric of the model that is judged."""
    rows: int | None = None
    """The rows judged, or the clusters of them."""
    p: float | None = None
    """How likely what was seen is, were there nothing to see."""
    corrected: float | None = None
    """The p after correction for being one of many."""
    correction: str = ""
    """Such as `Holm over 12`."""
    detectable: float | None = None
    """The smallest true effect that these rows would have shown, with a power of 0.8."""
    needed: int | None = None
    """About how many rows would settle what these could not."""
    method: str = ""
    """Such as `DeLong`."""
    compared: str = ""
    """With what, such as `champion delay@6`."""
    unexpected: int | None = None
    """Rows that a check of data did not expect."""
    examples: tuple[str, ...] = ()
    """Some of these rows, with their numbers."""
    missing: int | None = None
    """Rows without a value, which a check of values leaves out."""
    observed: str | int | float | list[Any] | dict[str, Any] | None = None
    """What was seen, where one number can't say it: a text, a list, a mapping."""


NOTHING = Evidence()


class Verdict(Struct, frozen=True, omit_defaults=True):
    """The result of one check or gate. What was not evaluated has not passed."""

    name: str
    """Such as `metric auc`, or `not_null origin`."""
    outcome: Outcome
    """`passed`, `failed`, `inconclusive` or `not_evaluated`."""
    reason: str
    """Why, in one sentence."""
    evidence: Evidence = NOTHING
    """The numbers that it stands on."""
    level: Level = "fail"
    """Whether a failure stops what follows or is a warning."""
    doubt: Doubt = "stop"
    """What follows from being inconclusive."""
    subject: str = ""
    """The path, model version or slice that was judged."""
    parts: tuple["Verdict", ...] = ()
    """What it was put together from, such as one verdict a slice."""


class Judgement(Struct, frozen=True, omit_defaults=True):
    """What was judged, by what, and how it came out: what a run need not do again, and a promotion stands on."""

    kind: Literal["data", "model"]
    subject: str
    """The path, or the model's name."""
    digest: str
    """Of the bytes that were judged."""
    key: str
    """Of everything that the verdicts follow from: the same key, the same verdicts."""
    verdicts: tuple[Verdict, ...]
    at: float
    """When, in seconds since 1970."""
    champion: str = ""
    """Such as `delay/6`; empty where there was none."""
    rules: str = ""
    """What it was judged by: of a model `digest.gates_key`, so that a promotion can tell whether these are the gates of
    the file still."""
    holdout: str = ""
    """Of a model: which rows it was judged on, by the digest of their labels and keys."""
    models: int = 0
    """How many models had been judged on them by then, this one among them."""
    until: float | None = None
    """When it stops to hold, in seconds since 1970, where data that passed gets too old; None: never."""

    @property
    def outcome(self) -> Outcome:
        return overall(self.verdicts)

    def holds(self, now: float) -> bool:
        """Whether it need not be judged again: what was not evaluated may be another time, by the same key."""
        if not self.verdicts or any(one.outcome == "not_evaluated" for one in self.verdicts):
            return False
        return self.until is None or now < self.until

    @property
    def lets_through(self) -> bool:
        """Whether what follows may go on: all that does not only warn passed, or the file says to go on in doubt."""
        stopping = [one for one in self.verdicts if one.level == "fail"]
        return bool(self.verdicts) and all(lets_through(one.outcome, one.doubt) for one in stopping)


def complaint(verdict: Verdict) -> str:
    """What a verdict says that has not passed, in one line with a row for example."""
    told = f"{verdict.name}: {verdict.reason}"
    if verdict.outcome in ("inconclusive", "not_evaluated"):
        told = f"{verdict.name} {verdict.outcome.replace('_', ' ')}: {verdict.reason}"
    example = verdict.evidence.examples[:1]
    return "; ".join([told, *example])


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The gravest outcome: one failure fails all, and nothing at all was not evaluated."""
    return max(outcomes, key=_GRAVE.index, default="not_evaluated")


def overall(verdicts: Iterable[Verdict]) -> Outcome:
    """The outcome of a set of verdicts; those that only warn count as long as they were evaluated at all."""
    return worst("passed" if one.level == "warn" else one.outcome for one in verdicts)


def lets_through(outcome: Outcome, doubt: Doubt = "stop") -> bool:
    """Whether what follows may go on: with what passed, and in doubt only where the file says so."""
    return outcome == "passed" or (outcome == "inconclusive" and doubt == "go")
