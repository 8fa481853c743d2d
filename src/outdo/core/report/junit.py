"""A report as JUnit XML, which CI servers show as tests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from outdo.core.report.told import WORDS, Judged, Report, fallen, state, stops
from outdo.core.sketch import visible
from outdo.core.verdict import Verdict


def junit(report: Report, at: float) -> str:
    """The report as a file: a suite for each path and model, a test for each verdict; `at` is in seconds since 1970.

    It keeps to what the schemas of Ant and of Jenkins have in common."""
    suites = [
        line for place, one in enumerate(report.judged) for line in _suite(one, report.project, place, at)
    ]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>", ""])


def _suite(one: Judged, project: str, place: int, at: float) -> Iterator[str]:
    endings = [_ending(verdict) for verdict in one.verdicts]
    attributes = {
        "id": place,
        "name": one.name,
        "package": project or "outdo",
        "timestamp": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}",
        "hostname": "localhost",
        "tests": len(one.verdicts),
        "failures": endings.count("failure"),
        "errors": endings.count("error"),
        "skipped": endings.count("skipped"),
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
    tag = _ending(verdict)
    if not tag:
        yield f"{head}/>"
        return
    yield f"{head}>"
    if tag == "skipped":
        yield f"      <skipped {_said({'message': f'{WORDS[state(verdict)]}: {verdict.reason}'})}/>"
    else:
        told = "\n".join(_details(verdict))
        yield f"      <{tag} {_said({'type': verdict.outcome, 'message': verdict.reason})}>{_text(told)}</{tag}>"
    yield "    </testcase>"


def _ending(verdict: Verdict) -> str:
    """The element that tells how it came out, none where it passed. Whatever stops is red on every server: what is
    known to be wrong as a failure, what could not be told as an error."""
    if verdict.outcome == "passed":
        return ""
    if not stops(verdict):
        return "skipped"
    return "failure" if verdict.outcome == "failed" else "error"


def _details(verdict: Verdict) -> Iterator[str]:
    """The parts that did not pass, and the rows that were not expected."""
    yield from (f"{part.subject}: {part.reason}" for part in fallen(verdict))
    yield from verdict.evidence.examples


def _said(attributes: dict[str, object]) -> str:
    return " ".join(f'{name}="{escape(visible(str(value)))}"' for name, value in attributes.items())


def _text(lines: str) -> str:
    return escape("\n".join(map(visible, lines.split("\n"))), quote=False)
