"""YAML text to values with places: what is read, where it stands, and what is refused before it does harm."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from outdo.core import nodes
from outdo.core.document import parse
from outdo.core.errors import DuplicateKey, Mistakes, NotYaml, TooDeep, UserError, WrongType
from outdo.core.model import Place, Value

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

DEEP_BY_ALIASES = "\n".join(
    f"{name}: &{name} {'[' * 20}{before}{']' * 20}"
    for before, name in zip(["1", "*a", "*b", "*c"], "abcd", strict=True)
)


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure":
        monkeypatch.setattr(nodes, "fast_loader", lambda: None)


def value(text: str) -> Value:
    return parse("f.yaml", text).value


def refused(text: str) -> UserError:
    with pytest.raises(Mistakes) as caught:
        parse("f.yaml", text)
    [mistake] = caught.value.mistakes
    return mistake


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("~", None),
        ("", None),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("10_000", 10_000),
        ("+1", 1),
        ("-5", -5),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        (".e5", ".e5"),
        ("_1", "_1"),
        ("0x", "0x"),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", "18446744073709551616"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, meant: Value) -> None:
    got = value(f"[{text}]" if text else "a:")
    assert repr(got[0] if text else got["a"]) == repr(meant)


def test_keys_are_texts_as_they_are_written() -> None:
    assert value("{2020: a, true: b, 1.50: c}") == {"2020": "a", "true": "b", "1.50": "c"}


def test_an_empty_file_holds_nothing() -> None:
    assert value("") is None
    assert value("# a comment\n") is None


def test_windows_lines_and_a_byte_order_mark_are_fine() -> None:
    assert value("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n") == {"a": 1, "b": "x\ny\n"}


def test_merged_keys_give_way_to_own_ones() -> None:
    assert value("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}")["y"] == {"b": 3, "a": 1}


def test_a_value_knows_its_line_and_column() -> None:
    document = parse("f.yaml", "a:\n  b: [x, é, z]\n")
    assert document.place(("a", "b", 2)) == Place("f.yaml", 2, 13)
    assert document.place(("a", "b"), at_key=True) == Place("f.yaml", 2, 3)


def test_a_value_that_is_not_written_has_the_place_of_what_is_around_it() -> None:
    assert parse("f.yaml", "a:\n  b: 1\n").place(("a", "c", 0)) == Place("f.yaml", 1, 1)


def test_a_part_of_a_text_has_its_own_place() -> None:
    document = parse("f.yaml", "a: |\n  one\n  two ${x}\n")
    assert document.place(("a",), text="${x}") == Place("f.yaml", 3, 7)


def test_templates_need_no_quotes_in_flow_style() -> None:
    document = parse("f.yaml", "{a: ${x}, b: [p-${m.${k}}, ${l[0]}], c: '${y}'}", templates=True)
    assert document.value == {"a": "${x}", "b": ["p-${m.${k}}", "${l[0]}"], "c": "${y}"}
    assert document.place(("c",)) == Place("f.yaml", 1, 41)


@pytest.mark.parametrize(
    ("text", "line", "column", "fix"),
    [
        ("a:\n\tb: 1", 2, 1, "spaces"),
        ("a: b: c", 1, 5, "quotes"),
        ("a: @x", 1, 4, "quotes"),
        ("a: 1\n---\nb: 2", 2, 1, "remove the '---'"),
        ("a: [1\nb: 2\n", 2, 2, ""),
        ("a: 'x\n\n", 3, 1, ""),
        ("<<<<<<< HEAD\na: 1\n=======\n", 2, 2, "conflict marks"),
        ("a: \x07", 1, 4, "remove it"),
        ("a: 1\nb: \ud800", 2, 4, "UTF-8"),
        ("a: *nowhere", 1, 4, "begins with '*'"),
        ("a: [*.csv]", 1, 6, "begins with '*'"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, line: int, column: int, fix: str) -> None:
    mistake = refused(text)
    assert isinstance(mistake, NotYaml)
    assert mistake.where == Place("f.yaml", line, column)
    assert fix in mistake.fix


def test_an_open_bracket_names_the_line_it_stands_in() -> None:
    assert "line 1" in refused("a: [1,\n 2\nb: 3\n").what


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * 5000,
        "- " * 5000 + "x",
        "? " * 5000 + "x",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "x" * (nodes.MAX_CHARACTERS + 1),
        DEEP_BY_ALIASES,
    ],
)
def test_what_would_exhaust_the_machine_is_refused_at_once(text: str) -> None:
    begin = time.process_time()
    mistake = refused(text)
    assert isinstance(mistake, TooDeep)
    assert isinstance(mistake.where, Place)
    assert mistake.where.line
    assert time.process_time() - begin < 1


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="asks Linux for the peak of a process's own memory"
)
def test_a_bomb_takes_little_memory() -> None:
    program = (
        "from outdo.core.document import parse\n"
        "from outdo.core.errors import Mistakes\n"
        "import re, sys\n"
        "try: parse('f.yaml', sys.stdin.read())\n"
        "except Mistakes: print(re.search('VmHWM: *(.*) kB', open('/proc/self/status').read())[1])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], input=BOMB, capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 100_000


def test_a_mapping_that_merges_itself_ends() -> None:
    assert value("a: &a {<<: *a, b: 1}") == {"a": {"b": 1}}


def test_a_doubled_key_names_both_places() -> None:
    [mistake] = parse("f.yaml", "a: 1\nb: 2\na: 3\n").mistakes
    assert isinstance(mistake, DuplicateKey)
    assert mistake.where == Place("f.yaml", 3, 1)
    assert "f.yaml:1:1" in mistake.what


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system x", "a: !mine 1", "a: !!set {b}", "a: !!int x"]
)
def test_foreign_tags_are_refused(text: str) -> None:
    [mistake] = parse("f.yaml", text).mistakes
    assert isinstance(mistake, WrongType)
    assert mistake.where == Place("f.yaml", 1, 4)


def test_a_key_has_to_be_a_text() -> None:
    [mistake] = parse("f.yaml", "? [a]\n: 1\n").mistakes
    assert "a key has to be a text" in mistake.what
