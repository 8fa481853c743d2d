"""`outdo data pull`."""

import sys
from functools import partial

import click

from outdo.app.data.share import pull
from outdo.cli.data.checkout import tell
from outdo.cli.data.options import FORCE, JSON, LINK, REMOTE, TARGETS
from outdo.cli.data.sharing import carried
from outdo.cli.data.words import print_data
from outdo.cli.paint import Paint
from outdo.cli.sharing import tell_moved
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data pull               all tracked data, as after `git clone`
  outdo data pull raw/a.csv     one file of a folder; the others stay where they are
  outdo data pull --force       over edits that are kept nowhere

\b
Exit codes: 0 done, 1 the remote failed or lacks something, 2 a mistake in a pointer or the words.
"""


@click.command(epilog=EXAMPLES, help="Get tracked data that others have pushed: fetch, and put in place.")
@TARGETS
@REMOTE
@FORCE
@LINK
@JSON
def command(targets: tuple[str, ...], remote: str, force: bool, link: bool, as_json: bool) -> int:
    with my_turn():
        pulled, seconds = carried("pull", targets, remote, partial(pull, force=force, link=link))
    if as_json:
        return print_data("data.pull", {"remotes": pulled.moved, "done": pulled.done})
    tell_moved("pull", pulled.moved, seconds)
    tell(pulled.done, Paint(sys.stdout))
    return 0
