"""`outdo data import`."""

import os
import posixpath

import click

from outdo.app.data.anywhere import repositories
from outdo.app.data.imports import Asked, import_from
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.get import FORCE, OUT, REV, target, tell
from outdo.cli.data.options import JSON
from outdo.cli.sharing import Meter
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data import https://example.com/lab.git data/raw   track it here, with where it came from
  outdo data import ../lab labels.csv --rev v1.0           at a tag
  outdo data update raw                                    later: what is there now

\b
Exit codes: 0 done, 1 it can't be had or something would be lost, 2 it can't be tracked.
"""


@click.command(
    epilog=EXAMPLES, help="Track data of another repository, with a pointer that says where it came from."
)
@click.argument("url")
@click.argument("path")
@REV
@OUT
@click.option("--desc", default="", metavar="TEXT", help="What it is, for those who read the pointer.")
@FORCE
@JSON
def command(url: str, path: str, rev: str, out: str, desc: str, force: bool, as_json: bool) -> int:
    path = posixpath.normpath(path)
    meter = Meter("↓")
    with my_turn():
        project = open_project(os.curdir)
        (place,) = from_here(project.root, [target(path, out, url)])
        try:
            asked = Asked(url, path, rev, place, desc)
            done = import_from(project, repositories(project.state), asked, meter, force=force)
        finally:
            meter.clear()
    return tell("data.import", done, as_json=as_json)
