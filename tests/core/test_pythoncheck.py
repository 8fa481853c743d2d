"""What a function says of data: a truth, rows or a mapping, and never a pass by saying nothing."""

import pytest
from msgspec import json

from outdo.core.pythoncheck import Answer, judged
from outdo.core.rules import Asserted, Rows
from outdo.core.written import NumberBound
from outdo.run.pythonworker import answered

RULE = Asserted(Rows(NumberBound.written("> 1")))


def told(value: object, mostly: float = 1.0) -> tuple[str, str]:
    answer = json.decode(json.encode(answered(value)), type=Answer)
    verdict = judged("checks.py:f", answer, Asserted(RULE.check, mostly=mostly))
    return verdict.outcome, verdict.reason


@pytest.mark.parametrize(
    ("value", "mostly", "outcome", "reason"),
    [
        (True, 1, "passed", "it says so"),
        (False, 1, "failed", "it says no"),
        ([], 1, "passed", "0 rows are not as expected"),
        ([7, 3], 1, "failed", "2 rows are not as expected"),
        ({"passed": True, "reason": "fine", "value": 0.5}, 1, "passed", "fine"),
        ({"unexpected": 2, "rows": 10}, 1, "failed", "2 of 10 rows are not as expected"),
        ({"unexpected": 2, "rows": 10}, 0.8, "passed", "2 of 10 rows are not as expected"),
        ([7], 0.9, "not_evaluated", "with 'mostly' it has to say 'rows' too"),
        ({"passed": True, "rows": 0}, 1, "not_evaluated", "there are no such rows"),
        ({"reason": "well"}, 1, "not_evaluated", "it said neither 'passed' nor 'unexpected'"),
        (None, 1, "not_evaluated",
         "it returned nothing, and not true or false, a list of row numbers or a mapping"),
        ("yes", 1, "not_evaluated", "it returned str, and not true or false, a list of row numbers or a mapping"),
        ([1.5], 1, "not_evaluated", "it returned a list of what are no numbers of rows"),
    ],
)  # fmt: skip
def test_what_it_returns_is_a_verdict(value: object, mostly: float, outcome: str, reason: str) -> None:
    assert told(value, mostly) == (outcome, reason)


def test_rows_are_shown_by_their_numbers() -> None:
    assert judged("f", Answer(rows=(3, 1007), count=2), RULE).evidence.examples == ("row 3", "row 1,007")
