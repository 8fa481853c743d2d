"""`outdo branch`."""

import os
import sys

import click
from msgspec import json

from outdo.app.branch import branch
from outdo.app.project import make_state, open_project
from outdo.cli.paint import Paint, plain, say
from outdo.cli.run import tell_wait
from outdo.store.turn import Turn

EXAMPLES = """
\b
Examples:
  outdo branch 12             the branch run-12: the run's commit, with its edits, params and outdo.lock
  outdo branch last faster    the same of the last run, by another name

\b
Nothing is checked out: your files, the index and the current branch stay as they are.
"""


@click.command(
    epilog=EXAMPLES, help="Make a Git branch of a run: its code, params and outdo.lock as one commit."
)
@click.argument("run")
@click.argument("name", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(run: str, name: str, as_json: bool) -> int:
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        made = branch(open_project(os.curdir), run, name)
    if as_json:
        print(json.encode({"schema": "outdo.branch/1", "status": "ok", "data": made}).decode())
        return 0
    for notice in made.notices:
        say(f"warning: {plain(notice)}")
    paint = Paint(sys.stdout)
    on = f", on top of {made.on[:8]}" if made.on != made.commit else ""
    print(f"{paint(plain(made.branch), 'bold')} is run {made.number}: {made.commit[:8]}{on}", flush=True)
    say(f"next: git diff HEAD {plain(made.branch)} · git switch {plain(made.branch)}")
    return 0
