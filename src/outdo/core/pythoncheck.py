"""What a function of the project says of data, as a verdict."""

from msgspec import Struct

from outdo.core.rules import Asserted
from outdo.core.verdict import Evidence, Verdict

EXAMPLES = 20


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    """What a function may say in a mapping; one that says neither `passed` nor `unexpected` has said nothing."""

    passed: bool | None = None
    reason: str = ""
    value: float | None = None
    rows: int | None = None
    """The rows that it judged."""
    unexpected: int | None = None
    """How many of them are not as expected."""
    examples: tuple[str | int, ...] = ()
    """Some of these: their numbers, or texts."""


class Answer(Struct, frozen=True):
    """What came of a call."""

    passed: bool | None = None
    rows: tuple[int, ...] | None = None
    """The rows that are not as expected."""
    count: int = 0
    said: Said | None = None
    error: str = ""


def judged(name: str, answer: Answer, asserted: Asserted) -> Verdict:
    """The verdict: as the function says, or by how many rows are not as expected."""
    if answer.error:
        return _unfit(name, " ".join(answer.error.split())[:300])
    said = answer.said
    if answer.rows is not None:
        said = Said(unexpected=answer.count, examples=answer.rows)
    elif answer.passed is not None:
        said = Said(answer.passed)
    if said is None or (said.passed is None and said.unexpected is None):
        return _unfit(name, "it said neither 'passed' nor 'unexpected'")
    if said.rows == 0:
        return _unfit(name, "there are no such rows")
    examples = [f"row {each:,}" if isinstance(each, int) else each for each in said.examples[:EXAMPLES]]
    share = said.unexpected / said.rows if said.unexpected is not None and said.rows else None
    evidence = Evidence(
        value=said.value if said.value is not None else share,
        rows=said.rows,
        unexpected=said.unexpected,
        examples=tuple(examples),
    )
    passed = said.passed
    if passed is None and asserted.mostly < 1 and said.unexpected:
        if said.rows is None:
            return _unfit(name, "with 'mostly' it has to say 'rows' too")
        passed = (said.rows - said.unexpected) / said.rows >= asserted.mostly
    elif passed is None:
        passed = not said.unexpected
    of = "" if said.rows is None else f" of {said.rows:,}"
    counted = "" if said.unexpected is None else f"{said.unexpected:,}{of} rows are not as expected"
    reason = said.reason or counted or ("it says so" if passed else "it says no")
    return Verdict(name, "passed" if passed else "failed", reason, evidence)


def _unfit(name: str, reason: str) -> Verdict:
    return Verdict(name, "not_evaluated", reason)
