"""Parameter files to plain values: YAML, JSON, TOML, and the constants of a Python file, which is never executed."""

import re
from posixpath import splitext
from typing import Any

from msgspec import MsgspecError, json

from outdo.core import document
from outdo.core.errors import BadParams, Mistakes
from outdo.core.model import Path, Place, Value


def parse(path: Path, text: str) -> Value:
    """The values in `text`, read as the suffix of `path` says; raises `BadParams` with a place.

    Keys are texts, dates are texts, and so are whole numbers beyond 64 bits."""
    suffix = splitext(path)[1].lower()
    text = text.removeprefix("\ufeff")
    try:
        match suffix:
            case ".yaml" | ".yml":
                return _yaml(path, text)
            case ".json":
                return _json(path, text)
            case ".toml":
                return _toml(path, text)
            case ".py":
                return _python(path, text)
    except RecursionError:
        raise BadParams("values nest too deep", where=Place(path, 1, 1)) from None
    kinds = ".yaml, .yml, .json, .toml and .py"
    raise BadParams(f"'{path}' is no kind of params file", where=Place(path), fix=f"known are {kinds}")


def _yaml(path: Path, text: str) -> Value:
    try:
        read = document.parse(path, text)
    except Mistakes as found:
        raise _as_bad_params(found.mistakes[0]) from None
    if read.mistakes:
        raise _as_bad_params(read.mistakes[0])
    return {} if read.value is None else read.value


def _as_bad_params(mistake: Any) -> BadParams:
    return BadParams(mistake.what, where=mistake.where, fix=mistake.fix)


def _json(path: Path, text: str) -> Value:
    if not text.strip():
        return {}
    try:
        value = json.decode(text)
        if _pairs(value) == text.count(":"):  # so no key stands twice
            return _plain(value)
    except MsgspecError:
        pass  # it may be NaN, which Python writes and reads, or is told with its place below
    return _slowly(path, text)


def _pairs(value: Any) -> int:
    """How many keys there are in a nested value."""
    if isinstance(value, dict):
        return len(value) + sum(map(_pairs, value.values()))
    return sum(map(_pairs, value)) if isinstance(value, list) else 0


def _slowly(path: Path, text: str) -> Value:
    import json as python_json

    try:
        return _plain(python_json.loads(text, object_pairs_hook=_distinct))
    except python_json.JSONDecodeError as error:
        place = Place(path, error.lineno, error.colno)
        raise BadParams(f"not valid JSON: {error.msg}", where=place) from None
    except ValueError as error:
        raise BadParams(str(error), where=Place(path, 1, 1)) from None


def _distinct(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key '{key}' stands twice")
        found[key] = value
    return found


def _toml(path: Path, text: str) -> Value:
    import tomllib

    try:
        return _plain(tomllib.loads(text.replace("\r\n", "\n")))
    except (tomllib.TOMLDecodeError, ValueError) as error:
        said = str(error)
        found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", said)
        line, column = (int(found[1]), int(found[2])) if found and found[1] else (text.count("\n") + 1, 1)
        what = f"not valid TOML: {said[: found.start()] if found else said}"
        raise BadParams(what, where=Place(path, line, column)) from None


def _python(path: Path, text: str) -> Value:
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _constants(ast.parse(text).body, ast)
    except SyntaxError as error:
        place = Place(path, error.lineno or 1, error.offset or 1)
        raise BadParams(f"not valid Python: {error.msg}", where=place) from None
    except (ValueError, MemoryError) as error:
        raise BadParams(f"not valid Python: {error}", where=Place(path, 1, 1)) from None


def _constants(body: list[Any], ast: Any) -> dict[str, Value]:
    """Names that are assigned a literal, here and in classes; those set on `self` in `__init__` too."""
    found: dict[str, Value] = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = _constants(node.body, ast)
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            found |= _constants(node.body, ast)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            try:
                value = _plain(ast.literal_eval(node.value))
            except (ValueError, TypeError, MemoryError, RecursionError):
                continue
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if name := _target(target, ast):
                    found[name] = value
    return found


def _target(target: Any, ast: Any) -> str:
    if isinstance(target, ast.Name):
        return str(target.id)
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return str(target.attr)
    return ""


def _plain(value: Any) -> Value:
    """`value` with nothing in it that YAML, JSON and msgpack do not all know."""
    match value:
        case None | bool() | float():
            return value
        case str():  # JSON may hold half a surrogate pair, which no encoder takes
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        case int():
            return value if -(1 << 63) <= value < 1 << 64 else str(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=repr)
        case dict():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case _:
            return str(value)
