"""`.dvc` files: the pointers that Git keeps in place of data."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from outdo.core import document
from outdo.core.errors import Mistakes
from outdo.core.model import Value
from outdo.integrations.dvc.records import DOS2UNIX, MD5, Item, Misshapen, items_from, pointer_value
from outdo.integrations.dvc.text import dump

_OWN = ("outs", "deps")
_LINE = (
    r"(- |  )([a-z][a-z0-9]*): (?:(0|[1-9][0-9]{0,17})|(true|false)|"
    r"((?=.*[acdf])[0-9a-f]{32}(?:\.dir)?|[A-Za-z][A-Za-z0-9_./-]*))"
)
"""A key of an output with a value that no reader of YAML takes for another: digits with one of these letters are no
number, whatever way of writing one there is."""
_NO_TEXTS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
_STATES = ("checksum", "etag")
"""What an address calls the state of its data."""


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
    value = _quick(text)
    if value is None:
        read = document.parse(name, text)
        if read.mistakes:
            raise Mistakes(read.mistakes)
        value = {} if read.value is None else read.value
    try:
        if not isinstance(value, dict):
            raise Misshapen("a `.dvc` file is a mapping with `outs`", ())
        if "stages" in value or "cmd" in value:
            raise Misshapen("a `.dvc` file of DVC 3 holds no stage", ())
        if not isinstance(value.get("wdir") or "", str):
            raise Misshapen("`wdir` is a folder", ("wdir",))
        rest = {key: part for key, part in value.items() if key not in _OWN}
        outs = items_from(value.get("outs"), ("outs",))
        for index, out in enumerate(outs):
            _refuse_hash(out, index)
        return Pointer(outs, tuple(_imports(value.get("deps"))), rest, tuple(value))
    except Misshapen as found:
        raise Mistakes([found.at(document.parse(name, text).place(found.path))]) from None


def _quick(text: str) -> Value:
    """What stands in a file as `dvc add` writes it, at a hundredth of what a YAML parser costs; None for any other."""
    head, *lines = text.removesuffix("\n").split("\n")
    if head != "outs:":
        return None
    items: list[Value] = []
    item: dict[str, Value] = {}
    for line in lines:
        match = re.fullmatch(_LINE, line)
        if match is None:
            return None
        mark, key, number, flag, word = match.groups()
        if mark == "- ":
            items.append(item := {})
        if not items or key in item or (word and word.lower() in _NO_TEXTS):
            return None
        item[key] = int(number) if number else flag == "true" if flag else word
    return {"outs": items} if items else None


def write_pointer(pointer: Pointer) -> str:
    """The text of a pointer, as DVC writes it."""
    return dump(pointer_values(pointer))


def pointer_values(pointer: Pointer) -> dict[str, Value]:
    """What a pointer's text says, key by key."""
    own = {
        "deps": [_source(item) for item in pointer.deps],
        "outs": [pointer_value(item) for item in pointer.outs],
    }
    values: dict[str, Value] = {}
    for key in dict.fromkeys([*pointer.keys, *(key for key in ("deps", "outs") if own[key]), *pointer.rest]):
        if own.get(key):
            values[key] = own[key]
        elif key in pointer.rest:
            values[key] = pointer.rest[key]
    return values


def _refuse_hash(out: Item, index: int) -> None:
    if out.hash not in (MD5, DOS2UNIX):
        what = f"'{out.path}' has the hash '{out.hash}', which is of a later DVC than 3"
        raise Misshapen(what, ("outs", index, "hash"))


def _imports(value: Value) -> Iterator[Item]:
    """Dependencies of an import: a path with `repo`, or an address whose hash is the neighbour's (`etag`)."""
    if value is not None and not isinstance(value, list):
        raise Misshapen("a list of paths stands here", ("deps",))
    for index, dep in enumerate(value or []):
        if not isinstance(dep, dict):
            raise Misshapen("an entry is a mapping with `path`", ("deps", index))
        repo = dep.get("repo")
        if "repo" in dep and not (isinstance(repo, dict) and isinstance(repo.get("url"), str)):
            raise Misshapen("`repo` is a mapping with `url`", ("deps", index, "repo"))
        if repo is not None and isinstance(dep.get("path"), str) and "hash" not in dep:
            rest = {key: part for key, part in dep.items() if key != "path"}
            yield Item(dep["path"], hash="", rest=rest)
        elif (
            "db" in dep
        ):  # an import from a database: its data is there like any other, only DVC brings it up to date
            yield Item("", hash="", rest=dep)
        else:
            yield items_from([dep], ("deps",))[0]


def _source(item: Item) -> dict[str, Value]:
    """A source: what its hash is comes first, and the path of one in a repository."""
    if not item.hash:
        return {"path": item.path, **item.rest} if item.path else dict(item.rest)
    state = {key: item.rest[key] for key in _STATES if key in item.rest}
    rest = {key: value for key, value in item.rest.items() if key not in state}
    return state | pointer_value(replace(item, rest=rest))
