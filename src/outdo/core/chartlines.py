"""Lines and points of a chart."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from msgspec import Struct

from outdo.core.chartframe import HEIGHT, WIDTH, Entry, Frame, Part, across, named_across, room_left, upright
from outdo.core.chartscale import Scale, domain
from outdo.core.curves import Point, smooth, thinned
from outdo.core.figure import Figure, Series
from outdo.core.lettering import number
from outdo.core.plotdata import cell, floats

MOST = 400
"""Points of a line; more than there are pixels for would only make the file larger."""
MOST_DOTS = 3_000
_KNOTS = 32
"""Up to how many points of a line are marked."""
_RIGHT = 20.0
_ROOM = 0.05
_JITTER = 0.025
"""How far, as a share of the axis, points are moved that would lie on each other."""
_EQUAL = (
    ("fpr", "tpr"),
    ("false positive rate", "true positive rate"),
    ("predicted", "observed"),
    ("prob_pred", "prob_true"),
    ("mean_predicted_value", "fraction_of_positives"),
)
"""Columns of curves that are read against the diagonal."""


class Curve(Struct, frozen=True):
    """The points of a series in order, None where a row holds no number."""

    points: tuple[Point | None, ...]
    lost: int


def lines(figure: Figure, frame: Frame, *, log_x: bool = False, log_y: bool = False) -> Part:
    """Lines, smooth lines or points, as the figure's template says."""
    curves, names = curves_of(figure, log_x=log_x, log_y=log_y)
    shown = [point for curve in curves for point in curve.points if point]
    head, top = frame.head()
    top += 26
    if not shown:
        return Part(head, top, ("no point has both a number for x and one for y",))
    dots = figure.template.startswith("scatter")
    (x_low, x_high), (y_low, y_high) = (
        _reach([point[axis] for point in shown], log=log, dots=dots, nice=bool(axis) or (dots and not names))
        for axis, log in ((0, log_x), (1, log_y))
    )
    x = Scale(x_low, x_high, room_left(y_low, y_high, log=log_y), WIDTH - _RIGHT, log_x)
    bottom = max(HEIGHT, top + 220) - 48
    y = Scale(y_low, y_high, bottom, top, log_y)
    if names:
        axis = named_across([(x.at(i), name) for name, i in names.items()], (x, bottom, top), frame.x_label)
    else:
        axis = across(x, bottom, top, frame.x_label)
    parts = [head, upright(y, x.start, x.end, frame.y_label), axis, _diagonal(figure, x, y)]
    drawn = 0
    for curve, entry in zip(curves, frame.entries, strict=True):
        if dots:
            shown = _dots(curve, (x, y), jitter=figure.template == "scatter_jitter")
            drawn += len(shown)
            parts.append(_marks("oc-dots", entry, shown, (x, y)))
        else:
            parts += _line(curve, entry, (x, y), smoothed=figure.template == "smooth")
    return Part("".join(parts), bottom + 48, tuple(_notes(curves, drawn if dots else None)))


def curves_of(
    figure: Figure, *, log_x: bool = False, log_y: bool = False
) -> tuple[list[Curve], dict[str, int]]:
    """The points of each series; and the places of the names on a horizontal axis that holds no numbers."""
    names = _names(figure.series)
    return [_curve(one, names, log_x=log_x, log_y=log_y) for one in figure.series], names


def _reach(values: Sequence[float], *, log: bool, dots: bool, nice: bool) -> tuple[float, float]:
    """From where to where an axis goes; around dots there is some room, so that they don't lie on its ends."""
    if dots and not log:
        room = (max(values) - min(values)) * _ROOM
        values = [min(values) - room, max(values) + room]
    return domain(values, log=log, nice=nice and not dots)


def _names(series: Sequence[Series]) -> dict[str, int]:
    """The places of the names on a horizontal axis that holds no numbers; none where it holds some."""
    if any(number is not None for one in series for number in floats(one.x)):
        return {}
    found: dict[str, int] = {}
    for one in series:
        for value in one.x:
            found.setdefault(cell(value), len(found))
    return found


def _curve(series: Series, names: dict[str, int], *, log_x: bool, log_y: bool) -> Curve:
    xs = [float(names[cell(value)]) for value in series.x] if names else floats(series.x)
    points: list[Point | None] = []
    for x, y in zip(xs, floats(series.y), strict=True):
        shown = x is not None and y is not None and (x > 0 or not log_x) and (y > 0 or not log_y)
        points.append((x, y) if shown and x is not None and y is not None else None)
    lost = points.count(None)
    if any(point is None and x is None for point, x in zip(points, xs, strict=True)):
        points = [point for point in points if point]
    known = [point for point in points if point]
    if any(a > b for (a, _), (b, _) in pairwise(known)):
        points = [*sorted(known, key=lambda point: point[0])]
    return Curve(tuple(points), lost)


def _line(curve: Curve, entry: Entry, scales: tuple[Scale, Scale], *, smoothed: bool) -> list[str]:
    runs = _runs(curve.points)
    share = MOST / max(sum(map(len, runs)), 1)
    raw = [point for run in runs for point in [*thinned(run, max(3, int(len(run) * share))), None]]
    shown = [point for point in raw if point]
    if smoothed:
        whole: list[Point] = [point for point in curve.points if point]
        parts = [_path("oc-line oc-raw", entry.classes, raw, scales)]
        return [*parts, _marks("oc-line", entry, smooth(whole), scales)]
    parts = [_marks("oc-line", entry, raw, scales)]
    if len(shown) <= _KNOTS:
        parts.append(_path("oc-dots oc-knots", entry.classes, shown, scales, apart=True))
    return parts


def _runs(points: Sequence[Point | None]) -> list[list[Point]]:
    """The points between gaps."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if point:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _dots(curve: Curve, scales: tuple[Scale, Scale], *, jitter: bool) -> list[Point]:
    """The points to draw: one of those that would lie on each other, by pixels that grow until there are few."""
    points = [point for point in curve.points if point]
    if jitter:
        points = _shaken(points, scales)
    size = 1.0
    while len(points) > MOST_DOTS:
        x, y = scales
        taken = {(int(x.at(px) / size), int(y.at(py) / size)): (px, py) for px, py in points}
        points = list(taken.values())
        size *= 1.5
    return points


def _shaken(points: Sequence[Point], scales: tuple[Scale, Scale]) -> list[Point]:
    """Points a little beside where they are, so that equal ones are seen; each time the same little.

    By the sequence R2 of M. Roberts, The Unreasonable Effectiveness of Quasirandom Sequences (2018)."""
    wide, high = (0.0 if scale.log else 2 * _JITTER * (scale.high - scale.low) for scale in scales)
    return [
        (x + wide * (i * 0.7548776662466927 % 1 - 0.5), y + high * (i * 0.5698402909980532 % 1 - 0.5))
        for i, (x, y) in enumerate(points)
    ]


def _marks(kind: str, entry: Entry, points: Sequence[Point | None], scales: tuple[Scale, Scale]) -> str:
    """A path with its values, for the page to tell them where a pointer is."""
    shown = [point for point in points if point]
    xs, ys = (" ".join(_told(point[axis]) for point in shown) for axis in (0, 1))
    data = f'data-n="{escape(entry.name)}" data-x="{xs}" data-y="{ys}"'
    return _path(kind, entry.classes, points, scales, apart=kind == "oc-dots", data=data)


def _told(value: float) -> str:
    """A value in few letters, a whole number whole."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e12 else f"{value:.5g}"


def _path(
    kind: str,
    classes: str,
    points: Sequence[Point | None],
    scales: tuple[Scale, Scale],
    *,
    apart: bool = False,
    data: str = "",
) -> str:
    """Points joined by lines but for gaps; or, `apart`, each alone as a dot."""
    x, y = scales
    d: list[str] = []
    pen = "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        d.append(f"{pen}{number(x.at(point[0]))} {number(y.at(point[1]))}" + ("h0" if apart else ""))
        pen = "M" if apart else "L"
    return f'<path class="{kind} {classes}" d="{"".join(d)}"{" " + data if data else ""}/>'


def _diagonal(figure: Figure, x: Scale, y: Scale) -> str:
    """A line from 0 to 1 where curves are read against it."""
    fields = {(figure.x_label.lower(), one.field.lower()) for one in figure.series}
    if x.log or y.log or not fields <= set(_EQUAL):
        return ""
    low, high = max(x.low, y.low), min(x.high, y.high)
    if low >= high:
        return ""
    ends = (f"{number(x.at(v))} {number(y.at(v))}" for v in (low, high))
    return f'<path class="oc-guide" d="M{"L".join(ends)}"/>'


def _notes(curves: Sequence[Curve], dots: int | None) -> list[str]:
    lost = sum(curve.lost for curve in curves)
    points = sum(len(curve.points) for curve in curves)
    told = [f"{lost:,} row{'s' * (lost != 1)} without a number to show left out"] if lost else []
    if dots is not None and dots < points:
        told.append(f"{dots:,} of {points:,} points are drawn: the others lie on them")
    if dots is None and any(len(curve.points) > MOST for curve in curves):
        told.append(f"of {points:,} points about {MOST} a line are drawn, those that give it its shape")
    return told
