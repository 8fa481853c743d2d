"""Many runs as one page: their params and metrics on parallel axes, and a table of them below.

The picture is whole without its script, which adds what a mouse can ask: which run a line is, which runs go through a
part of an axis, and colours by another axis. Nothing is loaded from elsewhere.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from msgspec import Struct

from outdo.core.chartpage import TIP, document
from outdo.core.model import Aim, Value
from outdo.core.parallelstyle import SCRIPT, STYLE
from outdo.core.ranking import aim, best
from outdo.core.sketch import visible
from outdo.core.values import number_of, short

_NARROW, _WIDE, _PAGE = 168.0, 300.0, 860.0
"""Between two axes: at least, at most, and what all of them fill where they can."""
_HIGH = 320.0
"""From an axis' foot to its head."""
_LEFT, _RIGHT, _TOP, _BELOW = 96.0, 84.0, 64.0, 40.0
_FEW = 7
"""Up to so many values of an axis are named one by one."""
_DECADES = 2.0
"""From so many on a param is drawn on a log scale."""


class Shown(Struct, frozen=True):
    """A run as it is shown."""

    name: str
    params: Mapping[str, Value]
    metrics: Mapping[str, float]


class Axis(Struct, frozen=True):
    """One param or one metric of all runs."""

    name: str
    words: tuple[str, ...]
    """The value of each run as a person reads it."""
    shares: tuple[float | None, ...]
    """Where each value stands, from 0 at the foot to 1 at the head; None for a run that has none."""
    ticks: tuple[tuple[float, str], ...]
    towards: Aim | None = None
    """Which way a metric is better; None for a param."""
    log: bool = False
    best: int | None = None
    """The run with the best value."""


def axes(
    runs: Sequence[Shown], params: Sequence[str], metrics: Sequence[str], aims: Mapping[str, Aim]
) -> list[Axis]:
    """An axis for each of these params and metrics."""
    found = [_axis(name, [run.params.get(name) for run in runs], None) for name in params]
    for name in metrics:
        towards = aim(name, aims)
        values = [run.metrics.get(name) for run in runs]
        found.append(_with_best(_axis(name, values, towards), best(values, towards)))
    return found


def page(title: str, told: str, names: Sequence[str], shown: Sequence[Axis]) -> str:
    """A whole HTML file with a line for each of the runs that `names` names; `told` stands below the title."""
    metrics = [number for number, axis in enumerate(shown) if axis.towards]
    by = metrics[0] if metrics else 0
    order = sorted(range(len(names)), key=lambda run: _heat(shown[by], run))
    ranked = sorted(order, key=lambda run: (-_heat(shown[by], run), run))
    body = [
        f"<h1>{escape(visible(title))}</h1>",
        f'<p><span>{escape(visible(told))}</span><span id="count"></span></p>',
        f"<section>{_legend(shown, by)}",
        f'<div class="wide">{_svg(names, shown, by, order)}</div>',
        '<p class="hint">Drag along an axis to keep the runs that pass there; click it to let go.</p>',
        "</section>",
        f'<section class="wide">{_table(names, shown, ranked)}</section>',
        TIP,
    ]
    return document(title, STYLE + _own_style(shown, by, order), "\n".join(body), SCRIPT)


# Axes.


def _axis(name: str, values: Sequence[Value], towards: Aim | None) -> Axis:
    numbers = [number_of(value) for value in values]
    there = [value for value in values if value is not None]
    if there and all(number_of(value) is not None for value in there):
        return _scaled(name, numbers, towards)
    words = tuple(_word(value) for value in values)
    kinds = sorted({word for word, value in zip(words, values, strict=True) if value is not None})
    places = {kind: _share(at, len(kinds) - 1) for at, kind in enumerate(kinds)}
    shares = tuple(None if value is None else places[word] for word, value in zip(words, values, strict=True))
    return Axis(name, words, shares, tuple((share, kind) for kind, share in places.items()), towards)


def _scaled(name: str, numbers: Sequence[float | None], towards: Aim | None) -> Axis:
    known = sorted({number for number in numbers if number is not None})
    low, high = known[0], known[-1]
    log = towards is None and low > 0 and log10(high / low) >= _DECADES

    def place(number: float) -> float:
        if low == high:
            return 0.5
        return log10(number / low) / log10(high / low) if log else (number - low) / (high - low)

    marks = known
    if len(known) > _FEW or any(b - a < 0.045 for a, b in pairwise(map(place, known))):
        marks = _powers(low, high) if log else _rounds(low, high)
    ticks = tuple((place(mark), f"{mark:.4g}") for mark in marks)
    words = tuple("" if number is None else f"{number:.6g}" for number in numbers)
    shares = tuple(None if number is None else place(number) for number in numbers)
    return Axis(name, words, shares, ticks, towards, log)


def _powers(low: float, high: float) -> list[float]:
    inner = [10.0**power for power in range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)]
    return inner[:: max(1, len(inner) // 6)] or [low, high]


def _rounds(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    step = next(nice * power for nice in (1, 2, 5, 10) if rough <= nice * power * 1.0001)
    return [step * count for count in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _share(at: int, last: int) -> float:
    return at / last if last else 0.5


def _with_best(axis: Axis, run: int | None) -> Axis:
    return Axis(axis.name, axis.words, axis.shares, axis.ticks, axis.towards, axis.log, run)


def _word(value: Value) -> str:
    return "" if value is None else short(value, 24)


def _heat(axis: Axis, run: int) -> float:
    """How far towards the better end a run is, from 0 to 1; −1 for one without a value."""
    share = axis.shares[run]
    return -1.0 if share is None else 1 - share if axis.towards == "low" else share


# The picture.


def _own_style(shown: Sequence[Axis], by: int, order: Sequence[int]) -> str:
    """How wide this picture is at least, and how hot each line; as rules, since the policy takes no attributes."""
    heats = (f'.line[data-run="{run}"]{{--t:{max(_heat(shown[by], run), 0):.3f}}}' for run in order)
    return "\n".join([f"svg{{min-width:{_width(shown) * 0.7:.0f}px}}", *heats, ""])


def _step(shown: Sequence[Axis]) -> float:
    return max(_NARROW, min(_WIDE, _PAGE / max(len(shown) - 1, 1)))


def _width(shown: Sequence[Axis]) -> float:
    return _LEFT + _step(shown) * max(len(shown) - 1, 1) + _RIGHT


def _svg(names: Sequence[str], shown: Sequence[Axis], by: int, order: Sequence[int]) -> str:
    step, width, height = _step(shown), _width(shown), _TOP + _HIGH + _BELOW
    title = f"{len(names)} runs on {len(shown)} axes: {', '.join(axis.name for axis in shown)}"
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    facts = f'data-by="{by}" data-top="{_TOP:g}" data-high="{_HIGH:g}"'
    parts = [
        f'<svg {size} role="img" {facts}>',
        f"<title>{escape(visible(title))}</title>",
        *(_line(names[run], run, shown, by, step) for run in order),
        *(_drawn(axis, step * number + _LEFT, number) for number, axis in enumerate(shown)),
        "</svg>",
    ]
    return "".join(parts)


def _line(name: str, run: int, shown: Sequence[Axis], by: int, step: float) -> str:
    points = [(_LEFT + step * number, _y(axis.shares[run])) for number, axis in enumerate(shown)]
    path = f"M{points[0][0]:g} {points[0][1]:.1f}"
    for (x, y), (to, down) in pairwise(points):
        half = (x + to) / 2
        path += f"C{half:g} {y:.1f} {half:g} {down:.1f} {to:g} {down:.1f}"
    if len(points) == 1:
        path += f"h{step:g}"
    shares = " ".join(
        "" if share is None else f"{share:.4f}" for share in (axis.shares[run] for axis in shown)
    )
    none = " none" if _heat(shown[by], run) < 0 else ""
    return (
        f'<g class="line{none}" data-run="{run}" data-s="{shares.replace(" ", ",")}">'
        f'<title>{escape(visible(name))}</title><path class="grab" d="{path}"/><path class="ink" d="{path}"/></g>'
    )


def _drawn(axis: Axis, x: float, number: int) -> str:
    foot = _TOP + _HIGH
    name = escape(visible(short(axis.name, 24)))
    kind = {"high": "higher is better", "low": "lower is better", None: "log scale" if axis.log else "param"}
    parts = [
        f'<g class="axis {"metric" if axis.towards else "param"}" data-axis="{number}">',
        f"<title>{escape(visible(axis.name))}</title>",
        f'<text class="name" x="{x:g}" y="{_TOP - 32:g}">{name}</text>',
        f'<text class="kind" x="{x:g}" y="{_TOP - 16:g}">{kind[axis.towards]}</text>',
        f'<path d="M{x:g} {_TOP:g}V{foot:g}"/>',
    ]
    for share, word in axis.ticks:
        y = _y(share)
        parts.append(f'<path class="tick" d="M{x - 4:g} {y:.1f}h8"/>')
        parts.append(
            f'<text class="mark" x="{x - 9:g}" y="{y + 4:.1f}">{escape(visible(short(word, 14)))}</text>'
        )
    if None in axis.shares:
        parts.append(f'<text class="mark" x="{x - 9:g}" y="{_y(None) + 4:.1f}">none</text>')
    parts.append(f'<rect class="brush" x="{x - 7:g}" y="0" width="14" height="0" rx="3"/>')
    parts.append(
        f'<rect class="hit" x="{x - 14:g}" y="{_TOP - 6:g}" width="28" height="{_HIGH + 12:g}"/></g>'
    )
    return "".join(parts)


def _y(share: float | None) -> float:
    return _TOP + _HIGH + 24 if share is None else _TOP + _HIGH * (1 - share)


def _legend(shown: Sequence[Axis], by: int) -> str:
    options = "".join(
        f'<option value="{number}" data-to="{axis.towards or ""}"{" selected" if number == by else ""}>'
        f"{escape(visible(axis.name))}</option>"
        for number, axis in enumerate(shown)
    )
    ends = [_ends(axis) for axis in shown]
    told = "".join(
        f'<span class="ends" data-axis="{number}"{"" if number == by else " hidden"}>{escape(visible(low))}'
        f'<i class="ramp"></i>{escape(visible(high))}</span>'
        for number, (low, high) in enumerate(ends)
    )
    return f'<div class="legend"><label>colour by <select id="by">{options}</select></label>{told}</div>'


def _ends(axis: Axis) -> tuple[str, str]:
    """The words of the worst and the best value, or of the least and the greatest."""
    there = [(share, word) for share, word in zip(axis.shares, axis.words, strict=True) if share is not None]
    ends = (min(there)[1], max(there)[1]) if there else ("", "")
    return ends[::-1] if axis.towards == "low" else ends


def _table(names: Sequence[str], shown: Sequence[Axis], order: Sequence[int]) -> str:
    head = "".join(f"<th>{escape(visible(axis.name))}</th>" for axis in shown)
    rows: list[str] = []
    for run in order:
        cells = "".join(
            f"<td{' class=best' if axis.best == run else ''}>{escape(visible(axis.words[run]))}</td>"
            for axis in shown
        )
        rows.append(f'<tr data-run="{run}"><th>{escape(visible(names[run]))}</th>{cells}</tr>')
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
