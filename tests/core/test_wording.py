"""Reasons in words."""

import pytest

from outdo.core.model import Action, Reason, StageName
from outdo.core.wording import clauses, duration, phrase, size

FEATURES = StageName("features")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason("never_ran"), "never ran"),
        (Reason("dependency_changed", "src/a.py", "x", "y"), "src/a.py changed"),
        (Reason("param_changed", "split.month", 6, 7), "params split.month 6 → 7"),
        (Reason("param_changed", "on", True, None), "params on true → none"),
        (Reason("env", "SEED", "1", "2"), "variable SEED 1 → 2"),
        (Reason("upstream", "features"), "features runs"),
        (Reason("lost", "model"), "the store has lost model"),
    ],
)
def test_a_reason_is_a_clause(reason: Reason, words: str) -> None:
    assert phrase(reason) == words


def test_changed_lines_are_counted_where_they_are_known() -> None:
    assert phrase(Reason("dependency_changed", "a.py"), lines={"a.py": (3, 1)}) == "a.py changed (+3 −1)"


def test_a_stage_above_that_is_restored_is_said_to_be() -> None:
    actions = {FEATURES: Action(FEATURES, "restore")}
    assert phrase(Reason("upstream", "features"), actions) == "features is restored"


def test_only_the_first_reasons_are_told() -> None:
    reasons = tuple(Reason("output_missing", path) for path in "abcde")
    assert clauses(Action(FEATURES, "run", reasons), most=2) == "a is missing, b is missing, 3 more"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.7, "1m 00s"), (185, "3m 05s"), (7620, "2h 07m")],
)
def test_a_duration_is_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1200, "1.2 kB"), (2_500_000_000, "2.5 GB")]
)
def test_a_size_is_short(count: int, words: str) -> None:
    assert size(count) == words
