"""Whether a version may be promoted, and what would move."""

import pytest
from msgspec.structs import replace

from outdo.core.errors import BadTarget
from outdo.core.paths import OwnPath
from outdo.core.promote import Hindrance, Move, Standing, moves, on_the_way, prove, way
from outdo.core.rules import Beats
from outdo.core.sections import Approvals, Environment, Model
from outdo.core.verdict import Doubt, Judgement, Verdict

PASSED = Verdict("size", "passed", "1MB is <= 2MB")
FAILED = Verdict("metric auc", "failed", "0.6 is not >= 0.7")
DOUBT = Verdict("beats champion auc", "inconclusive", "no lead is seen")
SKIPPED = Verdict("latency", "not_evaluated", "it is not measured yet")
MODEL = Model(OwnPath("model"), gates=(Beats("auc"),))
GOOD = Judgement("model", "delay", "d", "k", (PASSED,), 1.0, champion="delay/6", rules="gates")
STANDING = Standing("delay", 7, "d", "gates", {"champion": 6, "staging": 7}, [GOOD], "outdo check delay")
ENVIRONMENTS = {
    "staging": Environment(("delay",)),
    "production": Environment(("delay",), after="staging"),
    "lab": Environment(("other",)),
}


def against(*judgements: Judgement, model: Model = MODEL, **changes: object) -> list[str]:
    """What stands against the version with these judgements."""
    found = prove(replace(STANDING, judgements=judgements, **changes), model)
    return [each.what for each in found.hindrances]


def said(*verdicts: Verdict) -> Judgement:
    return replace(GOOD, verdicts=verdicts)


def test_a_version_that_passed_all_gates_beside_the_champion_may_go() -> None:
    assert prove(STANDING, MODEL).judgement == GOOD
    assert against(GOOD) == []


def test_each_gate_that_did_not_pass_is_against_it() -> None:
    assert against(said(PASSED, FAILED, SKIPPED)) == [
        "metric auc: 0.6 is not >= 0.7",
        "latency: it is not measured yet",
    ]


def test_a_gate_that_only_warns_is_not() -> None:
    assert against(said(replace(FAILED, level="warn"))) == []


@pytest.mark.parametrize(("doubt", "expected"), [("stop", "shut"), ("ask", "asks"), ("go", "open")])
def test_what_doubt_leads_to_stands_in_the_file(doubt: Doubt, expected: str) -> None:
    found = prove(replace(STANDING, judgements=[said(DOUBT)]), replace(MODEL, doubt=doubt))
    assert way(found.hindrances) == expected


def test_doubt_beside_a_failure_is_no_question() -> None:
    found = prove(replace(STANDING, judgements=[said(DOUBT, FAILED)]), replace(MODEL, doubt="ask"))
    assert way(found.hindrances) == "shut"


@pytest.mark.parametrize(
    ("judgements", "why"),
    [
        ([], "its gates were not judged yet"),
        ([replace(GOOD, subject="other")], "its gates were not judged yet"),
        ([replace(GOOD, kind="data")], "its gates were not judged yet"),
        ([replace(GOOD, rules="others")], "its gates have changed since they were judged"),
        ([replace(GOOD, rules="")], "its gates have changed since they were judged"),
        (
            [replace(GOOD, champion="delay/5")],
            "it was judged beside delay/5, and delay/6 is the champion now",
        ),
        (
            [replace(GOOD, champion="")],
            "it was judged when there was no champion, and delay/6 is the champion now",
        ),
        ([replace(GOOD, verdicts=())], "no gate was evaluated"),
    ],
)
def test_what_says_nothing_of_these_gates_and_this_champion_is_no_proof(
    judgements: list[Judgement], why: str
) -> None:
    assert against(*judgements) == [why]


def test_the_newest_judgement_counts() -> None:
    assert against(GOOD, replace(GOOD, verdicts=(FAILED,), at=2.0)) == ["metric auc: 0.6 is not >= 0.7"]
    assert against(replace(GOOD, verdicts=(FAILED,)), replace(GOOD, at=2.0)) == []


def test_a_judgement_of_other_gates_hides_none_of_these() -> None:
    assert against(GOOD, replace(GOOD, rules="others", verdicts=(FAILED,), at=2.0)) == []


def test_the_champion_itself_is_not_held_against_itself() -> None:
    assert against(replace(GOOD, champion="delay/5"), aliases={"champion": 7}) == []


def test_a_model_without_gates_has_proven_nothing() -> None:
    assert against(GOOD, gates="") == ["model 'delay' has no gates, so nothing was proven"]
    assert prove(STANDING, None).hindrances != ()


def test_the_last_environment_has_the_champion() -> None:
    assert moves(STANDING, "production", ENVIRONMENTS) == (Move("production", None), Move("champion", 6))
    assert moves(replace(STANDING, number=8), "staging", ENVIRONMENTS) == (Move("staging", 7),)
    assert moves(STANDING, "champion", {}) == (Move("champion", 6),)


def test_nothing_moves_where_the_version_is_there_already() -> None:
    assert moves(STANDING, "staging", ENVIRONMENTS) == ()


@pytest.mark.parametrize(
    ("to", "why", "fix"),
    [
        ("produktion", "declares no environment 'produktion'", "did you mean 'production'?"),
        ("lab", "'delay' is no model of lab", "those are: other"),
    ],
)
def test_a_version_goes_only_where_the_file_says(to: str, why: str, fix: str) -> None:
    with pytest.raises(BadTarget, match=why) as caught:
        moves(STANDING, to, ENVIRONMENTS)
    assert caught.value.fix == fix


def test_an_environment_after_another_wants_the_version_there_first() -> None:
    assert on_the_way(STANDING, "production", ENVIRONMENTS) == ()
    assert on_the_way(replace(STANDING, number=8), "production", ENVIRONMENTS) == (
        Hindrance(
            "production comes after staging, and delay/8 is not there", "outdo promote delay/8 --to staging"
        ),
    )


def test_approvals_that_nobody_can_give_are_not_given() -> None:
    policy = {"production": Environment(("delay",), approvals=Approvals(2))}
    [found] = on_the_way(STANDING, "production", policy)
    assert found.what == "production asks for 2 approvals, which nobody can give yet"
