"""Verdicts told: the same to programs, CI servers and people; a name of others is never markup."""

import re
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from outdo.core.junit import read_junit
from outdo.core.report.junit import junit
from outdo.core.report.markdown import LIMIT, markdown
from outdo.core.report.told import Judged, Report, fallen, families, plainly, sentence
from outdo.core.verdict import Evidence, Verdict, overall

NOON = 1_700_000_000.0
HOSTILE = '<img src=x onerror=alert(1)>|`@me`\x1b[31m\u202e]]>\x00&"'
WORSE = Evidence(value=-0.0126, low=-0.0139, high=-0.0113, confidence=0.95, challenger=0.7, champion=0.71)

ROWS = Verdict("rows", "passed", "3 is >= 3")
GONE = Verdict("one_of carrier", "not_evaluated", "there is no column 'carrier'")
BENT = Verdict(
    "between delay", "failed", "1 of 3 rows", Evidence(unexpected=1, examples=("row 2: delay = 999",))
)
WARNED = Verdict("unique origin", "failed", "1 of 2 rows repeat another", level="warn")
BEATS = Verdict("beats champion auc", "failed", "worse by 0.0126", WORSE)
SLICE = Verdict("HA", "inconclusive", "0.58 is not >= 0.6, which may be chance", subject="HA")
SLICES = Verdict(
    "slices auc by carrier", "inconclusive", "1 of 2", parts=(SLICE, Verdict("AA", "passed", "0.7"))
)


def report(*verdicts: Verdict, name: str = "flights.csv", champion: str = "") -> Report:
    return Report("flights", (Judged("data", name, overall(verdicts), 0.25, verdicts, champion),))


ALL = report(ROWS, GONE, BENT, WARNED, BEATS, SLICES)


def test_a_sentence_tells_the_gravest_first() -> None:
    assert sentence(verdict for _, verdict in ALL.verdicts()) == (
        "2 failed, 1 in doubt, 1 not evaluated, 1 warned, 1 passed"
    )


def test_a_program_finds_every_field_and_all_counts() -> None:
    told = plainly(report(ROWS))
    assert told["outcome"] == "passed"
    assert told["counts"] == {"failed": 0, "inconclusive": 0, "not_evaluated": 0, "warned": 0, "passed": 1}
    assert told["judged"][0]["verdicts"] == [
        {
            "name": "rows", "outcome": "passed", "level": "fail", "doubt": "stop", "reason": "3 is >= 3",
            "subject": None, "evidence": {}, "parts": [],
        }
    ]  # fmt: skip


def test_the_reference_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/verdicts.md").read_text()
    told = plainly(ALL)
    fields = [*told, *told["counts"], *told["judged"][0], *told["judged"][0]["verdicts"][0]]
    fields += Evidence.__struct_fields__
    assert [name for name in fields if f"`{name}`" not in page] == []


def test_what_stops_is_red_on_every_ci_server() -> None:
    cases = {case.name: case.ending for case in read_junit(junit(ALL, NOON).encode())}
    assert cases == {
        "flights.csv::rows": "passed",
        "flights.csv::one_of carrier": "error",
        "flights.csv::between delay": "failed",
        "flights.csv::unique origin": "skipped",
        "flights.csv::beats champion auc": "failed",
        "flights.csv::slices auc by carrier": "error",
    }


def test_doubt_that_the_file_allows_stops_nothing() -> None:
    allowed = report(replace(SLICES, doubt="go"), WARNED)
    assert allowed.good
    assert not report(SLICES).good
    assert not report().good
    assert {case.ending for case in read_junit(junit(allowed, NOON).encode())} == {"skipped"}


def test_groups_that_two_measures_share_are_told_once() -> None:
    groups = (SLICE, Verdict("AA", "passed", "0.7", subject="AA"))
    measures = tuple(Verdict(word, "inconclusive", word, parts=groups) for word in ("ratio", "difference"))
    fairness = Verdict("fairness auc by carrier", "inconclusive", "…", parts=measures)
    assert families(fairness) == [groups]
    assert fallen(fairness) == [SLICE]


def test_a_suite_counts_its_tests_and_says_when_it_ran() -> None:
    [suite] = ElementTree.fromstring(junit(ALL, NOON))
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time", "timestamp")} == {
        "tests": "6", "failures": "2", "errors": "2", "skipped": "1", "time": "0.250",
        "timestamp": "2023-11-14T22:13:20",
    }  # fmt: skip
    assert [child.tag for child in suite] == ["properties", *["testcase"] * 6, "system-out", "system-err"]


def test_a_failure_has_the_rows_and_the_slices_that_it_is_about() -> None:
    [suite] = ElementTree.fromstring(junit(ALL, NOON))
    told = {case.get("name"): "".join(case.itertext()) for case in suite.iter("testcase")}
    assert told["between delay"].strip() == "row 2: delay = 999"
    assert told["slices auc by carrier"].strip() == "HA: 0.58 is not >= 0.6, which may be chance"


def test_a_comment_shows_what_did_not_pass_and_folds_the_rest() -> None:
    open_, folded = markdown(ALL).split("<details>", 1)
    assert open_.startswith("### ✗ flights: 2 failed, 1 in doubt")
    assert [re.split(r" \| ", line)[0] for line in open_.splitlines() if line.startswith("| ")][2:] == [
        "| ✗ failed", "| ✗ failed", "| ? in doubt", "| – not evaluated", "| ! warned",
    ]  # fmt: skip
    assert "row 2: delay = 999" in folded
    assert "✓ passed | flights.csv | rows" in folded


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text(max_size=5))
def test_no_name_is_markup_anywhere(text: str, extra: str) -> None:
    hostile = HOSTILE + text
    shown = report(
        Verdict(hostile, "failed", hostile, Evidence(examples=(hostile + extra,)), subject=hostile),
        name=hostile,
    )
    comment = markdown(shown)
    assert "<img" not in comment
    assert "@" not in comment
    assert "\x1b" not in comment
    ElementTree.fromstring(junit(shown, NOON))


def test_a_comment_stays_shorter_than_forges_allow() -> None:
    long = Verdict("slices", "failed", "x" * 5_000, Evidence(examples=("y" * 5_000,) * 20))
    assert len(markdown(report(*[long] * 300))) < LIMIT + 200
