"""The commands `outdo params` and `outdo metrics`, which are alike but for what they tell of."""

from typing import Literal

import click

from outdo.cli.dvcwords import sides_behind
from outdo.cli.held import named

EXAMPLES = """
\b
Examples:
  outdo {0}                  those of the workspace
  outdo {0} last             in what they differ between the last run and the workspace
  outdo {0} main HEAD        between two commits, branches, tags or runs
  outdo {0} main --md        as a comment on a pull request
  outdo {0} --json           for a program
"""


def telling(part: Literal["params", "metrics"]) -> click.Command:
    """The command of this name."""

    @click.command(
        epilog=EXAMPLES.format(part),
        help=f"The {part} now; or in what they differ between commits and runs.",
    )
    @click.argument("sides", nargs=-1, metavar="[A] [B]")
    @click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object.")
    def command(sides: tuple[str, ...], as_markdown: bool, as_json: bool) -> int:
        return named(part, sides_behind(sides), as_markdown=as_markdown, as_json=as_json)

    return command
