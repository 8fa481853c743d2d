"""`outdo data fetch`."""

import click

from outdo.app.data.share import fetch
from outdo.cli.data.options import JSON, REMOTE, TARGETS
from outdo.cli.data.sharing import sent

EXAMPLES = """
\b
Examples:
  outdo data fetch               all tracked data
  outdo data fetch raw/a.csv     one file of a folder
  outdo data fetch -r /mnt/disk  another remote

\b
Exit codes: 0 done, 1 the remote failed or something was missing, 2 a mistake in a pointer or the words.
"""


@click.command(epilog=EXAMPLES, help="Bring tracked data into the store, and leave the workspace as it is.")
@TARGETS
@REMOTE
@JSON
def command(targets: tuple[str, ...], remote: str, as_json: bool) -> int:
    return sent("fetch", targets, remote, fetch, as_json=as_json)
