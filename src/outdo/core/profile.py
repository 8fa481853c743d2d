"""What is in a table to checks that it passes: a beginning, for a person to edit."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, isfinite, log10
from typing import Any

from msgspec import Struct

from outdo.core.probes import KINDS, TIMES, WHOLE, is_number

Scalar = str | int | float | bool
Line = Mapping[str, Any]
"""One check as the file writes it."""
FEW = 20
"""Different texts up to which they are listed."""
_EXACT = 2**53
"""Below this, a number says as a whole one what it is."""
_OFTEN = 10
"""How often each of them has to be there, on average."""


class ProfiledColumn(Struct, frozen=True):
    """What is in one column."""

    name: str
    kind: str
    filled: int
    """Rows with a value; NaN is none."""
    least: int | float | str | None = None
    greatest: int | float | str | None = None
    unique: bool = False
    """Whether no two rows have the same value, and each has one."""
    values: tuple[str, ...] = ()
    """All its texts, where they are few."""


class Profile(Struct, frozen=True):
    """What is in a table."""

    rows: int
    columns: tuple[ProfiledColumn, ...]


def proposed(found: Profile) -> list[Line]:
    """Checks that the table passes, with room for the next one."""
    lines: list[Line] = [{"rows": f">= {_half(found.rows)}"}]
    lines.append({"columns": [column.name for column in found.columns]})
    kinds = {column.name: kind for column in found.columns if (kind := _kind(column.kind))}
    filled = [column.name for column in found.columns if column.filled == found.rows and found.rows]
    missing = {
        column.name: f"<= {_share(1 - column.filled / found.rows)}%"
        for column in found.columns
        if found.rows and 0 < column.filled < found.rows
    }
    ranges = {column.name: span for column in found.columns if (span := _range(column)) is not None}
    listed = {column.name: list(column.values) for column in found.columns if _lists(column)}
    for word, said in (
        ("dtype", kinds),
        ("not_null", filled),
        ("null_share", missing),
        ("between", ranges),
        ("one_of", listed),
    ):
        lines += [{word: said}] if said else []
    lines += [{"unique": [column.name]} for column in found.columns if column.unique]
    return lines


def _half(rows: int) -> int:
    """Half of the rows, in two digits that count."""
    half = rows // 2
    step = 10 ** max(0, len(str(half)) - 2)
    return int(half // step * step)


def _share(missing: float) -> int:
    """Per cent of missing values, with room for half as many again."""
    return min(100, ceil(150 * missing) + 1)


def _kind(kind: str) -> str:
    return next((word for word, holds in KINDS.items() if word != "number" and holds(kind)), "") or (
        "number" if is_number(kind) else ""
    )


def _lists(column: ProfiledColumn) -> bool:
    return 0 < len(column.values) <= FEW and column.filled >= _OFTEN * len(column.values)


def _range(column: ProfiledColumn) -> list[Any] | None:
    """From the least to the greatest value and a tenth of that beyond, in round numbers; of times, when they begin."""
    least, greatest = column.least, column.greatest
    if column.unique or least is None or greatest is None:
        return None
    if isinstance(least, str) or isinstance(greatest, str):
        return [least, None] if column.kind in TIMES and column.kind != "TIME" else None
    room = (greatest - least) / 10
    if not isfinite(room):
        return None
    low = 0 if least >= 0 else _round(least - room, floor)
    high = 0 if greatest <= 0 else _round(greatest + room, ceil)
    return [_plain(low, column.kind), _plain(high, column.kind)]


def _round(value: float, way: Any) -> float:
    """In two digits that count, one way."""
    if value == 0:
        return 0.0
    step = floor(log10(abs(value))) - 1
    whole = int(way(value / 10**step)) if step >= 0 else int(way(value * 10**-step))
    return float(whole * 10**step) if step >= 0 else whole / 10**-step


def _plain(value: float, kind: str) -> int | float:
    whole = kind in WHOLE or (abs(value) < _EXACT and float(value).is_integer())
    return int(value) if whole else float(value)


def summary(lines: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """What each check speaks of, in a few words."""
    for line in lines:
        for word, said in line.items():
            yield word, said if isinstance(said, str) else ", ".join(said)
