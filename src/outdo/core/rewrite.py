"""The text of a params file with values replaced in place: its comments, its order and its layout stay."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from posixpath import splitext
from typing import Any, Literal, NamedTuple

import yaml
from msgspec import json

from outdo.core import params
from outdo.core.compare import same
from outdo.core.errors import BadSet, UserError
from outdo.core.model import Path, Value
from outdo.core.query import nearest
from outdo.core.sweep import Setting
from outdo.core.toml import spans
from outdo.core.values import MISSING, leaves, lookup

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Dialect = Literal["json", "yaml", "toml", "py"]


class Span(NamedTuple):
    """Where in a text a value stands."""

    start: int
    end: int


def set_values(path: Path, text: str, settings: Sequence[Setting]) -> str:
    """The text of a YAML, JSON, TOML or Python file with these values in place, all else as it stood; raises `BadSet`
    for a param that is not there, or that can't be replaced alone."""
    for setting in settings:
        text = _set(path, text, setting)
    return text


def _set(path: Path, text: str, setting: Setting) -> str:
    before = params.parse(path, text)
    if lookup(before, setting.key) is MISSING:
        known = list(leaves(before)) if isinstance(before, Mapping) else []
        near = nearest(setting.key, known)
        fix = f"did you mean '{near}'?" if near else f"known are {', '.join(known[:8]) or 'none'}"
        raise BadSet(f"'{path}' holds no param '{setting.key}'", fix=fix)
    dialect = _dialect(path)
    span = _find(dialect, text, setting.key)
    written = _text(setting.value, dialect)
    fix = f"edit {path}, then outdo run"
    if written is None:
        raise BadSet(f"'{path}' can't hold the value of '{setting}'", fix=fix)
    if span is not None:
        gap = " " if text[span.start - 1 : span.start] == ":" else ""
        after = text[: span.start] + gap + written + text[span.end :]
        if _is_just(path, before, after, setting):
            return after
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


def _dialect(path: Path) -> Dialect:
    match splitext(path)[1].lower():
        case ".toml":
            return "toml"
        case ".py":
            return "py"
        case ".json":
            return "json"
        case _:
            return "yaml"


# A value as text.


def _text(value: Value, dialect: Dialect) -> str | None:
    """The value as the file's language writes it on one line; None where it has no words for it."""
    match value:
        case list():
            items = [_text(item, dialect) for item in value]
            return None if None in items else f"[{', '.join(map(str, items))}]"
        case dict():
            sign = " = " if dialect == "toml" else ": "
            inner = {name: _text(item, dialect) for name, item in value.items()}
            pairs = [f"{_text(name, dialect)}{sign}{item}" for name, item in inner.items()]
            return None if None in inner.values() else "{" + ", ".join(pairs) + "}"
        case float():
            return _number(value, dialect)
        case _ if dialect == "py":
            return repr(value)
        case None if dialect == "toml":
            return None
        case _:
            return json.encode(value).decode()


def _number(value: float, dialect: Dialect) -> str | None:
    if not isfinite(value):
        word = "nan" if value != value else "inf" if value > 0 else "-inf"
        words = {"toml": word, "yaml": word.replace("inf", ".inf").replace("nan", ".nan")}
        return words.get(dialect)
    digits, e, power = repr(value).partition("e")
    if not e:
        return digits
    # Many readers of YAML take `1e-05` for a text, and none takes `1.0e-05` for one.
    whole = digits if "." in digits else f"{digits}.0"
    return f"{whole}e{power if power[0] in '+-' else f'+{power}'}"


# A value's place in the text.


def _find(dialect: Dialect, text: str, key: str) -> Span | None:
    match dialect:
        case "toml":
            found = [Span(start, end) for path, start, end in spans(text) if ".".join(path) == key]
            return found[-1] if found else None
        case "py":
            return _in_python(text, key)
        case _:
            return _in_yaml(text, key)


def _in_yaml(text: str, key: str) -> Span | None:
    shift = len(text) - len(text.removeprefix("\ufeff"))
    node: Any = yaml.compose(text[shift:], Loader=yaml.SafeLoader)
    for step in key.split("."):
        if isinstance(node, yaml.MappingNode):
            node = next((inner for name, inner in node.value if name.value == step), None)
        elif isinstance(node, yaml.SequenceNode):
            node = node.value[int(step)]
        if node is None:
            return None
    start = node.start_mark.index + shift
    return Span(start, start + len(text[start : node.end_mark.index + shift].rstrip()))


def _in_python(text: str, key: str) -> Span | None:
    code = text.removeprefix("\ufeff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [node for path, node in _assigned(ast.parse(code).body, ()) if ".".join(path) == key]
    if not found:
        return None
    lines = _LINE.findall(code)

    def place(line: int, column: int) -> int:
        """`ast` counts bytes in a line."""
        before = sum(map(len, lines[: line - 1]))
        return len(text) - len(code) + before + len(lines[line - 1].encode()[:column].decode())

    node = found[-1]
    return Span(place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset))


def _assigned(body: Sequence[ast.stmt], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that a name is assigned, here and in classes, with those inside it."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _assigned(node.body, (*above, node.name))
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield from _assigned(node.body, above)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                name = getattr(target, "attr", None) or getattr(target, "id", None)
                if name:
                    yield from _inside(node.value, (*above, name))


def _inside(node: ast.expr, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ast.expr]]:
    yield path, node
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield from _inside(value, (*path, str(key.value)))
    elif isinstance(node, ast.List | ast.Tuple):
        for number, item in enumerate(node.elts):
            yield from _inside(item, (*path, str(number)))
