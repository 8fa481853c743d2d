"""Lines and points of a figure as characters of a terminal: a first look, beside the page."""

from collections.abc import Sequence

from msgspec import Struct

from outdo.core.chartlines import Curve, curves_of
from outdo.core.chartscale import Scale, domain, ticks, words
from outdo.core.curves import Point, thinned
from outdo.core.figure import Figure

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of Braille's dots, by row and column: a character holds four times two."""
_BLANK = 0x2800
_MANY = 1_000


class Mark(Struct, frozen=True):
    """Characters beside each other of one series; -1 for those of none."""

    text: str
    series: int


Line = tuple[Mark, ...]


def dotted(figure: Figure, width: int = 64, height: int = 8) -> list[Line]:
    """The figure in so many characters, lowest value and highest beside it; nothing where it has no lines or points."""
    curves, names = curves_of(figure)
    shown = [point for curve in curves for point in curve.points if point]
    if names or len(shown) < 2 or figure.template.startswith(("bar", "confusion")):
        return []
    (x_low, x_high), (y_low, y_high) = (
        domain([point[axis] for point in shown], nice=bool(axis)) for axis in (0, 1)
    )
    low, *_, high = words(ticks(y_low, y_high))
    left = max(len(low), len(high))
    columns = max(width - left - 3, 10)
    x = Scale(x_low, x_high, 0, columns * 2 - 1)
    y = Scale(y_low, y_high, height * 4 - 1, 0)
    grid = _grid(curves, (x, y), (columns, height), joined=not figure.template.startswith("scatter"))
    sides = [high, *[""] * (height - 2), low]
    lines = [(Mark(f"{side:>{left}} │", -1), *_marks(row)) for side, row in zip(sides, grid, strict=True)]
    start, *_, end = words([x_low, *ticks(x_low, x_high), x_high])
    gap = columns - len(start) - len(end)
    below = f"{start}{figure.x_label[: gap - 2]:^{gap}}{end}" if gap > 3 else ""
    return [*lines, (Mark(f"{' ' * left} └{'─' * columns}", -1),), (Mark(f"{' ' * left}  {below}", -1),)]


Cells = list[list[tuple[int, int]]]
"""Rows of characters, each the bits of its dots and the series that was drawn there last."""


def _grid(
    curves: Sequence[Curve], scales: tuple[Scale, Scale], size: tuple[int, int], *, joined: bool
) -> Cells:
    columns, rows = size
    grid: Cells = [[(0, -1)] * columns for _ in range(rows)]
    for index, curve in enumerate(curves):
        last: tuple[int, int] | None = None
        for point in _few(curve.points):
            if point is None:
                last = None
                continue
            here = _place(point, scales)
            for at_x, at_y in _between(last, here) if joined and last else [here]:
                bits, _ = grid[at_y // 4][at_x // 2]
                grid[at_y // 4][at_x // 2] = bits | _DOTS[at_y % 4][at_x % 2], index
            last = here
    return grid


def _few(points: Sequence[Point | None]) -> Sequence[Point | None]:
    """The points, or of very many those that keep the shape; their gaps would not be seen."""
    return points if len(points) <= _MANY else thinned([point for point in points if point], _MANY)


def _place(point: Point, scales: tuple[Scale, Scale]) -> tuple[int, int]:
    x, y = scales
    return round(x.at(point[0])), round(y.at(point[1]))


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """The dots of a straight line."""
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(round(x0 + (x1 - x0) * i / steps), round(y0 + (y1 - y0) * i / steps)) for i in range(steps + 1)]


def _marks(row: Sequence[tuple[int, int]]) -> list[Mark]:
    found: list[Mark] = []
    for bits, series in row:
        text = chr(_BLANK + bits) if bits else " "
        if found and found[-1].series == series:
            found[-1] = Mark(found[-1].text + text, series)
        else:
            found.append(Mark(text, series))
    return found
