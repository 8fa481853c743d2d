"""`outdo data status`."""

import click

from outdo.cli.data.options import JSON, TARGETS
from outdo.cli.data.standing import tell

EXAMPLES = """
\b
Examples:
  outdo data status               all tracked paths
  outdo data status raw/ -g       which files in a folder were added, changed, removed, renamed
  outdo data status --json        for a program
"""


@click.command(
    epilog=EXAMPLES, help="What differs from the pointers and from the last commit, and what is not kept."
)
@TARGETS
@click.option("--granular", "-g", is_flag=True, help="The files that differ in a folder.")
@JSON
def command(targets: tuple[str, ...], granular: bool, as_json: bool) -> int:
    return tell(targets, granular=granular, as_json=as_json)
