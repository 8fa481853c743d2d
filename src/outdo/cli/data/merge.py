"""`outdo data merge`."""

import os
import sys

import click

from outdo.app.data.merge import merge
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.options import JSON, TARGETS
from outdo.cli.data.words import for_git, print_data
from outdo.cli.paint import Paint, plain, say
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  git merge main || outdo data merge    both branches have added files to one folder

\b
Exit codes: 0 done, 1 both branches have changed the same file, 2 a mistake in a pointer or the words.
"""


@click.command(
    epilog=EXAMPLES,
    help="Join pointers and .gitignores that two branches have changed, where Git has stopped at them.",
)
@TARGETS
@JSON
def command(targets: tuple[str, ...], as_json: bool) -> int:
    with my_turn():
        project = open_project(os.curdir)
        done = merge(project, from_here(project.root, targets))
    if as_json:
        return print_data("data.merge", {"files": done})
    paint = Paint(sys.stdout)
    for one in done:
        what = f"{one.taken:,} file{'' if one.taken == 1 else 's'} taken over" if one.taken else "joined"
        print(f"{paint('~', 'yellow')} {plain(one.file)}  {paint(what, 'dim')}")
    if not done:
        print("there is nothing to join: Git has stopped at no pointer and no .gitignore")
    sys.stdout.flush()
    if done:
        say(for_git([one.file for one in done], Paint(sys.stderr)))
        say("        git commit, then outdo data pull")
    return 0
