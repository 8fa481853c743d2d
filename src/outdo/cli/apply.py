"""`outdo apply`."""

import os
import sys

import click
from msgspec import json

from outdo.app.apply import PARTS, Applied, Part, apply
from outdo.app.project import make_state, open_project
from outdo.cli.changes import MARKS, lines_of, number
from outdo.cli.paint import Paint, plain, say
from outdo.cli.run import tell_wait
from outdo.store.turn import Turn

EXAMPLES = """
\b
Examples:
  outdo apply 12               code, params and outputs of the run that `outdo log` numbers 12
  outdo apply last             those of the last run, such as a trial by `outdo run --set`
  outdo apply 12 --only data   only what its stages wrote
  outdo apply 12 --force       over edits that are nowhere else
"""
MANY = 20
"""How many files of code are named."""


@click.command(epilog=EXAMPLES, help="Put code, params and outputs of a run back into the workspace.")
@click.argument("run")
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="Only this part; repeatable.")
@click.option("--force", "-f", is_flag=True, help="Overwrite what is neither committed nor on record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(run: str, parts: tuple[Part, ...], force: bool, as_json: bool) -> int:
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        done = apply(open_project(os.curdir), run, parts or PARTS, force=force)
    if as_json:
        print(json.encode({"schema": "outdo.apply/1", "status": "ok", "data": done}).decode())
        return 0
    for notice in done.notices:
        say(f"warning: {plain(notice)}")
    _tell(done, Paint(sys.stdout))
    return 0


def _tell(done: Applied, paint: Paint) -> None:
    if not done.params and not done.outs and not done.code and not done.data:
        print(f"{paint(f'run {done.number}', 'bold')}: all of it is in place already")
    for file in done.code[:MANY]:
        mark, colour = MARKS[file.kind]
        print(f"{paint(mark, colour)} code {plain(file.path)} {lines_of(file)}")
    if len(done.code) > MANY:
        print(f"  … and {len(done.code) - MANY} more")
    for change in done.params:
        before = f"{number(change.before)} → " if change.kind == "changed" else ""
        print(f"{paint('~', 'yellow')} params {plain(change.name)} {before}{number(change.after)}")
    for path in (*done.outs, *done.data):
        print(f"{paint('↺', 'blue')} {plain(path)}")
    sys.stdout.flush()
    if done.left:
        listed = ", ".join(plain(path) for path in done.left[:5])
        more = f" and {len(done.left) - 5} more" if len(done.left) > 5 else ""
        say(f"{listed}{more}: not in run {done.number} nor in Git, so left as it is")
    say("next: outdo status")
