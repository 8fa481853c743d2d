"""`outdo apply`."""

import os
import sys

import click
from msgspec import json

from outdo.app.apply import Applied, apply
from outdo.app.project import make_state, open_project
from outdo.cli.changes import number
from outdo.cli.paint import Paint, plain, say
from outdo.cli.run import tell_wait
from outdo.store.turn import Turn

EXAMPLES = """
\b
Examples:
  outdo apply 12          the params and outputs of the run that `outdo log` numbers 12
  outdo apply last        those of the last run, such as a trial by `outdo run --set`
  outdo apply 12 --force  over edits that are nowhere else
"""


@click.command(
    epilog=EXAMPLES, help="Put params and outputs of a run back into the workspace; code stays as it is."
)
@click.argument("run")
@click.option("--force", "-f", is_flag=True, help="Overwrite what is neither committed nor in the store.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(run: str, force: bool, as_json: bool) -> int:
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        done = apply(open_project(os.curdir), run, force=force)
    if as_json:
        print(json.encode({"schema": "outdo.apply/1", "status": "ok", "data": done}).decode())
        return 0
    for notice in done.notices:
        say(f"warning: {plain(notice)}")
    _tell(done, Paint(sys.stdout))
    return 0


def _tell(done: Applied, paint: Paint) -> None:
    name = paint(f"run {done.number}", "bold")
    if not done.params and not done.outs:
        print(f"{name}: its params and outputs are in place already")
    for change in done.params:
        before = f"{number(change.before)} → " if change.kind == "changed" else ""
        print(f"{paint('~', 'yellow')} params {plain(change.name)} {before}{number(change.after)}")
    for path in done.outs:
        print(f"{paint('↺', 'blue')} {plain(path)}")
    sys.stdout.flush()
    if done.code:
        files = "1 file of code differs" if len(done.code) == 1 else f"{len(done.code)} files of code differ"
        say(f"{files} from what it had · next: outdo diff {done.number} --only code")
    else:
        say("next: outdo status")
