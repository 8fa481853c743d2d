"""The audit trail: rows that are chained by hash, so that one that was changed, removed or moved is found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from blake3 import blake3
from msgspec import Struct, json

from outdo.core.tracking import Milliseconds

START = bytes(32)
"""What the first row follows."""
LONGEST = 300
"""Characters of a value that are kept as they are."""


class Entry(Struct, frozen=True):
    """One change: who made it, from where, to what."""

    time: Milliseconds
    who: str
    """A user's name; empty where nobody signs in."""
    via: str
    """How they signed in: `open`, `password`, `token ID`, `command line`."""
    address: str
    agent: str
    """The program that they used, as it calls itself."""
    action: str
    thing: str
    detail: str = ""
    """JSON: what was there before and after, or how much was logged."""


class Row(Struct, frozen=True):
    """An entry in its place."""

    number: int
    """From 1 on, without a gap."""
    entry: Entry
    previous: bytes
    """The seal of the row before."""
    seal: bytes


class Head(Struct, frozen=True):
    """The end of a trail: whoever has noted it can tell later that nothing before it was cut off."""

    number: int = 0
    seal: bytes = START

    def __str__(self) -> str:
        return f"{self.number}:{self.seal.hex()}"


class Break(Struct, frozen=True):
    """A place at which a trail is not as it was written."""

    number: int
    what: str


def sealed(number: int, entry: Entry, previous: bytes) -> Row:
    """The entry as the row after the one whose seal is `previous`."""
    return Row(number, entry, previous, _seal(number, entry, previous))


def breaks(rows: Iterable[Row], noted: Head | None = None) -> Iterator[Break | Head]:
    """Every place at which the rows, by number, are not as they were written; at last the head.

    With a head that was `noted` it is told too when the rows do not lead up to it any more. Rows that were cut off at
    the end, and a trail that was written anew from its first row on, can be told by such a head alone."""
    number, seal = 0, START
    passed = noted is None or noted.number == 0
    for row in rows:
        if row.number != number + 1:
            missing = (
                f"row {number + 1} is"
                if row.number == number + 2
                else f"rows {number + 1} to {row.number - 1} are"
            )
            yield Break(number + 1, f"{missing} missing")
        elif row.previous != seal:
            yield Break(row.number, f"row {row.number} was not written after row {number} as that is now")
        if _seal(row.number, row.entry, row.previous) != row.seal:
            yield Break(row.number, f"row {row.number} was changed")
        if noted is not None and row.number == noted.number:
            passed = True
            if row.seal != noted.seal:
                yield Break(row.number, f"row {row.number} is not the one that was noted as the head")
        number, seal = row.number, row.seal
    if noted is not None and not passed:
        yield Break(
            number + 1, f"rows {number + 1} to {noted.number}, up to the head that was noted, are missing"
        )
    yield Head(number, seal)


def detail(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What differs between two states of a thing, as JSON; empty where nothing does."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = {
        label: {name: _short(state[name]) for name in names if state.get(name) not in (None, "")}
        for label, state in (("before", before), ("after", after))
    }
    return _text({label: values for label, values in told.items() if values})


def counted(counts: Mapping[str, Any]) -> str:
    """How much was logged, as JSON; what is nothing is left out."""
    return _text({name: _short(count) for name, count in counts.items() if count})


def _text(value: Mapping[str, Any]) -> str:
    return json.encode(value).decode() if value else ""


def _short(value: Any) -> Any:
    """A value; of a long text its beginning, and the digest by which the whole can be told."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}… ({len(value)} characters, {blake3(value.encode()).hexdigest(8)})"
    return value


def _seal(number: int, entry: Entry, previous: bytes) -> bytes:
    told = (number, entry.time, entry.who, entry.via, entry.address, entry.agent)
    text = json.encode((*told, entry.action, entry.thing, entry.detail))
    return blake3(previous + text).digest()
