"""`outdo check`."""

import os
import sys
from collections.abc import Iterator, Sequence

import click
from msgspec import json

from outdo.app.check import check
from outdo.app.checked import Checked, JudgedModel
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.paint import Paint, plain
from outdo.core.verdict import Outcome, Verdict

EXAMPLES = """
\b
Examples:
  outdo check                        all checks and gates of outdo.yaml
  outdo check data/train.parquet     those of one path
  outdo check delay                  the gates of a model, beside the champion
  outdo check --json                 for a program
"""
_MARKS: dict[Outcome, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "inconclusive": ("?", "yellow"),
    "not_evaluated": ("–", "yellow"),
}
_SHOWN = 5
"""Rows shown of a check that failed; --json has more."""


@click.command(
    epilog=EXAMPLES,
    help="Judge data and models by outdo.yaml's checks and gates. Exits with 1 unless all pass.",
)
@click.argument("words", nargs=-1, metavar="[PATH|MODEL]...")
@click.option("--force", "-f", is_flag=True, help="Look again at what was judged before.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(words: tuple[str, ...], force: bool, as_json: bool) -> int:
    found = check(os.curdir, words, force=force)
    good = all(one.outcome == "passed" for one in found)
    if as_json:
        status = "ok" if good else "failed"
        print(json.encode({"schema": "outdo.check/1", "status": status, "data": {"checks": found}}).decode())
        return 0 if good else 1
    paint = Paint(sys.stdout)
    print("\n".join([*(line for one in found for line in _lines(one, paint)), _summary(found)]))
    return 0 if good else 1


def _lines(one: Checked | JudgedModel, paint: Paint) -> Iterator[str]:
    mark, colour = _MARKS[one.outcome]
    name, beside = (one.path, "") if isinstance(one, Checked) else (one.model, one.champion)
    told = ("as judged before" if one.kept else f"{one.seconds:.1f}s") + (
        f"  champion {beside}" if beside else ""
    )
    yield f"{paint(mark, colour)} {paint(plain(name), 'bold')}  {paint(told, 'dim')}"
    marks = [Cell("  " + _mark(verdict)[0], (_mark(verdict)[1],)) for verdict in one.verdicts]
    names = [Cell(verdict.name) for verdict in one.verdicts]
    reasons = [
        Cell(verdict.reason, () if verdict.outcome == "failed" else ("dim",)) for verdict in one.verdicts
    ]
    rows = aligned([Column("", tuple(marks)), Column("", tuple(names)), Column("", tuple(reasons))], paint)
    for verdict, row in zip(one.verdicts, rows, strict=True):
        yield row
        yield from _examples(verdict, paint)


def _mark(verdict: Verdict) -> tuple[str, str]:
    warns = verdict.level == "warn" and verdict.outcome != "passed"
    return ("!", "yellow") if warns else _MARKS[verdict.outcome]


def _examples(verdict: Verdict, paint: Paint) -> Iterator[str]:
    for part in verdict.parts:
        if part.outcome != "passed" and part.subject:
            mark, colour = _mark(part)
            yield f"       {paint(mark, colour)} {plain(part.subject)}  {plain(part.reason)}"
    if verdict.outcome != "failed":
        return
    for row in verdict.evidence.examples[:_SHOWN]:
        yield paint(f"       {plain(row)}", "dim")
    if (more := (verdict.evidence.unexpected or 0) - _SHOWN) > 0 and verdict.evidence.examples:
        yield paint(f"       and {more:,} more", "dim")


def _summary(found: Sequence[Checked | JudgedModel]) -> str:
    verdicts = [verdict for one in found for verdict in one.verdicts]
    counts = {
        word: sum(verdict.outcome == outcome and verdict.level == "fail" for verdict in verdicts)
        for outcome, word in (
            ("failed", "failed"),
            ("inconclusive", "in doubt"),
            ("not_evaluated", "not evaluated"),
        )
    }
    passed = sum(verdict.outcome == "passed" for verdict in verdicts)
    warned = sum(verdict.outcome != "passed" and verdict.level == "warn" for verdict in verdicts)
    told = [f"{count} {word}" for word, count in {**counts, "warned": warned}.items() if count]
    return ", ".join([f"{passed} passed", *told])
