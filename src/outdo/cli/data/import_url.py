"""`outdo data import-url`."""

import os
from urllib.parse import urlsplit

import click

from outdo.app.data.anywhere import addresses
from outdo.app.data.imports import Asked, import_url
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.get import FORCE, tell
from outdo.cli.data.options import JSON
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data import-url https://example.com/flights.csv     a page
  outdo data import-url s3://open-data/flights/ flights     all under a prefix, as a folder
  outdo data import-url /mnt/lab/raw                        a file or folder of this machine
  outdo data update flights                                 later: only what has changed is fetched

\b
Credentials come from the environment, as the cloud's own tools read them.
"""


@click.command(
    epilog=EXAMPLES, help="Track what is at an address: http(s)://, s3://, gs://, az://, file:// or a path."
)
@click.argument("url")
@click.argument("out", required=False, default="")
@click.option("--desc", default="", metavar="TEXT", help="What it is, for those who read the pointer.")
@FORCE
@JSON
def command(url: str, out: str, desc: str, force: bool, as_json: bool) -> int:
    with my_turn():
        project = open_project(os.curdir)
        own = os.path.basename((urlsplit(url).path if "://" in url else url).rstrip("/"))
        (place,) = from_here(project.root, [out or own])
        done = import_url(project, addresses(project.state), Asked(url, "", "", place, desc), force=force)
    return tell("data.import-url", done, as_json=as_json)
