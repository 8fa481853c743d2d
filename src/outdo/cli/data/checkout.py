"""`outdo data checkout`."""

import os
import sys

import click

from outdo.app.data.checkout import CheckedOut, checkout
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.options import FORCE, JSON, LINK, TARGETS
from outdo.cli.data.words import print_data, shown, sized
from outdo.cli.paint import Paint
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data checkout               all that the pointers name, as after `git checkout`
  outdo data checkout raw/a.csv     one file of a folder
  outdo data checkout raw --force   over edits that are kept nowhere

\b
Exit codes: 0 done, 1 the store lacks something or an edit would be lost, 2 a mistake in a pointer or the words.
"""


@click.command(epilog=EXAMPLES, help="Put tracked data in place, as the pointers say.")
@TARGETS
@FORCE
@LINK
@JSON
def command(targets: tuple[str, ...], force: bool, link: bool, as_json: bool) -> int:
    with my_turn():
        project = open_project(os.curdir)
        done = checkout(project, from_here(project.root, targets), force=force, link=link)
    if as_json:
        return print_data("data.checkout", done)
    tell(done, Paint(sys.stdout))
    return 0


def tell(done: CheckedOut, paint: Paint) -> None:
    """Prints what was put in place."""
    for one in done.placed:
        mark = paint("+", "green") if one.kind == "added" else paint("~", "yellow")
        counts = ", ".join(f"{count:,} {kind}" for kind, count in one.files.items())
        what = f"{sized(one.entry)} · files: {counts}" if counts else sized(one.entry)
        print(f"{mark} {shown(one.path, one.entry)}  {paint(what, 'dim')}")
    if done.kept or not done.placed:
        print(
            f"{paint('=', 'grey')} {len(done.kept):,} {'was' if len(done.kept) == 1 else 'were'} in place already"
        )
    sys.stdout.flush()
