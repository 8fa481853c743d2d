"""How a command that tests a model ended, to a verdict."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.junit import TestCase, judged_tests
from outdo.core.verdict import Evidence, Outcome, Verdict

_NOT_THERE = (126, 127)
_NOTHING_COLLECTED = 5


class Tested(Struct, frozen=True):
    """One run of the command."""

    ending: Literal["exited", "signalled", "timeout", "cancelled", "unstartable"]
    code: int | None = None
    """The exit code, or the signal that ended it."""
    message: str = ""
    cases: Sequence[TestCase] | None = None
    """The tests that it told of; None where it wrote no results."""
    trouble: str = ""
    """Why results that it should have written can't be read."""
    pytest: bool = False
    log: str = ""


def judged_command(name: str, found: Tested) -> Verdict:
    """The verdict on a command and the tests in it: it passes where both say so. No test at all is not evaluated."""
    log = Evidence(examples=(f"see {found.log}",)) if found.log else Evidence()
    if found.ending == "unstartable" or (found.ending == "exited" and found.code in _NOT_THERE):
        return Verdict(name, "not_evaluated", found.message or "the command can't be started", log)
    if found.ending == "cancelled":
        return Verdict(name, "not_evaluated", "it was stopped", log)
    if found.ending == "timeout":
        return Verdict(name, "failed", f"it did not end in {found.message}", log)
    if found.ending == "signalled":
        return Verdict(name, "failed", f"signal {found.code} ended it", log)
    if found.pytest and found.code == _NOTHING_COLLECTED:
        return Verdict(name, "not_evaluated", "there is no test", log)
    if found.cases is None or found.trouble:
        outcome: Outcome = "failed" if found.code else "not_evaluated" if found.trouble else "passed"
        told = [f"exit code {found.code}", *([found.trouble] if found.trouble else [])]
        return Verdict(name, outcome, "; ".join(told), log)
    verdict = judged_tests(name, found.cases)
    if found.code and verdict.outcome != "failed":
        return replace(verdict, outcome="failed", reason=f"exit code {found.code}; {verdict.reason}")
    return verdict
