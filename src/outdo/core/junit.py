"""JUnit XML, as pytest and most other runners write it, to its tests, and these to a verdict.

The text may come from anyone: document types, and with them entities, are refused, and so is what is too large.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Literal
from xml.parsers import expat

from msgspec import Struct

from outdo.core.verdict import Evidence, Level, Outcome, Verdict, overall

LARGEST = 64 << 20
"""Bytes of a file that is read."""
_DEEPEST = 64
_LONGEST = 500
"""Characters of a message."""
_FOUND: dict[str, "Ending"] = {"failure": "failed", "error": "error", "skipped": "skipped"}

Ending = Literal["passed", "failed", "error", "skipped"]


class NotJunit(ValueError):
    """A text is no JUnit XML; it says why."""


class TestCase(Struct, frozen=True):
    """One test, and how it ended."""

    __test__ = False

    name: str
    """With its class or file before it: `tests.test_data::test_no_flight_is_late_twice`."""
    ending: Ending
    message: str = ""
    """The first line of why it failed or was skipped."""
    seconds: float = 0.0


def read_junit(content: bytes) -> list[TestCase]:
    """The tests in a JUnit XML file, in their order; raises `NotJunit`."""
    if len(content) > LARGEST:
        raise NotJunit(f"it is larger than {LARGEST >> 20} MB")
    reading = _Reading()
    try:
        reading.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise NotJunit(f"it is no XML: {error}") from None
    return reading.cases


class _Reading:
    """The tests met so far. A test that tells of several endings, as one whose teardown fails, has the gravest."""

    def __init__(self) -> None:
        self.cases: list[TestCase] = []
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refused
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[str] = []
        self._case: dict[str, str] | None = None
        self._ending: Ending = "passed"
        self._message = ""
        self._said: list[str] | None = None

    def _refused(self, *_: object) -> None:
        raise NotJunit("it declares a document type, which is not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if not self._open and tag not in ("testsuites", "testsuite"):
            raise NotJunit(f"it begins with <{tag[:40]}>, not with <testsuites>")
        self._open.append(tag)
        if len(self._open) > _DEEPEST:
            raise NotJunit("it nests too deeply")
        if tag == "testcase":
            self._case, self._ending, self._message = attributes, "passed", ""
        elif tag in _FOUND and self._case is not None and self._open[-2] == "testcase":
            ending = _FOUND[tag]
            if _GRAVE.index(ending) > _GRAVE.index(self._ending):
                self._ending, self._message = ending, attributes.get("message", "")
                self._said = [] if not self._message.strip() else None

    def _text(self, text: str) -> None:
        if self._said is not None:
            self._said.append(text)

    def _end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        self._open.pop()
        if tag in _FOUND and self._said is not None:
            self._message, self._said = "".join(self._said), None
        if tag != "testcase" or self._case is None:
            return
        found, self._case = self._case, None
        name = "::".join(part for part in (found.get("classname"), found.get("name")) if part)
        self.cases.append(
            TestCase(name or "a test", self._ending, _first_line(self._message), _seconds(found.get("time")))
        )


_GRAVE: Sequence[Ending] = ("passed", "skipped", "failed", "error")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:_LONGEST]


def _seconds(text: str | None) -> float:
    try:
        seconds = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if isfinite(seconds) and seconds >= 0 else 0.0


_OUTCOMES: dict[Ending, Outcome] = {
    "passed": "passed",
    "failed": "failed",
    "error": "not_evaluated",
    "skipped": "not_evaluated",
}


def judged_tests(name: str, cases: Sequence[TestCase], level: Level = "fail") -> Verdict:
    """The verdict on a run of tests, each of them a part. A test that errs was not evaluated. One that was skipped was
    not either: it is told and stops nothing, as long as another one passed."""
    parts = tuple(_part(case) for case in cases)
    passed = sum(part.outcome == "passed" for part in parts)
    outcome = overall(parts)
    if outcome == "passed" and not passed:
        outcome = "not_evaluated"
    evidence = Evidence(rows=len(cases), unexpected=len(cases) - passed)
    return Verdict(name, outcome, _told(cases), evidence, level, parts=parts)


def _part(case: TestCase) -> Verdict:
    reason = case.message or f"it {'ended with an error' if case.ending == 'error' else case.ending}"
    if case.ending == "skipped":
        reason = f"skipped: {case.message}" if case.message else "skipped"
    level: Level = "warn" if case.ending == "skipped" else "fail"
    return Verdict(case.name, _OUTCOMES[case.ending], reason, level=level, subject=case.name)


def _told(cases: Sequence[TestCase]) -> str:
    if not cases:
        return "there is no test"
    counts = {ending: sum(case.ending == ending for case in cases) for ending in reversed(_GRAVE)}
    if counts["passed"] == len(cases):
        return "it passes" if len(cases) == 1 else f"all {len(cases)} tests pass"
    words = {"error": "with an error", "failed": "failed", "skipped": "skipped", "passed": "passed"}
    return ", ".join(f"{count} {words[ending]}" for ending, count in counts.items() if count)
