"""What Great Expectations itself is asked, and what its answers mean."""

import os
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from outdo.core.verdict import Evidence, Outcome, Verdict
from outdo.integrations.gx.question import NO_ROWS, Left
from outdo.integrations.gx.suite import Expectation

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "worker.py")
"""The script that asks it."""
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
"""What it is run with."""
_SCOPE = ("row_condition", "condition_parser")


class Wanted(Struct, frozen=True):
    """An expectation, and the file with the rows that it is about."""

    table: str
    expectation: dict[str, Any]


class Answer(Struct, frozen=True):
    """What came of it."""

    success: bool = False
    result: dict[str, Any] = {}
    error: str = ""


def wanted(expectation: Expectation, table: str) -> Wanted:
    """The request; the rows in the file are those that the row condition leaves."""
    kwargs = {key: value for key, value in expectation.kwargs.items() if key not in _SCOPE}
    return Wanted(table, {"type": expectation.type, "kwargs": kwargs})


def unanswered(left: Left, reason: str) -> Verdict:
    """The verdict where Great Expectations could not be asked."""
    told = f"{left.reason}, and Great Expectations can't be asked: {reason}"
    return Verdict(left.name, "not_evaluated", told, level=left.level, subject=left.subject)


def answered(left: Left, answer: Answer) -> Verdict:
    """The verdict by Great Expectations itself."""
    found, rows = answer.result, None
    if answer.error:
        reason = f"Great Expectations says: {' '.join(answer.error.split())[:200]}"
        return Verdict(left.name, "not_evaluated", reason, level=left.level, subject=left.subject)
    if isinstance(total := found.get("element_count"), int):
        rows = total - (found.get("missing_count") or 0)
        if rows == 0:
            return Verdict(left.name, "not_evaluated", NO_ROWS, level=left.level, subject=left.subject)
    bad, seen = found.get("unexpected_count"), found.get("observed_value")
    name = left.name.rpartition(" ")[2]
    shown = tuple(f"{name} = {value}" for value in _some(found.get("partial_unexpected_list")))
    evidence = Evidence(
        value=bad / rows if rows and isinstance(bad, int) else seen if isinstance(seen, float) else None,
        rows=rows,
        unexpected=bad if isinstance(bad, int) else None,
        missing=found.get("missing_count"),
        observed=seen,
        examples=shown,
        method="Great Expectations",
    )
    reason = "Great Expectations says so"
    if rows and isinstance(bad, int):
        told = f"all but {bad:,} of {rows:,} rows are" if bad else f"all {rows:,} rows are"
        told = told if answer.success else f"{bad:,} of {rows:,} rows ({100 * bad / rows:.3g} %) are not"
        reason = f"{told} as expected, says Great Expectations"
    outcome: Outcome = "passed" if answer.success else "failed"
    return Verdict(left.name, outcome, reason, evidence, left.level, subject=left.subject)


def _some(values: Any) -> Iterable[str]:
    return (str(value)[:60] for value in values[:20]) if isinstance(values, list) else ()
