"""`outdo why`."""

import os
import re
import sys
from collections.abc import Mapping

import click
from msgspec import json

from outdo.app.project import open_project
from outdo.app.why import Change, Why, why
from outdo.cli import complete
from outdo.cli.paint import Paint, plain
from outdo.core.errors import Usage, explain
from outdo.core.graph import is_url
from outdo.core.model import Action, Reason, StageName
from outdo.core.wording import VERBS, phrase

EXAMPLES = """
\b
Examples:
  outdo why train        why `train` would run, or why not
  outdo why model/       the same for the stage that makes a path
  outdo why E102         what an error code means
"""

HUNK_LINES = 12
FILES = 8


@click.command(epilog=EXAMPLES, help="Why a stage runs, as deep as it goes; or what an error code means.")
@click.argument("subject", metavar="STAGE|CODE", shell_complete=complete.targets)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(subject: str, as_json: bool) -> int:
    if re.fullmatch(r"[Ee]\d{3}", subject):
        meaning = explain(subject)
        if meaning is None:
            raise Usage(
                f"there is no error code {subject.upper()}", fix="the codes stand in docs/reference/errors.md"
            )
        print(click.wrap_text(f"{subject.upper()}: {meaning}", width=100))
        return 0
    found = why(open_project(os.curdir), subject)
    if as_json:
        print(json.encode({"schema": "outdo.why/1", "status": "ok", "data": found}).decode())
    else:
        print(_text(found))
    return 0


def _text(found: Why) -> str:
    paint = Paint(sys.stdout)
    actions = {action.stage: action for action in found.chain}
    lines: list[str] = []
    for action in found.chain:
        if lines:
            lines.append("")
        computed_by = found.computed_by if action is found.chain[0] else None
        lines.append(f"{paint(plain(action.stage), 'bold')} {_verdict(action, computed_by)}")
        for reason in action.reasons:
            lines += _reason(reason, found, actions, paint)
    return "\n".join(lines)


def _verdict(action: Action, computed_by: str | None) -> str:
    if action.verb == "wait":
        return "waits for what is above it, and runs unless its inputs come out the same:"
    if action.verb == "keep":
        whose = f"run {computed_by}, see `outdo show {computed_by}`" if computed_by else "its last run"
        return (
            "is kept, as its outputs in place are a known result of these inputs; since its last run here:"
            if action.reasons
            else f"is fresh: its command, inputs and outputs are those of {whose}"
        )
    if action.verb == "restore" and computed_by:
        return f"will be restored from run {computed_by}, which had these inputs:"
    return f"{VERBS[action.verb]}:" if action.reasons else VERBS[action.verb]


def _reason(reason: Reason, found: Why, actions: Mapping[StageName, Action], paint: Paint) -> list[str]:
    changes = found.changes.get(reason.subject, ()) if reason.kind == "dependency_changed" else ()
    counts = {reason.subject: (sum(c.added for c in changes), sum(c.removed for c in changes))}
    lines = [f"  {plain(phrase(reason, actions, counts))}"]
    if reason.kind == "barred":
        lines.append(f"    fix: {plain(str(reason.after))}")
    if reason.kind == "command" or (reason.kind == "dependency_changed" and is_url(reason.subject)):
        lines += [f"    {paint(f'- {plain(line)}', 'red')}" for line in str(reason.before).splitlines()]
        lines += [f"    {paint(f'+ {plain(line)}', 'green')}" for line in str(reason.after).splitlines()]
    for change in changes[:FILES]:
        if change.path != reason.subject:
            lines.append(f"    {plain(change.path)} (+{change.added} −{change.removed})")
        lines += _hunk(change, paint)
    more = len(changes) - FILES
    return [*lines, paint(f"    … {more} more files", "dim")] if more > 0 else lines


def _hunk(change: Change, paint: Paint) -> list[str]:
    colours = {"+": ("green",), "-": ("red",), "@": ("cyan",)}
    lines = [
        f"    {paint(plain(line), *colours.get(line[:1], ('dim',)))}" for line in change.hunk[:HUNK_LINES]
    ]
    more = len(change.hunk) - HUNK_LINES
    return [*lines, paint(f"    … {more} more lines", "dim")] if more > 0 else lines
