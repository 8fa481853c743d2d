"""Plain values to typed structs: the types say what a file may hold, and every deviation is told with its path.

How a type is written in a file:
- a struct as a mapping of its fields; nothing (`push:`) is an empty mapping;
- a `Written` as the text that its class reads;
- a union of structs with tags as a mapping of one key, the tag, and the struct behind it (`rows: ">= 10"`,
  `disjoint: {from: …}`). A struct of one field stands there as that field's value;
- a struct whose first field is such a union, as that union with the other fields beside the tag
  (`{rows: ">= 10", level: warn}`).
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

from msgspec import UNSET, Meta, Struct
from msgspec.structs import fields

from outdo.core import paths
from outdo.core.document import Slip, Steps, dotted
from outdo.core.errors import BadPath, MissingKey, UnknownKey, WrongType
from outdo.core.hints import GONE, did_you_mean, nearest
from outdo.core.model import Value
from outdo.core.written import Secret, Written

UNREADABLE: Final[Any] = UNSET
"""Stands for a value whose mistake has been told already."""

Read = Callable[[Value, Steps, list[Slip]], Any]
"""Returns the typed value, or `UNREADABLE` once it has said why."""

_MAX_TEXT: Final = 1000
"""Characters of a text that is read as a quantity or a pattern."""


def describe(value: Value) -> str:
    """The kind of a value in a person's words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{value}'" if 0 < len(value) <= 40 else "a text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "a secret"


@cache
def reader(kind: Any) -> Read:
    """The function that reads values of a type; unions that differ only in order are one type."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return _anything
    if kind is paths.FilePath or kind is paths.OwnPath:
        return _path(paths.anywhere if kind is paths.FilePath else paths.inside)
    if isinstance(kind, NewType):
        return reader(kind.__supertype__)
    if origin is Annotated:
        return _limited(reader(args[0]), [meta for meta in args[1:] if isinstance(meta, Meta)])
    if origin is Literal:
        return _choice(args)
    if origin is tuple:
        return _list(kind, args[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(args[0], args[1])
    if origin in (Union, UnionType):
        return _union(kind, args)
    if issubclass(kind, Written):
        return _written(kind)
    if issubclass(kind, Struct):
        return _beside(kind) if union_within(kind) else _struct(kind)
    return _scalar(kind)


def union_within(kind: type[Struct]) -> tuple[type[Struct], ...]:
    """The members of the union of tagged structs that is the first field of a struct; none where it is another."""
    first = fields(kind)[:1]
    members = get_args(first[0].type) if first and get_origin(first[0].type) in (Union, UnionType) else ()
    return members if members and all(_tag(member) for member in members) else ()


def expected(kind: Any) -> str:
    """What a type takes, in a person's words."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return expected(args[0])
    if origin is Literal:
        return " or ".join(f"'{arg}'" for arg in args)
    if origin is tuple:
        return "a list"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if origin in (Union, UnionType):
        words = dict.fromkeys(expected(arg) for arg in args if arg is not type(None))
        return " or ".join(words)
    if isinstance(kind, type) and issubclass(kind, Written):
        return kind.expected
    if isinstance(kind, type) and issubclass(kind, Struct):
        return "a mapping"
    scalars = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
    return scalars.get(kind, "a path")


# ------------------------------------------------------------------ one reader for each kind of type


def _wrong(kind: Any, value: Value, path: Steps, slips: list[Slip]) -> Any:
    fix = ""
    if isinstance(value, str | int | float) and get_origin(kind) is tuple:
        fix = f"write it as a list: [{value}]"
    elif isinstance(value, Secret):
        fix = "a secret can stand only where a token, a password or a webhook is expected"
    elif kind is str and isinstance(value, bool | int | float):
        fix = "put it in quotes"
    slips.append(
        Slip(WrongType, f"{dotted(path)} has to be {expected(kind)}, not {describe(value)}", path, fix)
    )
    return UNREADABLE


def _anything(value: Value, _path: Steps, _slips: list[Slip]) -> Any:
    return value


def _scalar(kind: Any) -> Read:
    classes = {float: (float, int)}.get(kind, (kind,))

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if isinstance(value, classes) and (kind is bool or not isinstance(value, bool)):
            return float(value) if kind is float else value
        return UNREADABLE if value is UNREADABLE else _wrong(kind, value, path, slips)

    return read


def _path(normalise: Callable[[str], str]) -> Read:
    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if not isinstance(value, str):
            return UNREADABLE if value is UNREADABLE else _wrong(paths.FilePath, value, path, slips)
        try:
            return normalise(value)
        except ValueError as error:
            slips.append(Slip(BadPath, str(error), path))
            return UNREADABLE

    return read


def _limited(inner: Read, metas: list[Meta]) -> Read:
    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        got = inner(value, path, slips)
        if got is not UNREADABLE:
            for meta in metas:
                if problem := _beyond(meta, got):
                    slips.append(Slip(WrongType, f"{dotted(path)} {problem}", path))
                    return UNREADABLE
        return got

    return read


def _beyond(meta: Meta, value: Any) -> str:
    if meta.ge is not None and value < meta.ge:
        return f"has to be {meta.ge} or more, not {value}"
    if meta.gt is not None and value <= meta.gt:
        return f"has to be more than {meta.gt}, not {value}"
    if meta.lt is not None and value >= meta.lt:
        return f"has to be less than {meta.lt}, not {value}"
    if meta.le is not None and value > meta.le:
        return f"has to be {meta.le} or less, not {value}"
    if meta.min_length is not None and len(value) < meta.min_length:
        return "can't be empty"
    if meta.pattern is not None and not re.search(meta.pattern, value):
        return "is no valid name: take letters, digits and '_'"
    return ""


def _choice(words: tuple[str, ...]) -> Read:
    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if value in words or value is UNREADABLE:
            return value
        what = f"{dotted(path)} has to be {expected(Literal[words])}, not {describe(value)}"
        fix = did_you_mean(value, list(words)) if isinstance(value, str) else ""
        slips.append(Slip(WrongType, what, path, fix if "?" in fix else ""))
        return UNREADABLE

    return read


def _list(kind: Any, item: Any) -> Read:
    read_item = reader(item)

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if type(value) is not list:
            return UNREADABLE if value is UNREADABLE else _wrong(kind, value, path, slips)
        items = tuple(read_item(each, (*path, index), slips) for index, each in enumerate(value))
        return UNREADABLE if UNREADABLE in items else items

    return read


def _mapping(key: Any, item: Any) -> Read:
    read_key, read_item = reader(key), reader(item)

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if value is None:
            return {}
        if type(value) is not dict:
            return UNREADABLE if value is UNREADABLE else _wrong(Mapping, value, path, slips)
        found: dict[str, Any] = {}
        for name, each in value.items():
            about: list[Slip] = []
            name_read = read_key(name, (*path, name), about)
            slips.extend(Slip(slip.kind, slip.what, slip.path, slip.fix, at_key=True) for slip in about)
            found[name_read] = read_item(each, (*path, name), slips)
        return UNREADABLE if UNREADABLE in found or UNREADABLE in found.values() else found

    return read


def _written(kind: type[Written]) -> Read:
    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if isinstance(value, kind) or value is UNREADABLE:
            return value
        if not isinstance(value, kind.accepts) or isinstance(value, bool):
            return _wrong(kind, value, path, slips)
        try:
            if isinstance(value, str) and len(value) > _MAX_TEXT:
                raise ValueError(kind.expected)
            return kind.written(value)
        except (ValueError, OverflowError) as error:
            what = f"{dotted(path)} has to be {error}, not {describe(value)}"
            slips.append(Slip(WrongType, what, path, kind.hint(value)))
            return UNREADABLE

    return read


def _union(kind: Any, members: tuple[Any, ...]) -> Read:
    if all(_tag(member) for member in members):
        return _tagged({str(_tag(member)): member for member in members})
    readers = [(member, reader(member)) for member in members]
    as_empty = any(_may_be_empty(member) for member in members)

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if value is None and type(None) in members and not as_empty:
            return None
        for member, read_member in readers:
            if _takes(member, value):
                return read_member(value, path, slips)
        return UNREADABLE if value is UNREADABLE else _wrong(kind, value, path, slips)

    return read


def _may_be_empty(kind: Any) -> bool:
    """Whether it is a struct that needs no field: nothing behind its key is an empty mapping."""
    if not isinstance(kind, type) or not issubclass(kind, Struct) or issubclass(kind, Written):
        return False
    return all(not field.required for field in fields(kind))


def _takes(kind: Any, value: Value) -> bool:
    origin = get_origin(kind)
    if origin is Annotated:
        return _takes(get_args(kind)[0], value)
    if origin is Literal:
        return isinstance(value, str)
    if origin is tuple:
        return isinstance(value, list)
    if isinstance(kind, NewType):
        return isinstance(value, str)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict) or value is None
    if issubclass(kind, Written):
        wanted = (kind, *kind.accepts) if kind is not Secret else (Secret,)
        return isinstance(value, wanted) and not isinstance(value, bool)
    if issubclass(kind, Struct):
        return isinstance(value, dict) or value is None
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _tag(kind: Any) -> str | int | None:
    return kind.__struct_config__.tag if isinstance(kind, type) and issubclass(kind, Struct) else None


def _tagged(kinds: dict[str, type[Struct]]) -> Read:
    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if value is UNREADABLE:
            return value
        if type(value) is not dict or len(value) != 1:
            what = (
                f"{dotted(path)} has to be a mapping with one key that says its kind, not {describe(value)}"
            )
            extra = f" of {len(value)} keys" if isinstance(value, dict) else ""
            slips.append(Slip(WrongType, what + extra, path, f"one of: {', '.join(kinds)}"))
            return UNREADABLE
        [(tag, body)] = value.items()
        kind = kinds.get(tag)
        if kind is None:
            what = f"unknown kind '{tag}' in {dotted(path)}"
            slips.append(Slip(UnknownKey, what, (*path, tag), did_you_mean(tag, kinds), at_key=True))
            return UNREADABLE
        return _tagged_body(kind)(body, (*path, tag), slips)

    return read


def _beside(kind: type[Struct]) -> Read:
    union, *others = fields(kind)
    read_union = reader(union.type)
    rest = {field.encode_name: (field.name, reader(field.type)) for field in others}

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if type(value) is not dict:
            return read_union(value, path, slips)
        found = {
            name: read_field(value[key], (*path, key), slips)
            for key, (name, read_field) in rest.items()
            if key in value
        }
        found[union.name] = read_union({k: v for k, v in value.items() if k not in rest}, path, slips)
        return UNREADABLE if UNREADABLE in found.values() else _made(kind, found, path, slips)

    return read


@cache
def _tagged_body(kind: type[Struct]) -> Read:
    only = fields(kind)
    if len(only) != 1:
        return reader(kind)
    name, read_only = only[0].name, reader(only[0].type)

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        got = read_only(value, path, slips)
        return UNREADABLE if got is UNREADABLE else _made(kind, {name: got}, path, slips)

    return read


def _struct(kind: type[Struct]) -> Read:
    known = {field.encode_name: (field.name, field.type) for field in fields(kind)}
    readers: dict[str, tuple[str, Read]] = {}
    needed = [field.encode_name for field in fields(kind) if field.required]

    def read(value: Value, path: Steps, slips: list[Slip]) -> Any:
        if value is None:
            value = {}
        if type(value) is not dict:
            return UNREADABLE if value is UNREADABLE else _wrong(kind, value, path, slips)
        if not readers:
            readers.update({key: (name, reader(type_)) for key, (name, type_) in known.items()})
        found: dict[str, Any] = {}
        whole, meant = True, set()
        for key, each in value.items():
            if key in readers:
                name, read_field = readers[key]
                got = found[name] = read_field(each, (*path, key), slips)
                whole = whole and got is not UNREADABLE
            else:
                slips.append(unknown_key(key, path, known))
                meant.add(nearest(key, known))
        for key in needed:
            if key in meant:
                whole = False
            elif key not in value:
                slips.append(
                    Slip(MissingKey, f"{dotted(path)} has no '{key}'", path, f"add '{key}:'", at_key=True)
                )
                whole = False
        return _made(kind, found, path, slips) if whole else UNREADABLE

    return read


def unknown_key(key: str, path: Steps, known: Collection[str]) -> Slip:
    """The slip of a key that is none of `known`, with the nearest one."""
    what = f"unknown key '{key}' in {dotted(path)}"
    fix = GONE.get(key) or did_you_mean(key, known)
    return Slip(UnknownKey, what, (*path, key), fix, at_key=True)


def _made(kind: type[Struct], found: dict[str, Any], path: Steps, slips: list[Slip]) -> Any:
    try:
        return kind(**found)
    except ValueError as error:
        slips.append(Slip(WrongType, f"{dotted(path)}: {error}", path))
        return UNREADABLE
