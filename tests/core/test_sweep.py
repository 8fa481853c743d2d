"""What stands behind `--set` to the points it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.errors import BadSet
from outdo.core.model import Phrase
from outdo.core.sweep import MOST, Choice, Draw, parse, points


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("0.1", (0.1,)),
        ("0.1,0.01", (0.1, 0.01)),
        ("3..6", (3, 4, 5, 6)),
        ("-1..1,9", (-1, 0, 1, 9)),
        ("l1,l2", ("l1", "l2")),
        ("true,null", (True, None)),
        ("[1,2],[3]", ([1, 2], [3])),
        ("'a,b'", ("a,b",)),
        ("{a: [1, 2]}", ({"a": [1, 2]},)),
    ],
)
def test_values_are_written_as_in_yaml(words: str, values: tuple[object, ...]) -> None:
    assert parse(f"x={words}") == Choice("params.yaml", "x", values)


def test_a_file_other_than_params_yaml_stands_before_a_colon() -> None:
    assert parse("conf/model.yaml:a.b=1") == Choice("conf/model.yaml", "a.b", (1,))


@pytest.mark.parametrize("text", ["", "lr", "=1", "lr=", "lr=[1", "n=6..3", f"n=0..{MOST}"])
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(BadSet):
        parse(text)


def test_the_last_param_changes_fastest() -> None:
    found = points([parse("a=1,2"), parse("b=x,y")])
    assert [" ".join(map(str, each)) for each in found] == ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]


def test_a_param_named_twice_and_too_many_combinations_are_refused() -> None:
    with pytest.raises(BadSet, match="twice"):
        points([parse("a=1"), parse("a=2")])
    with pytest.raises(BadSet, match="1600 combinations"):
        points([parse("a=1..40"), parse("b=1..40")])


def told(words: list[str], trials: int | None = None, seed: int = 0) -> list[str]:
    return [" ".join(map(str, point)) for point in points([parse(word) for word in words], trials, seed)]


@pytest.mark.parametrize(
    ("words", "kind", "values"),
    [
        ("log(1e-4, 1e-1)", "log", (1e-4, 1e-1)),
        ("uniform(-1,1)", "uniform", (-1, 1)),
        ("int(1,8)", "int", (1, 8)),
        ("choice(l1, [1,2], null)", "choice", ("l1", [1, 2], None)),
    ],
)
def test_values_can_be_drawn(words: str, kind: str, values: tuple[object, ...]) -> None:
    assert parse(f"x={words}") == Draw("params.yaml", "x", kind, values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("lr=lgo(1,2)", "lgo"),
        ("lr=log(1)", "log(1)"),
        ("lr=log(-1,2)", "-1"),
        ("lr=int(1,2.5)", "2.5"),
        ("lr=uniform(3,1)", "3,1"),
        ("lr=choice()", "choice()"),
        ("lr=1,[2", "[2"),
        ("lr=5..2", "5..2"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, marked: str) -> None:
    with pytest.raises(BadSet) as refused:
        parse(text)
    where = refused.value.where
    assert isinstance(where, Phrase)
    assert where.text[where.at : where.at + where.length] == marked


def test_a_quoted_call_is_a_text() -> None:
    assert parse("x='f(1,2)'") == Choice("params.yaml", "x", ("f(1,2)",))


def test_draws_need_a_number_of_trials() -> None:
    with pytest.raises(BadSet) as refused:
        told(["lr=uniform(0,1)"])
    assert refused.value.fix == "--trials 20"


def test_a_seed_gives_the_same_points_always() -> None:
    words = ["lr=log(1e-4,1e-1)", "depth=int(1,8)", "loss=choice(l1,l2)"]
    assert told(words, 2, 7) == ["lr=0.000620237 depth=5 loss=l1", "lr=0.000224198 depth=1 loss=l2"]
    assert told(words, 2, 8) != told(words, 2, 7)


def test_a_longer_search_begins_with_the_shorter_one() -> None:
    assert told(["lr=uniform(0,1)"], 9, 7)[:4] == told(["lr=uniform(0,1)"], 4, 7)


def test_trials_share_the_listed_values_out_evenly() -> None:
    found = told(["loss=l1,l2", "lr=uniform(0,1)"], 6)
    assert sum("loss=l1" in point for point in found) == 3


def test_fewer_trials_than_combinations_are_some_of_them() -> None:
    words = ["a=1..10", "b=1..10"]
    found = told(words, 7, 3)
    assert len(set(found)) == 7
    assert set(found) < set(told(words))
    assert told(words, 500) == told(words)


@given(st.integers(0, 2**32), st.floats(1e-9, 1.0), st.floats(1.5, 1e9))
def test_what_is_drawn_is_within_the_bounds(seed: int, low: float, high: float) -> None:
    for kind in ("log", "uniform"):
        draw = Draw("params.yaml", "x", kind, (low, high))
        assert all(low <= point[0].value <= high for point in points([draw], 5, seed))


def test_every_whole_number_is_drawn_as_often() -> None:
    found = told(["n=int(1,4)"], 1000, 1)
    assert all(200 < found.count(f"n={number}") < 300 for number in (1, 2, 3, 4))
