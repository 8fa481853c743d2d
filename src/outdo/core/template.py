"""Templates: `${…}` to values, `foreach` and `matrix` to items; within bounds whatever a file says.

A text that is one `${name}` becomes that value with its type; within a longer text the value is written out. What
a name stands for is never itself read as a template, so nothing can refer to itself.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from math import prod
from shlex import quote
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.document import Slip, Steps
from outdo.core.errors import BadTemplate, TooDeep
from outdo.core.hints import did_you_mean
from outdo.core.model import Value
from outdo.core.nodes import MAX_DEPTH
from outdo.core.shapes import UNREADABLE
from outdo.core.values import MISSING, step_into
from outdo.core.written import Secret

MAX_STAGES: Final = 100_000
_MAX_CHARACTERS: Final = 32_000_000
"""Of all texts that templates make in one file; a value inside a list or mapping counts as `_PER_VALUE`."""
_PER_VALUE: Final = 50
_MAX_NESTED: Final = 8


class Budget:
    """What the templates of one file may still produce."""

    def __init__(self, characters: int = _MAX_CHARACTERS) -> None:
        self.left = characters
        self.told = False

    def spend(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise _Exhausted


class Scope(Struct, frozen=True):
    """The names that templates may use, and how much they may make of them."""

    names: Mapping[str, Value]
    budget: Budget
    nearer: Mapping[str, Value] = {}
    """`item` and `key`, which hide others of their name."""

    def within(self, key: str, item: Value) -> "Scope":
        """The scope of one of `foreach` or `matrix`."""
        return Scope(self.names, self.budget, {"item": item, "key": key})

    def known(self) -> list[str]:
        return [*self.nearer, *self.names]


class Reference(Struct, frozen=True):
    """One `${…}`: its text, and the parts of the name within, which may be references themselves."""

    source: str
    name: "tuple[str | Reference, ...]"


class _Bad(Exception):
    def __init__(self, what: str, source: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.source = source
        self.fix = fix


class _Exhausted(Exception):
    """The budget is spent."""


def resolve(value: Value, scope: Scope, path: Steps, slips: list[Slip], *, command: bool = False) -> Value:
    """`value` with every `${…}` in its texts and keys replaced; `UNREADABLE` stands where that failed.

    In a command, a mapping is written as options: `--lr 0.1 --verbose --layers 3 4`."""
    if isinstance(value, str):
        return _resolve_text(value, scope, path, slips, command) if "${" in value else value
    if isinstance(value, list):
        return [
            resolve(item, scope, (*path, index), slips, command=command) for index, item in enumerate(value)
        ]
    if isinstance(value, dict):
        resolved: dict[str, Value] = {}
        for key, item in value.items():
            here = (*path, key)
            new = _resolve_key(key, scope, here, slips) if "${" in key else key
            if new is not UNREADABLE:
                resolved[new] = resolve(item, scope, here, slips, command=command)
        return resolved
    return value


def _resolve_key(key: str, scope: Scope, path: Steps, slips: list[Slip]) -> Value:
    about: list[Slip] = []
    new = _resolve_text(key, scope, path, about, command=False)
    slips.extend(replace(slip, at_key=True) for slip in about)
    if isinstance(new, list | dict | Secret):
        slips.append(Slip(BadTemplate, f"'{key}' is no text, so it can't be a key", path, at_key=True))
        return UNREADABLE
    return new if new is UNREADABLE else _plain(new)


def _resolve_text(text: str, scope: Scope, path: Steps, slips: list[Slip], command: bool) -> Value:
    try:
        parts = _parts(text)
    except _Bad as bad:
        slips.append(Slip(BadTemplate, bad.what, path, bad.fix, text=bad.source))
        return UNREADABLE
    alone = len(parts) == 1
    made = [
        part if isinstance(part, str) else _made(part, scope, path, slips, command, alone) for part in parts
    ]
    if UNREADABLE in made:
        return UNREADABLE
    return made[0] if alone else "".join(made)


def _made(
    reference: Reference, scope: Scope, path: Steps, slips: list[Slip], command: bool, alone: bool
) -> Value:
    try:
        if alone:
            return _whole(reference, scope, command)
        text = _within(_value(reference, scope), reference.source, command)
        scope.budget.spend(len(text))
        return text
    except _Bad as bad:
        slips.append(Slip(BadTemplate, bad.what, path, bad.fix, text=bad.source))
    except _Exhausted:
        if not scope.budget.told:
            scope.budget.told = True
            slips.append(Slip(TooDeep, "the templates of this file make more text than is sane", path))
    return UNREADABLE


def _whole(reference: Reference, scope: Scope, command: bool) -> Value:
    value = _value(reference, scope)
    if isinstance(value, dict) and command:
        value = _options(value, reference.source)
    if isinstance(value, list | dict):
        for depth in _depths(value):
            scope.budget.spend(_PER_VALUE)
            if depth > MAX_DEPTH:
                raise _Bad(f"values nest deeper than {MAX_DEPTH} levels", reference.source)
    elif isinstance(value, str):
        scope.budget.spend(len(value))
    return value


def _depths(value: Value) -> Iterator[int]:
    """For each value in `value`, itself included, how deep it is."""
    todo = [(value, 1)]
    while todo:
        part, depth = todo.pop()
        yield depth
        if isinstance(part, list):
            todo.extend((inner, depth + 1) for inner in part)
        elif isinstance(part, dict):
            todo.extend((inner, depth + 1) for inner in part.values())


# ------------------------------------------------------------------ text to parts


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[str | Reference, ...]:
    """The text as literal parts and references; `\\${` is a literal `${`."""
    parts: list[str | Reference] = []
    literal, at = "", 0
    while (begin := text.find("${", at)) >= 0:
        if begin and text[begin - 1] == "\\":
            literal += text[at : begin - 1] + "${"
            at = begin + 2
            continue
        literal += text[at:begin]
        reference, at = _reference(text, begin, 1)
        parts += [literal, reference] if literal else [reference]
        literal = ""
    literal += text[at:]
    return (*parts, literal) if literal else tuple(parts)


def _reference(text: str, begin: int, depth: int) -> tuple[Reference, int]:
    name: list[str | Reference] = []
    at = begin + 2
    while True:
        end = text.find("}", at)
        if end < 0 or depth > _MAX_NESTED:
            what = "'${' has no closing '}'" if end < 0 else "templates nest too deep"
            shown = text[begin : begin + 40].split("\n", maxsplit=1)[0]
            fix = f"close it, or write \\{shown} for the text itself"
            raise _Bad(f"{what}: {shown}", shown, fix)
        inner = text.find("${", at, end)
        if inner < 0:
            name.append(text[at:end])
            return Reference(text[begin : end + 1], tuple(name)), end + 1
        name.append(text[at:inner])
        nested, at = _reference(text, inner, depth + 1)
        name.append(nested)


# ------------------------------------------------------------------ references to values

_HIDE = str.maketrans(".[]", "\x01\x02\x03")
_SHOW = str.maketrans("\x01\x02\x03", ".[]")
_NAME = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]+\])*")
_STEP = re.compile(r"[^.\[\]]+")
_SHELL = re.compile(r"[A-Z_][A-Z0-9_]*|\w+[:#%/^,-].*|[!#?@*0-9].*", re.DOTALL)


def _value(reference: Reference, scope: Scope) -> Value:
    name = "".join(
        part if isinstance(part, str) else _plain(_value(part, scope)).translate(_HIDE)
        for part in reference.name
    ).strip()
    if not _NAME.fullmatch(name):
        what = "'${}' names nothing" if not name else f"'{reference.source}' is not of the form ${{a.b[0]}}"
        raise _Bad(what, reference.source, _shell_fix(name, reference))
    steps = [step.strip().translate(_SHOW) for step in _STEP.findall(name)]
    if steps[0] == "secret":
        return _secret(steps, reference)
    values: Value = scope.nearer if steps[0] in scope.nearer else scope.names
    for index, step in enumerate(steps):
        found = step_into(values, step)
        if found is MISSING:
            raise _unknown(steps, index, values, scope, reference)
        values = found
    return values


def _secret(steps: list[str], reference: Reference) -> Secret:
    try:
        return Secret.written(f"${{{'.'.join(steps)}}}")
    except ValueError as error:
        raise _Bad(f"'{reference.source}' is no secret", reference.source, f"write {error}") from None


def _unknown(steps: list[str], index: int, values: Value, scope: Scope, reference: Reference) -> _Bad:
    asked = ".".join(steps)
    if index == 0 and steps[0] in ("item", "key"):
        return _Bad(f"'{asked}' is known only in foreach and matrix", reference.source)
    known = scope.known() if index == 0 else list(values) if isinstance(values, Mapping) else []
    near = did_you_mean(steps[index], known) if known else ""
    if index == 0 and "?" not in near and _SHELL.fullmatch(asked):
        near = _shell_fix(asked, reference)
    if "?" not in near and len(known) > 10:
        near = ""
    inside = f" in '{'.'.join(steps[:index])}'" if index else ""
    return _Bad(f"nothing is named '{steps[index]}'{inside}", reference.source, near)


def _shell_fix(name: str, reference: Reference) -> str:
    return f"for the shell's own write \\{reference.source}" if _SHELL.fullmatch(name) else ""


def _plain(value: Value) -> str:
    """A scalar as DVC writes it out."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _within(value: Value, source: str, command: bool) -> str:
    match value:
        case dict() if command:
            return _options(value, source)
        case list() | dict():
            kind = "list" if isinstance(value, list) else "mapping"
            raise _Bad(f"'{source}' is a {kind}, which can't stand inside a text", source)
        case Secret():
            raise _Bad(f"'{source}' is a secret, which has to stand alone", source)
        case _:
            return _plain(value)


def _options(values: dict[str, Value], source: str, prefix: str = "--") -> str:
    words: list[str] = []
    for key, value in values.items():
        option = f"{prefix}{key}"
        match value:
            case bool():
                words += [option] if value else []
            case dict():
                words.append(_options(value, source, f"{option}."))
            case list():
                items = [quote(_within(item, source, command=False)) for item in value]
                words += [option, *items] if items else []
            case _:
                words += [option, quote(_within(value, source, command=False))]
    return " ".join(filter(None, words))


# ------------------------------------------------------------------ vars


def merge(names: Mapping[str, Value], more: Mapping[str, Value]) -> tuple[dict[str, Value], list[str]]:
    """`names` and `more` as one, mappings joined, and the dotted names that have another value in each."""
    merged, clashes = dict(names), []
    for key, value in more.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(value, dict) and isinstance(merged[key], dict):
            merged[key], inner = merge(merged[key], value)
            clashes += [f"{key}.{name}" for name in inner]
        elif type(value) is not type(merged[key]) or value != merged[key]:
            clashes.append(key)
    return merged, clashes


# ------------------------------------------------------------------ foreach and matrix


def foreach_items(values: list[Value] | dict[str, Value]) -> list[tuple[str, Value]]:
    """The name after `@` and the item of each; a list that holds lists or mappings is named by index."""
    if isinstance(values, dict):
        return list(values.items())
    if any(isinstance(value, list | dict) for value in values):
        return [(str(index), value) for index, value in enumerate(values)]
    return _distinct([(str(value), value) for value in values])


def matrix_items(axes: Mapping[str, list[Value]]) -> list[tuple[str, Value]]:
    """The name after `@` and the item, `{axis: value}`, of each combination; the last axis turns fastest.

    Raises `ValueError` where there are too many, or two of one name."""
    if prod(len(values) for values in axes.values()) > MAX_STAGES:
        raise ValueError(f"more than {MAX_STAGES} combinations")
    named = [
        [(_axis_name(axis, index, value), axis, value) for index, value in enumerate(values)]
        for axis, values in axes.items()
    ]
    return _distinct(
        [
            ("-".join(name for name, _, _ in combination), {axis: value for _, axis, value in combination})
            for combination in product(*named)
        ]
    )


def _axis_name(axis: str, index: int, value: Value) -> str:
    return f"{axis}{index}" if isinstance(value, list | dict) else _plain(value)


def _distinct(items: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
    found: dict[str, Value] = {}
    for name, item in items:
        if name in found and found[name] != item:
            raise ValueError(f"two items of the name '{name}'")
        found.setdefault(name, item)
    return list(found.items())
