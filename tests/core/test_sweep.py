"""What stands behind `--set` to combinations of values, and a params file with a value replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core import params
from outdo.core.errors import BadSet
from outdo.core.sweep import MOST, Choice, Setting, expand, parse_choice, set_values

TEXT = """\
# how the model learns
train:
  lr: 0.1  # small
  depth: 3
  loss: "l1"
  steps:
    - 1
    - 2
  none:
shared: &one 1
other: *one
"""


def set_in(text: str, key: str, value: object) -> str:
    return set_values("params.yaml", text, [Setting("params.yaml", key, value)])


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
    assert parse_choice(f"x={words}") == Choice("params.yaml", "x", values)


def test_a_file_other_than_params_yaml_stands_before_a_colon() -> None:
    assert parse_choice("conf/model.yaml:a.b=1") == Choice("conf/model.yaml", "a.b", (1,))


@pytest.mark.parametrize("text", ["", "lr", "=1", "lr=", "lr=[1", "n=6..3", f"n=0..{MOST}"])
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(BadSet):
        parse_choice(text)


def test_the_last_param_changes_fastest() -> None:
    found = expand([parse_choice("a=1,2"), parse_choice("b=x,y")])
    assert [" ".join(map(str, each)) for each in found] == ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]


def test_a_param_named_twice_and_too_many_combinations_are_refused() -> None:
    with pytest.raises(BadSet, match="twice"):
        expand([parse_choice("a=1"), parse_choice("a=2")])
    with pytest.raises(BadSet, match="1600 combinations"):
        expand([parse_choice("a=1..40"), parse_choice("b=1..40")])


def test_only_the_value_is_replaced() -> None:
    assert set_in(TEXT, "train.lr", 0.5) == TEXT.replace("lr: 0.1", "lr: 0.5")
    assert set_in(TEXT, "train.none", "x") == TEXT.replace("none:", 'none: "x"')
    assert set_in(TEXT, "train.steps.1", 7) == TEXT.replace("- 2", "- 7")


def test_a_list_written_over_lines_is_replaced_whole() -> None:
    assert params.parse("params.yaml", set_in(TEXT, "train.steps", [5]))["train"]["steps"] == [5]


def test_json_stays_json() -> None:
    text = '{"train": {"lr": 0.1}}\n'
    assert set_values("a.json", text, [Setting("a.json", "train.lr", 2)]) == '{"train": {"lr": 2}}\n'


def test_a_misspelt_param_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadSet) as refused:
        set_in(TEXT, "train.lrr", 1)
    assert refused.value.fix == "did you mean 'train.lr'?"


def test_a_value_that_others_share_is_not_changed_behind_their_back() -> None:
    with pytest.raises(BadSet, match="others share"):
        set_in(TEXT, "shared", 2)


@given(
    st.sampled_from(["train.lr", "train.depth", "train.loss", "train.steps.0", "train.steps", "train.none"]),
    st.none()
    | st.booleans()
    | st.integers(-(1 << 60), 1 << 60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
    | st.lists(st.integers(0, 9)),
)
def test_what_was_set_is_read_and_all_else_is_as_before(key: str, value: object) -> None:
    before, after = params.parse("params.yaml", TEXT), params.parse("params.yaml", set_in(TEXT, key, value))
    inner = after["train"]
    *_, last = key.removeprefix("train.").split(".")
    assert (inner["steps"][0] if key == "train.steps.0" else inner[last]) == value
    assert after["other"] == before["other"]
