"""What stands around every chart: its title, its legend, its axes."""

from collections.abc import Sequence
from html import escape
from typing import Literal

from msgspec import Struct

from outdo.core.chartscale import Scale, ticks, words
from outdo.core.lettering import cut, fitted, number, text_width

WIDTH, HEIGHT = 640.0, 380.0
_EDGE = 16.0
_LEGEND = 12.0
_LONGEST = 44
"""Letters of a legend's entry or a label before it is cut."""
_FEWEST = 3


Swatch = Literal["line", "dot", "bar"]
"""What stands before a name in the legend."""


class Entry(Struct, frozen=True):
    """A name in the legend with the classes of its marks; no name where there is only one."""

    name: str
    classes: str


class Part(Struct, frozen=True):
    """What was drawn below the frame's head: marks and axes, where they end, and what had to be left out."""

    body: str
    height: float
    notes: tuple[str, ...] = ()


class Frame(Struct, frozen=True):
    """The words around a chart, visible characters on one line, not yet escaped."""

    title: str
    x_label: str = ""
    y_label: str = ""
    entries: tuple[Entry, ...] = ()
    swatch: Swatch = "line"

    def head(self) -> tuple[str, float]:
        """The title and the legend, and where they end."""
        parts = [label(_EDGE, 24, fitted(self.title, WIDTH - 2 * _EDGE, 15), "oc-title", whole=self.title)]
        x, y = _EDGE, 46.0
        named = [entry for entry in self.entries if entry.name]
        for entry in named:
            text = cut(entry.name, _LONGEST)
            before = 28 if self.swatch == "line" else 18
            width = before + text_width(text, _LEGEND) + 18
            if x > _EDGE and x + width > WIDTH - _EDGE:
                x, y = _EDGE, y + 19
            parts.append(f"<g>{_swatch(self.swatch, entry, x, y - 4)}{label(x + before, y, entry.name)}</g>")
            x += width
        return "".join(parts), y + 12 if named else 36.0


def _swatch(kind: Swatch, entry: Entry, x: float, y: float) -> str:
    if kind == "bar":
        place = f'x="{number(x)}" y="{number(y - 5)}" width="11" height="10" rx="2"'
        return f'<rect class="oc-bar {entry.classes}" {place}/>'
    if kind == "dot":
        return f'<path class="oc-dots {entry.classes}" d="M{number(x + 5)} {number(y)}h0"/>'
    return f'<path class="oc-line {entry.classes}" d="M{number(x)} {number(y)}h20"/>'


def label(
    x: float, y: float, text: str, classes: str = "", *, most: int = _LONGEST, whole: str | None = None
) -> str:
    """A text at a place; one that had to be cut, here or before, has its whole in its title."""
    shown = cut(text, most) if whole is None else text
    told = text if whole is None else whole
    title = f"<title>{escape(told)}</title>" if shown != told else ""
    kind = f' class="{classes}"' if classes else ""
    return f'<text{kind} x="{number(x)}" y="{number(y)}">{escape(shown)}{title}</text>'


def room_for(labels: Sequence[str], size: float = 11, most: int = _LONGEST) -> float:
    """How wide the widest of some labels comes out."""
    return max((text_width(cut(text, most), size) for text in labels), default=0.0)


def across(scale: Scale, y: float, top: float, title: str) -> str:
    """The horizontal axis at `y` with as many ticks as fit beside each other, and its name."""
    most = 9
    values = ticks(scale.low, scale.high, most=most, log=scale.log)
    told = words(values, log=scale.log)
    width = scale.end - scale.start
    while most > _FEWEST and sum(text_width(word, 11) + 14 for word in told) > width:
        most -= 1
        values = ticks(scale.low, scale.high, most=most, log=scale.log)
        told = words(values, log=scale.log)
    return named_across(
        [(scale.at(v), word) for v, word in zip(values, told, strict=True)], (scale, y, top), title
    )


def named_across(marks: Sequence[tuple[float, str]], at: tuple[Scale, float, float], title: str) -> str:
    """The horizontal axis with these marks; of names that would overlap only every second, third, … is told."""
    scale, y, top = at
    grid = "".join(f"M{number(x)} {number(top)}V{number(y)}" for x, _ in marks)
    widest = room_for([word for _, word in marks], most=16) + 10
    gap = (scale.end - scale.start) / max(len(marks) - 1, 1)
    every = max(1, -int(-widest // gap)) if len(marks) > 1 else 1
    return "".join(
        [
            f'<path class="oc-grid" d="{grid}"/>' if len(marks) < 40 else "",
            f'<path class="oc-axis" d="M{number(scale.start)} {number(y)}H{number(scale.end)}"/>',
            *(
                label(inside(x, word, 16), y + 16, word, "oc-dim oc-mid", most=16)
                for x, word in marks[::every]
            ),
            label((scale.start + scale.end) / 2, y + 34, title, "oc-dim oc-mid"),
        ]
    )


def inside(x: float, word: str, most: int) -> float:
    """The middle of a word at `x`, or nearer, so that it ends inside the picture."""
    return min(x, WIDTH - 4 - text_width(cut(word, most), 11) / 2)


def upright(scale: Scale, left: float, right: float, title: str) -> str:
    """The vertical axis: lines across the chart with their values, and its name above."""
    values = ticks(scale.low, scale.high, log=scale.log)
    rows = zip(values, words(values, log=scale.log), strict=True)
    grid = "".join(f"M{number(left)} {number(scale.at(value))}H{number(right)}" for value in values)
    told = "".join(label(left - 8, scale.at(value) + 4, word, "oc-dim oc-end") for value, word in rows)
    return f'<path class="oc-grid" d="{grid}"/>{told}{label(_EDGE, scale.end - 12, title, "oc-dim")}'


def room_left(low: float, high: float, *, log: bool) -> float:
    """Where a chart begins that has this vertical axis."""
    return _EDGE + room_for(words(ticks(low, high, log=log), log=log)) + 10
