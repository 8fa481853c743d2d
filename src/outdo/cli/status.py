"""`outdo status`."""

import os
import sys

import click
from msgspec import json

from outdo.app.plan import Status, status
from outdo.app.project import open_project
from outdo.app.why import changed_lines
from outdo.cli import complete
from outdo.cli.paint import Paint, plain
from outdo.core.looks import LOOKS
from outdo.core.plan import Request
from outdo.core.wording import Lines, clauses

EXAMPLES = """
\b
Examples:
  outdo status                 all stages
  outdo status train           only what `train` needs
  outdo status --json          for a program
"""


@click.command(epilog=EXAMPLES, help="What is fresh, what would run, and why.")
@click.argument("targets", nargs=-1, shell_complete=complete.targets)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(targets: tuple[str, ...], as_json: bool) -> int:
    project = open_project(os.curdir)
    found = status(project, Request(targets))
    if as_json:
        fresh = found.fresh
        data = {"project": found.project, "fresh": fresh, "actions": found.plan.actions}
        print(json.encode({"schema": "outdo.status/1", "status": "ok", "data": data}).decode())
    else:
        print(table(found, changed_lines(project, found.plan)))
    return 0


def table(found: Status, lines: Lines | None = None) -> str:
    """One line per stage with its mark, its name, what will be done and why; then the sum."""
    paint = Paint(sys.stdout)
    actions = found.actions
    width = min(40, max((len(name) for name in actions), default=0))
    rows: list[str] = []
    for action in found.plan.actions:
        look = LOOKS[action.verb]
        why = plain(clauses(action, actions, lines)) if action.verb != "keep" or action.reasons else ""
        word = paint(f"{look.word:<16}" if why else look.word, look.hue)
        rows.append(
            f"{paint(look.icon, look.hue)} {plain(action.stage):<{width}}  {word} {paint(why, 'dim')}".rstrip()
        )
    return "\n".join([*rows, "", _sum(found, paint)])


def _sum(found: Status, paint: Paint) -> str:
    name = paint(found.project, "bold")
    if not found.plan.actions:
        return f"{name}: no stages yet; add one to the file"
    if found.fresh:
        return f"{name}: all fresh"
    verbs = [action.verb for action in found.plan.actions]
    words = {"run": "to run", "wait": "to wait for those", "restore": "to restore", "keep": "fresh"}
    told = [f"{verbs.count(verb)} {word}" for verb, word in words.items() if verb in verbs]
    return f"{name}: {', '.join(told)} · next: outdo run"
