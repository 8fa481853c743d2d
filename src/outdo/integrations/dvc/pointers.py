"""`.dvc` files: the pointers that Git keeps in place of data."""

from collections.abc import Mapping

from msgspec import Struct

from outdo.core import document
from outdo.core.errors import Mistakes
from outdo.core.model import Value
from outdo.integrations.dvc.records import Item, Misshapen, items_from, pointer_value
from outdo.integrations.dvc.text import dump

_OWN = ("outs", "deps")


class Pointer(Struct, frozen=True):
    """What a `.dvc` file says: data that is tracked, and for an import where it is from."""

    outs: tuple[Item, ...] = ()
    deps: tuple[Item, ...] = ()
    rest: Mapping[str, Value] = {}
    """Other keys by name: `md5`, `frozen`, `wdir`, `desc`, `meta`."""
    keys: tuple[str, ...] = ("outs",)
    """All keys in the order of the file."""

    @property
    def wdir(self) -> str:
        return str(self.rest.get("wdir") or ".")

    @property
    def frozen(self) -> bool:
        return bool(self.rest.get("frozen"))


def read_pointer(name: str, text: str) -> Pointer:
    """The pointer in the text of the file `name`; raises `Mistakes` with what is wrong in it."""
    read = document.parse(name, text)
    if read.mistakes:
        raise Mistakes(read.mistakes)
    try:
        value = {} if read.value is None else read.value
        if not isinstance(value, dict):
            raise Misshapen("a `.dvc` file is a mapping with `outs`", ())
        rest = {key: part for key, part in value.items() if key not in _OWN}
        deps = [_import(dep, index) for index, dep in enumerate(value.get("deps") or [])]
        return Pointer(items_from(value.get("outs"), ("outs",)), tuple(deps), rest, tuple(value))
    except Misshapen as found:
        raise Mistakes([found.at(read.place(found.path))]) from None


def write_pointer(pointer: Pointer) -> str:
    """The text of a pointer, as DVC writes it."""
    own = {
        "deps": [_without_path(item) for item in pointer.deps],
        "outs": [pointer_value(item) for item in pointer.outs],
    }
    values: dict[str, Value] = {}
    for key in dict.fromkeys([*pointer.keys, *(key for key in ("deps", "outs") if own[key]), *pointer.rest]):
        if key in own:
            values[key] = own[key]
        elif key in pointer.rest:
            values[key] = pointer.rest[key]
    return dump(values)


def _import(value: Value, index: int) -> Item:
    """A dependency of an import: a path with `repo`, or an address whose hash is the neighbour's (`etag`)."""
    if isinstance(value, dict) and "path" in value and "hash" not in value:
        rest = {key: part for key, part in value.items() if key != "path"}
        return Item(str(value["path"]), hash="", rest=rest)
    return items_from([value], ("deps",))[0] if isinstance(value, dict) else _refuse(index)


def _refuse(index: int) -> Item:
    raise Misshapen("an entry is a mapping with `path`", ("deps", index))


def _without_path(item: Item) -> dict[str, Value]:
    if item.hash:
        return pointer_value(item)
    return {"path": item.path, **item.rest}
