"""Params files to plain values."""

import json as python_json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, msgpack

from outdo.core.errors import BadParams
from outdo.core.model import Place, Value
from outdo.core.params import parse
from outdo.core.values import MISSING, lookup

PYTHON = """
import os
SEED = 7
RATE: float = 1e-3
LAYERS = (3, 4)
NAMES = {"b", "a"}
NEGATIVE = -1
COMPUTED = os.getcwd()
late: int
class Train:
    epochs = 10
    class Deep:
        width = 64
    def __init__(self):
        self.momentum = 0.9
        other.thing = 1
def f():
    hidden = 1
"""

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refused(path: str, text: str) -> BadParams:
    with pytest.raises(BadParams) as caught:
        parse(path, text)
    return caught.value


def test_yaml_json_toml_and_python_give_the_same_values() -> None:
    values = {"train": {"lr": 0.001, "layers": [3, 4]}, "name": "x"}
    assert parse("params.yaml", "train: {lr: 1e-3, layers: [3, 4]}\nname: x\n") == values
    assert parse("p.json", '{"train": {"lr": 0.001, "layers": [3, 4]}, "name": "x"}') == values
    assert parse("p.toml", 'name = "x"\n[train]\nlr = 1e-3\nlayers = [3, 4]\n') == values
    assert parse("p.py", "class train:\n  lr = 1e-3\n  layers = [3, 4]\nname = 'x'\n") == values


def test_a_python_file_gives_its_constants_and_is_not_executed() -> None:
    assert parse("params.py", PYTHON) == {
        "SEED": 7,
        "RATE": 0.001,
        "LAYERS": [3, 4],
        "NAMES": ["a", "b"],
        "NEGATIVE": -1,
        "Train": {"epochs": 10, "Deep": {"width": 64}, "momentum": 0.9},
    }


def test_dates_are_texts() -> None:
    assert parse("p.yaml", "a: 2020-01-01") == {"a": "2020-01-01"}
    assert parse("p.toml", "a = 2020-01-01\nb = 07:30:00") == {"a": "2020-01-01", "b": "07:30:00"}


def test_whole_numbers_beyond_64_bits_are_texts() -> None:
    big = "123456789012345678901234567890"
    for path, text in {"p.yaml": f"a: {big}", "p.json": f'{{"a": {big}}}', "p.py": f"a = {big}"}.items():
        assert parse(path, text) == {"a": big}


def test_an_empty_file_holds_no_params() -> None:
    for path in ("p.yaml", "p.yml", "p.json", "p.toml", "p.py"):
        assert parse(path, "") == {}


@pytest.mark.parametrize(
    ("path", "text", "line", "column"),
    [
        ("p.yaml", "a: 1\nb: [", 3, 1),
        ("p.yaml", "a: 1\na: 2\n", 2, 1),
        ("p.json", '{"a": 1,\n "b" 2}', 2, 6),
        ("p.json", '{"a": 1, "a": 2}', 1, 1),
        ("p.toml", "a = 1\nb = = 2\n", 2, 5),
        ("p.toml", "a = 1\nb = [", 2, 1),
        ("p.py", "a = 1\nb = (\n", 2, 5),
        ("p.json", "[" * 100_000, 1, 1),
        ("p.toml", "a = " + "[" * 100_000, 1, 1),
        ("p.ini", "a = 1", 0, 0),
    ],
)
def test_what_can_not_be_read_is_told_with_its_place(path: str, text: str, line: int, column: int) -> None:
    assert refused(path, text).where == Place(path, line, column)


@pytest.mark.parametrize("text", ["(" * 1000, "-" * 100_000 + "1", "a = " + "9" * 5000, "\0", "a = '\\N{x}'"])
def test_python_that_is_none_is_told(text: str) -> None:
    assert isinstance(refused("p.py", text), BadParams)


@given(PLAIN)
def test_json_comes_back_as_it_went(value: Value) -> None:
    assert parse("p.json", json.encode(value).decode()) == value


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TEXTS = st.sampled_from(["NaN", "-Infinity", '"\\ud800"', '"a: b"', '"a\\u0000"', "true", "{}", "[]"])
OBJECTS = st.recursive(
    NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(["a", "b", "c:"]), inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f'"{key}" : {item}' for key, item in pairs) + "}"
        )
    ),
    max_leaves=6,
)


@given(OBJECTS)
def test_json_is_read_as_python_reads_it(text: str) -> None:
    def distinct(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    try:
        expected = python_json.loads(text, object_pairs_hook=distinct)
    except AssertionError:
        assert "stands twice" in refused("p.json", text).what
        return
    found = parse("p.json", f" {text}\n")
    assert repr(found) == repr(_kept(expected))


def _kept(value: Any) -> Value:
    """What Outdo keeps of a value: no whole number beyond 64 bits, no half of a surrogate pair."""
    match value:
        case list():
            return [_kept(item) for item in value]
        case dict():
            return {key: _kept(item) for key, item in value.items()}
        case str():
            return value.encode("utf-8", "replace").decode()
        case int() if not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 64:
            return str(value)
    return value


@given(st.text(), st.sampled_from(["p.yaml", "p.json", "p.toml", "p.py"]))
def test_any_text_is_read_to_what_can_be_kept_or_refused(text: str, path: str) -> None:
    try:
        values = parse(path, text)
    except BadParams:
        return
    msgpack.encode(values)


VALUES = {"a": {"b": [1, {"c": None}]}}


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("a.b.0", 1),
        ("a.b.1.c", None),
        ("a.b.-2", 1),
        ("a.b.2", MISSING),
        ("a.b.x", MISSING),
        ("a.x", MISSING),
        ("a.b.0.x", MISSING),
        ("", MISSING),
    ],
)
def test_values_are_found_by_dotted_names(key: str, found: Value) -> None:
    assert lookup(VALUES, key) == found


def test_importing_params_loads_no_yaml() -> None:
    program = "import sys, outdo.core.params; print({'yaml', 'tomllib'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
