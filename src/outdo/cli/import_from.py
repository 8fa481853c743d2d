"""`outdo import`."""

import os
import sys

import click
from msgspec import json

from outdo.app.handover import import_dvc
from outdo.app.lazy import lazy
from outdo.app.project import find_root
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.handover import tell
from outdo.cli.home import of_server, server
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.cli.turn import my_turn
from outdo.core.brought import Brought
from outdo.core.wording import size

DVC = """
\b
Examples:
  outdo import dvc --dry     what would move, and what is in the way
  outdo import dvc           dvc.yaml becomes outdo.yaml, x.dvc becomes x.outdo
  outdo export dvc           the way back

\b
What DVC has stored is shared by links, so nothing is stored twice, and what DVC has computed does not run again.
`.dvc/` stays with its cache, as older commits need it. Killed half-way, the same command goes on.
"""
MLFLOW = """
\b
Examples:
  outdo import mlflow http://127.0.0.1:5000     a running server
  outdo import mlflow mlruns                    a folder that MLflow has logged to
  outdo import mlflow https://mlflow.example.com --home /srv/outdo

\b
Comes to the project that you are in, else to the server's home. Experiments, runs with all points, params, tags,
datasets, files, logged models and the registry come over; ids stay where they are free. Stopped at any moment, the
same command goes on; what is here is not fetched again. At the end both sides are counted: exit code 1 if they differ.

\b
Credentials come from MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
"""
MANY = 20
"""How many things that were left out are named."""


@click.group(help="Bring over what another tool keeps: a DVC repository, or all that was logged with MLflow.")
def command() -> None:
    pass


@command.command(epilog=DVC, help="Take a DVC repository over into Outdo's own store.")
@click.option("--dry", is_flag=True, help="Only tell what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def dvc(dry: bool, as_json: bool) -> int:
    root = find_root(os.curdir)
    with my_turn():
        move = import_dvc(root, dry=dry)
    tell(move, "dvc.yaml", "outdo.yaml", dry=dry, as_json=as_json)
    return 0


@command.command(epilog=MLFLOW, help="Bring what was logged to an MLflow server or folder.")
@click.argument("place", metavar="ADDRESS|FOLDER")
@of_server
@click.option(
    "--objects",
    default="",
    envvar="OUTDO_OBJECTS",
    help="The folder or s3://BUCKET/PREFIX of the server's artifacts; else at home.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def mlflow(place: str, home: str, database: str, objects: str, as_json: bool) -> int:
    live = is_live(sys.stderr) and not as_json

    def show(thing: str, done: int) -> None:
        if live:
            sys.stderr.write(f"\r\x1b[K  {done:,} · {plain(thing)[:60]}")
            sys.stderr.flush()

    app = lazy("outdo.app.import_mlflow")
    to = server(home, database)
    objects = objects or (os.environ.get("OUTDO_STORE", "") if not home else "")
    found = app.import_mlflow(app.Home(to.folder, to.database, objects), place, show)
    if live:
        sys.stderr.write("\r\x1b[K")
    if as_json:
        print(json.encode({"schema": "outdo.import/1", "status": "ok", "data": found}).decode())
        return 0 if found.whole else 1
    _tell(found)
    return 0 if found.whole else 1


def _tell(found: Brought) -> None:
    counts = found.counts
    marks = [("✓", "green") if one.there == one.here else ("✕", "red") for one in counts]
    columns = [
        Column("", tuple(Cell(mark, (colour,)) for mark, colour in marks)),
        Column("", tuple(Cell(one.kind) for one in counts)),
        Column("there", tuple(Cell(_amount(one.kind, one.there)) for one in counts), right=True),
        Column("here", tuple(Cell(_amount(one.kind, one.here)) for one in counts), right=True),
    ]
    print("\n".join(aligned(columns, Paint(sys.stdout))), flush=True)
    paint = Paint(sys.stderr)
    for each in found.left[:MANY]:
        say(f"{paint('!', 'yellow')} {plain(each)}")
    if len(found.left) > MANY:
        say(f"  and {len(found.left) - MANY} more")
    were = "1 was" if found.skipped == 1 else f"{found.skipped:,} were"
    skipped = f" · {were} here already" if found.skipped else ""
    say(
        f"{paint('✓', 'green')} all is here{skipped}"
        if found.whole
        else f"{paint('✕', 'red')} not all is here{skipped}"
    )


def _amount(kind: str, count: int) -> str:
    return size(count) if kind == "bytes" else f"{count:,}"
