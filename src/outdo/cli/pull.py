"""`outdo pull`."""

import os
import sys
from functools import partial

import click

from outdo.app.project import make_state
from outdo.app.share import Asked, pull
from outdo.cli.run import tell_wait
from outdo.cli.sharing import JSON, REMOTE, RUNS, TARGETS, carry_out
from outdo.store.turn import Turn

EXAMPLES = """
\b
Examples:
  outdo pull                  all outputs that outdo.lock names
  outdo pull model.bin        that output only
  outdo pull --force          over files that are nowhere else

\b
Exit codes: 0 done, 1 the remote failed or lacks something, 2 a mistake in the file or the words.
"""


@click.command(epilog=EXAMPLES, help="Get results that others have pushed: fetch, and put in place.")
@TARGETS
@REMOTE
@RUNS
@click.option("--force", "-f", is_flag=True, help="Overwrite outputs that differ and are not in the store.")
@JSON
def command(targets: tuple[str, ...], remote: str, runs: bool, force: bool, as_json: bool) -> int:
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        return carry_out("pull", Asked(targets, remote, runs), as_json, partial(pull, force=force))
