"""Tables to their shape, and how two shapes differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.tables import Column, Retyped, Table, TableChange, shape_of, table_change


def test_a_text_table_tells_rows_and_kinds() -> None:
    lines = ["id,score,ok,name,note\n", "1,0.5,true,ann,\n", "2,3,false,bo,\n"]
    kinds = [("id", "int"), ("score", "float"), ("ok", "bool"), ("name", "text"), ("note", "empty")]
    assert shape_of(lines) == Table(2, tuple(Column(*each) for each in kinds))


def test_a_line_break_in_quotes_is_no_row() -> None:
    assert shape_of(["a,b\n", '1,"two\n', 'lines"\n', "\n"]) == Table(
        1, (Column("a", "int"), Column("b", "text"))
    )


def test_an_empty_file_is_a_table_of_nothing() -> None:
    assert shape_of([]) == Table(0, ())


@pytest.mark.parametrize(
    ("words", "kind"), [(["1", "x"], "text"), (["1", "true"], "text"), (["", "2"], "int")]
)
def test_a_column_has_the_kind_that_holds_all_of_it(words: list[str], kind: str) -> None:
    assert shape_of(["a,b\n", *(f"{word},1\n" for word in words)]) == Table(
        2, (Column("a", kind), Column("b", "int"))
    )


@given(st.lists(st.text()))
def test_any_text_is_a_table_or_none(lines: list[str]) -> None:
    found = shape_of(lines)
    assert found is None or found.rows >= 0


def test_two_shapes_differ_in_rows_and_columns() -> None:
    before = Table(10, (Column("a", "int"), Column("b", "int"), Column("c", "text")))
    after = Table(12, (Column("b", "float"), Column("a", "int"), Column("d", "int")))
    assert table_change(before, after) == TableChange(
        (10, 12), (3, 3), ("d",), ("c",), (Retyped("b", "int", "float"),)
    )
