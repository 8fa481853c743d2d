"""`outdo export`."""

import os

import click

from outdo.app.handover import export_dvc
from outdo.app.project import find_root
from outdo.cli.handover import tell
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo export dvc --dry     what would move, and what DVC has no word for
  outdo export dvc           outdo.yaml becomes dvc.yaml, x.outdo becomes x.dvc

\b
`dvc status` is clean after it. Killed half-way, the same command goes on.
"""


@click.command(epilog=EXAMPLES, help="Keep this project as DVC keeps one.")
@click.argument("tool", type=click.Choice(["dvc"]))
@click.option("--dry", is_flag=True, help="Only tell what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(tool: str, dry: bool, as_json: bool) -> int:  # noqa: ARG001  there is one so far
    root = find_root(os.curdir)
    with my_turn():
        move = export_dvc(root, dry=dry)
    tell(move, "outdo.yaml", "dvc.yaml", dry=dry, as_json=as_json)
    return 0
