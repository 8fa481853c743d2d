"""What `dvc.lock`, `.dvc` files and the run cache say of one path and of one stage."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from outdo.core.errors import UserError, WrongType
from outdo.core.model import Place, Value

MD5 = "md5"
DOS2UNIX = "md5-dos2unix"
"""The hash of DVC 2: of text files with their CRLF as LF. Entries that name no hash have it."""


_STATES = ("etag", "checksum")
"""What stands in the place of an MD5 for what is at an address."""


class Item(Struct, frozen=True):
    """A path with its content, as a dependency or an output."""

    path: str
    """From the folder of the stage (`wdir`), or of the `.dvc` file."""
    md5: str = ""
    """Of a file its bytes', of a folder its listing's with `.dir` behind; empty where another hash is used."""
    hash: str = MD5
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    rest: Mapping[str, Value] = {}
    """Keys that are not read here: `etag`, `cloud`, `files`, `cache`, `remote`, `desc` …; they are kept."""

    @property
    def is_folder(self) -> bool:
        return self.md5.endswith(".dir")


class StageLock(Struct, frozen=True):
    """What a stage read and wrote when it last ran."""

    cmd: str | tuple[str, ...]
    deps: tuple[Item, ...] = ()
    params: Mapping[str, Mapping[str, Value]] = {}
    """By file, then by key."""
    outs: tuple[Item, ...] = ()


class Misshapen(Exception):
    """A value has a shape that DVC never writes; it is given a place by whoever knows the file."""

    def __init__(self, what: str, path: tuple[str | int, ...]) -> None:
        super().__init__(what)
        self.what = what
        self.path = path

    def at(self, place: Place) -> UserError:
        return WrongType(
            self.what, where=place, fix="take the file as Git has it, or let `dvc` write it anew"
        )


def stage_from(value: Value, path: tuple[str | int, ...]) -> StageLock:
    """The stage in an entry of `dvc.lock` or of the run cache; raises `Misshapen`."""
    _want(isinstance(value, dict), "a stage is a mapping with `cmd`", path)
    cmd = value.get("cmd")
    _want(isinstance(cmd, str | list), "`cmd` is a text or a list of texts", (*path, "cmd"))
    params = value.get("params") or {}
    whole = isinstance(params, dict) and all(isinstance(keys, dict) for keys in params.values())
    _want(whole, "`params` maps files to keys and their values", (*path, "params"))
    return StageLock(
        cmd if isinstance(cmd, str) else tuple(str(line) for line in cmd),
        items_from(value.get("deps"), (*path, "deps")),
        params,
        items_from(value.get("outs"), (*path, "outs")),
    )


def items_from(value: Value, path: tuple[str | int, ...]) -> tuple[Item, ...]:
    """The paths in a list of `deps` or `outs`; raises `Misshapen`."""
    _want(value is None or isinstance(value, list), "a list of paths stands here", path)
    return tuple(_item(one, (*path, index)) for index, one in enumerate(value or []))


def _item(value: Value, path: tuple[str | int, ...]) -> Item:
    _want(isinstance(value, dict), "an entry is a mapping with `path`", path)
    rest = dict(value)
    name, md5 = rest.pop("path", None), rest.pop("md5", "")
    size, nfiles, isexec = rest.pop("size", None), rest.pop("nfiles", None), rest.pop("isexec", False)
    used = rest.pop("hash", DOS2UNIX)
    _want(isinstance(name, str) and bool(name), "`path` is a text", (*path, "path"))
    _want(
        md5 is None or _is_md5(md5), "`md5` is 32 hex digits, with `.dir` behind for a folder", (*path, "md5")
    )
    _want(_is_count(size) and _is_count(nfiles), "`size` and `nfiles` are counts", path)
    _want(isinstance(used, str), "`hash` is a name", (*path, "hash"))
    return Item(name, md5 or "", used, size, nfiles, bool(isexec), rest)


def stage_value(stage: StageLock) -> dict[str, Value]:
    """A stage as it stands in `dvc.lock`: deps and outs by path, `params.yaml` before other params files."""
    value: dict[str, Value] = {"cmd": stage.cmd if isinstance(stage.cmd, str) else list(stage.cmd)}
    if stage.deps:
        value["deps"] = [item_value(item) for item in sorted(stage.deps, key=lambda item: item.path)]
    if stage.params:
        files = sorted(stage.params, key=lambda name: (name != "params.yaml", name))
        value["params"] = {name: dict(sorted(stage.params[name].items())) for name in files}
    if stage.outs:
        value["outs"] = [item_value(item) for item in sorted(stage.outs, key=lambda item: item.path)]
    return value


def item_value(item: Item) -> dict[str, Value]:
    """An entry as it stands in `dvc.lock`."""
    value: dict[str, Value] = {"path": item.path}
    if item.hash != DOS2UNIX:
        value["hash"] = item.hash
    state = {key: item.rest[key] for key in _STATES if key in item.rest and not item.md5}
    return value | state | _content(item) | dict(item.rest)


def pointer_value(item: Item) -> dict[str, Value]:
    """An entry as it stands in a `.dvc` file, where the path comes after the content."""
    value = _content(item)
    if item.hash != DOS2UNIX:
        value["hash"] = item.hash
    return value | {"path": item.path} | dict(item.rest)


def _content(item: Item) -> dict[str, Value]:
    value: dict[str, Value] = {}
    if item.md5:
        value["md5"] = item.md5
    if item.size is not None:
        value["size"] = item.size
    if item.nfiles is not None:
        value["nfiles"] = item.nfiles
    if item.isexec:
        value["isexec"] = True
    return value


def _is_md5(value: Any) -> bool:
    digits = value.removesuffix(".dir") if isinstance(value, str) else ""
    return value == "" or (len(digits) == 32 and set(digits) <= set("0123456789abcdef"))


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _want(fine: bool, what: str, path: tuple[str | int, ...]) -> None:
    if not fine:
        raise Misshapen(what, path)
