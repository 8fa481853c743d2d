"""Two sides, each a workspace, a commit or a run, to all in which they differ: values in, values out."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from msgspec import Struct

from outdo.core.model import Digest, Entry, Path, Value
from outdo.core.tablediff import TableDiff
from outdo.core.values import number_of

T = TypeVar("T")

Kind = Literal["added", "removed", "changed"]


class Side(Struct, frozen=True):
    """What one side holds, but for its code."""

    name: str
    """As a person calls it: `workspace`, `main (40d4285c)`, `run 12`."""
    tracked: Mapping[str, Value] = {}
    """The params that stages read, by name."""
    params: Mapping[str, Value] | None = None
    """All that stands in its params files; None for a run, which records only what stages read."""
    metrics: Mapping[str, Mapping[str, float]] = {}
    """By stage; those of no stage under an empty name."""
    outs: Mapping[Path, Entry] = {}
    notices: tuple[str, ...] = ()
    """What could not be read, as sentences."""


class ValueChange(Struct, frozen=True):
    """A param or a metric that differs; `before` is None where it was added, `after` where it was removed."""

    name: str
    kind: Kind
    before: Value = None
    after: Value = None
    delta: float | None = None
    """`after` less `before`, where both are numbers."""


class LineChange(Struct, frozen=True):
    """A file of code that differs, with the lines added and removed; None for a file that is no text."""

    path: Path
    kind: Kind
    added: int | None
    removed: int | None


class FileChange(Struct, frozen=True):
    """A file in a folder that differs, by its path in the folder."""

    path: Path
    kind: Kind
    table: TableDiff | None = None
    """How a table differs; None where the file is none, and where it was not looked at."""


class DataChange(Struct, frozen=True):
    """An output that differs."""

    path: Path
    kind: Kind
    before: Entry | None = None
    after: Entry | None = None
    files: tuple[FileChange, ...] | None = ()
    """Of a folder, what differs in it; None where the store does not hold both."""
    table: TableDiff | None = None
    """How a table differs; None where the file is none, or the store does not hold both."""


class Comparison(Struct, frozen=True):
    """All in which `after` differs from `before`."""

    before: str
    after: str
    code: tuple[LineChange, ...] = ()
    params: tuple[ValueChange, ...] = ()
    metrics: tuple[ValueChange, ...] = ()
    data: tuple[DataChange, ...] = ()
    notices: tuple[str, ...] = ()
    patch: str = ""
    """The lines of code that differ, as a unified diff, where they were asked for."""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.code or self.params or self.metrics or self.data)


def params_of(sides: Sequence[Side]) -> list[Mapping[str, Value]]:
    """For each side its params: all in its files, or only those that stages read where a side is a run."""
    whole = [side.params for side in sides if side.params is not None]
    return whole if len(whole) == len(sides) else [side.tracked for side in sides]


def metrics_of(sides: Sequence[Side]) -> list[Mapping[str, float]]:
    """For each side its metrics by name; by `STAGE:NAME` where one name has several values on some side."""
    return flat([side.metrics for side in sides])


def flat(sides: Sequence[Mapping[str, Mapping[str, T]]]) -> list[Mapping[str, T]]:
    """Values by owner and name to values by name, the same names on every side."""
    several: set[str] = set()
    for owners in sides:
        first: dict[str, T] = {}
        several |= {
            name
            for values in owners.values()
            for name, value in values.items()
            if not same(first.setdefault(name, value), value)
        }
    return [
        {
            f"{owner}:{name}" if name in several and owner else name: value
            for owner, values in owners.items()
            for name, value in values.items()
        }
        for owners in sides
    ]


def value_changes(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[ValueChange, ...]:
    """One change for each name whose value differs, those of `before` first."""
    found: list[ValueChange] = []
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            found.append(ValueChange(name, "removed", before[name]))
        elif name not in before:
            found.append(ValueChange(name, "added", None, after[name]))
        elif not same(before[name], after[name]):
            delta = difference(before[name], after[name])
            found.append(ValueChange(name, "changed", before[name], after[name], delta))
    return tuple(found)


def difference(before: Value, after: Value) -> float | None:
    """`after` less `before`, or None where either is no number."""
    old, new = number_of(before), number_of(after)
    return None if old is None or new is None else new - old


def same(one: Value, other: Value) -> bool:
    """Whether two values are one: 1 is 1.0 but not true, and no number is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) and isinstance(other, float) and one != one:
        return other != other
    return bool(one == other)


def data_changes(before: Mapping[Path, Entry], after: Mapping[Path, Entry]) -> tuple[DataChange, ...]:
    """One change for each path that holds something else, sorted; what differs inside is not told yet."""
    found: list[DataChange] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new or (old and new and _content(old) == _content(new)):
            continue
        kind: Kind = "added" if old is None else "removed" if new is None else "changed"
        found.append(DataChange(path, kind, old, new))
    return tuple(found)


def file_changes(
    before: Mapping[Path, tuple[Digest, bool]], after: Mapping[Path, tuple[Digest, bool]]
) -> tuple[FileChange, ...]:
    """One change for each file of a folder that differs in its bytes or in being executable, sorted."""
    found: list[FileChange] = []
    for path in sorted({*before, *after}):
        if path not in after:
            found.append(FileChange(path, "removed"))
        elif path not in before:
            found.append(FileChange(path, "added"))
        elif before[path] != after[path]:
            found.append(FileChange(path, "changed"))
    return tuple(found)


def _content(entry: Entry) -> tuple[str, str, bool]:
    return entry.digest, entry.kind, entry.executable
