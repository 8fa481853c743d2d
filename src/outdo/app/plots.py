"""What is drawn of workspaces, commits and runs: the verb `plots`."""

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from html import escape

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from outdo.app.output import write
from outdo.app.plotfiles import PlotFiles
from outdo.app.png import png
from outdo.app.project import STATE, Project, make_state, open_project
from outdo.app.sides import WORKSPACE, held
from outdo.core.chart import Axes, Chart, chart, file
from outdo.core.chartpage import page
from outdo.core.errors import BadPlot
from outdo.core.figure import TEMPLATES, Drawn, Figure, Lost, Plotted, Template, draw, files_of
from outdo.core.model import Path
from outdo.core.sections import Plot
from outdo.core.vega import nearest

PAGE = f"{STATE}/plots.html"
_CUSTOM = ".dvc/plots"
"""The folder of DVC's own templates."""
_DEFAULT: Template = "linear"


class Wanted(Struct, frozen=True):
    """What a person asks for; what is not said is as the file declares it."""

    paths: tuple[str, ...] = ()
    """Names or paths of plots, patterns, or files that are not declared; none for all."""
    sides: tuple[str, ...] = ()
    look: Plot = Plot()
    axes: Axes = Axes()


class Plots(Struct, frozen=True):
    """Plots ready to be drawn."""

    project: str
    sides: tuple[str, ...]
    drawn: tuple[Drawn, ...]
    notices: tuple[str, ...] = ()
    axes: Axes = Axes()

    @property
    def figures(self) -> list[Figure]:
        """The charts among them."""
        return [one for one in self.drawn if isinstance(one, Figure)]

    def page(self) -> str:
        """All of them as one HTML file."""
        count = len(self.drawn)
        return page(
            self.project, f"{', '.join(self.sides)} · {count} plot{'s' * (count != 1)}", self.drawn, self.axes
        )

    def charts(self) -> list[Chart]:
        """The charts as they are drawn."""
        return [chart(one, self.axes) for one in self.figures]

    def _repr_html_(self) -> str:
        look = 'width="100%" height="720" style="border:0" sandbox="allow-scripts"'
        return f'<iframe srcdoc="{escape(self.page())}" {look}></iframe>'


def plots(start: str, wanted: Wanted = Wanted()) -> Plots:  # noqa: B008
    """What is asked for, of one side or several beside each other; raises `BadPlot` where nothing can be drawn.

    One side that is named is shown beside the workspace."""
    project = open_project(start)
    words = wanted.sides if len(wanted.sides) != 1 else (*wanted.sides, WORKSPACE)
    found = (held(project, word, code=word != WORKSPACE) for word in words or (WORKSPACE,))
    sides = list({each.side.name: PlotFiles(project, each) for each in found}.values())
    notices: dict[str, None] = {}
    drawn: list[Drawn] = []
    for id_, plot in _chosen(project, wanted.paths, start, sides).items():
        made, notice = _drawn(project, id_, _overridden(plot, wanted.look), sides)
        drawn.append(made)
        notices |= {f"{id_}: {notice}": None} if notice else {}
    names = tuple(side.name for side in sides)
    return Plots(project.pipeline.project, names, tuple(drawn), tuple(notices), wanted.axes)


def _drawn(project: Project, id_: str, plot: Plot, sides: Sequence[PlotFiles]) -> tuple[Drawn, str]:
    """One plot of all sides, and what to say of its template."""
    try:
        template, notice = _template(project, plot.template)
    except BadPlot as error:
        return Lost(id_, error.what + (f"; {error.fix}" if error.fix else "")), ""
    files = files_of(id_, plot)
    plotted = [
        Plotted(side.name, {path: side.get(path, header=plot.header) for path in files}) for side in sides
    ]
    return draw(id_, plot, template, plotted), notice


def save_page(made: Plots, path: str = "", start: str = ".") -> str:
    """Where the page was written: `path`, or a place in the project that Git does not see."""
    if not path:
        path = os.path.relpath(os.path.join(os.path.dirname(make_state(start)), PAGE))
    write(path, made.page().encode())
    return path


def save_picture(made: Plots, path: str) -> str:
    """Writes the charts below each other as SVG or PNG, as the name's end says; raises `BadPlot` without a chart."""
    charts = made.charts()
    if not charts:
        raise BadPlot("there is no chart to write as a picture", fix="an HTML page can hold pictures too")
    if path.lower().endswith(".png"):
        write(path, png(file(charts, "light")))
    else:
        write(path, file(charts).encode())
    return path


def _declared(sides: Sequence[PlotFiles]) -> dict[str, Plot]:
    """The plots of all sides, each as the first side that has it declares it; of a folder one for each file in it."""
    found: dict[str, Plot] = {}
    for side in sides:
        for id_, plot in side.declared().items():
            found.setdefault(id_, plot)
    spread: dict[str, Plot] = {}
    for id_, plot in found.items():
        inside = list(_inside(id_, plot, sides))
        for path in inside or [id_]:
            spread.setdefault(path, plot)
    return {**spread, **{id_: plot for id_, plot in found.items() if id_ in spread}}


def _inside(id_: str, plot: Plot, sides: Sequence[PlotFiles]) -> Iterator[Path]:
    if isinstance(plot.y, Mapping) or posixpath.splitext(id_)[1]:
        return
    for side in sides:
        yield from side.under(posixpath.normpath(id_))


def _chosen(
    project: Project, words: Sequence[str], start: str, sides: Sequence[PlotFiles]
) -> dict[str, Plot]:
    """The plots that words name: as declared, below a folder, by a pattern; or a file that is not declared."""
    declared = _declared(sides)
    if not words:
        if not declared:
            fix = "name files: outdo plots loss.csv; or declare them under `plots:`"
            raise BadPlot("no plots are declared", where=project.file, fix=fix)
        return dict(declared)
    found: dict[str, Plot] = {}
    for word in words:
        path = _path(project, os.path.join(os.path.abspath(start), word))
        named = {
            id_: plot
            for id_, plot in declared.items()
            if id_ in (word, path) or id_.startswith(f"{path.rstrip('/')}/") or fnmatchcase(id_, word)
        }
        if not named:
            inside = [file for side in sides for file in side.under(path)]
            if not inside and not any(side.has(path) for side in sides):
                raise _unknown(word, declared)
            named = dict.fromkeys(inside or [path], Plot())
        found |= named
    return found


def _path(project: Project, place: str) -> Path:
    """A place on disk as a path from the project's folder."""
    return os.path.relpath(place, project.root).replace(os.sep, "/")


def _unknown(word: str, declared: Mapping[str, Plot]) -> BadPlot:
    near = get_close_matches(word, declared, n=1)
    known = ", ".join(declared) or "none yet"
    fix = f"did you mean '{near[0]}'?" if near else f"name a file, or a plot: {known}"
    return BadPlot(f"there is no plot and no file '{word}'", fix=fix)


def _overridden(plot: Plot, look: Plot) -> Plot:
    default = Plot()
    fields = ((name, getattr(look, name)) for name in Plot.__struct_fields__)
    said = {name: value for name, value in fields if value not in ((), getattr(default, name))}
    return replace(plot, **said) if said else plot


def _template(project: Project, name: str) -> tuple[Template, str]:
    """The template of a name, or the nearest to one of Vega-Lite, and then what to say of it; raises `BadPlot`."""
    custom = _custom(project, name)
    if custom is None:
        if not name:
            return _DEFAULT, ""
        if name in TEMPLATES:
            return name, ""
        near = get_close_matches(name, TEMPLATES, n=1)
        fix = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(TEMPLATES)}"
        raise BadPlot(f"there is no template '{name}'", fix=fix)
    path, content = custom
    try:
        found = nearest(msgspec.json.decode(content))
    except (msgspec.DecodeError, RecursionError):
        raise BadPlot(f"the template '{path}' is not valid JSON") from None
    if found is None:
        what = f"the template '{path}' draws something of Vega-Lite that Outdo does not"
        raise BadPlot(what, fix=f"known are {', '.join(TEMPLATES)}")
    return found, f"its template '{path}' is one of Vega-Lite, drawn as '{found}'"


def _custom(project: Project, name: str) -> tuple[Path, bytes] | None:
    """The file of a template: in DVC's folder, under a built-in's name too; or a path in the project."""
    if not name or name.startswith("/") or ".." in name.split("/"):
        return None
    for path in (f"{_CUSTOM}/{name}", f"{_CUSTOM}/{name}.json", name if name not in TEMPLATES else ""):
        place = os.path.join(project.root, path)
        if path and os.path.isfile(place) and os.path.getsize(place) < 1_000_000:
            with open(place, "rb") as opened:
                return path, opened.read()
    return None
