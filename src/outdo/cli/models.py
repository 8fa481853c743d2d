"""`outdo models`."""

import os
import shutil
import sys
from collections.abc import Sequence
from time import time

import click
from msgspec import json

from outdo.app.models import Version, models, versions
from outdo.app.project import aims_of, find_root
from outdo.cli.columns import Cell, Column, aligned, fitting
from outdo.cli.log import ago
from outdo.cli.paint import Paint, is_live, say
from outdo.core.ranking import chosen

EXAMPLES = """
\b
Examples:
  outdo models                    the latest version of each model
  outdo models delay              all versions of one
  outdo model show delay          all about the latest
"""
FEW = 4
"""How many metrics have a column."""


@click.command(epilog=EXAMPLES, help="Registered models: versions, aliases, metrics, and what made them.")
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str | None, as_json: bool) -> int:
    root = find_root(os.curdir)
    found = versions(root, model) if model else models(root)
    if as_json:
        print(json.encode({"schema": "outdo.models/1", "status": "ok", "data": found}).decode())
        return 0
    print("\n".join(_table(found, root, Paint(sys.stdout))), flush=True)
    if found:
        say(f"next: outdo model show {found[0].name}")
    return 0


def _table(rows: Sequence[Version], root: str, paint: Paint) -> list[str]:
    now = time()
    columns = [
        Column("model", tuple(Cell(row.model, ("bold",)) for row in rows)),
        Column("version", tuple(Cell(str(row.version)) for row in rows), right=True),
        Column("aliases", tuple(Cell(", ".join(row.aliases), ("yellow",)) for row in rows)),
        Column("registered", tuple(Cell(ago(now - row.created.timestamp())) for row in rows), right=True),
        Column("made by", tuple(Cell(made_by(row)) for row in rows)),
        Column("commit", tuple(Cell(_commit(row)) for row in rows)),
        Column("digest", tuple(Cell((row.digest or "")[:12], ("cyan",)) for row in rows)),
    ]
    names = chosen([row.metrics for row in rows], aims_of(root))[:FEW]
    numbers = [
        Column(
            name,
            tuple(Cell(f"{row.metrics[name]:.4g}" if name in row.metrics else "") for row in rows),
            right=True,
        )
        for name in names
    ]
    columns[3:3] = numbers
    shown = fitting(columns, shutil.get_terminal_size().columns) if is_live(sys.stdout) else columns
    return aligned(shown, paint)


def made_by(row: Version) -> str:
    """The stage run that made a version, in words."""
    if row.by is None:
        return "a client" if row.logged_run else ""
    run = f"run {row.by.number}" if row.by.number else f"run {row.by.run}"
    return f"{row.by.stage} in {run}"


def _commit(row: Version) -> str:
    if row.by is None or row.by.commit is None:
        return ""
    return f"{row.by.commit[:8]}{'*' if row.by.dirty else ''}"
