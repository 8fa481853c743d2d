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
from outdo.core.model import Inspection
from outdo.core.plan import Request
from outdo.core.verdict import complaint
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
        data = {
            "project": found.project,
            "fresh": fresh,
            "actions": found.plan.actions,
            "checks": found.plan.checks,
        }
        print(json.encode({"schema": "outdo.status/1", "status": "ok", "data": data}).decode())
    else:
        print(table(found, changed_lines(project, found.plan)))
    return 0


def table(found: Status, lines: Lines | None = None) -> str:
    """One line per stage with its mark, its name, what will be done and why; then the sum."""
    paint = Paint(sys.stdout)
    actions = found.actions
    width = min(40, max(map(len, [*actions, *(one.path for one in found.plan.checks)]), default=0))
    rows: list[str] = []
    for action in found.plan.actions:
        look = LOOKS[action.verb]
        why = plain(clauses(action, actions, lines)) if action.verb != "keep" or action.reasons else ""
        word = paint(f"{look.word:<16}" if why else look.word, look.hue)
        rows.append(
            f"{paint(look.icon, look.hue)} {plain(action.stage):<{width}}  {word} {paint(why, 'dim')}".rstrip()
        )
    rows += [_checks(one, paint, width) for one in found.plan.checks if one.verb != "keep" or one.stops]
    return "\n".join([*rows, "", _sum(found, paint)])


def _checks(one: Inspection, paint: Paint, width: int) -> str:
    """The line of a path whose checks did not pass, or are not known to."""
    look = LOOKS["failed" if one.stops else one.verb]
    bad = [verdict for verdict in one.known.verdicts if verdict.outcome != "passed"] if one.known else []
    why = plain(complaint(bad[0])) if one.stops and bad else ""
    word = {"run": "will be checked", "wait": "waits to be checked"}.get(one.verb, "did not pass its checks")
    head = f"{paint(look.icon, look.hue)} {plain(one.path):<{width}}  {paint(word, look.hue)}"
    return f"{head}  {paint(why, 'dim')}" if why else head


def _sum(found: Status, paint: Paint) -> str:
    name = paint(found.project, "bold")
    if not found.plan.actions:
        return f"{name}: no stages yet; add one to the file"
    if found.fresh:
        return f"{name}: all fresh"
    verbs = [action.verb for action in found.plan.actions]
    words = {
        "run": "to run",
        "wait": "to wait for those",
        "skip": "left out",
        "restore": "to restore",
        "keep": "fresh",
    }
    told = [f"{verbs.count(verb)} {word}" for verb, word in words.items() if verb in verbs]
    checks = found.plan.checks
    stopped, open_ = sum(one.stops for one in checks), sum(one.verb != "keep" for one in checks)
    told += [f"{count} {word}" for count, word in ((open_, "to check"), (stopped, "not passed")) if count]
    barred = [one.stage for one in found.plan.actions if one.reasons and one.reasons[0].kind == "barred"]
    idle = not {"run", "wait", "restore"}.intersection(verbs)
    following = f"why {plain(barred[0])}" if barred and idle else "run"
    return f"{name}: {', '.join(told)} · next: outdo {following}"
