"""Files of plots to columns."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.errors import BadPlot
from outdo.core.plotdata import SUFFIXES, Data, floats, read


def columns(path: str, content: str, *, header: bool = True) -> dict[str, list[object]]:
    return {name: list(cells) for name, cells in read(path, content.encode(), header=header).columns.items()}


def why(path: str, content: bytes) -> str:
    with pytest.raises(BadPlot) as caught:
        read(path, content)
    return f"{caught.value.what} | {caught.value.where}"


def test_a_table_of_text_has_its_cells_as_they_stand() -> None:
    assert columns("a.csv", "x,y\r\n1,0.50\n\n2,\n") == {"x": ["1", "2"], "y": ["0.50", ""]}


def test_a_table_may_begin_without_names() -> None:
    assert columns("a.tsv", "1\t2\n3\t4\n", header=False) == {"0": ["1", "3"], "1": ["2", "4"]}


def test_short_rows_are_filled_and_long_ones_cut() -> None:
    assert columns("a.csv", "x,y\n1\n1,2,3\n") == {"x": ["1", "1"], "y": ["", "2"]}


def test_a_list_may_stand_anywhere_in_json() -> None:
    assert columns("a.json", '{"m": {"roc": [{"fpr": 0, "tpr": 0.5}]}, "n": 3}') == {"fpr": [0], "tpr": [0.5]}


def test_several_lists_stand_beside_each_other() -> None:
    assert columns("a.yaml", "a: [{x: 1}, {x: 2}]\nb: [{y: 3}]") == {"x": [1, 2], "y": [3, None]}


def test_a_number_that_json_does_not_know_is_read_as_python_writes_it() -> None:
    assert floats(read("a.json", b'[{"y": NaN}, {"y": 1}, {"y": Infinity}]').columns["y"]) == [
        None,
        1.0,
        None,
    ]


def test_the_last_column_is_the_one_that_is_drawn() -> None:
    assert read("a.json", b'[{"step": 0, "loss": 1}]').last == "loss"


def test_what_is_no_number_is_none() -> None:
    assert floats(["1", " 2.5", "x", "", None, True, "inf", 3]) == [
        1.0,
        2.5,
        None,
        None,
        None,
        None,
        None,
        3.0,
    ]


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("a.csv", b"", "'a.csv' is empty | "),
        ("a.csv", b"x,y\n", "'a.csv' has names of columns but no rows | a.csv:1"),
        ("a.csv", b"x\n\xff\n", "'a.csv' is not UTF-8 text | a.csv:2"),
        ("a.json", b'[{"a": 1},\n {"a": }]', "'a.json' is not valid JSON: Expecting value | a.json:2:8"),
        ("a.json", b"[1, 2]", "it holds no list of mappings"),
        ("a.json", b'[{"a": 1}, {"b": 1}]', "item 1 of its list has not the keys of the first: a, b"),
        ("a.yaml", b"a: [", "'a.yaml' can't be read"),
        ("a.json", b"[" * 100_000, "'a.json'"),
        ("a.pkl", b"x", "'a.pkl' is no file that can be drawn"),
    ],
)
def test_every_mistake_is_told_in_one_message(path: str, content: bytes, told: str) -> None:
    assert told in why(path, content)


@settings(deadline=None)
@given(st.sampled_from(SUFFIXES), st.binary())
def test_any_bytes_are_columns_or_a_mistake(suffix: str, content: bytes) -> None:
    try:
        found = read(f"a{suffix}", content)
    except BadPlot:
        return
    assert isinstance(found, Data)
    assert {len(cells) for cells in found.columns.values()} == {found.rows}
