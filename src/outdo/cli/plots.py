"""`outdo plots`."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click
from msgspec import json

from outdo.app.plots import Plots, Wanted, plots, save_page, save_picture
from outdo.cli.dvcwords import plots_behind
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.core.chart import Axes
from outdo.core.dots import dotted
from outdo.core.errors import BadPlot, Usage
from outdo.core.figure import TEMPLATES, Figure, Lost, Pictures
from outdo.core.sections import Plot

EXAMPLES = f"""
\b
Examples:
  outdo plots                         all that are declared, as one page
  outdo plots --rev main              main and the workspace over each other
  outdo plots roc.csv --rev v1 --rev last -o roc.svg
  outdo plots loss.csv -x step -y train -y valid --template smooth --log y
  outdo plots --json                  the points, for a program

\b
A revision is a commit, a branch, a tag, a run, or `workspace`; one alone is shown beside the workspace.
Templates: {", ".join(TEMPLATES[:6])},
{", ".join(TEMPLATES[6:])}; in `.dvc/plots` those of Vega-Lite whose marks are known.
"""

HUES = ("blue", "red", "green", "plum", "orange", "cyan", "grey")
MOST_LOOKS = 3
"""How many charts are sketched in a terminal; the page has all."""


@click.command(
    epilog=EXAMPLES, help="Plots of the workspace, commits and runs as one page, or as SVG or PNG."
)
@click.argument("paths", nargs=-1, metavar="[PLOT]…")
@click.option(
    "--rev", "sides", multiple=True, metavar="REV", help="What to show beside each other; repeatable."
)
@click.option("--targets", multiple=True, hidden=True)
@click.option("-o", "--output", metavar="FILE", help="The page, or a picture: .html, .svg or .png.")
@click.option("-t", "--template", default="", metavar="NAME", help="How to draw.")
@click.option(
    "-x", default="", metavar="COLUMN", help="The horizontal axis; the number of the row if not said."
)
@click.option("-y", multiple=True, metavar="COLUMN", help="The vertical axis; the last column if not said.")
@click.option("--title", default="", help="What stands above.")
@click.option("--x-label", default="", help="What stands below the horizontal axis.")
@click.option("--y-label", default="", help="What stands above the vertical axis.")
@click.option(
    "--header/--no-header", default=True, help="Whether CSV has names; without, columns are 0, 1, …"
)
@click.option("--log", multiple=True, type=click.Choice(["x", "y"]), help="A logarithmic axis; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; a page only with -o.")
def command(
    paths: tuple[str, ...],
    sides: tuple[str, ...],
    targets: tuple[str, ...],
    output: str | None,
    log: tuple[str, ...],
    as_json: bool,
    **look: Any,
) -> int:
    ending = os.path.splitext(output or "")[1].lower()
    if output and ending not in (".html", ".htm", ".svg", ".png"):
        raise Usage(f"'{output}' ends in none of .html, .svg, .png", fix="outdo plots -o plots.html")
    paths, named = plots_behind(paths, bool(paths) and os.path.exists(paths[0]))
    made = plots(
        os.curdir, Wanted((*paths, *targets), (*named, *sides), Plot(**look), Axes("x" in log, "y" in log))
    )
    for notice in made.notices:
        say(f"warning: {plain(notice)}")
    lost = [one for one in made.drawn if isinstance(one, Lost)]
    if len(made.drawn) == 1 and lost:
        raise BadPlot(lost[0].why)
    for one in lost:
        say(f"warning: {plain(one.id)} can't be drawn: {plain(one.why)}")
    if len(lost) == len(made.drawn):
        raise BadPlot("nothing can be drawn")
    written = ""
    if output and ending in (".svg", ".png"):
        written = save_picture(made, output)
    elif output or not as_json:
        written = save_page(made, output or "")
    if as_json:
        data = {"page": written or None, "sides": made.sides, "plots": [_told(one) for one in made.drawn]}
        print(json.encode({"schema": "outdo.plots/1", "status": "ok", "data": data}).decode())
        return 0
    if is_live(sys.stdout):
        print(*_looks(made, Paint(sys.stdout)), sep="\n", end="")
    say(_summary(made, lost))
    print(written)
    return 0


def _looks(made: Plots, paint: Paint) -> Iterator[str]:
    """A first look at the first charts, with the colours of the page as far as a terminal has them."""
    width = min(shutil.get_terminal_size().columns, 80)
    shown = [(one, lines) for one in made.figures if (lines := dotted(one, width))]
    for figure, lines in shown[:MOST_LOOKS]:
        yield paint(plain(figure.title), "bold")
        names = [(i, name) for i, name in enumerate(figure.names()) if name]
        if names:
            yield "  ".join(paint(f"━ {plain(name)}", HUES[i % len(HUES)]) for i, name in names)
        for line in lines:
            yield "".join(
                paint(mark.text, HUES[mark.series % len(HUES)])
                if mark.series >= 0
                else paint(plain(mark.text), "dim")
                for mark in line
            )
        yield ""


def _summary(made: Plots, lost: Sequence[Lost]) -> str:
    count = len(made.drawn) - len(lost)
    words = f"{count} plot{'s' * (count != 1)} of {', '.join(plain(side) for side in made.sides)}"
    notes = [note for drawn in made.figures for note in drawn.notes]
    return "\n".join([words, *(f"  {plain(note)}" for note in notes[:5])])


def _told(drawn: Figure | Pictures | Lost) -> dict[str, object]:
    match drawn:
        case Figure():
            return {"kind": "chart", **_fields(drawn)}
        case Pictures():
            images = [{"side": one.side, "bytes": len(one.content)} for one in drawn.images]
            return {"kind": "pictures", "id": drawn.id, "title": drawn.title, "images": images}
        case Lost():
            return {"kind": "lost", "id": drawn.id, "why": drawn.why}


def _fields(drawn: Figure) -> dict[str, object]:
    series = [
        {"side": one.side, "file": one.file, "field": one.field, "x": list(one.x), "y": list(one.y)}
        for one in drawn.series
    ]
    named = {
        name: getattr(drawn, name) for name in ("id", "title", "template", "x_label", "y_label", "notes")
    }
    return {**named, "series": series}
