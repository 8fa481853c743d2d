"""Params to try: what a person writes behind `--set` to values, every combination of them, and the text of a params
file with a value replaced."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import yaml
from msgspec import Struct, json

from outdo.core import params
from outdo.core.compare import same
from outdo.core.errors import BadSet, UserError
from outdo.core.model import Path, Value
from outdo.core.query import nearest
from outdo.core.values import MISSING, leaves, lookup

MOST = 1000
"""How many combinations one command may try."""
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_FILE = re.compile(r"(?P<file>[^=:]+\.(?:ya?ml|json)):(?P<key>[^=]+)")
_CLOSES = {"[": "]", "{": "}", '"': '"', "'": "'"}


class Choice(Struct, frozen=True):
    """A param with the values to try."""

    file: Path
    key: str
    values: tuple[Value, ...]


class Setting(Struct, frozen=True):
    """A param with the value it shall have."""

    file: Path
    key: str
    value: Value

    def __str__(self) -> str:
        name = self.key if self.file == "params.yaml" else f"{self.file}:{self.key}"
        return f"{name}={self.value if isinstance(self.value, str) else json.encode(self.value).decode()}"


def parse_choice(text: str) -> Choice:
    """What `train.lr=0.1,0.01`, `depth=3..6` or `other.yaml:loss=l1` asks for; raises `BadSet`."""
    name, is_set, words = text.partition("=")
    name = name.strip()
    if not is_set or not name or not words.strip():
        raise BadSet(
            f"'{text}' is not of the form NAME=VALUE", fix="--set train.lr=0.1 or --set train.lr=0.1,0.01"
        )
    found = _FILE.fullmatch(name)
    file, key = (found["file"], found["key"]) if found else ("params.yaml", name)
    values: list[Value] = []
    for word in _split(words):
        values += _values(word.strip(), text)
    if len(values) > MOST:
        raise BadSet(f"'{text}' has {len(values)} values; {MOST} are the most", fix="take fewer values")
    return Choice(file, key, tuple(values))


def expand(choices: Sequence[Choice]) -> list[tuple[Setting, ...]]:
    """Every combination of values, the last param changing fastest; raises `BadSet` for one named twice, and for
    more than `MOST` combinations."""
    names = [(choice.file, choice.key) for choice in choices]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BadSet(f"'{twice[1]}' is set twice", fix=f"--set {twice[1]}=VALUE,VALUE tries both")
    count = prod(len(choice.values) for choice in choices)
    if count > MOST:
        raise BadSet(f"these are {count} combinations; {MOST} are the most", fix="take fewer values")
    rows = product(*(choice.values for choice in choices))
    return [tuple(Setting(*name, value) for name, value in zip(names, row, strict=True)) for row in rows]


def set_values(path: Path, text: str, settings: Sequence[Setting]) -> str:
    """The text of a YAML or JSON file with these values in place, all else as it stood; raises `BadSet` for a param
    that is not there, or that can't be replaced alone."""
    for setting in settings:
        text = _set(path, text, setting)
    return text


def _split(words: str) -> Iterator[str]:
    """Parts between commas that are in no brackets and no quotes."""
    open_: list[str] = []
    start = 0
    for at, character in enumerate(words):
        if open_ and character == open_[-1]:
            open_.pop()
        elif character in _CLOSES and not (open_ and open_[-1] in "\"'"):
            open_.append(_CLOSES[character])
        elif character == "," and not open_:
            yield words[start:at]
            start = at + 1
    yield words[start:]


def _values(word: str, text: str) -> Sequence[Value]:
    found = _RANGE.fullmatch(word)
    if found:
        first, last = int(found[1]), int(found[2])
        if not 0 <= last - first < MOST:
            raise BadSet(f"'{word}' is no range of at most {MOST} whole numbers", fix="--set depth=3..6")
        return range(first, last + 1)
    try:
        return [params.parse("value.yaml", f"value: {word}\n")["value"]]
    except UserError:
        raise BadSet(f"'{word}' in '{text}' can't be read as a value", fix="quote it") from None


def _set(path: Path, text: str, setting: Setting) -> str:
    before = params.parse(path, text)
    if lookup(before, setting.key) is MISSING:
        known = list(leaves(before)) if isinstance(before, Mapping) else []
        near = nearest(setting.key, known)
        fix = f"did you mean '{near}'?" if near else f"known are {', '.join(known[:8]) or 'none'}"
        raise BadSet(f"'{path}' holds no param '{setting.key}'", fix=fix)
    node = _node(yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader), setting.key)
    shift = len(text) - len(text.removeprefix("\ufeff"))
    if node is not None:
        start = node.start_mark.index + shift
        end = start + len(text[start : node.end_mark.index + shift].rstrip())
        written = json.encode(setting.value).decode()
        if text[start - 1 : start] == ":":
            written = f" {written}"
        after = text[:start] + written + text[end:]
        if _is_just(path, before, after, setting):
            return after
    fix = f"edit {path}, then outdo run"
    raise BadSet(f"'{setting.key}' in '{path}' can't be set alone: others share its value", fix=fix)


def _is_just(path: Path, before: Value, after: str, setting: Setting) -> bool:
    """Whether `after` is `before` with this value in place."""
    try:
        found = params.parse(path, after)
    except UserError:
        return False
    return same(found, _replaced(before, setting.key.split("."), setting.value))


def _replaced(values: Value, steps: Sequence[str], value: Value) -> Value:
    if not steps:
        return value
    if isinstance(values, Mapping):
        return {**values, steps[0]: _replaced(values[steps[0]], steps[1:], value)}
    at = int(steps[0]) % len(values)
    return [*values[:at], _replaced(values[at], steps[1:], value), *values[at + 1 :]]


def _node(node: Any, key: str) -> Any:
    """Where the value of a dotted name stands in a composed file; None where it comes from elsewhere."""
    for step in key.split("."):
        if isinstance(node, yaml.MappingNode):
            node = next((inner for name, inner in node.value if name.value == step), None)
        elif isinstance(node, yaml.SequenceNode):
            node = node.value[int(step)]
        if node is None:
            return None
    return node
