"""YAML text to plain values, every one of which can still be asked for its line and column.

Keys are texts as they are written. What a file may nest or repeat is limited, so that none can exhaust the machine.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from outdo.core.errors import DuplicateKey, Mistakes, TooDeep, UserError, WrongType
from outdo.core.model import Place, Value
from outdo.core.nodes import (
    MAX_DEPTH,
    MAX_NODES,
    TAGS,
    Restore,
    kind_of,
    mark_place,
    position,
    read,
    scalar,
    shield,
)

Step = str | int
Steps = tuple[Step, ...]
"""The way from the root of a document to a value: keys of mappings, indices of lists."""


class Slip(Struct, frozen=True):
    """A mistake at a value of a document, before its line is looked up."""

    kind: type[UserError]
    what: str
    path: Steps
    fix: str = ""
    at_key: bool = False
    """It is the key that is wrong, not what stands behind it."""
    text: str = ""
    """The part of a text that is wrong."""


def dotted(path: Steps) -> str:
    """The path as people write it: `stages.train.outs[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the file"


class Document:
    """A file's text as plain values: None, bool, int, float, str, and lists and mappings of them."""

    def __init__(self, name: str, text: str, root: Any, restore: Restore) -> None:
        self.name = name
        self.text = text
        self._root = root
        self._pairs = _Pairs(name, restore)
        build = _Build(name, self._pairs, restore)
        self.value: Value = None if root is None else build.value(root, 1)[0]
        self.mistakes: list[UserError] = [*self._pairs.mistakes, *build.mistakes]
        """What is wrong in the YAML itself, though it could be read: doubled keys, foreign tags."""

    def place(self, path: Steps, *, at_key: bool = False, text: str = "") -> Place:
        """Where the value stands, or the nearest one around it that is written in the file."""
        node, key = self._root, None
        for step in path:
            if node is None:
                break
            if isinstance(step, str) and node.id == "mapping":
                pair = self._pairs.of(node).get(step)
            elif isinstance(step, int) and node.id == "sequence" and step < len(node.value):
                pair = (None, node.value[step])
            else:
                pair = None
            if pair is None:
                at_key = bool(key)
                break
            key, node = pair
        if node is None:
            return Place(self.name, 1, 1)
        meant = key if at_key and key is not None else node
        begin, end = meant.start_mark, meant.end_mark
        if text and (found := self.text.find(text, begin.index, end.index)) >= 0:
            return position(self.name, self.text, found)
        return mark_place(self.name, begin)

    def error(self, slip: Slip) -> UserError:
        """The slip as an error that says where."""
        where = self.place(slip.path, at_key=slip.at_key, text=slip.text)
        return slip.kind(slip.what, where=where, fix=slip.fix)


def parse(name: str, text: str, *, templates: bool = False) -> Document:
    """The document in `text`, which came from the file `name`; raises `Mistakes` where it can't be read at all.

    With `templates`, `${…}` may stand unquoted within `[…]` and `{…}` too."""
    text = text.removeprefix("\ufeff")
    shielded, restore = shield(text) if templates and "${" in text else (text, {})
    return Document(name, text, read(name, shielded), restore)


class _Pairs:
    """For a mapping's node its keys with their nodes, merges (`<<`) included, worked out once."""

    def __init__(self, name: str, restore: Restore) -> None:
        self.name = name
        self.restore = restore
        self.mistakes: list[UserError] = []
        self._known: dict[int, dict[str, tuple[Any, Any]]] = {}

    def of(self, node: Any) -> dict[str, tuple[Any, Any]]:
        known = self._known.get(id(node))
        if known is None:
            self._known[id(node)] = {}  # a mapping that merges itself finds nothing in it
            known = self._known[id(node)] = self._collect(node)
        return known

    def _collect(self, node: Any) -> dict[str, tuple[Any, Any]]:
        own: dict[str, tuple[Any, Any]] = {}
        merged: list[Any] = []
        for key, value in node.value:
            if key.id != "scalar":
                self._wrong(key, "a key has to be a text, not a list or a mapping")
            elif key.tag == "merge":
                merged.extend(self._merged(value))
            else:
                text = key.value.translate(self.restore) if self.restore else key.value
                if text in own:
                    self._twice(text, own[text][0], key)
                else:
                    own[text] = (key, value)
        for other in merged:
            for text, pair in self.of(other).items():
                own.setdefault(text, pair)
        return own

    def _merged(self, value: Any) -> Iterator[Any]:
        for node in value.value if value.id == "sequence" else [value]:
            if node.id == "mapping":
                yield node
            else:
                self._wrong(node, "'<<' takes a mapping, or a list of them")

    def _wrong(self, node: Any, what: str) -> None:
        self.mistakes.append(WrongType(what, where=mark_place(self.name, node.start_mark)))

    def _twice(self, text: str, first: Any, second: Any) -> None:
        what = f"the key '{text}' stands twice; first at {mark_place(self.name, first.start_mark)}"
        where = mark_place(self.name, second.start_mark)
        self.mistakes.append(DuplicateKey(what, where=where, fix="remove or rename one of them"))


class _Build:
    """Values from nodes. A node that aliases repeat is built once, and counted each time."""

    def __init__(self, name: str, pairs: _Pairs, restore: Restore) -> None:
        self.name = name
        self.pairs = pairs
        self.restore = restore
        self.mistakes: list[UserError] = []
        self._count = 0
        self._open: set[int] = set()
        self._done: dict[int, tuple[Value, int, int]] = {}

    def value(self, node: Any, depth: int) -> tuple[Value, int]:
        """The value, and how many levels it nests."""
        self._count += 1
        if node.id == "scalar":
            return self._text(node), 0
        here = id(node)
        if done := self._done.get(here):
            value, size, height = done
            self._count += size
            self._check(node, depth + height)
            return value, height
        if here in self._open:
            self._stop(node, "a value contains itself")
        self._check(node, depth)
        self._open.add(here)
        before = self._count
        value, height = self._container(node, depth)
        self._open.discard(here)
        self._done[here] = (value, self._count - before, height)
        return value, height

    def _container(self, node: Any, depth: int) -> tuple[Value, int]:
        if node.tag != "str" and node.tag not in TAGS:
            self._foreign(node)
        height = 0
        if node.id == "sequence":
            items = []
            for child in node.value:
                item, below = self.value(child, depth + 1)
                items.append(item)
                height = max(height, below)
            return items, height + 1
        values = {}
        for key, (_, child) in self.pairs.of(node).items():
            values[key], below = self.value(child, depth + 1)
            height = max(height, below)
        return values, height + 1

    def _text(self, node: Any) -> Value:
        kind, text = node.tag, node.value
        if self.restore:
            text = text.translate(self.restore)
        if kind == "str" or kind == "merge":
            return text
        if ":" in kind or kind[:1] == "!":
            kind = TAGS.get(kind, "")
            if kind not in ("", "str") and kind_of(text) != kind:
                kind = ""
            if not kind:
                self._foreign(node)
        return scalar(kind, text)

    def _foreign(self, node: Any) -> None:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        what, where = f"the tag '{tag}' can't be used here", mark_place(self.name, node.start_mark)
        self.mistakes.append(WrongType(what, where=where, fix=f"remove '{tag}'"))

    def _check(self, node: Any, deepest: int) -> None:
        if deepest > MAX_DEPTH:
            self._stop(node, f"values nest deeper than {MAX_DEPTH} levels")
        if self._count > MAX_NODES:
            self._stop(node, f"with its aliases the file holds more than {MAX_NODES} values")

    def _stop(self, node: Any, what: str) -> None:
        raise Mistakes([TooDeep(what, where=mark_place(self.name, node.start_mark))])
