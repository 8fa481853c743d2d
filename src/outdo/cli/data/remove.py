"""`outdo data remove`."""

import os
import sys

import click

from outdo.app.data.remove import remove
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.options import JSON
from outdo.cli.data.words import print_data
from outdo.cli.paint import Paint, plain, say
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data remove raw           track it no more; the files stay
  outdo data remove raw --data    and remove the files, which the store keeps until `outdo gc`

\b
Exit codes: 0 done, 1 something that is kept nowhere would be lost, 2 a path is not tracked.
"""


@click.command(epilog=EXAMPLES, help="Track paths no more: their pointers and lines in .gitignore go.")
@click.argument("targets", nargs=-1, required=True, metavar="PATH...")
@click.option("--data", is_flag=True, help="Remove what is at the paths too.")
@click.option("--force", "-f", is_flag=True, help="With --data: also what is kept nowhere.")
@JSON
def command(targets: tuple[str, ...], data: bool, force: bool, as_json: bool) -> int:
    with my_turn():
        project = open_project(os.curdir)
        done = remove(project, from_here(project.root, targets), data=data, force=force)
    if as_json:
        return print_data("data.remove", done)
    paint = Paint(sys.stdout)
    for path in done.paths:
        what = "is tracked no more, and removed" if data else "is tracked no more, and stays where it is"
        print(f"{paint('−', 'red')} {plain(path)}  {paint(what, 'dim')}")
    sys.stdout.flush()
    say("  next: git add -u, and commit")
    return 0
