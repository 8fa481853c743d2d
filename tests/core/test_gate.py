"""Whether a model may pass: in doubt, and where nothing was evaluated, it does not."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.gate import beats, corrected, first, lead, round_up, surely_within, together, within
from outdo.core.statistics.difference import Difference, normal
from outdo.core.verdict import Evidence, Outcome, Verdict, lets_through, overall, worst
from outdo.core.written import Bound, NumberBound

AT_LEAST = NumberBound.written(">= 0.7")


def found(value: float, error: float = 0.01, margin: float = 0.0) -> Difference:
    return normal(value, error, 1000, confidence=0.95, margin=margin, method="DeLong")


@pytest.mark.parametrize(
    ("value", "margin", "standing", "outcome"),
    [
        (0.03, 0.0, "better", "passed"),
        (0.0, -0.03, "not worse", "passed"),
        (0.05, -0.03, "better", "passed"),
        (0.01, 0.0, "can't tell", "inconclusive"),
        (0.03, 0.02, "can't tell", "inconclusive"),
        (0.0, 0.05, "not better enough", "failed"),
        (-0.03, 0.0, "worse", "failed"),
        (-0.06, -0.03, "worse", "failed"),
        (-0.03, -0.03, "can't tell", "inconclusive"),
    ],
)
def test_where_a_challenger_stands(value: float, margin: float, standing: str, outcome: str) -> None:
    where = lead(found(value, margin=margin), margin=margin, confidence=0.95)
    assert (where.standing, where.outcome) == (standing, outcome)


def test_doubt_says_how_many_rows_would_settle_it() -> None:
    verdict = beats("auc", found(0.01), (0.71, 0.70))
    assert verdict.outcome == "inconclusive"
    assert verdict.reason == (
        "can't tell on 1,000 rows (would need about 6,200): it leads by 0.01, and they would show 0.02486"
    )
    assert verdict.evidence.needed == 6200


def test_no_number_of_rows_is_named_where_no_lead_is_seen() -> None:
    verdict = beats("auc", found(-0.001), (0.7, 0.701))
    assert verdict.evidence.needed is None
    assert "no lead is seen" in verdict.reason


def test_being_one_of_many_takes_more_evidence() -> None:
    one = found(0.0200)
    p = corrected({"auc": one.p, "f1": 0.01, "recall": 0.2, "brier": 0.3})["auc"]
    assert beats("auc", one, (0.72, 0.70)).outcome == "passed"
    assert beats("auc", one, (0.72, 0.70), corrected=p).outcome == "inconclusive"


def test_a_first_model_passes_and_says_why() -> None:
    assert (first("auc").outcome, first("auc").reason) == ("passed", "there is no champion yet")


@pytest.mark.parametrize(("value", "outcome"), [(0.7, "passed"), (0.69, "failed"), (nan, "not_evaluated")])
def test_a_number_is_held_against_its_bound(value: float, outcome: str) -> None:
    assert within("metric auc", value, AT_LEAST).outcome == outcome


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.71, 0.8, "passed"), (0.6, 0.65, "failed"), (0.6, 0.8, "inconclusive"), (None, None, "not_evaluated")],
)
def test_an_interval_passes_only_as_a_whole(low: float | None, high: float | None, outcome: str) -> None:
    assert surely_within("auc", AT_LEAST, Evidence(low=low, high=high)).outcome == outcome


def test_nothing_at_all_was_not_evaluated() -> None:
    assert overall([]) == "not_evaluated"
    assert together("slices", [], nothing="no slice has 100 rows").reason == "no slice has 100 rows"


def test_a_warning_stops_nothing() -> None:
    assert overall([Verdict("a", "passed", ""), Verdict("b", "failed", "", level="warn")]) == "passed"


@pytest.mark.parametrize("bad", ["failed", "inconclusive", "not_evaluated"])
def test_one_that_did_not_pass_keeps_the_whole_from_passing(bad: Outcome) -> None:
    assert overall([Verdict("a", "passed", ""), Verdict("b", bad, "")]) == bad


@given(st.lists(st.sampled_from(["passed", "inconclusive", "not_evaluated", "failed"]), min_size=1))
def test_only_what_passed_as_a_whole_is_let_through(outcomes: list[Outcome]) -> None:
    assert lets_through(worst(outcomes)) == (set(outcomes) == {"passed"})


def test_doubt_goes_on_only_where_the_file_says_so() -> None:
    assert [lets_through("inconclusive", doubt) for doubt in ("stop", "ask", "go")] == [False, False, True]
    assert not lets_through("not_evaluated", "go")


def test_a_bound_can_speak_of_the_champion() -> None:
    bound = Bound.written("< champion - 0.02")
    assert bound.holds(0.67, champion=0.7)
    assert not bound.holds(0.69, champion=0.7)
    assert not bound.holds(0.0)


@pytest.mark.parametrize(("rows", "told"), [(5, 6), (99, 100), (6182.1, 6200), (123456, 130000)])
def test_estimates_of_rows_have_two_digits(rows: float, told: int) -> None:
    assert round_up(rows) == told
