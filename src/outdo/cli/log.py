"""`outdo log`."""

import os
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import get_args

import click
from msgspec import json

from outdo.app.history import Asked, LogPage, LogRow, log
from outdo.app.project import find_root
from outdo.cli.columns import Cell, Column, aligned, fitting
from outdo.cli.paint import Paint, is_live, say
from outdo.core.model import RunStatus, Status
from outdo.core.values import short
from outdo.core.wording import duration

EXAMPLES = """
\b
Examples:
  outdo log                                 the last 20 runs
  outdo log --sort metrics.auc              the best one first
  outdo log --sort metrics.loss --ascending
  outdo log -f 'metrics.auc > 0.7' -f 'params.train.lr = 0.1'
  outdo log -f 'status = failed' -f 'started > 2d'
  outdo log -f 'stage = train' -f 'branch = main'
  outdo log --limit 0 --json                all of them, for a program

\b
A filter asks for status, stage, branch, commit, user, dirty, started, seconds, number, metrics.NAME, params.NAME.
Compare by = != < <= > >=. A metric of one stage only is metrics.STAGE:NAME.
"""

MARKS: Mapping[RunStatus, tuple[str, str]] = {
    "done": ("✓", "green"),
    "failed": ("✕", "red"),
    "interrupted": ("!", "yellow"),
    "running": ("◌", "cyan"),
}
WORDS: Mapping[str, str] = {"kept": "fresh", "skipped": "left out", "cancelled": "stopped"}
"""States of stages that people know by another word."""
FEW = 6
"""How many metrics, and how many params, get a column where the width does not say it."""


@click.command(epilog=EXAMPLES, help="Former runs with their params and metrics.")
@click.option(
    "--filter", "-f", "filters", multiple=True, metavar="EXPR", help="Only runs that meet this; repeatable."
)
@click.option(
    "--sort", "-s", default="", metavar="FIELD", help="Largest first: metrics.NAME, params.NAME, seconds …"
)
@click.option("--ascending", is_flag=True, help="Smallest first.")
@click.option("--limit", "-n", type=click.IntRange(min=0), default=20, show_default=True, help="0: all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(filters: tuple[str, ...], sort: str, ascending: bool, limit: int, as_json: bool) -> int:
    now = datetime.now().astimezone()
    page = log(find_root(os.curdir), Asked(filters, sort, ascending, limit or None), now)
    if as_json:
        print(json.encode({"schema": "outdo.log/1", "status": "ok", "data": page}).decode())
        return 0
    for notice in page.notices:
        say(f"warning: {notice}")
    if page.runs:
        print("\n".join(_table(page, now.timestamp(), Paint(sys.stdout))), flush=True)
    say(_sum(page))
    return 0


def _table(page: LogPage, now: float, paint: Paint) -> list[str]:
    columns = _columns(page, now)
    if is_live(sys.stdout):
        fit = fitting(columns, shutil.get_terminal_size().columns)
        left = [column.title for column in columns[len(fit) :]]
        return [*aligned(fit, paint), *([paint(f"no room for {', '.join(left)}", "dim")] if left else [])]
    return aligned(columns, paint)


def _columns(page: LogPage, now: float) -> list[Column]:
    rows = page.runs
    columns = [
        Column("#", tuple(Cell(str(row.number), ("bold",)) for row in rows), right=True),
        Column("when", tuple(Cell(ago(now - row.started.timestamp())) for row in rows), right=True),
        Column("status", tuple(_status(row) for row in rows)),
        Column(
            "took",
            tuple(Cell("" if row.seconds is None else duration(row.seconds)) for row in rows),
            right=True,
        ),
        Column("commit", tuple(_commit(row) for row in rows)),
        Column("stages", tuple(Cell(_stages(row)) for row in rows)),
    ]
    if len({row.branch for row in rows}) > 1:
        columns.insert(5, Column("branch", tuple(Cell(row.branch or "") for row in rows)))
    for name in page.metrics[:FEW]:
        values = tuple(_number(row.metrics.get(name)) for row in rows)
        columns.append(Column(name, values, right=True))
    for name in page.params[:FEW]:
        words = tuple(
            Cell(short(row.params[name], 24) if name in row.params else "", ("cyan",)) for row in rows
        )
        columns.append(Column(name, words))
    return columns


def _status(row: LogRow) -> Cell:
    mark, colour = MARKS[row.status]
    return Cell(f"{mark} {row.status}", (colour,))


def _commit(row: LogRow) -> Cell:
    return Cell(f"{row.commit[:8]}{'*' if row.dirty else ''}" if row.commit else "")


def _stages(row: LogRow) -> str:
    order = [*get_args(Status), "running", "interrupted"]
    return ", ".join(
        f"{row.stages[state]} {WORDS.get(state, state)}" for state in order if state in row.stages
    )


def _number(value: float | None) -> Cell:
    return Cell("" if value is None else f"{value:.4g}")


def ago(seconds: float) -> str:
    """How long ago something was, in one unit."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400 * 365, "y"), (86400 * 7, "w"), (86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return f"{int(seconds)}s ago"


def _sum(page: LogPage) -> str:
    if not page.recorded:
        return "no run is on record yet · next: outdo run"
    if not page.matching:
        return f"none of {page.recorded} runs meets the filter"
    told = (
        f"{len(page.runs)} of {page.matching} runs"
        if len(page.runs) < page.matching
        else f"{page.matching} runs"
    )
    if page.matching < page.recorded:
        told += f" that meet the filter, {page.recorded} on record"
    return f"{'1 run' if told == '1 runs' else told} · next: outdo show {page.runs[0].number}"
