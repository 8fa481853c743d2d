"""Confusion matrices: how often each pair of classes was seen."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from outdo.core.chartframe import WIDTH, Frame, Part, inside, label, room_for
from outdo.core.figure import Figure, Series
from outdo.core.lettering import fitted, number, text_width
from outdo.core.plotdata import cell

MOST = 60
"""Classes of one matrix."""
_LONGEST = 14
_EDGE, _APART = 16.0, 36.0
_LINE = 12.0
"""How high a line of a label is."""
_WIDEST, _LARGEST = 400.0, 88.0
"""How wide a matrix and a cell may be."""
_HALF, _STRONG = 0.6, 0.82
"""From which strengths on a cell's number is written dark on any ground, and in the colour of the ground."""


def matrices(figure: Figure, frame: Frame) -> Part:
    """A matrix for each series, two of them beside each other: rows are y, columns x, both in order."""
    head, top = Frame(frame.title).head()
    counts = [_counted(one) for one in figure.series]
    both = {name for one in counts for pair in one for name in pair}
    classes = _ordered(both)[:MOST]
    notes = [f"{MOST} of {len(both):,} classes are drawn"] if len(both) > MOST else []
    beside = 1 if len(counts) == 1 else 2
    left = room_for(classes, 11, _LONGEST) + 10
    room = (WIDTH - 2 * _EDGE - (beside - 1) * _APART) / beside - left
    size = min(room, _WIDEST) / max(len(classes), 1)
    size = min(size, _LARGEST)
    tall = size * len(classes) + 26 + 54
    largest = max((n for one in counts for n in one.values()), default=1)
    parts = [head]
    for i, (one, entry) in enumerate(zip(counts, frame.entries, strict=True)):
        x = _EDGE + left + (i % beside) * (room + left + _APART)
        y = top + 28 + (i // beside) * tall
        words = f"{entry.name} · " if entry.name else ""
        told = f"{words}rows: {frame.y_label or 'y'}"
        parts.append(label(x, y - 10, fitted(told, room, 11), "oc-dim", whole=told))
        parts.append(_matrix(one, classes, (x, y, size), frame, None if _normal(figure) else largest))
    rows = -(-len(counts) // beside)
    return Part("".join(parts), top + 28 + rows * tall - 26, tuple(notes))


def _normal(figure: Figure) -> bool:
    return figure.template == "confusion_normalized"


def _matrix(
    counts: Counter[tuple[str, str]],
    classes: Sequence[str],
    place: tuple[float, float, float],
    frame: Frame,
    largest: int | None,
) -> str:
    """One matrix: counts by their share of the `largest`; or, where there is none, shares of their row."""
    left, top, size = place
    sums = {row: sum(counts[row, column] for column in classes) for row in classes}
    parts: list[str] = []
    every = max(1, -int(-_LINE // size))
    for r, row in enumerate(classes):
        y = top + r * size
        if r % every == 0:
            parts.append(label(left - 8, y + size / 2 + 4, row, "oc-dim oc-end", most=_LONGEST))
        for c, column in enumerate(classes):
            count = counts[row, column]
            share = count / largest if largest else count / sums[row] if sums[row] else 0.0
            word = f"{count:,}" if largest else f"{share:.2f}"
            told = f"{frame.y_label} {row}, {frame.x_label} {column}: {count:,}"
            if not largest:
                told += f", {share:.1%} of {row}"
            x = left + c * size
            at = f'x="{number(x)}" y="{number(y)}" width="{number(size)}" height="{number(size)}"'
            strength = f'fill-opacity="{0.04 + 0.96 * share:.3f}"'
            words = f"<title>{escape(told)}</title>"
            parts.append(f'<rect class="oc-bar oc-cell oc-c0" {at} {strength}>{words}</rect>')
            if text_width(word, 12) + 6 < size and size >= 16:
                kind = "oc-mid" + (" oc-on" if share > _STRONG else " oc-half" if share > _HALF else "")
                parts.append(label(x + size / 2, y + size / 2 + 4, word, kind))
    return "".join([*parts, _columns(classes, place), _below(classes, place, frame)])


def _columns(classes: Sequence[str], place: tuple[float, float, float]) -> str:
    left, top, size = place
    y = top + size * len(classes) + 16
    every = max(1, -int(-(room_for(classes, 11, _LONGEST) + 6) // size))
    marks = list(enumerate(classes))[::every]
    middles = ((inside(left + (c + 0.5) * size, name, _LONGEST), name) for c, name in marks)
    return "".join(label(x, y, name, "oc-dim oc-mid", most=_LONGEST) for x, name in middles)


def _below(classes: Sequence[str], place: tuple[float, float, float], frame: Frame) -> str:
    left, top, size = place
    return label(left, top + size * len(classes) + 34, f"columns: {frame.x_label}", "oc-dim", most=34)


def _counted(series: Series) -> Counter[tuple[str, str]]:
    return Counter((cell(y), cell(x)) for x, y in zip(series.x, series.y, strict=True))


def _ordered(names: set[str]) -> list[str]:
    """Classes in order: as numbers where all of them are."""
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)
