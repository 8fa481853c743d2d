"""`outdo data move`."""

import os
import sys

import click

from outdo.app.data.move import move
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.options import JSON
from outdo.cli.data.words import for_git, print_data
from outdo.cli.paint import Paint, plain, say
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data move raw data/raw    the data, its pointer and its line in .gitignore
  outdo data move a.csv data/     into a folder
"""


@click.command(
    epilog=EXAMPLES, help="Give tracked data another name: the data, its pointer, its line in .gitignore."
)
@click.argument("source")
@click.argument("target")
@JSON
def command(source: str, target: str, as_json: bool) -> int:
    with my_turn():
        project = open_project(os.curdir)
        old, new = from_here(project.root, [source, target])
        done = move(project, old, new)
    if as_json:
        return print_data("data.move", done)
    paint = Paint(sys.stdout)
    print(f"{paint('→', 'blue')} {plain(done.before)} → {plain(done.after)}")
    sys.stdout.flush()
    if done.stages:
        say(f"warning: these stages still read '{plain(done.before)}': {plain(', '.join(done.stages))}")
    say(for_git([file for file in done.files if os.path.exists(os.path.join(project.root, file))], paint))
    return 0
