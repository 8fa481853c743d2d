"""Verdicts in a terminal: nothing is wider than it, and what did not pass is told with what it stands on."""

import io
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from outdo.cli.columns import cells
from outdo.cli.paint import Paint
from outdo.cli.verdicts import told
from outdo.core.report.told import Judged
from outdo.core.verdict import Evidence, Verdict, overall

PLAIN = Paint(io.StringIO())


def lines(*verdicts: Verdict, width: int | None = None, name: str = "delay") -> list[str]:
    return list(told([Judged("model", name, overall(verdicts), 0.25, verdicts, "delay/1")], PLAIN, width))


def part(name: str, value: float, outcome: str = "failed") -> Verdict:
    evidence = Evidence(value=value, low=value - 0.1, high=value + 0.1, bound=">= 0.6")
    return Verdict(name, "failed" if outcome == "failed" else "passed", f"{value:g}", evidence, subject=name)


def test_columns_that_pass_alike_are_one_line() -> None:
    verdicts = [Verdict(f"not_null {name}", "passed", "all 3 rows: a value") for name in "abc"]
    assert lines(*verdicts) == [
        "✓ delay  0.2s  champion delay/1",
        "  ✓ not_null a and 2 more  all 3 rows: a value",
        "3 passed",
    ]


def test_a_comparison_that_is_lost_is_told_with_both_scores() -> None:
    evidence = Evidence(
        low=-0.2, high=-0.1, challenger=0.7, champion=0.85, compared="delay/1", method="DeLong"
    )
    assert lines(Verdict("beats champion auc", "failed", "worse by 0.15", evidence))[1:3] == [
        "  ✗ beats champion auc  worse by 0.15",
        "      0.7 against 0.85 of delay/1, −0.2 to −0.1 by DeLong",
    ]


def test_slices_that_fail_are_drawn_on_one_scale_beside_their_bound() -> None:
    verdict = Verdict(
        "slices auc by g", "failed", "2 of 3", parts=(part("a", 0.4), part("b", 0.5), part("c", 0.8, ""))
    )
    assert lines(verdict)[2:4] == [
        "      ✗ a  ────────●────────       │  0.4",
        "      ✗ b          ────────●───────┼  0.5",
    ]


@example([("0" * 15 + "\x1f" * 12, "")], 70)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=90), st.text(max_size=200)), min_size=1, max_size=6),
    st.integers(70, 130),
)
def test_no_line_is_wider_than_the_terminal(words: list[tuple[str, str]], width: int) -> None:
    verdicts = [
        Verdict(name, "failed", reason, Evidence(examples=(reason,), unexpected=9), parts=(part(name, 0.5),))
        for name, reason in words
    ]
    assert all(cells(line) <= width for line in lines(*verdicts, width=width)[1:-1])


def test_a_wrapped_reason_loses_no_word() -> None:
    reason = " ".join(f"word{number}" for number in range(60))
    shown = lines(Verdict("metric auc", "failed", reason), width=60)[1:-1]
    assert " ".join(shown).split()[3:] == reason.split()
    assert {len(line) - len(line.lstrip()) for line, _ in pairwise(shown[1:])} == {16}
