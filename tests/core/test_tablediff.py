"""In what two tables differ, in words."""

import pytest

from outdo.core.tablediff import (
    CellChange,
    Column,
    ColumnChange,
    Retyped,
    TableDiff,
    clause,
    details,
    kind_of,
    like_a_key,
    schema_change,
)

SAME = TableDiff((10, 10), (2, 2), matched="key", key=("id",))
P = ColumnChange("p", 12, 0.5, 0.125, (CellChange(("7",), "0.13436424411240122", "0.5"),))


@pytest.mark.parametrize(
    ("diff", "told"),
    [
        (SAME, "10 rows, the same table in other bytes"),
        (TableDiff((1, 2), (2, 3), ("c",), (), (), "key", ("id",), 1), "rows 1 → 2 (+1), +c"),
        (
            TableDiff((1_000, 999), (1, 1), matched="content", rows_added=1, rows_removed=2),
            "rows 1,000 → 999 (−1), 1 added, 2 removed",
        ),
        (
            TableDiff(
                (9, 9), (2, 1), (), ("d",), (Retyped("b", "int", "float"),), "key", ("day", "id"), 0, 0, 3
            ),
            "9 rows, 3 changed by day, id, −d, b int → float",
        ),
        (TableDiff((9, 9), (1, 1), matched="content", reordered=True), "9 rows, in another order"),
        (TableDiff((1, 1), (1, 1), matched="position", rows_changed=1), "1 row, 1 changed"),
        (TableDiff((1, 1), (1, 1), ("b",), ("a",)), "1 row, +b, −a"),
    ],
)
def test_rows_and_columns_are_told_in_one_line(diff: TableDiff, told: str) -> None:
    assert clause(diff) == told


def test_a_column_of_numbers_tells_how_far_it_moved_and_where() -> None:
    diff = TableDiff((20, 20), (2, 2), matched="key", key=("id",), rows_changed=12, changes=(P,))
    assert details(diff) == [
        ("p", "12 cells, by 0.125 on average, 0.5 at most", "id 7: 0.1343642 → 0.5"),
    ]


def test_a_cell_that_was_filled_in_is_found_by_its_row() -> None:
    name = ColumnChange("name", 1, None, None, (CellChange(("3",), None, "ann"),))
    diff = TableDiff((9, 9), (1, 1), matched="position", rows_changed=1, changes=(name,))
    assert details(diff) == [("name", "1 cell", "row 3: nothing → ann")]


def test_only_the_first_columns_are_told_of() -> None:
    diff = TableDiff((20, 20), (9, 9), matched="key", key=("id",), changes=(P,) * 5)
    assert [name for name, _, _ in details(diff, 2)] == ["p", "p", "… and 3 more"]


def test_columns_come_go_and_change_their_kind_whatever_their_order() -> None:
    before = [Column("a", "int"), Column("b", "int"), Column("c", "text")]
    after = [Column("b", "float"), Column("a", "int"), Column("d", "int")]
    assert schema_change(before, after) == (("d",), ("c",), (Retyped("b", "int", "float"),))


def test_a_number_in_a_text_file_has_no_width() -> None:
    assert [kind_of("BIGINT", typed=typed) for typed in (False, True)] == ["int", "int64"]
    assert kind_of("DECIMAL(9,2)", typed=True) == "decimal(9,2)"


def test_what_is_called_like_a_key_comes_first() -> None:
    assert like_a_key(["distance", "flight_id", "ID"]) == ["ID", "flight_id", "distance"]
