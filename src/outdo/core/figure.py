"""Plots as they are declared, and the files of several sides, to figures: what is drawn, before it is drawn."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.errors import BadPlot
from outdo.core.model import Path
from outdo.core.plotdata import Column, Data, cell, floats, is_image
from outdo.core.sections import Plot

Template = Literal[
    "linear",
    "simple",
    "smooth",
    "scatter",
    "scatter_jitter",
    "bar_horizontal",
    "bar_horizontal_sorted",
    "confusion",
    "confusion_normalized",
]
TEMPLATES: tuple[Template, ...] = get_args(Template)
STEP = "step"
"""The name of the horizontal axis where it is the number of the row."""


class Series(Struct, frozen=True):
    """What one side has of one column: pairs of cells, as they stand in the file."""

    side: str
    file: Path
    field: str
    x: Column
    y: Column


class Figure(Struct, frozen=True):
    """A chart of one or several series."""

    id: str
    title: str
    template: Template
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """For each series what sets it apart from the others, its side, file, column; nothing for a single one."""
        parts = [
            [one.side for one in self.series],
            shortened([one.file for one in self.series]),
            [one.field for one in self.series],
        ]
        told = [part for part in parts if len(set(part)) > 1]
        return [" · ".join(words) for words in zip(*told, strict=True)] if told else [""] * len(self.series)


class Image(Struct, frozen=True):
    """A picture as one side has it."""

    side: str
    content: bytes


class Pictures(Struct, frozen=True):
    """A picture beside itself on other sides."""

    id: str
    title: str
    images: tuple[Image, ...]


class Lost(Struct, frozen=True):
    """A plot that can't be drawn, and why."""

    id: str
    why: str


Drawn = Figure | Pictures | Lost


class Plotted(Struct, frozen=True):
    """What one side holds of the files that are drawn: columns, a picture's bytes, or why there is neither."""

    name: str
    files: Mapping[Path, Data | bytes | BadPlot]


def files_of(id_: str, plot: Plot) -> list[Path]:
    """The files that a plot is drawn from."""
    named = [file for axis in (plot.y, plot.x) if isinstance(axis, Mapping) for file in axis]
    own = [] if isinstance(plot.y, Mapping) else [id_]
    return list(dict.fromkeys(posixpath.normpath(file) for file in (*own, *named)))


def draw(id_: str, plot: Plot, template: Template, sides: Sequence[Plotted]) -> Drawn:
    """The figure of one plot with the series of all sides that have its files; what the others lack is noted."""
    if is_image(id_) and not isinstance(plot.y, Mapping):
        return _pictures(id_, plot, sides)
    series: list[Series] = []
    whys: list[tuple[str, str]] = []
    for side in sides:
        try:
            found = list(_series(id_, plot, side))
            for one in found:
                _check(one, template)
            series += found
        except BadPlot as error:
            place = f" ({error.where})" if str(error.where) not in ("", id_) else ""
            whys.append((side.name, error.what + place))
    notes = _by_side(whys, len(sides))
    if not series:
        return Lost(id_, "; ".join(notes) or "there is nothing to draw")
    return Figure(
        id_,
        plot.title or id_,
        template,
        plot.x_label or _x_label(plot),
        plot.y_label or _label([one.field for one in series]),
        tuple(series),
        tuple(notes),
    )


def _by_side(whys: Sequence[tuple[str, str]], sides: int) -> list[str]:
    """What each side lacks; once where all lack the same."""
    distinct = list(dict.fromkeys(why for _, why in whys))
    if len(distinct) == 1 and len(whys) == sides:
        return distinct
    return [f"{side}: {why}" for side, why in whys]


def _pictures(id_: str, plot: Plot, sides: Sequence[Plotted]) -> Drawn:
    (path,) = files_of(id_, replace(plot, x="", y=""))
    found = [(side.name, side.files.get(path)) for side in sides]
    images = tuple(Image(name, content) for name, content in found if isinstance(content, bytes))
    whys = [content.what for _, content in found if isinstance(content, BadPlot)]
    return Pictures(id_, plot.title or id_, images) if images else Lost(id_, "; ".join(dict.fromkeys(whys)))


def _series(id_: str, plot: Plot, side: Plotted) -> Iterator[Series]:
    """One series for each column of the vertical axis; raises `BadPlot`."""
    ys = list(_ys(id_, plot, side))
    xs = _xs(plot)
    if len(xs) > 1 and len(xs) != len(ys):
        what = f"'{id_}' names {len(xs)} columns for x and {len(ys)} for y"
        raise BadPlot(what, fix="one x for all, or one for each y")
    for i, (file, field) in enumerate(ys):
        y = _column(side, file, field)
        if not xs:
            yield Series(side.name, file, field, range(len(y)), y)
            continue
        x_file, x_field = xs[i] if len(xs) > 1 else xs[0]
        x = _column(side, x_file or file, x_field)
        if len(x) != len(y):
            what = f"'{x_field}' of '{x_file}' has {len(x)} rows, '{field}' of '{file}' has {len(y)}"
            raise BadPlot(what, fix="x and y have to be of the same length")
        yield Series(side.name, file, field, x, y)


def _check(series: Series, template: Template) -> None:
    """Raises `BadPlot` where numbers are needed and a column holds none."""
    if template.startswith("confusion"):
        return
    bars = template.startswith("bar")
    column = series.x if bars else series.y
    if not any(number is not None for number in floats(column)):
        name = f"the x of '{series.field}'" if bars else f"'{series.field}'"
        first = f", its first cell is '{cell(column[0])[:40]}'" if column else ""
        raise BadPlot(f"{name} in '{series.file}' holds no numbers{first}")


def _ys(id_: str, plot: Plot, side: Plotted) -> Iterator[tuple[Path, str]]:
    if isinstance(plot.y, Mapping):
        for file, fields in plot.y.items():
            for field in [fields] if isinstance(fields, str) else fields:
                yield posixpath.normpath(file), field
        return
    path = posixpath.normpath(id_)
    for field in [plot.y] if isinstance(plot.y, str) else list(plot.y or [""]):
        yield path, field or _data(side, path).last


def _xs(plot: Plot) -> list[tuple[Path, str]]:
    """File and column of the horizontal axis; no file stands for that of y. None at all: the number of the row."""
    if isinstance(plot.x, Mapping):
        return [
            (posixpath.normpath(file), field)
            for file, fields in plot.x.items()
            for field in ([fields] if isinstance(fields, str) else fields)
        ]
    return [("", plot.x)] if plot.x else []


def _data(side: Plotted, path: Path) -> Data:
    found = side.files.get(path)
    if isinstance(found, BadPlot):
        raise found
    if not isinstance(found, Data):
        raise BadPlot(f"'{path}' is no table")
    return found


def _column(side: Plotted, path: Path, field: str) -> Column:
    columns = _data(side, path).columns
    if field in columns:
        return columns[field]
    near = get_close_matches(field, columns, n=1)
    known = ", ".join(list(columns)[:12]) + (", …" if len(columns) > 12 else "")
    hint = f", did you mean '{near[0]}'?" if near else f": it has {known}"
    raise BadPlot(f"'{path}' has no column '{field}'{hint}")


def _x_label(plot: Plot) -> str:
    fields = [field for _, field in _xs(plot)]
    return _label(fields) if fields else STEP


def _label(fields: Sequence[str]) -> str:
    distinct = dict.fromkeys(fields)
    return next(iter(distinct)) if len(distinct) == 1 else ""


def shortened(files: Sequence[Path]) -> list[str]:
    """Files without the folders that all of them share."""
    distinct = {posixpath.dirname(file) for file in files}
    common = posixpath.commonpath(distinct) if distinct and "" not in distinct else ""
    return [file[len(common) :].lstrip("/") for file in files]
