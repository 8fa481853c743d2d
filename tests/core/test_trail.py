"""The audit trail: what a chain of rows tells of what was done to it."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from outdo.core.trail import Break, Entry, Head, Row, breaks, counted, detail, sealed

ENTRY = Entry(1_700_000_000_000, "anna", "password", "127.0.0.1", "mlflow", "runs/update", "run:1", "")


def chain(length: int) -> list[Row]:
    rows: list[Row] = []
    head = Head()
    for number in range(1, length + 1):
        rows.append(sealed(number, replace(ENTRY, thing=f"run:{number}"), head.seal))
        head = Head(number, rows[-1].seal)
    return rows


ROWS = chain(6)
HEAD = Head(6, ROWS[-1].seal)
FORGED = replace(ENTRY, who="ben")


def told(rows: Sequence[Row], noted: Head | None = None) -> list[str]:
    return [one.what for one in breaks(rows, noted) if isinstance(one, Break)]


def test_a_trail_as_it_was_written_has_no_break_and_tells_its_head() -> None:
    assert list(breaks(ROWS)) == [HEAD]


def test_an_empty_trail_has_a_head_too() -> None:
    assert list(breaks([])) == [Head()]


def test_an_edited_row_is_named() -> None:
    assert told([*ROWS[:2], replace(ROWS[2], entry=FORGED), *ROWS[3:]]) == ["row 3 was changed"]


def test_an_edited_row_that_was_sealed_anew_is_told_by_the_next() -> None:
    forged = sealed(3, FORGED, ROWS[1].seal)
    assert told([*ROWS[:2], forged, *ROWS[3:]]) == ["row 4 was not written after row 3 as that is now"]


def test_removed_rows_are_named() -> None:
    assert told([*ROWS[:1], *ROWS[2:]]) == ["row 2 is missing"]
    assert told([*ROWS[:1], *ROWS[4:]]) == ["rows 2 to 4 are missing"]


def test_a_removed_beginning_is_named() -> None:
    assert told(ROWS[2:]) == ["rows 1 to 2 are missing"]


def test_a_removed_row_is_told_though_the_rest_was_numbered_anew() -> None:
    moved = [replace(row, number=row.number - 1) for row in ROWS[3:]]
    assert told([*ROWS[:2], *moved])[:2] == [
        "row 3 was not written after row 2 as that is now",
        "row 3 was changed",
    ]


def test_rows_that_changed_places_are_named() -> None:
    swapped = [*ROWS[:1], replace(ROWS[2], number=2), replace(ROWS[1], number=3), *ROWS[3:]]
    assert {"row 2 was changed", "row 3 was changed"} <= set(told(swapped))


def test_an_added_row_is_told() -> None:
    added = sealed(3, FORGED, ROWS[1].seal)
    later = [replace(row, number=row.number + 1) for row in ROWS[2:]]
    assert "row 4 was not written after row 3 as that is now" in told([*ROWS[:2], added, *later])


def test_a_cut_off_end_is_not_told_by_the_rows_alone() -> None:
    assert told(ROWS[:4]) == []


def test_a_cut_off_end_is_told_by_a_head_that_was_noted() -> None:
    assert told(ROWS[:4], HEAD) == ["rows 5 to 6, up to the head that was noted, are missing"]


def test_a_trail_that_was_written_anew_is_told_by_a_head_that_was_noted() -> None:
    anew = [sealed(1, FORGED, Head().seal)]
    assert told(anew, Head(1, ROWS[0].seal)) == ["row 1 is not the one that was noted as the head"]


def test_a_head_of_the_past_still_holds() -> None:
    assert told(ROWS, Head(4, ROWS[3].seal)) == []


@given(st.integers(0, 5), st.sampled_from(Entry.__struct_fields__), st.text(max_size=3))
def test_whatever_is_edited_is_found(at: int, field: str, value: str) -> None:
    before = getattr(ROWS[at].entry, field)
    edited = replace(ROWS[at].entry, **{field: 7 if field == "time" else f"{before}{value}x"})
    assert told([*ROWS[:at], replace(ROWS[at], entry=edited), *ROWS[at + 1 :]]) == [
        f"row {at + 1} was changed"
    ]


def test_the_detail_is_what_differs() -> None:
    told = detail({"name": "a", "stage": "None", "tags.x": "1"}, {"name": "a", "stage": "Production"})
    assert json.decode(told) == {
        "before": {"stage": "None", "tags.x": "1"},
        "after": {"stage": "Production"},
    }


def test_nothing_differs_and_nothing_is_told() -> None:
    assert detail({"name": "a"}, {"name": "a"}) == ""


def test_of_a_long_text_its_beginning_and_digest_are_told() -> None:
    told = json.decode(detail({}, {"description": "x" * 10_000}))["after"]["description"]
    assert told.startswith("x" * 300 + "… (10000 characters, ")
    assert len(told) < 400


def test_of_what_was_logged_the_count_is_told() -> None:
    assert counted({"metrics": 3, "params": 0}) == '{"metrics":3}'
