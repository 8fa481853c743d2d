"""Checks put into a file: what was there stays, letter by letter, and what stands there is never written over."""

import pytest

from outdo.core.config import read_project
from outdo.core.errors import CantRewrite, HasChecks, Mistakes
from outdo.core.profile import Line, Profile, ProfiledColumn, proposed
from outdo.core.rules import Asserted, NotNull, Rows
from outdo.core.saved import read_saved, with_checks, within, written
from outdo.core.written import NumberBound

LINES: list[Line] = [{"rows": ">= 5"}, {"between": {"x": [0, 2.5]}}]
ENTRY = "  a.csv:\n    - rows: '>= 5'\n    - between: {x: [0, 2.5]}\n"
TEMPLATED = "vars: [{x: 1}]\nstages: {a: {cmd: b ${x}}}\nchecks:\n"
TOP = "# mine\nproject: p   # a name\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"checks:\n{ENTRY}"),
        (TOP, f"{TOP}\nchecks:\n{ENTRY}"),
        (TOP.rstrip("\n"), f"{TOP}\nchecks:\n{ENTRY}"),
        (
            f"checks: # of data\n  b.csv:   # b\n  - rows: '> 1'\n\n# the rest\n{TOP}",
            f"checks: # of data\n  b.csv:   # b\n  - rows: '> 1'\n{ENTRY}\n# the rest\n{TOP}",
        ),
        (
            f"checks:\n    b.csv: [{{rows: '> 1'}}]\n{TOP}",
            "checks:\n    b.csv: [{rows: '> 1'}]\n" + "".join(f"  {each}\n" for each in ENTRY.splitlines()) + TOP,
        ),
        (TEMPLATED, f"{TEMPLATED}{ENTRY}"),
    ],
)  # fmt: skip
def test_checks_are_put_behind_those_that_are_there(before: str, after: str) -> None:
    assert with_checks("outdo.yaml", before, "a.csv", LINES) == after
    assert [each.check for each in read_project("outdo.yaml", after, lambda _: None).checks["a.csv"]]


def test_checks_of_a_path_are_written_over_only_if_asked() -> None:
    before = f"checks:\n  a.csv:   # mine\n    # why\n    - rows: '> 1'\n  b.csv: []\n{TOP}"
    with pytest.raises(HasChecks, match="has checks already"):
        with_checks("outdo.yaml", before, "a.csv", LINES)
    assert (
        with_checks("outdo.yaml", before, "a.csv", LINES, force=True) == f"checks:\n{ENTRY}  b.csv: []\n{TOP}"
    )


@pytest.mark.parametrize(
    "text", ["checks: {b.csv: [rows: '> 1']}\n", "checks: {}\n", "{project: p}\n", "a: [\n"]
)
def test_a_file_that_can_t_take_them_is_left_as_it_is(text: str) -> None:
    with pytest.raises((CantRewrite, Mistakes)):
        with_checks("outdo.yaml", text, "a.csv", LINES)


def test_a_long_check_is_written_over_several_lines() -> None:
    names = [f"column {place}: 'quoted'" for place in range(30)]
    lines: list[Line] = [{"columns": names}, {"between": {name: [0, 1] for name in names}}]
    text = with_checks("outdo.yaml", TOP, "a b: c.csv", lines)
    assert max(map(len, text.splitlines())) < 120
    assert len(read_project("outdo.yaml", text, lambda _: None).checks["a b: c.csv"]) == 2


def test_a_schema_is_read_back() -> None:
    first, second = read_saved("s.yaml", written(LINES))
    assert first.check == Rows(NumberBound.written(">= 5"))
    assert second.level == "fail"


@pytest.mark.parametrize(
    "text",
    [
        "- rows: 5\n",
        "- nonsense: 1\n",
        "rows: '> 1'\n",
        "- schema: s.yaml\n",
        "- exists: {column: a, in: b.csv}\n",
    ],
)
def test_a_schema_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Mistakes):
        read_saved("s.yaml", text)


def test_a_schema_is_as_strict_as_the_check_that_names_it() -> None:
    inner = Asserted(NotNull(("a",)), where="b > 1", mostly=0.9)
    [found] = within(Asserted(NotNull(("x",)), level="warn", where="c > 2"), [inner])
    assert (found.level, found.where, found.mostly) == ("warn", "(c > 2) AND (b > 1)", 0.9)


def test_what_is_proposed_leaves_room() -> None:
    columns = (
        ProfiledColumn("id", "BIGINT", 1234, 1, 1234, unique=True),
        ProfiledColumn("delay", "DOUBLE", 1200, -43.5, 1301.25),
        ProfiledColumn("none", "DOUBLE", 0),
        ProfiledColumn("day", "DATE", 1234, "2013-01-01", "2013-12-31"),
        ProfiledColumn("origin", "VARCHAR", 1234, values=("EWR", "JFK")),
    )
    assert proposed(Profile(1234, columns)) == [
        {"rows": ">= 610"},
        {"columns": ["id", "delay", "none", "day", "origin"]},
        {"dtype": {"id": "integer", "delay": "number", "none": "number", "day": "date", "origin": "text"}},
        {"not_null": ["id", "day", "origin"]},
        {"null_share": {"delay": "<= 6%"}},
        {"between": {"delay": [-180, 1500], "day": ["2013-01-01", None]}},
        {"one_of": {"origin": ["EWR", "JFK"]}},
        {"unique": ["id"]},
    ]
