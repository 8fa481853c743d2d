"""Bars of a chart, from left to right."""

from html import escape

from outdo.core.chartframe import WIDTH, Frame, Part, across, label, room_for
from outdo.core.chartscale import Scale, domain
from outdo.core.figure import Figure
from outdo.core.lettering import number, text_width
from outdo.core.plotdata import cell, floats

MOST = 60
"""Groups of bars in one chart."""
_LONGEST = 28
_BAR, _GAP = 14.0, 8.0


def bars(figure: Figure, frame: Frame) -> Part:
    """A group of bars for each name on the vertical axis, one bar a series."""
    lengths, lost = _lengths(figure)
    names = list(lengths)
    if figure.template == "bar_horizontal_sorted":
        names.sort(key=lambda name: -max(lengths[name].values()))
    notes = [f"{lost:,} rows without a number to show left out"] if lost else []
    if len(names) > MOST:
        notes.append(f"{MOST} of {len(names):,} bars are drawn")
        names = names[:MOST]
    shown = [value for name in names for value in lengths[name].values()]
    head, top = frame.head()
    top += 26
    low, high = domain([0.0, *shown], nice=True, most=7)
    ends = [f"{value:.4g}" for value in shown]
    left = 16 + room_for(names, 12, _LONGEST) + 10
    x = Scale(low, high, left, WIDTH - 24 - room_for(ends))
    group = _BAR * len(frame.entries) + _GAP
    bottom = top + group * len(names) + 4
    parts = [head, label(16, top - 12, frame.y_label, "oc-dim"), across(x, bottom, top, frame.x_label)]
    for row, name in enumerate(names):
        y = top + row * group + _GAP / 2
        parts.append(label(left - 8, y + (group - _GAP) / 2 + 4, name, "oc-end", most=_LONGEST))
        for i, value in lengths[name].items():
            entry = frame.entries[i]
            start, end = sorted((x.at(0), x.at(value)))
            told = f"{name}{', ' + entry.name if entry.name else ''}: {value:.6g}"
            at = f'x="{number(start)}" y="{number(y + i * _BAR + 1)}"'
            size = f'width="{number(max(end - start, 0.5))}" height="{number(_BAR - 2)}"'
            parts.append(
                f'<rect class="oc-bar {entry.classes}" {at} {size} rx="2"><title>{escape(told)}</title></rect>'
            )
            word = f"{value:.4g}".replace("-", "−")
            beside = end + 5 if value >= 0 else max(x.at(0) + 5, end + 5)
            if beside + text_width(word, 11) < WIDTH:
                parts.append(label(beside, y + i * _BAR + 11, word, "oc-dim"))
    return Part("".join(parts), bottom + 48, tuple(notes))


def _lengths(figure: Figure) -> tuple[dict[str, dict[int, float]], int]:
    """For each name the length of each series' bar, the last one where a name stands twice; and rows without one."""
    found: dict[str, dict[int, float]] = {}
    lost = 0
    for i, series in enumerate(figure.series):
        for name, value in zip(series.y, floats(series.x), strict=True):
            if value is None:
                lost += 1
            else:
                found.setdefault(cell(name), {})[i] = value
    return found, lost
