"""`outdo compare`."""

import os
import shutil
import sys
from collections.abc import Iterator

import click
from msgspec import json

from outdo.app.compare import Beside, Row, beside
from outdo.app.lazy import lazy
from outdo.cli.changes import number
from outdo.cli.columns import Cell, Column, aligned, fitting
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.core.compare import difference
from outdo.core.errors import Usage
from outdo.core.values import short, text_of

EXAMPLES = """
\b
Examples:
  outdo compare 11 12 13            three runs, measured against the first
  outdo compare main last           a branch and the last run
  outdo compare main workspace --all
  outdo compare sweep:last          all trials of the last `outdo run --set`
  outdo compare sweep:last --base main --html runs.html      on parallel axes, as one page
  outdo compare 11 12 --csv > runs.csv
"""


@click.command(
    epilog=EXAMPLES, help="Params and metrics of several runs, commits or the workspace, against the first."
)
@click.argument("sides", nargs=-1, required=True, metavar="RUN RUN …")
@click.option("--base", default="", metavar="RUN", help="Measure against this instead of the first.")
@click.option("--all", "every", is_flag=True, help="Also the params that are the same for all.")
@click.option("--html", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Draw them in a page.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, for a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    sides: tuple[str, ...], base: str, every: bool, file: str | None, as_csv: bool, as_json: bool
) -> int:
    if as_csv and as_json:
        raise Usage("--csv and --json exclude each other", fix="outdo compare --help")
    found = beside(
        os.curdir, [base, *(side for side in sides if side != base)] if base else sides, every=every
    )
    if file:
        runs = [(row.name, row.params, row.metrics) for row in found.rows]
        lazy("outdo.app.parallel").draw(os.curdir, file, "Comparison", runs, found.params)
        say(f"wrote {plain(file)}: {len(runs)} runs")
        return 0
    if as_json:
        print(json.encode({"schema": "outdo.compare/1", "status": "ok", "data": found}).decode())
        return 0
    for notice in found.notices:
        say(f"warning: {plain(notice)}")
    if as_csv:
        import csv

        csv.writer(sys.stdout, lineterminator="\n").writerows(_cells(found))
        return 0
    columns, paint = _columns(found), Paint(sys.stdout)
    fit = fitting(columns, shutil.get_terminal_size().columns) if is_live(sys.stdout) else columns
    print("\n".join(aligned(fit, paint)))
    if left := [column.title for column in columns[len(fit) :]]:
        say(f"no room for {', '.join(plain(title) for title in left)}: see --csv")
    return 0


def _cells(found: Beside) -> Iterator[list[str]]:
    yield [
        "name",
        *(f"params.{name}" for name in found.params),
        *(f"metrics.{name}" for name in found.metrics),
    ]
    for row in found.rows:
        params = [text_of(row.params[name]) if name in row.params else "" for name in found.params]
        yield [row.name, *params, *(str(row.metrics.get(name, "")) for name in found.metrics)]


def _columns(found: Beside) -> list[Column]:
    first, rows = found.rows[0], found.rows
    columns = [Column("", tuple(Cell(row.name, ("bold",)) for row in rows))]
    for name in found.params:
        told = (short(row.params[name], 24) if name in row.params else "" for row in rows)
        columns.append(Column(name, tuple(Cell(word, ("cyan",)) for word in told)))
    measured = ((name, tuple(Cell(_measured(row, first, name)) for row in rows)) for name in found.metrics)
    return [*columns, *(Column(name, cells) for name, cells in measured)]


def _measured(row: Row, first: Row, name: str) -> str:
    if name not in row.metrics:
        return ""
    moved = difference(first.metrics.get(name), row.metrics[name]) if row is not first else None
    return number(row.metrics[name]) + (f" ({moved:+.4g})".replace("-", "−") if moved else "")
