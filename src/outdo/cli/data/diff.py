"""`outdo data diff`."""

import click

from outdo.cli.comparing import compared, tell

EXAMPLES = """
\b
Examples:
  outdo data diff                 what differs from the last commit
  outdo data diff v1.0 HEAD       between a tag and a commit: files added, changed, removed
  outdo data diff main --md       as a comment on a pull request

\b
A side is `workspace`, a run, or what Git knows as a commit.
"""


@click.command(epilog=EXAMPLES, help="In what tracked data, and outputs of stages, differ between two sides.")
@click.argument("sides", nargs=-1, metavar="[A] [B]")
@click.option(
    "--key", multiple=True, metavar="COLUMN", help="What tells the rows of tables apart; repeatable."
)
@click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(sides: tuple[str, ...], key: tuple[str, ...], as_markdown: bool, as_json: bool) -> int:
    return tell("data diff", compared(sides, ["data"], key), as_markdown=as_markdown, as_json=as_json)
