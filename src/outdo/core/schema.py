"""The types of `outdo.yaml` as a JSON Schema, so that what editors offer is what is validated."""

import ast
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from outdo.core.file import File
from outdo.core.shapes import union_within
from outdo.core.written import Written

Schema = dict[str, Any]

_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Any: {},
}
_TEMPLATE: Schema = {"$ref": "#/definitions/template"}
_WHOLE = ("project", "vars", "stages")
"""Sections of the file that no single template can stand for."""


def json_schema() -> Schema:
    """A JSON Schema (draft-07, which editors know best) of `outdo.yaml` and `dvc.yaml`."""
    definitions: dict[str, Schema] = {
        "template": {
            "description": "A value by its name, such as ${train.lr}.",
            "type": "string",
            "pattern": r"\$\{.*\}",
        }
    }
    root = _struct(File, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "outdo.yaml",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def words(kind: type) -> str:
    """A class's docstring as one paragraph."""
    return " ".join((kind.__doc__ or "").split())


def field_words(kind: type[Struct], name: str) -> str:
    """The docstring under a field, in its class or in one it extends; a struct's own where it has none."""
    for each in kind.__mro__:
        if said := _docstrings(each.__module__).get((each.__name__, name)):
            return said
    return ""


@cache
def _docstrings(module: str) -> dict[tuple[str, str], str]:
    """The texts under annotated fields of a module's classes; none where the source is not there."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    found: dict[tuple[str, str], str] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for field, below in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(below, ast.Expr)
                    and isinstance(below.value, ast.Constant)
                ):
                    found[node.name, field.target.id] = " ".join(str(below.value.value).split())
    return found


def _struct(kind: type[Struct], definitions: dict[str, Schema]) -> Schema:
    properties: dict[str, Schema] = {}
    for field in fields(kind):
        schema = _field(kind, field, definitions)
        properties[field.encode_name] = schema
    needed = [each.encode_name for each in fields(kind) if each.required]
    whole: Schema = {
        "description": words(kind),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return whole | ({"required": needed} if needed else {"type": ["object", "null"]})


def _field(kind: type[Struct], field: FieldInfo, definitions: dict[str, Schema]) -> Schema:
    schema = _of(field.type, definitions)
    if not (kind is File and field.name in _WHOLE):
        schema = _or_template(schema)
    said: Schema = {}
    if text := field_words(kind, field.name):
        said["description"] = text
    if isinstance(field.default, bool | int | float) or (isinstance(field.default, str) and field.default):
        said["default"] = field.default
    return {**said, "allOf": [schema]} if "$ref" in schema and said else schema | said


def _or_template(schema: Schema) -> Schema:
    """The schema, or a template that stands for such a value."""
    if schema in ({}, {"type": "string"}):
        return schema
    choices = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    if {"type": "string"} in choices:
        return schema
    return {"anyOf": [*choices, _TEMPLATE]}


def _of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(kind, NewType):
        return _of(kind.__supertype__, definitions)
    if origin is Annotated:
        return _of(args[0], definitions) | _limits(
            args[0], [meta for meta in args[1:] if isinstance(meta, Meta)]
        )
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple:
        return {"type": "array", "items": _or_template(_of(args[0], definitions))}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        schema: Schema = {"type": ["object", "null"]}
        item = _or_template(_of(args[1], definitions))
        names = {key: value for key, value in _of(args[0], definitions).items() if key != "type"}
        return (
            schema
            | ({"additionalProperties": item} if item else {})
            | ({"propertyNames": names} if names else {})
        )
    if origin in (Union, UnionType):
        return _union(args, definitions)
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    return _defined(kind, definitions)


def _limits(kind: Any, metas: list[Meta]) -> Schema:
    shortest = "minItems" if get_origin(kind) is tuple else "minLength"
    names = {
        "ge": "minimum",
        "gt": "exclusiveMinimum",
        "le": "maximum",
        "lt": "exclusiveMaximum",
        "min_length": shortest,
        "pattern": "pattern",
    }
    return {
        key: value
        for meta in metas
        for name, key in names.items()
        if (value := getattr(meta, name)) is not None
    }


def _union(members: tuple[Any, ...], definitions: dict[str, Schema]) -> Schema:
    tags = [getattr(getattr(member, "__struct_config__", None), "tag", None) for member in members]
    if all(tags):
        return {
            "anyOf": [_tagged(str(tag), kind, definitions) for tag, kind in zip(tags, members, strict=True)]
        }
    choices: list[Schema] = []
    for member in members:
        schema = _of(member, definitions)
        choices += [each for each in schema.get("anyOf", [schema]) if each not in choices]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _tagged(
    tag: str, kind: type[Struct], definitions: dict[str, Schema], beside: dict[str, Schema] | None = None
) -> Schema:
    """A mapping of one key, the tag, and those beside it; a struct of one field stands there as that field's value."""
    only = fields(kind)
    body = _of(only[0].type if len(only) == 1 else kind, definitions)
    return {
        "description": words(kind),
        "type": "object",
        "properties": {tag: _or_template(body), **(beside or {})},
        "required": [tag],
        "additionalProperties": False,
    }


def _defined(kind: type[Struct], definitions: dict[str, Schema]) -> Schema:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        if issubclass(kind, Written):
            definitions[name] = {"description": words(kind), **kind.json}
        elif members := union_within(kind):
            beside = {each.encode_name: _field(kind, each, definitions) for each in fields(kind)[1:]}
            choices = [
                _tagged(str(each.__struct_config__.tag), each, definitions, beside) for each in members
            ]
            definitions[name] = {"description": words(kind), "anyOf": choices}
        else:
            definitions[name] = _struct(kind, definitions)
    return {"$ref": f"#/definitions/{name}"}
