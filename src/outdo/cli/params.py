"""`outdo params`."""

import click

from outdo.cli.dvcwords import sides_behind
from outdo.cli.held import named

EXAMPLES = """
\b
Examples:
  outdo params                  those of the workspace
  outdo params last             in what they differ between the last run and the workspace
  outdo params main HEAD        between two commits, branches, tags or runs
  outdo params main --md        as a comment on a pull request
  outdo params --json           for a program
"""


@click.command(epilog=EXAMPLES, help="The params now; or in what they differ between commits and runs.")
@click.argument("sides", nargs=-1, metavar="[A] [B]")
@click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(sides: tuple[str, ...], as_markdown: bool, as_json: bool) -> int:
    return named("params", sides_behind(sides), as_markdown=as_markdown, as_json=as_json)
