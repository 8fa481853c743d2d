"""Params to try: what a person writes behind `--set`, and the points it stands for: every combination of listed
values, and values drawn at random that are the same for the same seed."""

import re
from collections.abc import Iterator, Sequence
from math import exp, isfinite, log, prod
from typing import Literal, NoReturn, get_args

from msgspec import Struct, json

from outdo.core import params
from outdo.core.digest import digest
from outdo.core.errors import BadSet, UserError
from outdo.core.model import Path, Phrase, Value
from outdo.core.query import nearest

MOST = 1000
"""How many points one command may try."""
Kind = Literal["log", "uniform", "int", "choice"]
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_FILE = re.compile(r"(?P<file>[^=:]+\.(?:ya?ml|json|toml|py)):(?P<key>[^=]+)")
_DRAW = re.compile(r"(?P<kind>[a-z_]+)\((?P<inner>.*)\)")
_CLOSES = {"[": "]", "{": "}", '"': '"', "'": "'", "(": ")"}


class Choice(Struct, frozen=True):
    """A param with the values to try."""

    file: Path
    key: str
    values: tuple[Value, ...]


class Draw(Struct, frozen=True):
    """A param whose values are drawn at random."""

    file: Path
    key: str
    kind: Kind
    values: tuple[Value, ...]
    """Of a `choice` the values, else the least and the greatest."""


class Setting(Struct, frozen=True):
    """A param with the value it shall have."""

    file: Path
    key: str
    value: Value

    @property
    def name(self) -> str:
        """As stages name the param."""
        return self.key if self.file == "params.yaml" else f"{self.file}:{self.key}"

    def __str__(self) -> str:
        return (
            f"{self.name}={self.value if isinstance(self.value, str) else json.encode(self.value).decode()}"
        )


Point = tuple[Setting, ...]
"""One trial's params."""


def parse(text: str) -> Choice | Draw:
    """What `train.lr=0.1,0.01`, `depth=3..6`, `other.toml:loss=l1` or `lr=log(1e-4,1e-1)` asks for; raises `BadSet`."""
    name, is_set, words = text.partition("=")
    name = name.strip()
    if not is_set or not name or not words.strip():
        raise BadSet(
            f"'{text}' is not of the form NAME=VALUE", fix="--set train.lr=0.1 or --set train.lr=0.1,0.01"
        )
    found = _FILE.fullmatch(name)
    file, key = (found["file"], found["key"]) if found else ("params.yaml", name)
    drawn = _DRAW.fullmatch(words.strip())
    if drawn:
        return _draw(file, key, drawn, text)
    values: list[Value] = []
    for word in _split(words):
        values += _values(word.strip(), text)
    if len(values) > MOST:
        raise BadSet(f"'{text}' has {len(values)} values; {MOST} are the most", fix="take fewer values")
    return Choice(file, key, tuple(values))


def points(asked: Sequence[Choice | Draw], trials: int | None = None, seed: int = 0) -> list[Point]:
    """Every combination of the listed values, the last param changing fastest.

    With `trials` so many points: they share the combinations out evenly, or are some of them where there are more;
    what is drawn is drawn for each anew, by the seed and its number alone, so that a longer search begins with what a
    shorter one has drawn. Raises `BadSet` for a param named twice, more than `MOST` points, and draws without
    `trials`."""
    names = [(one.file, one.key) for one in asked]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BadSet(f"'{twice[1]}' is set twice", fix=f"--set {twice[1]}=VALUE,VALUE tries both")
    listed = [one for one in asked if isinstance(one, Choice)]
    drawn = [one for one in asked if isinstance(one, Draw)]
    if drawn and trials is None:
        raise BadSet(f"'{drawn[0].key}' is drawn at random, but not how often", fix="--trials 20")
    count = prod(len(one.values) for one in listed)
    if (trials or count) > MOST:
        told = f"these are {count} combinations" if trials is None else f"these are {trials} trials"
        raise BadSet(f"{told}; {MOST} are the most", fix="take fewer")
    wanted = count if trials is None else trials if drawn else min(trials, count)
    found: list[Point] = []
    for number, place in enumerate(_places(count, wanted, seed)):
        values = {
            (one.file, one.key): one.values[at]
            for one, at in zip(listed, _digits(listed, place), strict=True)
        }
        values |= {(one.file, one.key): _drawn(one, seed, number) for one in drawn}
        found.append(tuple(Setting(*name, values[name]) for name in names))
    return found


# What is listed.


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
            _refuse(f"'{word}' is no range of at most {MOST} whole numbers", text, word, "--set depth=3..6")
        return range(first, last + 1)
    return [_value(word, text)]


def _value(word: str, text: str) -> Value:
    try:
        return params.parse("value.yaml", f"value: {word}\n")["value"]
    except UserError:
        _refuse(f"'{word}' can't be read as a value", text, word, "quote it")


def _digits(listed: Sequence[Choice], place: int) -> list[int]:
    """Which value of each param the combination at `place` has."""
    found: list[int] = []
    for one in reversed(listed):
        place, at = divmod(place, len(one.values))
        found.append(at)
    return found[::-1]


def _places(count: int, wanted: int, seed: int) -> Iterator[int]:
    """The combinations of `wanted` points: in order, or shuffled where not all are wanted."""
    order: Sequence[int] = range(count)
    if wanted < count:
        order = sorted(order, key=lambda place: digest("point/1", seed, place))
    return (order[number % count] for number in range(wanted))


# What is drawn.


def _draw(file: Path, key: str, found: re.Match[str], text: str) -> Draw:
    kinds = get_args(Kind)
    kind: Kind = found["kind"]  # type: ignore[assignment]
    inner = found["inner"]
    if kind not in kinds:
        near = nearest(kind, kinds)
        fix = (
            f"did you mean '{near}(…)'?"
            if near
            else f"known are {', '.join(kinds)}; quote it to mean the text"
        )
        _refuse(f"no way to draw values is called '{kind}'", text, kind, fix)
    words = [word.strip() for word in _split(inner)]
    values = tuple(_value(word, text) for word in words) if inner.strip() else ()
    if kind == "choice":
        if not values:
            _refuse("there is nothing to choose from", text, found[0], "choice(l1, l2)")
        return Draw(file, key, "choice", values)
    if len(values) != 2:
        _refuse(f"'{kind}' takes the least and the greatest value", text, found[0], f"{kind}(1, 10)")
    for word, value in zip(words, values, strict=True):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole and (kind == "int" or not isinstance(value, float) or not isfinite(value)):
            _refuse(f"'{word}' is no {'whole ' if kind == 'int' else ''}number", text, word, f"{kind}(1, 10)")
        if kind == "log" and value <= 0:
            _refuse("a logarithm needs numbers above 0", text, word, "log(1e-4, 1e-1)")
    if values[0] >= values[1]:
        _refuse(f"'{words[0]}' is not less than '{words[1]}'", text, inner, f"{kind}({words[1]}, {words[0]})")
    return Draw(file, key, kind, values)


def _drawn(one: Draw, seed: int, number: int) -> Value:
    """The value of a point, by a digest instead of a generator: the same on every machine and in every version."""
    share = int(digest("draw/1", seed, number, one.file, one.key)[:13], 16) / 16**13
    if one.kind == "choice":
        return one.values[int(share * len(one.values))]
    low, high = one.values
    if one.kind == "int":
        return int(low) + int(share * (high - low + 1))
    value = (
        exp(log(low) + share * (log(high) - log(low))) if one.kind == "log" else low + share * (high - low)
    )
    return min(max(float(f"{value:.6g}"), float(low)), float(high))


def _refuse(what: str, text: str, word: str, fix: str) -> NoReturn:
    line = f"--set {text}"
    raise BadSet(what, where=Phrase(line, line.rfind(word), max(1, len(word))), fix=fix)
