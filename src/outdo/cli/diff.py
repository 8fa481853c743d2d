"""`outdo diff`."""

import click

from outdo.app.compare import PARTS, Part
from outdo.cli.comparing import compared, tell

EXAMPLES = """
\b
Examples:
  outdo diff                    what differs from the last commit
  outdo diff main               from a branch, a tag, any commit to the workspace
  outdo diff main HEAD --md     two commits, as a comment on a pull request
  outdo diff 12 last            two runs, by their numbers in `outdo log`
  outdo diff v1.0 run:7f3a      a tag and a run
  outdo diff --key day --key n   tables whose rows are told apart by two columns
  outdo diff HEAD~1 --patch      with the lines of code
  outdo diff HEAD~1 --json      for a program

\b
A side is `workspace`, a run, or what Git knows as a commit. A number and `last` mean a run;
`commit:NAME` and `run:NAME` say which of the two is meant.
"""


@click.command(
    epilog=EXAMPLES, help="In what two of workspace, commits and runs differ: code, params, metrics, data."
)
@click.argument("sides", nargs=-1, metavar="[A] [B]")
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="Only this part; repeatable.")
@click.option(
    "--key", multiple=True, metavar="COLUMN", help="What tells the rows of tables apart; repeatable."
)
@click.option("--patch", "-p", is_flag=True, help="The lines of code that differ, too.")
@click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    sides: tuple[str, ...], parts: tuple[Part, ...], key: tuple[str, ...], patch: bool, as_markdown: bool,
    as_json: bool,
) -> int:  # fmt: skip
    found = compared(sides, parts or PARTS, key, patch=patch)
    return tell("diff", found, as_markdown=as_markdown, as_json=as_json)
