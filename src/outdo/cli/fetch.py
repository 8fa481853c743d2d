"""`outdo fetch`."""

import click

from outdo.app.share import Asked, fetch
from outdo.cli.sharing import JSON, REMOTE, RUNS, TARGETS, carry_out

EXAMPLES = """
\b
Examples:
  outdo fetch                  all outputs that outdo.lock names
  outdo fetch train           those of `train` only
  outdo fetch --runs          every result that was pushed

\b
Exit codes: 0 done, 1 the remote failed or lacks something, 2 a mistake in the file or the words.
"""


@click.command(epilog=EXAMPLES, help="Bring results into the store, and leave the workspace as it is.")
@TARGETS
@REMOTE
@RUNS
@JSON
def command(targets: tuple[str, ...], remote: str, runs: bool, as_json: bool) -> int:
    return carry_out("fetch", Asked(targets, remote, runs), as_json, fetch)
