"""A params file with a value replaced, in each language that params files are written in."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core import params
from outdo.core.errors import BadSet
from outdo.core.rewrite import set_values
from outdo.core.sweep import Setting

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


TOML = """\
title = 'a "b"'   # name
[train]  # how
lr = 0.1
"quoted key" = 1
sub.deep = [1, # one
  2, {a = "x]", b = 3}]
[[layers]]
size = 3
[[layers]]
size = 4
[layers.extra]
on = true
text = \"\"\"
a = 1\"\"\"
"""
PYTHON = """\
# -*- settings -*-
LR: float = 0.1  # small
SIZES = [1, 2]; NAME = "é"; LAST = -3


class Train:
    depth = 3
    more = {"a": {"b": (1, 2)}}

    def __init__(self):
        self.loss = "l1"
"""


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("title", "it's", "'a \"b\"'   #", '"it\'s"   #'),
        ("train.lr", 1e-7, "lr = 0.1", "lr = 1.0e-07"),
        ("train.quoted key", [1, "a"], '"quoted key" = 1', '"quoted key" = [1, "a"]'),
        ("train.sub.deep.1", 7, "  2, {", "  7, {"),
        ("train.sub.deep.2.b", {"c": 1.5}, "b = 3}", 'b = {"c" = 1.5}}'),
        ("train.sub.deep", [], TOML[TOML.index("[1, #") : TOML.index("[[layers]]") - 1], "[]"),
        ("layers.1.size", 5, "size = 4", "size = 5"),
        ("layers.1.extra.on", False, "on = true", "on = false"),
    ],
)
def test_toml_stays_as_it_is_laid_out(key: str, value: object, before: str, after: str) -> None:
    assert set_values("a.toml", TOML, [Setting("a.toml", key, value)]) == TOML.replace(before, after)


def test_toml_has_no_none() -> None:
    with pytest.raises(BadSet, match="can't hold"):
        set_values("a.toml", TOML, [Setting("a.toml", "title", None)])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_can_be_set_in_toml_or_is_refused(value: str) -> None:
    try:
        after = set_values("a.toml", TOML, [Setting("a.toml", "train.lr", value)])
    except BadSet:
        return
    assert tomllib.loads(after)["train"]["lr"] == value


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("LR", 0.5, "= 0.1", "= 0.5"),
        ("SIZES.1", 9, "[1, 2]", "[1, 9]"),
        ("LAST", None, "LAST = -3", "LAST = None"),
        ("NAME", "ü'", '"é"', repr("ü'")),
        ("Train.depth", True, "depth = 3", "depth = True"),
        ("Train.more.a.b.0", 4, "(1, 2)", "(4, 2)"),
        ("Train.loss", "l2", '"l1"', "'l2'"),
    ],
)
def test_python_stays_as_it_is_laid_out(key: str, value: object, before: str, after: str) -> None:
    assert set_values("a.py", PYTHON, [Setting("a.py", key, value)]) == PYTHON.replace(before, after)


def test_numbers_are_written_so_that_every_reader_of_yaml_takes_them_for_numbers() -> None:
    assert set_in(TEXT, "train.lr", 1e-7) == TEXT.replace("lr: 0.1", "lr: 1.0e-07")
    assert set_in(TEXT, "train.lr", [1e22, 2.0]) == TEXT.replace("lr: 0.1", "lr: [1.0e+22, 2.0]")
