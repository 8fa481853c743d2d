"""`outdo push`."""

import click

from outdo.app.share import Asked, push
from outdo.cli.sharing import JSON, REMOTE, RUNS, TARGETS, carry_out

EXAMPLES = """
\b
Examples:
  outdo push                  all outputs that outdo.lock names
  outdo push train            those of `train` only
  outdo push --runs           the whole run cache, also of branches and experiments
  outdo push -r /mnt/share    to a folder

\b
Exit codes: 0 done, 1 the remote failed or something was missing, 2 a mistake in the file or the words.
"""


@click.command(epilog=EXAMPLES, help="Share results: send what the remote lacks.")
@TARGETS
@REMOTE
@RUNS
@JSON
def command(targets: tuple[str, ...], remote: str, runs: bool, as_json: bool) -> int:
    return carry_out("push", Asked(targets, remote, runs), as_json, push)
