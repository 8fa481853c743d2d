"""Figures drawn as SVG."""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from outdo.core.chartbars import bars
from outdo.core.chartframe import WIDTH, Entry, Frame, Part, Swatch
from outdo.core.chartlines import lines
from outdo.core.chartmatrix import matrices
from outdo.core.chartstyle import Theme, classes, style
from outdo.core.figure import Figure
from outdo.core.lettering import number
from outdo.core.sketch import visible


class Axes(Struct, frozen=True):
    """Which axes are logarithmic."""

    x: bool = False
    y: bool = False


class Chart(Struct, frozen=True):
    """A figure as it is drawn: the inside of an SVG file, its size, and what had to be left out."""

    body: str
    title: str
    width: float
    height: float
    notes: tuple[str, ...] = ()


def chart(figure: Figure, axes: Axes = Axes()) -> Chart:  # noqa: B008
    """The drawing of a figure."""
    title, x_label, y_label = (visible(word) for word in (figure.title, figure.x_label, figure.y_label))
    frame = Frame(title, x_label, y_label, tuple(_entries(figure)), _swatch(figure))
    drawn: Part
    if figure.template.startswith("confusion"):
        drawn = matrices(figure, frame)
    elif figure.template.startswith("bar"):
        drawn = bars(figure, frame)
    else:
        drawn = lines(figure, frame, log_x=axes.x, log_y=axes.y)
    return Chart(drawn.body, frame.title, WIDTH, drawn.height, (*figure.notes, *drawn.notes))


def inline(drawn: Chart) -> str:
    """A chart as an element of a page, which has `style`; as wide as its place allows."""
    size = f'viewBox="0 0 {number(drawn.width)} {number(drawn.height)}"'
    return f'<svg class="oc" role="img" {size} width="100%"><title>{escape(drawn.title)}</title>{drawn.body}</svg>'


def file(charts: Sequence[Chart], theme: Theme = "both") -> str:
    """Charts below each other as one SVG file, with a ground of their own."""
    height = sum(one.height for one in charts) + 16 * (len(charts) - 1)
    width = max((one.width for one in charts), default=WIDTH)
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    title = ", ".join(one.title for one in charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="oc" role="img" {size}>',
        f"<title>{escape(title)}</title>",
        f"<style>{style(theme)}</style>",
        f'<rect class="oc-back" width="{number(width)}" height="{number(height)}"/>',
    ]
    top = 0.0
    for one in charts:
        parts.append(f'<g transform="translate(0 {number(top)})">{one.body}</g>')
        top += one.height + 16
    return "\n".join([*parts, "</svg>"]) + "\n"


def _swatch(figure: Figure) -> Swatch:
    return (
        "bar"
        if figure.template.startswith("bar")
        else "dot"
        if figure.template.startswith("scatter")
        else "line"
    )


def _entries(figure: Figure) -> list[Entry]:
    """The entries of the legend: hues tell sides apart, or columns where there is one side; dashes the rest."""
    sides = list(dict.fromkeys(one.side for one in figure.series))
    columns = list(dict.fromkeys((one.file, one.field) for one in figure.series))
    found: list[Entry] = []
    for one, name in zip(figure.series, figure.names(), strict=True):
        column = columns.index((one.file, one.field))
        hue, dash = (sides.index(one.side), column) if len(sides) > 1 else (column, 0)
        found.append(Entry(visible(name), classes(hue, dash)))
    return found
