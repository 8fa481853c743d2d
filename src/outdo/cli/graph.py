"""`outdo graph`."""

import os
import shutil
import sys

import click
from msgspec import json

from outdo.app.draw import Drawing, cards, draw, save
from outdo.app.project import open_project
from outdo.cli.paint import has_colour, say
from outdo.core.picture import dot, mermaid, svg, terminal

EXAMPLES = """
\b
Examples:
  outdo graph                           the stages in this terminal
  outdo graph train                     only what `train` needs
  outdo graph --status                  with what a run would do about each
  outdo graph --outputs -o graph.svg    with their files, as a picture for a page
  outdo graph --format mermaid          for Markdown on GitHub or GitLab
"""

BY_ENDING = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}


@click.command(
    epilog=EXAMPLES, help="The stages as a picture: of all, or of TARGETS and what they depend on."
)
@click.argument("targets", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "mermaid", "dot", "svg", "json"]),
    help="What to write; else the ending of FILE says it, else it is a drawing for the terminal.",
)
@click.option("--outputs", is_flag=True, help="Show the files that stages read and write as well.")
@click.option("--status", is_flag=True, help="Mark each stage with what a run would do about it.")
@click.option(
    "-o", "--output", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Write to FILE."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    targets: tuple[str, ...], form: str | None, outputs: bool, status: bool, file: str | None, as_json: bool
) -> int:
    drawing = draw(open_project(os.curdir), targets, status=status)
    ending = os.path.splitext(file or "")[1].lower()
    text = render(drawing, "json" if as_json else form or BY_ENDING.get(ending, "terminal"), outputs, file)
    if file:
        save(file, text)
        say(f"wrote {file}")
    else:
        sys.stdout.write(text)
    return 0


def render(drawing: Drawing, form: str, outputs: bool, file: str | None) -> str:
    """The drawing in one of the formats; for the terminal as wide as it is, and in its colours."""
    graph, marks = drawing.graph, drawing.marks
    match form:
        case "mermaid":
            return mermaid(graph, marks, outputs=outputs)
        case "dot":
            return dot(graph, marks, outputs=outputs)
        case "svg":
            return svg(graph, marks, outputs=outputs)
        case "json":
            data = {"project": drawing.project, "stages": cards(drawing)}
            return json.encode({"schema": "outdo.graph/1", "status": "ok", "data": data}).decode() + "\n"
        case _:
            width = 100 if file else shutil.get_terminal_size((100, 24)).columns
            colour = not file and has_colour(sys.stdout)
            drawn = terminal(graph, marks, width, outputs=outputs, color=colour)
            return drawn or f"{drawing.project}: no stages yet; add one to the file\n"
