"""`outdo init`."""

import os
import shutil
import sys

import click
from msgspec import json

from outdo.app.init import Created, init
from outdo.cli.paint import Paint, has_colour, plain, say
from outdo.core.picture import terminal

EXAMPLES = """
\b
Examples:
  outdo init                look at this folder and write a first outdo.yaml
  outdo init --demo         a small complete project to try, which needs nothing but Python
  outdo init --force        beside a dvc.yaml: take its stages into an outdo.yaml
"""


@click.command(
    epilog=EXAMPLES,
    help="Write a first outdo.yaml that fits this folder: its scripts become stages, with the paths they read and "
    "write. Nothing is run, and no file that is here is changed.",
)
@click.option("--demo", is_flag=True, help="Write a small complete project instead.")
@click.option("--force", is_flag=True, help="Write an outdo.yaml also where a dvc.yaml is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(demo: bool, force: bool, as_json: bool) -> int:
    created = init(os.curdir, demo=demo, force=force)
    if as_json:
        data = {
            "files": created.files,
            "stages": created.stages,
            "doubts": created.doubts,
            "note": created.note,
        }
        answer = {"schema": "outdo.init/1", "status": "ok", "data": data, "next": following(created)}
        print(json.encode(answer).decode())
    else:
        tell(created)
    return 0


def tell(created: Created) -> None:
    """Says what was written, draws it, and ends with the next command."""
    paint = Paint(sys.stderr)
    if created.files:
        say(f"{paint('created', 'green')} {', '.join(map(plain, created.files))}")
    if created.note:
        say(plain(created.note))
    if created.stages:
        width = shutil.get_terminal_size((100, 24)).columns
        say("\n" + terminal(created.graph, {}, width, color=has_colour(sys.stderr)))
    if created.doubts:
        lines = "1 line is" if created.doubts == 1 else f"{created.doubts} lines are"
        say(f"{lines} marked `# look:` in outdo.yaml")
    say(f"next: {paint(following(created), 'bold')}")


def following(created: Created) -> str:
    """The next command."""
    return "outdo run" if not created.doubts else "open outdo.yaml, then outdo run"
