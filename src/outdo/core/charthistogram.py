"""Two distributions of one column over each other: bars for what is, a stepped line for what it is held against."""

from html import escape
from itertools import pairwise

from msgspec import Struct

from outdo.core.chart import Chart
from outdo.core.chartframe import HEIGHT, WIDTH, Entry, Frame, across, named_across, room_left, upright
from outdo.core.chartscale import Scale, domain
from outdo.core.chartstyle import classes
from outdo.core.lettering import cut, number
from outdo.core.sketch import visible

_NOW, _BEFORE = 0, 1
"""Their hues."""
_RIGHT = 20.0
_TALL = 300.0


class Histogram(Struct, frozen=True):
    """Shares of rows in bins. Bins have edges, one more than there are bins, or names."""

    title: str
    x_label: str
    now: tuple[float, ...]
    before: tuple[float, ...]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    now_name: str = "now"
    before_name: str = "before"
    notes: tuple[str, ...] = ()


def histogram(shown: Histogram) -> Chart:
    """The drawing; without a distribution to compare with, bars alone."""
    series = [(shown.now_name, _NOW), *([(shown.before_name, _BEFORE)] if shown.before else [])]
    entries = [Entry(visible(name), classes(hue, int(hue == _BEFORE))) for name, hue in series]
    frame = Frame(visible(shown.title), entries=tuple(entries) if shown.before else ())
    head, top = frame.head()
    top += 26
    bottom = _TALL - 48 if top < HEIGHT / 3 else top + 180
    low, high = domain(
        [0.0, *shown.now, *shown.before] if any(shown.now + shown.before) else [0.0, 1.0], nice=True
    )
    y = Scale(low, high, bottom, top)
    left = room_left(low, high, log=False)
    edges = shown.edges or tuple(float(place) for place in range(len(shown.now) + 1))
    x = Scale(edges[0], edges[-1], left, WIDTH - _RIGHT)
    if shown.edges:
        axis = across(x, bottom, top, visible(shown.x_label))
    else:
        marks = [(x.at(place + 0.5), visible(name)) for place, name in enumerate(shown.names)]
        axis = named_across(marks, (x, bottom, top), visible(shown.x_label))
    bars = "".join(_bar(shown, place, (x, y), edges) for place in range(len(shown.now)))
    steps = _steps(shown.before, edges, (x, y)) if shown.before else ""
    body = head + upright(y, x.start, x.end, "share of rows") + axis + bars + steps
    return Chart(body, frame.title, WIDTH, bottom + 48, shown.notes)


def _bar(shown: Histogram, place: int, scales: tuple[Scale, Scale], edges: tuple[float, ...]) -> str:
    x, y = scales
    start, end = x.at(edges[place]), x.at(edges[place + 1])
    gap = min(1.5, (end - start) / 6)
    if shown.names:
        words = shown.names[place]
    else:
        words = f"{edges[place]:.4g} to {edges[place + 1]:.4g}"
    words += f": {shown.now[place]:.2%}" + (
        f", {shown.before_name} {shown.before[place]:.2%}" if shown.before else ""
    )
    at = f'x="{number(start + gap)}" y="{number(y.at(shown.now[place]))}"'
    size = f'width="{number(end - start - 2 * gap)}" height="{number(y.start - y.at(shown.now[place]))}"'
    title = f"<title>{escape(visible(cut(words, 200)))}</title>"
    return f'<rect class="oc-bar oc-faint {classes(_NOW)}" {at} {size}>{title}</rect>'


def _steps(before: tuple[float, ...], edges: tuple[float, ...], scales: tuple[Scale, Scale]) -> str:
    x, y = scales
    d = [f"M{number(x.at(edges[0]))} {number(y.start)}"]
    for share, (_, end) in zip(before, pairwise(edges), strict=True):
        d.append(f"V{number(y.at(share))}H{number(x.at(end))}")
    d.append(f"V{number(y.start)}")
    return f'<path class="oc-line {classes(_BEFORE, 1)}" d="{"".join(d)}"/>'
