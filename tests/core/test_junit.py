"""JUnit XML: each test with its ending; what errs or is skipped is not taken for passed, no entity is expanded."""

import pytest

from outdo.core.junit import NotJunit, TestCase, judged_tests, read_junit

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.071">
<testcase classname="tests.test_data" name="test_rows" time="0.001" />
<testcase classname="tests.test_data" name="test_delay[JFK]" time="0.002">
  <failure message="AssertionError: 3 late&#10;assert 3 == 0">def test...</failure></testcase>
<testcase classname="" name="tests.test_gone" time="0.000"><error message="collection failure">E no</error></testcase>
<testcase classname="tests.test_data" name="test_later" time="0.0">
  <skipped type="pytest.skip" message="no labels yet">/x.py:3: no labels yet</skipped></testcase>
</testsuite></testsuites>"""
PASSED, FAILED, ERRED, SKIPPED = [TestCase(end, end) for end in ("passed", "failed", "error", "skipped")]


def test_each_test_is_told_with_its_ending() -> None:
    assert read_junit(PYTEST) == [
        TestCase("tests.test_data::test_rows", "passed", "", 0.001),
        TestCase("tests.test_data::test_delay[JFK]", "failed", "AssertionError: 3 late", 0.002),
        TestCase("tests.test_gone", "error", "collection failure"),
        TestCase("tests.test_data::test_later", "skipped", "no labels yet"),
    ]


def test_a_suite_alone_and_a_message_in_the_text_are_read() -> None:
    text = b'<testsuite><testcase name="a" time="1,000.5"><failure>\n it broke\nhere</failure></testcase></testsuite>'
    assert read_junit(text) == [TestCase("a", "failed", "it broke", 1000.5)]


def test_the_gravest_of_several_endings_counts() -> None:
    text = b'<testsuite><testcase name="a"><error message="teardown"/><failure message="no"/></testcase></testsuite>'
    assert read_junit(text) == [TestCase("a", "error", "teardown")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is no XML"),
        (b"<testsuite>", "it is no XML"),
        (b"<html/>", "it begins with <html>"),
        (b"<testsuite>" + b"<testsuite>" * 100, "it nests too deeply"),
        (
            b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>',
            "it declares a document",
        ),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>', "it declares a document"),
    ],
)
def test_what_is_none_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(NotJunit, match=reason):
        read_junit(text)


@pytest.mark.parametrize(
    ("cases", "outcome", "reason"),
    [
        ([PASSED], "passed", "it passes"),
        ([PASSED, PASSED], "passed", "all 2 tests pass"),
        ([PASSED, SKIPPED], "passed", "1 skipped, 1 passed"),
        ([SKIPPED], "not_evaluated", "1 skipped"),
        ([PASSED, ERRED], "not_evaluated", "1 with an error, 1 passed"),
        ([ERRED, FAILED, PASSED], "failed", "1 with an error, 1 failed, 1 passed"),
        ([], "not_evaluated", "there is no test"),
    ],
)
def test_a_run_of_tests_passes_only_by_tests_that_pass(
    cases: list[TestCase], outcome: str, reason: str
) -> None:
    verdict = judged_tests("tests", cases)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert len(verdict.parts) == len(cases)
