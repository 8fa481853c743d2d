"""Axes: from values to places, and the ticks that a person reads."""

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_NOTHING = 1e-300
"""A span that floats can't be parted in."""
_NOISE = 1e-12
"""The same beside the values themselves: what rounding makes, and no ticks can tell apart."""


class Scale(Struct, frozen=True):
    """From values `low` to `high` to places `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands."""
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def domain(
    values: Sequence[float], *, log: bool = False, nice: bool = False, most: int = 6
) -> tuple[float, float]:
    """From where to where an axis goes that shows these values; with `nice` it begins and ends at a tick."""
    low, high = min(values), max(values)
    if log:
        if low == high:
            return low / 10, high * 10
        return (10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))) if nice else (low, high)
    if high - low < max(_NOTHING, max(abs(low), abs(high)) * _NOISE):
        room = abs(low) / 10 if abs(low) > _NOTHING * 1e10 else 1.0
        return low - room, high + room
    if not nice:
        return low, high
    step = _step(high - low, most)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def ticks(low: float, high: float, *, most: int = 6, log: bool = False) -> list[float]:
    """At most about `most` round values from `low` to `high`, all a step apart, or on a log scale powers of ten."""
    if log:
        return _log_ticks(low, high, most)
    step = _step(high - low, most)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + i) * step for i in range(max(count, 0))]


def _step(span: float, most: int) -> float:
    """A step of 1, 2 or 5 times a power of ten: P. Heckbert, Nice Numbers for Graph Labels, Graphics Gems (1990)."""
    rough = span / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    share = rough / power
    return power * next((nice for nice in (1, 2, 5) if share <= nice * 1.0001), 10)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) >= 2:
        every = -(-len(powers) // most)
        return [10.0**power for power in powers[::every]]
    within = [k * 10.0**power for power in range(first - 1, last + 1) for k in (1, 2, 5)]
    return [value for value in within if low <= value <= high] or [low, high]


def words(values: Sequence[float], *, log: bool = False) -> list[str]:
    """Ticks as short as they can be told apart: `0.25`, `10k`, `1e−5`."""
    if log:
        return [_word(value, abs(value), abs(value)) for value in values]
    largest = max((abs(value) for value in values), default=0.0)
    step = min((abs(b - a) for a, b in pairwise(values)), default=largest) or 1.0
    return [_word(value, largest, step) for value in values]


def _word(value: float, largest: float, step: float) -> str:
    if abs(value) < step * 1e-6:
        return "0"
    if largest >= 1e15 or largest < 1e-3:
        return f"{value:.3g}".replace("e-0", "e−").replace("e-", "e−").replace("e+", "e").replace("-", "−")
    size, unit = next(((size, unit) for size, unit in _UNITS if largest >= 10 * size), (1.0, ""))
    if step < size * 1e-3:
        size, unit = 1.0, ""
    places = min(max(0, -math.floor(math.log10(step / size) + 1e-9)), 9)
    return f"{value / size:.{places}f}".replace("-", "−") + unit
