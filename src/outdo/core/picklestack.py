"""The stack and the memo of a reader of pickles, of stand-ins alone: nothing is imported, called or made."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

LONGEST = 300
"""Characters of a text that may be part of a name."""


class Malformed(Exception):
    """A stream is no pickle, or breaks off."""


class Name(Struct, frozen=True):
    """Something that the pickle imports."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Made(Struct, eq=False):
    """An instance that the pickle makes; nothing is known of it but by what."""

    by: Name
    args: Any = ()
    state: Any = None


class _Opaque:
    """A value that no name can be made of."""


OPAQUE = _Opaque()
WRAPPER = Name("joblib.numpy_pickle", "NumpyArrayWrapper")
"""Stands for an array in joblib's files."""
_LENGTHY = {"BINBYTES", "BINBYTES8", "SHORT_BINBYTES", "BYTEARRAY8"}
_CONSTANTS = {
    "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
}  # fmt: skip
_EMPTY = {"EMPTY_LIST", "EMPTY_SET", "FLOAT", "BINFLOAT", "NEXT_BUFFER"}


class Machine:
    """One reader's state; what it does with names and calls is up to its heirs."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Empties everything, as before each pickle."""
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def named(self, module: Any, name: Any) -> Any:
        """Something imported."""
        raise NotImplementedError

    def call(self, by: Any, args: Any) -> Any:
        """The result of a call."""
        raise NotImplementedError

    def build(self, state: Any) -> bool:
        """Gives an instance its state; whether bytes were skipped then."""
        raise NotImplementedError

    def hold(self, value: Any) -> None:
        """Keeps bytes."""
        raise NotImplementedError

    def begin(self, length: int) -> None:
        """Begins a frame of so many bytes."""
        raise NotImplementedError

    def refuse(self, what: str) -> None:
        """Notes what must not be."""
        raise NotImplementedError

    def step(self, op: str, arg: Any) -> bool:
        """Does what an opcode does to the stack; whether bytes of an array were skipped."""
        if op in _CONSTANTS:
            self.stack.append(OPAQUE if isinstance(arg, str) and len(arg) > LONGEST else _constant(op, arg))
        elif op in _LENGTHY:
            self.hold(arg)
            self.stack.append(OPAQUE)
        elif op in _EMPTY:
            self.stack.append(OPAQUE)
        elif op in _STEPS:
            return bool(_STEPS[op](self, arg))
        elif op.startswith("EXT"):
            self.refuse(f"takes number {arg} from the registry of extensions")
            self.stack.append(OPAQUE)
        else:
            raise Malformed(f"it has the opcode {op}, which is not known")
        return False

    def pop(self) -> Any:
        """Takes the top off; raises `Malformed` where there is none."""
        if not self.stack:
            raise Malformed("it takes from an empty stack")
        return self.stack.pop()

    def top(self) -> Any:
        """The top; raises `Malformed` where there is none."""
        if not self.stack:
            raise Malformed("it takes from an empty stack")
        return self.stack[-1]

    def marked(self) -> list[Any]:
        """Takes all down to the last mark; raises `Malformed` where there is none."""
        if not self.below:
            raise Malformed("it has no mark")
        found, self.stack = self.stack, self.below.pop()
        return found


def _constant(op: str, arg: Any) -> Any:
    return {"NEWTRUE": True, "NEWFALSE": False}.get(op, arg)


# -------------------------------------------------------------------- what each opcode does


def _proto(_: Machine, version: int) -> None:
    if version > 5:
        raise Malformed(f"it is of protocol {version}, which is not known")


def _mark(walk: Machine, _: Any) -> None:
    walk.below.append(walk.stack)
    walk.stack = []


def _drop(walk: Machine, _: Any) -> None:
    if walk.stack:
        walk.stack.pop()
    else:
        walk.marked()


def _global(walk: Machine, arg: str) -> None:
    module, _, name = arg.partition(" ")
    walk.stack.append(walk.named(module, name))


def _stack_global(walk: Machine, _: Any) -> None:
    name, module = walk.pop(), walk.pop()
    walk.stack.append(walk.named(module, name))


def _inst(walk: Machine, arg: str) -> None:
    args = tuple(walk.marked())
    module, _, name = arg.partition(" ")
    walk.stack.append(walk.call(walk.named(module, name), args))


def _obj(walk: Machine, _: Any) -> None:
    values = walk.marked()
    if not values:
        raise Malformed("it makes an instance of nothing")
    walk.stack.append(walk.call(values[0], tuple(values[1:])))


def _reduce(walk: Machine, _: Any) -> None:
    args, by = walk.pop(), walk.pop()
    walk.stack.append(walk.call(by, args))


def _newobj_ex(walk: Machine, _: Any) -> None:
    _, args, by = walk.pop(), walk.pop(), walk.pop()
    walk.stack.append(walk.call(by, args))


def _build(walk: Machine, _: Any) -> bool:
    return walk.build(walk.pop())


def _tuple(count: int) -> "_Do":
    def do(walk: Machine, _: Any) -> None:
        values = [walk.pop() for _ in range(count)]
        walk.stack.append(tuple(reversed(values)))

    return do


def _tuple_of_marked(walk: Machine, _: Any) -> None:
    values = tuple(walk.marked())
    walk.stack.append(values)


def _dict(walk: Machine, _: Any) -> None:
    values = walk.marked()
    walk.stack.append(_known(values))


def _known(values: list[Any]) -> dict[str, Any]:
    """The items that have a text as key; of others nothing has to be known."""
    return {key: value for key, value in zip(values[::2], values[1::2], strict=False) if isinstance(key, str)}


def _put_in(walk: Machine, values: list[Any], *, items: bool) -> None:
    target = walk.top()
    if isinstance(target, Name):
        walk.refuse(f"changes {target} itself")
    if isinstance(target, Made) and target.by == WRAPPER:
        walk.refuse(f"changes {WRAPPER}")
    if items and isinstance(target, dict):
        target.update(_known(values))


def _setitem(walk: Machine, _: Any) -> None:
    value, key = walk.pop(), walk.pop()
    _put_in(walk, [key, value], items=True)


def _get(walk: Machine, place: int) -> None:
    if place not in walk.memo:
        raise Malformed(f"it recalls {place}, which it never kept")
    walk.stack.append(walk.memo[place])


def _put(walk: Machine, place: int) -> None:
    if place < 0:
        raise Malformed(f"it keeps something as {place}")
    walk.memo[place] = walk.top()


def _replace_top(walk: Machine, _: Any) -> None:
    walk.pop()
    walk.stack.append(OPAQUE)


def _of_marked(walk: Machine, _: Any) -> None:
    walk.marked()
    walk.stack.append(OPAQUE)


_Do = Callable[[Machine, Any], bool | None]
_STEPS: dict[str, _Do] = {
    "PROTO": _proto,
    "FRAME": lambda walk, length: walk.begin(length),
    "MARK": _mark,
    "POP": _drop,
    "POP_MARK": lambda walk, _: walk.marked() is None,
    "DUP": lambda walk, _: walk.stack.append(walk.top()),
    "PERSID": lambda walk, _: walk.stack.append(OPAQUE),
    "BINPERSID": _replace_top,
    "READONLY_BUFFER": _replace_top,
    "EMPTY_TUPLE": lambda walk, _: walk.stack.append(()),
    "EMPTY_DICT": lambda walk, _: walk.stack.append({}),
    "TUPLE": _tuple_of_marked,
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": _of_marked,
    "FROZENSET": _of_marked,
    "DICT": _dict,
    "APPEND": lambda walk, _: _put_in(walk, [walk.pop()], items=False),
    "APPENDS": lambda walk, _: _put_in(walk, walk.marked(), items=False),
    "ADDITEMS": lambda walk, _: _put_in(walk, walk.marked(), items=False),
    "SETITEM": _setitem,
    "SETITEMS": lambda walk, _: _put_in(walk, walk.marked(), items=True),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _inst,
    "OBJ": _obj,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _newobj_ex,
    "BUILD": _build,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": lambda walk, _: _put(walk, len(walk.memo)),
}
