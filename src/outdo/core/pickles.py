"""What a pickle would import and call if anyone loaded it, told without loading it.

The opcodes are walked with a stack and a memo of stand-ins, so that names which are put together on the way are seen
as what they are. Whatever is not understood to its end is refused: a stream that breaks off may have done its work
before. docs/design/unsafe.md says what was thought of.
"""

import pickletools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from msgspec import Struct

from outdo.core.arrays import Unclear, padded, size_of
from outdo.core.picklestack import OPAQUE, WRAPPER, Machine, Made, Malformed, Name

MOST = 20
"""Findings that are told of one stream."""
DEEPEST = 8
"""Pickles within pickles."""

_Allowed = Callable[[str, str], bool]


class Stream(Protocol):
    """Bytes with a place in them, as an open file or a memory map has."""

    def read(self, size: int = ..., /) -> bytes: ...
    def readline(self) -> bytes: ...
    def seek(self, place: int, /) -> Any: ...
    def tell(self) -> int: ...


class Walked(Struct, frozen=True):
    """One or several pickles, one behind the other."""

    found: tuple[str, ...]
    """What is refused; empty where nothing is."""
    names: frozenset[str]
    """All that would be imported."""
    end: int
    """Where the walk ended."""
    legacy: bool = False
    """Whether they begin as PyTorch's old files do, in which numbers follow the pickles."""


_RECONSTRUCTOR = (Name("copyreg", "_reconstructor"), Name("copy_reg", "_reconstructor"))
_TORCH = 0x1950A86A20F9469CFC6C
_TORCH_PICKLES = 5
_PADDING = 16
"""How many bytes joblib skips before an array, at the most; no number up to it is an opcode."""


def walk(stream: Stream, size: int, allowed: _Allowed, *, depth: int = 0) -> Walked:
    """What the pickles from the stream's present place to its end, at `size`, would do.

    Two readers are thought of: joblib's, for which arrays stand between the opcodes, and the plain one, which takes
    these for opcodes too, until it meets the first array that is no pickle itself: `_PADDING` sees to that."""
    start = stream.tell()
    steps = _Walk(stream, size, allowed, depth)
    trouble = steps.all()
    found = [*steps.found, *([trouble] if trouble else [])]
    if steps.arrays:
        stream.seek(start)
        plain = _Plain(stream, size, allowed, depth, arrays_between=False)
        plain.parts = steps.parts
        plain.all()
        found += [one for one in plain.found if one not in found]
    return Walked(tuple(found[:MOST]), frozenset(steps.names), steps.end, steps.legacy)


class _Walk(Machine):
    """One reader's way through a stream."""

    def __init__(
        self, stream: Stream, size: int, allowed: _Allowed, depth: int, *, arrays_between: bool = True
    ) -> None:
        super().__init__()
        self.stream = stream
        self.size = size
        self.allowed = allowed
        self.depth = depth
        self.arrays_between = arrays_between
        self.arrays = 0
        self.found: list[str] = []
        self.names: set[str] = set()
        self.parts: set[str] = set()
        """The modules and the names in them."""
        self.end = stream.tell()
        self.legacy = False
        self.place = 0

    def restart(self) -> None:
        super().restart()
        self.frame = 0

    def begin(self, length: int) -> None:
        if self.frame > self.stream.tell() or length < 0:
            raise Malformed("a frame begins within another")
        self.frame = self.stream.tell() + length
        if self.frame > self.size:
            raise Malformed("a frame is longer than what there is")

    def all(self) -> str:
        """Walks to the end; returns why it could not."""
        count = 0
        try:
            while not count or self.end < self.size:
                self.stream.seek(self.end)
                self.restart()
                value = self._one()
                self.legacy = self.legacy or (not count and value == _TORCH)
                count += 1
        except Malformed as error:
            if self.legacy and count >= _TORCH_PICKLES:
                return ""
            behind = "behind the end of the pickle: " if count else ""
            return f"{behind}{error}, at byte {self.place:,}"
        return ""

    def _one(self) -> Any:
        """The value of one pickle, from the stream's place on."""
        while True:
            ops = self._ops()
            for name, arg, place in ops:
                self.place = place
                if name == "STOP":
                    self.end = self.stream.tell()
                    if self.frame > self.end:
                        raise Malformed("its last frame goes on behind its end")
                    return self.pop()
                if self.step(name, arg):
                    break  # bytes were skipped: the opcodes go on behind them

    def _ops(self) -> Iterator[tuple[str, Any, int]]:
        try:
            for op, arg, place in pickletools.genops(self.stream):  # type: ignore[arg-type]
                yield op.name, arg, place or 0
        except (ValueError, OverflowError, MemoryError, UnicodeError) as error:
            raise Malformed(f"it breaks off ({str(error)[:80]})") from None

    def refuse(self, what: str) -> None:
        """Notes what is refused, once."""
        told = f"{what}, at byte {self.place:,}"
        if told not in self.found and len(self.found) < MOST:
            self.found.append(told)

    def named(self, module: Any, name: Any) -> Name:
        """Something imported, which is refused unless it is on the list."""
        if not (isinstance(module, str) and isinstance(name, str)):
            self.refuse("imports something by a name that it computes")
            return Name("?", "?")
        found = Name(module, name)
        self.names.add(str(found))
        self.parts |= {module, name}
        if not self.allowed(module, name):
            self.refuse(f"imports {found}")
        return found

    def call(self, by: Any, args: Any) -> Any:
        """The result of a call."""
        if not isinstance(by, Name):
            self.refuse("calls something that it computes")
            return OPAQUE
        if isinstance(args, tuple) and WRAPPER in args and by not in _RECONSTRUCTOR:
            self.refuse(f"hands {WRAPPER} to {by}")
        if by in _RECONSTRUCTOR and isinstance(args, tuple) and args and isinstance(args[0], Name):
            return Made(args[0])
        return Made(by, args)

    def build(self, state: Any) -> bool:
        """Gives an instance its state; whether that was an array of joblib's, whose bytes were skipped."""
        target = self.top()
        if isinstance(target, Name):
            self.refuse(f"changes {target} itself")
        if not isinstance(target, Made):
            return False
        target.state = state
        if target.by != WRAPPER:
            return False
        self.arrays += 1
        self.stack[-1] = OPAQUE
        if not self.arrays_between:
            return False
        if self.frame > self.stream.tell():
            raise Malformed("an array stands in the middle of a frame")
        try:
            self._skip(state)
        except Unclear as error:
            raise Malformed(str(error)) from None
        return True

    def _skip(self, state: Any) -> None:
        """Goes behind the bytes of an array, which are a pickle of their own where they are objects."""
        size = size_of(state)
        if size is None:
            inner = _Walk(self.stream, self.size, self.allowed, self.depth + 1, arrays_between=False)
            if inner.depth > DEEPEST:
                raise Malformed("pickles nest too deeply")
            try:
                inner._one()
            except Malformed as error:
                raise Malformed(f"in an array of objects {error}") from None
            finally:
                self.found += [one for one in inner.found if one not in self.found]
                self.names |= inner.names
            return
        padding = int.from_bytes(self.stream.read(1), "little") if padded(state) else _PADDING + 1
        if padding > _PADDING:
            raise Malformed(
                "its arrays are laid out as by a joblib before 1.2, which can be read in two ways"
            )
        size += padding
        if self.stream.tell() + size > self.size:
            raise Malformed("an array breaks off")
        self.stream.seek(self.stream.tell() + size)

    def hold(self, value: Any) -> None:
        """Bytes that are a whole pickle are walked too: what loads them is not far."""
        if not (isinstance(value, bytes | bytearray) and value[:1] == b"\x80" and value[1:2] <= b"\x05"):
            return
        if self.depth >= DEEPEST:
            raise Malformed("pickles nest too deeply")
        inner = _Walk(_Bytes(bytes(value)), len(value), self.allowed, self.depth + 1)
        inner.all()
        for one in inner.found:
            self.refuse(f"holds a pickle that {one}")
        self.names |= inner.names


class _Plain(_Walk):
    """The way of a reader that knows nothing of joblib's arrays. A pickle within them recalls what it did not keep
    itself, so it hardly gets far: only what might work is refused."""

    def named(self, module: Any, name: Any) -> Name:
        if isinstance(module, str) and isinstance(name, str) and {module, name} <= self.parts:
            return Name(module, name)
        if not all(isinstance(each, str) or _may_be_text(each) for each in (module, name)):
            raise Malformed("a name is no text")
        return super().named(module, name)

    def call(self, by: Any, args: Any) -> Any:
        return super().call(by, args) if isinstance(by, Name) else OPAQUE


class _Bytes:
    """Bytes as a stream; `io` is no business of the core's."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def read(self, size: int = -1, /) -> bytes:
        end = len(self._content) if size < 0 else self._place + size
        found = self._content[self._place : end]
        self._place += len(found)
        return found

    def readline(self) -> bytes:
        end = self._content.find(b"\n", self._place)
        return self.read(len(self._content) if end < 0 else end + 1 - self._place)

    def seek(self, place: int, /) -> None:
        self._place = place

    def tell(self) -> int:
        return self._place


def _may_be_text(value: Any) -> bool:
    return isinstance(value, Made) and value.by.name in ("str", "str_", "encode", "unicode")
