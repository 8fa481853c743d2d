"""`outdo import`."""

import os

import click

from outdo.app.handover import import_dvc
from outdo.app.project import find_root
from outdo.cli.handover import tell
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo import dvc --dry     what would move, and what is in the way
  outdo import dvc           dvc.yaml becomes outdo.yaml, x.dvc becomes x.outdo
  outdo export dvc           the way back

\b
What DVC has stored is shared by links, so nothing is stored twice, and what DVC has computed does not run again.
`.dvc/` stays with its cache, as older commits need it. Killed half-way, the same command goes on.
"""


@click.command(epilog=EXAMPLES, help="Take a DVC repository over into Outdo's own store.")
@click.argument("tool", type=click.Choice(["dvc"]))
@click.option("--dry", is_flag=True, help="Only tell what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(tool: str, dry: bool, as_json: bool) -> int:  # noqa: ARG001  there is one so far
    root = find_root(os.curdir)
    with my_turn():
        move = import_dvc(root, dry=dry)
    tell(move, "dvc.yaml", "outdo.yaml", dry=dry, as_json=as_json)
    return 0
