"""`outdo data push`."""

import click

from outdo.app.data.share import push
from outdo.cli.data.options import JSON, REMOTE, TARGETS
from outdo.cli.data.sharing import sent

EXAMPLES = """
\b
Examples:
  outdo data push               all tracked data
  outdo data push raw/a.csv     one file of a folder
  outdo data push -r /mnt/disk  another remote

\b
Exit codes: 0 done, 1 the remote failed or something was missing, 2 a mistake in a pointer or the words.
"""


@click.command(epilog=EXAMPLES, help="Share tracked data: send what the remote lacks.")
@TARGETS
@REMOTE
@JSON
def command(targets: tuple[str, ...], remote: str, as_json: bool) -> int:
    return sent("push", targets, remote, push, as_json=as_json)
