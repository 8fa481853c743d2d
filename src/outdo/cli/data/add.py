"""`outdo data add`."""

import os
import sys

import click

from outdo.app.data.add import Added, Asked, add
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.data.options import JSON, LINK
from outdo.cli.data.words import for_git, print_data, shown, sized
from outdo.cli.paint import Paint, plain, say
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data add raw/               a folder; its pointer is raw.outdo
  outdo data add raw/new.csv        one file of it: only that is read and kept
  outdo data add *.parquet          several
  outdo data add big.bin --link     share its bytes with the store; the file is read-only then

\b
Exit codes: 0 done, 1 the disk failed, 2 a path can't be tracked.
"""


@click.command(epilog=EXAMPLES, help="Keep files and folders, and let a small pointer stand for each in Git.")
@click.argument("paths", nargs=-1, required=True)
@click.option("--desc", default="", metavar="TEXT", help="What it is, for those who read the pointer.")
@click.option(
    "--remote", "-r", default="", metavar="NAME", help="Share it through this remote, not the first."
)
@click.option("--no-push", is_flag=True, help="Never push it.")
@LINK
@JSON
def command(paths: tuple[str, ...], desc: str, remote: str, no_push: bool, link: bool, as_json: bool) -> int:
    with my_turn():
        project = open_project(os.curdir)
        done = add(project, from_here(project.root, paths), Asked(desc, remote, not no_push, link))
    if as_json:
        return print_data("data.add", done)
    _tell(done, Paint(sys.stdout))
    return 0


def _tell(done: Added, paint: Paint) -> None:
    for one in done.paths:
        mark = paint("+", "green") if one.changed else paint("=", "grey")
        what = sized(one.entry) if one.entry else "is no more in its folder"
        print(f"{mark} {shown(one.path, one.entry)}  {paint(f'{what} → {plain(one.pointer)}', 'dim')}")
    sys.stdout.flush()
    if not done.in_git:
        say("  this is no Git repository: keep the pointers with the code all the same")
    elif done.files:
        say(for_git(done.files, Paint(sys.stderr)))
