"""`outdo metrics`."""

import click

from outdo.cli.dvcwords import sides_behind
from outdo.cli.held import named

EXAMPLES = """
\b
Examples:
  outdo metrics                  those of the workspace
  outdo metrics last             in what they differ between the last run and the workspace
  outdo metrics main HEAD        between two commits, branches, tags or runs
  outdo metrics main --md        as a comment on a pull request
  outdo metrics --json           for a program
"""


@click.command(epilog=EXAMPLES, help="The metrics now; or in what they differ between commits and runs.")
@click.argument("sides", nargs=-1, metavar="[A] [B]")
@click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(sides: tuple[str, ...], as_markdown: bool, as_json: bool) -> int:
    return named("metrics", sides_behind(sides), as_markdown=as_markdown, as_json=as_json)
