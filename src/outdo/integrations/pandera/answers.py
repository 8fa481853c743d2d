"""What pandera says of rows, as a verdict."""

import os

from msgspec import Struct

from outdo.core.verdict import Evidence, Level, Verdict

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "worker.py")
"""The script that asks it."""
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
"""What it is run with where the file names no environment."""


class Request(Struct, frozen=True):
    """The rows, and the schema they have to keep."""

    table: str
    schema: str
    name: str


class Failure(Struct, frozen=True):
    """One check of one column that rows did not keep."""

    column: str
    check: str
    count: int
    whole: bool
    """Whether no single row is to blame."""
    examples: list[tuple[int, str]]
    """Rows, from 1, with their values."""


class Answer(Struct, frozen=True):
    """What came of it."""

    checks: int = 0
    rows: int = 0
    failures: list[Failure] = []
    warnings: list[str] = []
    error: str = ""


def judged(name: str, answer: Answer, level: Level) -> Verdict:
    """The verdict on the rows, with each check that failed as a part. A schema that asks nothing, and no rows at all,
    were not evaluated."""
    if answer.error:
        said = " ".join(answer.error.split())[:200]
        return Verdict(name, "not_evaluated", f"pandera says: {said}", level=level)
    failed = tuple(_part(one, answer.rows) for one in answer.failures)
    warned = tuple(
        Verdict("warning", "failed", one, level="warn", subject="warning") for one in answer.warnings
    )
    parts = failed + warned
    evidence = Evidence(rows=answer.rows)
    if failed:
        said = f"{failed[0].subject}: {failed[0].reason}"
        reason = said if len(failed) == 1 else f"{len(failed)} checks fail, first {said}"
        return Verdict(name, "failed", reason, evidence, level, parts=parts)
    if not answer.checks:
        return Verdict(name, "not_evaluated", "the schema has neither columns nor checks", evidence, level)
    if not answer.rows:
        return Verdict(name, "not_evaluated", "there are no rows", evidence, level)
    told = f"{answer.rows:,} rows keep it" + (f", with {len(warned)} warnings" if warned else "")
    return Verdict(name, "passed", told, evidence, level, parts=parts)


def _part(failure: Failure, rows: int) -> Verdict:
    subject = " ".join(filter(None, (failure.column, failure.check)))
    if failure.whole:
        reason = f"not so: {failure.examples[0][1]}" if failure.examples else "not so"
        return Verdict(subject, "failed", reason, subject=subject)
    shown = tuple(f"row {row:,}: {failure.column or 'value'} = {value}" for row, value in failure.examples)
    evidence = Evidence(rows=rows, unexpected=failure.count, examples=shown)
    reason = f"{failure.count:,} of {rows:,} rows fail it, as {shown[0]}"
    return Verdict(subject, "failed", reason, evidence, subject=subject)
