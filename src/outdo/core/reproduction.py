"""Outputs made again, beside those on record: identical, within a tolerance, or different and how."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from outdo.core.causes import Cause
from outdo.core.compare import ValueChange
from outdo.core.errors import Usage
from outdo.core.model import Entry, Path, RunId, StageName, Value
from outdo.core.tablediff import TableDiff

Verdict = Literal["identical", "within", "differs", "missing"]
"""`missing`: it was not written again, as its stage or one above it failed."""

EVERY = 1e-6
"""How far a number may be off where nothing is said."""
_WORST: Sequence[Verdict] = ("identical", "within", "differs", "missing")


class Tolerance(Struct, frozen=True):
    """How far numbers may be off."""

    every: float = EVERY
    metrics: Mapping[str, float] = {}
    """Metrics that may be off by more, or less, by name."""

    def of(self, metric: str) -> float:
        return self.metrics.get(metric, self.every)


class Number(Struct, frozen=True):
    """A metric that differs; None stands for one that is on one side only."""

    name: str
    before: float | None
    after: float | None
    delta: float | None = None
    relative: float | None = None
    """The difference as a share of what it was."""
    within: bool = False


class Scores(Struct, frozen=True):
    """How predictions differ, row by row."""

    rows: int
    """Rows that both sides have."""
    unmatched: int
    """Rows that only one side has."""
    differ: int
    largest: float | None
    """The largest absolute difference of a score; None where scores are no numbers."""
    mean: float | None
    """The mean of all absolute differences."""
    flipped: int
    """Rows whose label changed: the score crossed a half, or is another text."""


class Judged(Struct, frozen=True):
    """One output."""

    path: Path
    stage: StageName
    role: Literal["out", "metric", "plot", "model"]
    verdict: Verdict
    how: str = ""
    """In what it differs, as a clause."""
    before: Entry | None = None
    after: Entry | None = None
    numbers: tuple[Number, ...] = ()
    table: TableDiff | None = None
    scores: Scores | None = None


class Reproduction(Struct, frozen=True):
    """A run, a commit or a model made again, and what came out."""

    name: str
    """What was made again, as a person calls it: `run 12`, `model delay (run 12)`, `main (40d4285c)`."""
    commit: str
    patched: bool
    """Whether what differed from the commit was put on top."""
    run: RunId | None
    """The run on record that it is measured by; None for a commit without one."""
    verdict: Literal["identical", "within", "differs", "failed"]
    tolerance: Tolerance
    outputs: tuple[Judged, ...]
    failures: Mapping[StageName, str] = {}
    causes: tuple[Cause, ...] = ()
    environment: tuple[ValueChange, ...] = ()
    """In what the environment differs from the one on record."""
    notices: tuple[str, ...] = ()
    seconds: float = 0.0
    folder: str = ""
    """The work tree, where it was kept."""

    @property
    def ok(self) -> bool:
        return self.verdict in ("identical", "within")


def parse_tolerance(words: Iterable[str]) -> Tolerance:
    """What `1e-6` and `auc=0.001` say together; raises `Usage`."""
    every, metrics = EVERY, {}
    for word in words:
        name, equals, written = word.rpartition("=")
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not value >= 0 or math.isinf(value) or (equals and not name.strip()):
            what = f"'{word}' is no tolerance"
            raise Usage(what, fix="--tolerance 1e-6 for all numbers, --tolerance auc=0.001 for one metric")
        if equals:
            metrics[name.strip()] = value
        else:
            every = value
    return Tolerance(every, metrics)


def close(before: float, after: float, tolerance: float) -> bool:
    """Whether two numbers differ by the tolerance at most: absolutely up to 1, beyond relative to the larger."""
    if before == after or (math.isnan(before) and math.isnan(after)):
        return True
    if not (math.isfinite(before) and math.isfinite(after)):
        return False
    return abs(after - before) <= tolerance * max(1.0, abs(before), abs(after))


def numbers(
    before: Mapping[str, float], after: Mapping[str, float], tolerance: Tolerance
) -> tuple[Number, ...]:
    """The numbers that differ, in the order of their names on record."""
    found: list[Number] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            found.append(Number(name, old, new))
        elif not close(old, new, 0.0):
            delta = new - old
            relative = delta / abs(old) if old and math.isfinite(delta) else None
            known = delta if math.isfinite(delta) else None
            found.append(Number(name, old, new, known, relative, close(old, new, tolerance.of(name))))
    return tuple(found)


def same_but_numbers(one: Value, other: Value) -> bool:
    """Whether two nested values are the same wherever neither has a number."""
    if isinstance(one, dict) and isinstance(other, dict):
        plain = [
            key for key in {*one, *other} if not (_is_number(one.get(key)) or _is_number(other.get(key)))
        ]
        return all(key in one and key in other and same_but_numbers(one[key], other[key]) for key in plain)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_but_numbers, one, other))
    return _is_number(one) or _is_number(other) or bool(one == other)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that counts for all of them."""
    return max(verdicts, key=_WORST.index, default="identical")


def unknown_metrics(tolerance: Tolerance, known: Iterable[str]) -> list[str]:
    """Names of metrics behind `--tolerance` that nothing is called."""
    names = set(known)
    return [name for name in tolerance.metrics if name not in names]


def table_verdict(diff: TableDiff, tolerance: Tolerance) -> Verdict:
    """`within` for a table with the same columns and rows whose numbers are close, or that is the same in other
    bytes."""
    if diff.same:
        return "within"
    shape = (
        diff.added or diff.removed or diff.retyped or diff.rows_added or diff.rows_removed or diff.reordered
    )
    if shape or diff.matched not in ("key", "position"):
        return "differs"
    near = all(
        one.largest is not None and not one.other and one.largest <= tolerance.of(one.name)
        for one in diff.changes
    )
    return "within" if near and diff.changes else "differs"


def scores_verdict(scores: Scores, tolerance: Tolerance, column: str) -> Verdict:
    """`identical` for the same predictions on the same rows, whatever their bytes."""
    if scores.unmatched:
        return "differs"
    if not scores.differ:
        return "identical"
    near = scores.largest is not None and scores.largest <= tolerance.of(column) and not scores.flipped
    return "within" if near else "differs"


# ------------------------------------------------------------------ words


def scores_clause(scores: Scores) -> str:
    """How predictions differ, in one line."""
    told = []
    if scores.unmatched:
        told.append(f"{scores.unmatched:,} rows are on one side only")
    if not scores.differ:
        told.append(f"the same {scores.rows:,} predictions")
    elif scores.largest is not None and scores.mean is not None:
        told.append(f"scores by {scores.mean:.3g} on average, {scores.largest:.3g} at most")
    if scores.differ:
        share = scores.flipped / max(scores.rows, 1)
        told.append(f"{scores.flipped:,} of {scores.rows:,} labels changed ({share:.2%})")
    return ", ".join(told)


def numbers_clause(found: Sequence[Number], most: int = 3) -> str:
    """The numbers that differ, those beyond the tolerance first."""
    ordered = sorted(found, key=lambda one: one.within)
    told = [number_clause(one) for one in ordered[:most]]
    return ", ".join([*told, f"{len(found) - most} more"] if len(found) > most else told)


def number_clause(one: Number) -> str:
    if one.before is None:
        return f"{one.name} is new ({one.after:.7g})"
    if one.after is None:
        return f"{one.name} is gone (was {one.before:.7g})"
    moved = [] if one.delta is None else [f"{one.delta:+.3g}".replace("-", "−"), share_words(one.relative)]
    by = ", ".join(filter(None, moved))
    return f"{one.name} {one.before:.7g} → {one.after:.7g}{f' ({by})' if by else ''}"


def share_words(relative: float | None) -> str:
    """A difference as a share of what it was, in two digits: `−0.0093%`."""
    return "" if relative is None else f"{100 * relative:+.2g}%".replace("-", "−")
