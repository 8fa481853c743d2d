"""`outdo log`."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import get_args

import click
from msgspec import json

from outdo.app.history import Asked, LogPage, LogRow, log
from outdo.app.lazy import lazy
from outdo.app.project import find_root
from outdo.cli.columns import Cell, Column, aligned, fitting
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.core.errors import Usage
from outdo.core.events import RunStatus, Status
from outdo.core.values import short, text_of
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
  outdo log --base 12                       metrics measured against run 12
  outdo log --limit 0 --json                all of them, for a program; --csv for a spreadsheet
  outdo log -f 'sweep = a713' --html runs.html      on parallel axes, as one page

\b
A filter asks for status, stage, branch, commit, user, dirty, sweep, started, seconds, number, metrics.NAME,
params.NAME.
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
@click.option("--base", default="", metavar="RUN", help="Measure metrics against this run.")
@click.option("--html", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Draw them in a page.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, for a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    filters: tuple[str, ...], sort: str, ascending: bool, limit: int, base: str, file: str | None,
    as_csv: bool, as_json: bool,
) -> int:  # fmt: skip
    if as_csv and as_json:
        raise Usage("--csv and --json exclude each other", fix="outdo log --help")
    now = datetime.now().astimezone()
    page = log(find_root(os.curdir), Asked(filters, sort, ascending, limit or None, base), now)
    if file:
        runs = [(f"run {row.number}", row.params, row.metrics) for row in page.runs]
        lazy("outdo.app.parallel").draw(os.curdir, file, "Runs", runs, page.params)
        say(f"wrote {plain(file)}: {len(runs)} runs")
        return 0
    if as_csv:
        import csv

        csv.writer(sys.stdout, lineterminator="\n").writerows(_cells(page))
        return 0
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
    if any(row.trial for row in rows):
        columns.insert(5, Column("sweep", tuple(Cell(_trial(row)) for row in rows)))
    if len({row.branch for row in rows}) > 1:
        columns.insert(5, Column("branch", tuple(Cell(row.branch or "") for row in rows)))
    for name in page.metrics[:FEW]:
        base = page.base.metrics.get(name) if page.base else None
        values = tuple(_number(row.metrics.get(name), base) for row in rows)
        columns.append(Column(name, values, right=page.base is None))
    for name in page.params[:FEW]:
        words = tuple(
            Cell(short(row.params[name], 24) if name in row.params else "", ("cyan",)) for row in rows
        )
        columns.append(Column(name, words))
    return columns


def _status(row: LogRow) -> Cell:
    mark, colour = MARKS[row.status]
    return Cell(f"{mark} {row.status}", (colour,))


def _trial(row: LogRow) -> str:
    return f"{row.trial.sweep.rpartition('-')[2]} {row.trial.number}/{row.trial.of}" if row.trial else ""


def _commit(row: LogRow) -> Cell:
    return Cell(f"{row.commit[:8]}{'*' if row.dirty else ''}" if row.commit else "")


def _stages(row: LogRow) -> str:
    order = [*get_args(Status), "running", "interrupted"]
    told = [f"{row.stages[state]} {WORDS.get(state, state)}" for state in order if state in row.stages]
    if row.stopped:
        more = f" and {len(row.stopped) - 1} more" if len(row.stopped) > 1 else ""
        told.append(f"stopped by {plain(short(row.stopped[0], 40))}{more}")
    return ", ".join(told)


def _number(value: float | None, base: float | None) -> Cell:
    if value is None:
        return Cell()
    moved = f" ({value - base:+.4g})".replace("-", "−") if base is not None and value != base else ""
    return Cell(f"{value:.4g}{moved}")


def _cells(page: LogPage) -> Iterator[list[str]]:
    """The page as a table for programs: whole ids, numbers as they are."""
    facts = ["number", "run", "status", "started", "seconds", "commit", "branch", "dirty", "sweep", "trial"]
    yield [*facts, *(f"params.{name}" for name in page.params), *(f"metrics.{name}" for name in page.metrics)]
    for row in page.runs:
        trial = [row.trial.sweep, str(row.trial.number)] if row.trial else ["", ""]
        told = [str(row.number), row.run, row.status, row.started.isoformat(), str(row.seconds or "")]
        told += [row.commit or "", row.branch or "", str(row.dirty).lower(), *trial]
        told += [text_of(row.params[name]) if name in row.params else "" for name in page.params]
        yield told + [str(row.metrics.get(name, "")) for name in page.metrics]


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
