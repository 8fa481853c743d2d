"""What the test data share with the training data, and which column tells the label alone, to verdicts."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from outdo.core.modelgates import Leakage
from outdo.core.verdict import Evidence, Outcome, Verdict

_SHOWN = 20


class Overlap(Struct, frozen=True):
    """Rows of the test data that the training data have too."""

    rows: int
    among: int
    examples: tuple[str, ...] = ()


class Leaks(Struct, frozen=True):
    """What was found; None where it was not asked for, and a text where it could not be found."""

    alone: Mapping[str, float] | str | None = None
    """For each column the area under the ROC curve by which it alone tells the label, at least 0.5."""
    train_rows: int = 0
    shared: Overlap | str | None = None
    entities: Overlap | str | None = None
    late: Overlap | str | None = None
    """Rows of the test data that are no later than the last of training."""
    last: str = ""


def judged_leaks(gate: Leakage, found: Leaks) -> list[Verdict]:
    """A verdict for each kind of leak that was looked for."""
    verdicts = [] if found.alone is None else [_alone(gate, found.alone, found.train_rows)]
    most = 0.0 if gate.duplicates is None else gate.duplicates.part
    for name, overlap, words, share in (
        ("rows", found.shared, "are in the training data too", most),
        ("entities", found.entities, f"share {', '.join(gate.entities)} with the training data", 0.0),
        ("time", found.late, f"are no later than the last of training, {found.last}", 0.0),
    ):
        if overlap is not None:
            verdicts.append(_overlap(f"leakage {name}", overlap, words, share))
    return verdicts


def _alone(gate: Leakage, found: Mapping[str, float] | str, rows: int) -> Verdict:
    title = "leakage one column"
    if isinstance(found, str):
        return Verdict(title, "not_evaluated", found)
    if not found:
        return Verdict(title, "not_evaluated", "there is no column beside the label")
    order = sorted(found, key=lambda name: -found[name])
    over = [name for name in order if found[name] >= gate.alone]
    told = f"'{order[0]}' alone tells the label with an area of {found[order[0]]:.4g}"
    evidence = Evidence(
        value=found[order[0]], bound=f"< {gate.alone:g}", rows=rows, unexpected=len(over), method="rank AUC",
        examples=tuple(f"{name} {found[name]:.4g}" for name in (over or order)[:_SHOWN]),
    )  # fmt: skip
    more = f", and {len(over) - 1} more do" if len(over) > 1 else ""
    if over:
        return Verdict(title, "failed", told + more, evidence)
    return Verdict(title, "passed", f"{told}, the most of {len(found)} columns", evidence)


def _overlap(title: str, found: Overlap | str, words: str, share: float) -> Verdict:
    if isinstance(found, str):
        return Verdict(title, "not_evaluated", found)
    if not found.among:
        return Verdict(title, "not_evaluated", "the test data have no rows")
    evidence = Evidence(
        value=found.rows / found.among, bound=f"<= {share:.4g}", rows=found.among, unexpected=found.rows,
        examples=found.examples,
    )  # fmt: skip
    outcome: Outcome = "passed" if found.rows <= share * found.among else "failed"
    count = "none" if not found.rows else f"{found.rows:,}"
    return Verdict(title, outcome, f"{count} of {found.among:,} test rows {words}", evidence)


def of_each(columns: Sequence[str], without: Sequence[str]) -> list[str]:
    """The columns but these, in their order."""
    return [name for name in columns if name not in without]
