"""A report as JUnit XML, which CI servers show as tests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from outdo.core.report.told import Judged, Report, State, counted, state
from outdo.core.sketch import visible
from outdo.core.verdict import Verdict

_TOLD_AS = {"failed": "failure", "inconclusive": "error", "not_evaluated": "error", "warned": "skipped"}
"""Whatever stops is red on every server: what is known to be wrong as a failure, what could not be told as an error."""


def junit(report: Report, at: float) -> str:
    """The report as a file: a suite for each path and model, a test for each verdict; `at` is in seconds since 1970.

    It keeps to what the schemas of Ant and of Jenkins have in common."""
    suites = [
        line for place, one in enumerate(report.judged) for line in _suite(one, report.project, place, at)
    ]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>", ""])


def _suite(one: Judged, project: str, place: int, at: float) -> Iterator[str]:
    counts = counted(one.verdicts)
    attributes = {
        "id": place,
        "name": one.name,
        "package": project or "outdo",
        "timestamp": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}",
        "hostname": "localhost",
        "tests": len(one.verdicts),
        "failures": counts.get("failed", 0),
        "errors": counts.get("inconclusive", 0) + counts.get("not_evaluated", 0),
        "skipped": counts.get("warned", 0),
        "time": f"{one.seconds:.3f}",
    }
    yield f"  <testsuite {_said(attributes)}>"
    yield "    <properties/>"
    for verdict in one.verdicts:
        yield from _case(verdict, one.name)
    told = "\n".join(f"{verdict.name}: {visible(verdict.reason)}" for verdict in one.verdicts)
    yield f"    <system-out>{_text(told)}</system-out>"
    yield "    <system-err/>"
    yield "  </testsuite>"


def _case(verdict: Verdict, subject: str) -> Iterator[str]:
    head = f"    <testcase {_said({'classname': subject, 'name': verdict.name, 'time': '0'})}"
    now: State = state(verdict)
    if now == "passed":
        yield f"{head}/>"
        return
    tag = _TOLD_AS[now]
    yield f"{head}>"
    message = f"warning: {verdict.reason}" if tag == "skipped" else verdict.reason
    if tag == "skipped":
        yield f"      <skipped {_said({'message': message})}/>"
    else:
        told = "\n".join(_details(verdict))
        yield f"      <{tag} {_said({'type': now, 'message': message})}>{_text(told)}</{tag}>"
    yield "    </testcase>"


def _details(verdict: Verdict) -> Iterator[str]:
    """The parts that did not pass, and the rows that were not expected."""
    for part in verdict.parts:
        if part.outcome != "passed":
            yield f"{part.subject or part.name}: {part.reason}"
    yield from verdict.evidence.examples


def _said(attributes: dict[str, object]) -> str:
    return " ".join(f'{name}="{escape(visible(str(value)))}"' for name, value in attributes.items())


def _text(lines: str) -> str:
    return escape("\n".join(map(visible, lines.split("\n"))), quote=False)
