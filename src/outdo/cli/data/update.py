"""`outdo data update`."""

import os
import sys

import click

from outdo.app.data.anywhere import addresses, repositories
from outdo.app.data.imports import Updated, imports, update
from outdo.app.data.tracking import Tracking, from_here
from outdo.app.project import open_project
from outdo.cli.data.options import FORCE, JSON, TARGETS
from outdo.cli.data.words import for_git, print_data, shown, sized
from outdo.cli.paint import Paint, plain, say
from outdo.cli.sharing import Meter
from outdo.cli.turn import my_turn

EXAMPLES = """
\b
Examples:
  outdo data update                  all imports, as they are at their sources now
  outdo data update raw --rev v2.0   another revision of the repository it came from

\b
Exit codes: 0 done, 1 a source can't be had or an edit would be lost, 2 a path was not imported.
"""


@click.command(
    epilog=EXAMPLES, help="Bring imports to what is at their sources now; only what has changed is fetched."
)
@TARGETS
@click.option("--rev", default="", metavar="REV", help="Of an import from a repository: another revision.")
@FORCE
@JSON
def command(targets: tuple[str, ...], rev: str, force: bool, as_json: bool) -> int:
    meter = Meter("↓")
    with my_turn():
        project = open_project(os.curdir)
        tracking = Tracking(project)
        meant = imports(tracking, tuple(from_here(project.root, targets)))
        done: list[Updated] = []
        for target in meant:
            in_git = target.tracked.origin is not None and target.tracked.origin.in_git
            cache = (repositories if in_git else addresses)(project.state)
            try:
                done.append(update(tracking, cache, target, meter, rev=rev, force=force))
            finally:
                meter.clear()
    if as_json:
        return print_data("data.update", {"paths": done})
    _tell(done, Paint(sys.stdout))
    return 0


def _tell(done: list[Updated], paint: Paint) -> None:
    for one in done:
        mark = paint("~", "yellow") if one.changed else paint("=", "grey")
        what = f"{sized(one.before)} → {sized(one.after)}" if one.changed else "as at its source"
        at = f" at {plain(one.state[:10])}" if one.state else ""
        print(f"{mark} {shown(one.path, one.after)}  {paint(what + at, 'dim')}")
    if not done:
        print("nothing was imported yet · next: outdo data import URL PATH")
    sys.stdout.flush()
    files = list(dict.fromkeys(file for one in done for file in one.files))
    if files:
        say(for_git(files, Paint(sys.stderr)))
