"""Templates, foreach and matrix."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.document import Slip
from outdo.core.errors import BadTemplate, TooDeep
from outdo.core.model import Value
from outdo.core.shapes import UNREADABLE
from outdo.core.template import Budget, Scope, foreach_items, matrix_items, merge, resolve
from outdo.core.written import Secret

NAMES = {
    "lr": 0.001,
    "fast": True,
    "none": None,
    "name": "it's $x",
    "layers": [3, {"size": 4}],
    "models": {"v1.5": {"lr": 1}, "b": {"lr": 2}},
    "which": "v1.5",
    "options": {
        "x": 1,
        "verbose": True,
        "quiet": False,
        "z": [1, "two words", True],
        "none": None,
        "s": "it's",
        "deep": {"r": 1e-3},
        "empty": [],
        "blank": "",
    },
    "a-b": {"x y": 8},
}


def scope(names: Mapping[str, Value] = NAMES, budget: int = 10**6) -> Scope:
    return Scope(names, Budget(budget))


def made(value: Value, *, command: bool = False, within: Scope | None = None) -> Value:
    slips: list[Slip] = []
    result = resolve(value, within or scope(), ("cmd",), slips, command=command)
    assert not slips, slips
    return result


def slip(text: str, within: Scope | None = None) -> Slip:
    slips: list[Slip] = []
    assert resolve(text, within or scope(), ("cmd",), slips) is UNREADABLE
    [only] = slips
    return only


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("no template", "no template"),
        ("${lr}", 0.001),
        ("${fast}", True),
        ("${none}", None),
        ("${layers}", [3, {"size": 4}]),
        ("${ lr }", 0.001),
        ("a ${lr} b", "a 0.001 b"),
        ("${fast}-${none}", "true-None"),
        ("${layers[0]} ${layers.0} ${layers[1].size} ${layers.1.size}", "3 3 4 4"),
        ("${layers[-2]}", 3),
        ("${models.${which}.lr}", 1),
        ("${models[${which}].lr}", 1),
        ("x${models.${which}.lr}y", "x1y"),
        ("${a-b.x y}", 8),
        ("\\${HOME} ${lr}", "${HOME} 0.001"),
        ("\\\\${lr}", "\\${lr}"),
        ("$HOME $${lr}", "$HOME $0.001"),
        ("{lr}", "{lr}"),
    ],
)
def test_a_name_in_braces_is_its_value(text: str, meant: Value) -> None:
    assert repr(made(text)) == repr(meant)


def test_lists_mappings_and_keys_are_resolved_within() -> None:
    assert made({"o-${lr}": ["${fast}", {"k": "${none}"}]}) == {"o-0.001": [True, {"k": None}]}


def test_a_mapping_in_a_command_is_options() -> None:
    meant = (
        "run --x 1 --verbose --z 1 'two words' true --none None --s 'it'\"'\"'s' --deep.r 0.001 --blank ''"
    )
    assert made("run ${options}", command=True) == meant
    assert made("${options}", command=True) == meant.removeprefix("run ")


def test_what_a_name_stands_for_is_no_template_itself() -> None:
    assert made("${a} ${b}", within=scope({"a": "${b}", "b": "${a}"})) == "${b} ${a}"


def test_item_and_key_hide_other_names() -> None:
    inner = scope({"item": "outer", "key": "outer"}).within("k", {"x": 1})
    assert made("${item.x} ${key}", within=inner) == "1 k"


def test_a_secret_stays_a_reference() -> None:
    assert made("${secret.TOKEN}") == Secret("TOKEN")


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("${lrr}", "nothing is named 'lrr'", "did you mean 'lr'?"),
        ("x ${models.bb.lr}", "nothing is named 'bb' in 'models'", "did you mean 'b'?"),
        ("${layers[2]}", "nothing is named '2' in 'layers'", ""),
        ("${lr.x}", "nothing is named 'x' in 'lr'", ""),
        ("${HOME}", "nothing is named 'HOME'", "for the shell's own write \\${HOME}"),
        ("${1}", "nothing is named '1'", "for the shell's own write \\${1}"),
        ("${x:-y}", "nothing is named 'x:-y'", "for the shell's own write \\${x:-y}"),
        ("${item}", "'item' is known only in foreach and matrix", ""),
        ("${}", "'${}' names nothing", ""),
        ("${a..b}", "'${a..b}' is not of the form ${a.b[0]}", ""),
        ("x ${layers}", "'${layers}' is a list, which can't stand inside a text", ""),
        ("x ${models}", "'${models}' is a mapping, which can't stand inside a text", ""),
        ("x ${secret.A}", "'${secret.A}' is a secret, which has to stand alone", ""),
        ("${secret}", "'${secret}' is no secret", "write a secret such as '${secret.NAME}'"),
        ("${lr", "'${' has no closing '}': ${lr", "close it, or write \\${lr for the text itself"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(text: str, what: str, fix: str) -> None:
    found = slip(text)
    assert (found.kind, found.what) == (BadTemplate, what)
    assert found.fix == fix


def test_all_wrong_names_of_a_text_are_told_at_once() -> None:
    slips: list[Slip] = []
    resolve("${one} ${lr} ${two}", scope(), ("cmd",), slips)
    assert [each.text for each in slips] == ["${one}", "${two}"]


def test_templates_can_not_make_endless_text() -> None:
    small = scope({"a": "x" * 600}, budget=1000)
    assert slip("${a}${a}", small).kind is TooDeep


def test_templates_can_not_nest_values_without_end() -> None:
    value: Value = 1
    for _ in range(70):
        value = [value]
    assert "nest deeper" in slip("${a}", scope({"a": value})).what


def test_templates_nest_only_so_deep() -> None:
    assert "nest too deep" in slip("${" * 1000 + "}" * 1000).what


@given(st.text(alphabet="${}\\ab.[]0 item", max_size=40))
@settings(max_examples=500)
def test_any_text_is_resolved_or_told(text: str) -> None:
    slips: list[Slip] = []
    result = resolve(text, scope({"a": {"b": ["${a}", "}"]}, "b": "a.b"}), ("x",), slips, command=True)
    assert (result is UNREADABLE) == bool(slips)


# ------------------------------------------------------------------ vars, foreach, matrix


def test_mappings_of_vars_are_joined() -> None:
    assert merge({"a": {"b": 1}, "c": 2}, {"a": {"d": 3}}) == ({"a": {"b": 1, "d": 3}, "c": 2}, [])


def test_another_value_under_the_same_name_is_a_clash() -> None:
    assert merge({"a": {"b": 1, "c": 1}}, {"a": {"b": 1, "c": 2}})[1] == ["a.c"]
    assert merge({"a": 1}, {"a": True})[1] == ["a"]


def test_merging_changes_neither() -> None:
    before = {"a": {"b": 1}}
    merge(before, {"a": {"c": 2}})
    assert before == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["a", 1.5, True, None], ["a", "1.5", "True", "None"]),
        (["a", "a"], ["a"]),
        ([{"x": 1}, {"x": 2}], ["0", "1"]),
        (["a", [1]], ["0", "1"]),
        ({"a": 1, "2020": 2}, ["a", "2020"]),
        ([], []),
    ],
)
def test_items_of_foreach_are_named_as_dvc_names_them(values: Value, names: list[str]) -> None:
    assert [name for name, _ in foreach_items(values)] == names


def test_two_items_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two items of the name '1'"):
        foreach_items([1, "1"])


def test_a_matrix_turns_its_last_axis_fastest() -> None:
    items = matrix_items({"a": [1, 2.5], "b": ["x", {"u": 1}], "c": [True, None]})
    assert [name for name, _ in items] == [
        "1-x-true", "1-x-None", "1-b1-true", "1-b1-None", "2.5-x-true", "2.5-x-None", "2.5-b1-true", "2.5-b1-None",
    ]  # fmt: skip
    assert items[2][1] == {"a": 1, "b": {"u": 1}, "c": True}


def test_a_matrix_without_end_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="more than 100000 combinations"):
        matrix_items({str(axis): list(range(100)) for axis in range(20)})
