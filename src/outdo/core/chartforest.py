"""Values with their intervals below each other, held against a bound: a forest plot."""

from html import escape

from msgspec import Struct

from outdo.core.chart import Chart
from outdo.core.chartframe import WIDTH, Entry, Frame, Swatch, across, label, room_for
from outdo.core.chartscale import Scale, domain
from outdo.core.chartstyle import classes
from outdo.core.lettering import number
from outdo.core.sketch import visible

MOST = 60
"""Rows of one chart."""
_LONGEST = 26
_ROW = 22.0
_SWATCH: Swatch = "dot"


class Span(Struct, frozen=True):
    """One row: a value and its interval, with a word behind it."""

    name: str
    low: float
    value: float
    high: float
    group: str = ""
    """What sets the row apart, such as `failed`."""
    told: str = ""
    """Such as `7,846 rows`."""


class Forest(Struct, frozen=True):
    """What is drawn; `groups` are the names of groups with the number of their hue."""

    title: str
    x_label: str
    spans: tuple[Span, ...]
    bounds: tuple[float, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()


def forest(shown: Forest) -> Chart:
    """The drawing, a row for each span, in their order."""
    spans = shown.spans[:MOST]
    notes = (f"{MOST} of {len(shown.spans):,} are drawn",) if len(shown.spans) > MOST else ()
    hues = dict(shown.groups)
    there = {span.group for span in spans}
    entries = tuple(Entry(visible(name), classes(hue)) for name, hue in shown.groups if name in there)
    head, top = Frame(
        visible(shown.title), entries=entries if len(entries) > 1 else (), swatch=_SWATCH
    ).head()
    names = [visible(span.name) for span in spans]
    told = [visible(span.told) for span in spans]
    low, high = domain(
        [value for span in spans for value in (span.low, span.high)] + list(shown.bounds) or [0.0],
        nice=True,
        most=8,
    )
    left = 16 + room_for(names, 12, _LONGEST) + 12
    x = Scale(low, high, left, WIDTH - 24 - room_for(told))
    top += 8
    bottom = top + _ROW * len(spans) + 6
    parts = [
        head,
        across(x, bottom, top, visible(shown.x_label)),
        *(_bound(x.at(b), top, bottom) for b in shown.bounds),
    ]
    for place, span in enumerate(spans):
        y = top + (place + 0.5) * _ROW + 2
        parts.append(label(left - 10, y + 4, names[place], "oc-end", most=_LONGEST))
        parts.append(_row(span, x, y, classes(hues.get(span.group, 0))))
        parts.append(label(x.end + 10, y + 4, told[place], "oc-dim"))
    return Chart("".join(parts), visible(shown.title), WIDTH, bottom + 44, notes)


def _bound(x: float, top: float, bottom: float) -> str:
    return f'<path class="oc-guide" d="M{number(x)} {number(top)}V{number(bottom)}"/>'


def _row(span: Span, x: Scale, y: float, kind: str) -> str:
    words = f"{span.name}: {span.value:.4g} ({span.low:.4g} to {span.high:.4g})"
    if span.group:
        words += f", {span.group}"
    ends = (x.at(span.low), x.at(span.high))
    caps = "".join(f"M{number(end)} {number(y - 4)}v8" for end in ends)
    return (
        f'<g class="{kind}"><title>{escape(visible(words))}</title>'
        f'<path class="oc-line" d="M{number(ends[0])} {number(y)}H{number(ends[1])}{caps}"/>'
        f'<path class="oc-dots oc-whole" d="M{number(x.at(span.value))} {number(y)}h0"/></g>'
    )
