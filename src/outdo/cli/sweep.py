"""A sweep as it happens: running trials on a terminal, one line per trial elsewhere, and a table of all at the end."""

import sys
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Literal

from msgspec import Struct

from outdo.app.logtail import last_line, tail_of
from outdo.app.project import Project
from outdo.app.trial import Ended, Sweep
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.paint import Paint, plain, say
from outdo.cli.progress import ENDS, TICK, terminal_size
from outdo.core.events import (
    AnyEvent,
    RunFinished,
    RunStarted,
    RunStatus,
    StageFinished,
    StageRetried,
    StageStarted,
    Warned,
)
from outdo.core.looks import LOOKS
from outdo.core.model import RunId, Value
from outdo.core.ranking import aim, best, brief, chosen
from outdo.core.values import short
from outdo.core.wording import duration

METRICS = 4
"""How many metrics the table shows."""
MANY = 50
"""How many trials the table shows."""
TAIL_LINES = 8
LATEST = 3
"""How many metrics stand on the line of a trial."""


class Row(Struct, frozen=True):
    """How one trial went."""

    trial: int
    run: RunId | None
    status: RunStatus | Literal["left out"]
    params: Mapping[str, Value]
    metrics: Mapping[str, float]
    seconds: float
    failure: str = ""


def rows(sweep: Sweep, ended: Mapping[int, Ended]) -> list[Row]:
    """One row for each trial, also for those that never began."""
    found: list[Row] = []
    for number in range(1, len(sweep.points) + 1):
        params = sweep.trial(number).settings
        end = ended.get(number)
        result = end.result if end else None
        if end is None:
            found.append(Row(number, None, "left out", params, {}, 0.0))
        elif result is None:
            found.append(Row(number, None, "failed", params, {}, 0.0, end.failure))
        else:
            metrics = {name: value for one in result.stages.values() for name, value in one.metrics.items()}
            failure = next((f"{one.stage}: {one.failure}" for one in result.failed), "")
            found.append(Row(number, result.run, result.status, params, metrics, result.seconds, failure))
    return found


class _Live:
    """A trial that runs now."""

    def __init__(self) -> None:
        self.since = monotonic()
        self.stage = ""
        self.log = ""
        self.ended: list[StageFinished] = []


class SweepView:
    """Follows a sweep to its end: what changes on stderr, the table on stdout."""

    def __init__(self, sweep: Sweep, project: Project, *, live: bool, quiet: bool) -> None:
        self._sweep = sweep
        self._project = project
        self._show = live
        self._quiet = quiet
        self._paint = Paint(sys.stderr)
        settings = [sweep.trial(number).settings for number in range(1, len(sweep.points) + 1)]
        varying = [name for name in settings[0] if any(each[name] != settings[0][name] for each in settings)]
        self._params = varying or list(settings[0])
        self._told = [plain(brief(each, self._params)) for each in settings]
        self._width = min(60, max(map(len, self._told)))
        self._running: dict[int, _Live] = {}
        self._ended: dict[int, Ended] = {}
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    def follow(self) -> int:
        """Shows everything until the sweep is over, then the table; returns the exit code."""
        if not self._quiet:
            seed = "" if self._sweep.seed is None else f", seed {self._sweep.seed}"
            say(
                f"{self._paint(f'{len(self._told)} trials', 'bold')} of {', '.join(map(plain, self._params))}{seed}"
            )
        ticker = threading.Thread(target=self._tick, daemon=True) if self._show else None
        if ticker:
            ticker.start()
        try:
            for told in self._sweep.events():
                with self._lock:
                    self._take(told.number, told.event)
        finally:
            self._over.set()
            if ticker:
                ticker.join()
            self._erase()
        return self._end()

    def _tick(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                self._erase()
                self._draw()

    def _take(self, number: int, event: AnyEvent | Ended) -> None:
        one = self._running.get(number)
        match event:
            case RunStarted():
                self._running[number] = _Live()
            case StageStarted() if one:
                one.stage, one.log = event.stage, event.log
            case StageFinished() if one:
                one.ended.append(event)
            case StageRetried():
                self._say(
                    f"{self._paint('↻', 'yellow')} trial {number}: {event.stage} {event.failure}; once more"
                )
            case Warned():
                about = f"{event.stage}: " if event.stage else ""
                self._say(
                    f"{self._paint('!', 'yellow', 'bold')} trial {number}: {plain(about + event.message)}"
                )
            case Ended():
                self._ended[number] = event
                self._running.pop(number, None)
                failed = event.result is None or event.result.status == "failed"
                if failed or not self._quiet:
                    self._say(self._line(number, event, one.ended if one else []))
            case RunFinished() | _:
                pass

    def _line(self, number: int, event: Ended, stages: Sequence[StageFinished]) -> str:
        result = event.result
        mark, colour = _mark("failed" if result is None else result.status)
        ends = [one.status for one in stages]
        counts = ", ".join(f"{ends.count(each)} {LOOKS[each].word}" for each in ENDS if each in ends)
        metrics = {name: value for one in stages for name, value in one.metrics.items()}
        names = chosen([metrics], self._project.pipeline.aims)[:LATEST]
        told = ", ".join(f"{plain(name)} {metrics[name]:.4g}" for name in names)
        took = duration(result.seconds) if result else ""
        head = f"{self._paint(mark, colour)} {self._name(number)} {took:>7}  {counts}"
        lines = [" · ".join(filter(None, [head, told]))]
        if event.failure:
            lines.append(f"  {self._paint('|', 'red')} {plain(event.failure)}")
        for stage in result.failed if result else []:
            lines.append(f"  {self._paint('|', 'red')} {plain(stage.stage)}: {plain(stage.failure)}")
            tail = tail_of(stage.log, TAIL_LINES) if stage.log else []
            lines += [f"  {self._paint('|', 'red')}   {plain(line)[:300]}" for line in tail]
        return "\n".join(lines)

    def _name(self, number: int) -> str:
        place = f"{number:>{len(str(len(self._told)))}}/{len(self._told)}"
        return f"{place}  {self._paint(f'{short(self._told[number - 1], 60):<{self._width}}', 'cyan')}"

    def _say(self, line: str) -> None:
        """Writes a line that stays, above those that change."""
        self._erase()
        print(line, file=sys.stderr, flush=True)
        self._draw()

    def _draw(self) -> None:
        if not self._show or not self._running:
            return
        columns, height = terminal_size()
        shown = list(self._running.items())[: max(1, height - 3)]
        for number, one in shown:
            took = duration(monotonic() - one.since)
            tail = (
                short(last_line(one.log), max(8, columns - self._width - 30 - len(one.stage)))
                if one.log
                else ""
            )
            line = f"{self._name(number)} {took:>7}  {plain(one.stage) or 'waits'}  {self._paint(plain(tail), 'dim')}"
            print(f"{self._paint('◌', 'yellow')} {line}", file=sys.stderr)
        done = f"{len(self._ended)} of {len(self._told)} trials done, {len(self._running)} running"
        print(self._paint(f"  {done}", "dim"), file=sys.stderr, flush=True)
        self._drawn = len(shown) + 1

    def _erase(self) -> None:
        if self._drawn:
            sys.stderr.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _end(self) -> int:
        found = rows(self._sweep, self._ended)
        ordered = _ordered(found, self._project)
        if not self._quiet:
            say("")
        print("\n".join(self._table(ordered[:MANY])), flush=True)
        name = self._sweep.id.rpartition("-")[2]
        more = (
            f"{len(ordered) - MANY} more: outdo log -n 0 -f 'sweep = {name}' · "
            if len(ordered) > MANY
            else ""
        )
        counts = {
            status: sum(row.status == status for row in found)
            for status in ("failed", "interrupted", "left out")
        }
        told = "".join(f", {count} {status}" for status, count in counts.items() if count)
        top = ordered[0]
        take = f" · outdo apply {top.run.rpartition('-')[2]}" if top.run and top.status == "done" else ""
        say(f"{more}sweep {name}: {len(found)} trials{told} in {duration(self._sweep.seconds)}")
        say(self._paint(f"  next: outdo compare sweep:{name}{take}", "dim"))
        if counts["interrupted"] or counts["left out"]:
            return 130
        return 1 if counts["failed"] else 0

    def _table(self, found: Sequence[Row]) -> list[str]:
        paint = Paint(sys.stdout)
        metrics = [row.metrics for row in found]
        aims = self._project.pipeline.aims
        columns = [Column("trial", tuple(Cell(str(row.trial), ("bold",)) for row in found), right=True)]
        if any(row.status != "done" for row in found):
            columns.append(Column("", tuple(_status(row) for row in found)))
        values = ((name, [short(row.params[name], 24) for row in found]) for name in self._params)
        columns += [Column(name, tuple(Cell(text, ("cyan",)) for text in texts)) for name, texts in values]
        for name in chosen(metrics, aims)[:METRICS]:
            top = best([row.get(name) for row in metrics], aim(name, aims))
            columns.append(marked(name, [row.get(name) for row in metrics], top))
        columns.append(
            Column("took", tuple(Cell(duration(row.seconds) if row.run else "") for row in found), right=True)
        )
        columns.append(
            Column("run", tuple(Cell((row.run or "").rpartition("-")[2], ("dim",)) for row in found))
        )
        return aligned(columns, paint)


def marked(name: str, values: Sequence[float | None], top: int | None) -> Column:
    """A column of numbers in which the best has a star."""
    if top is None:
        return Column(
            name, tuple(Cell("" if value is None else f"{value:.4g}") for value in values), right=True
        )
    numbers = ["" if value is None else f"{value:.4g}" for value in values]
    cells = [Cell(f"{number}  ") for number in numbers]
    cells[top] = Cell(f"{numbers[top]} ★", ("bold", "green"))
    return Column(f"{name}  ", tuple(cells), right=True)


def _ordered(found: Sequence[Row], project: Project) -> list[Row]:
    """The best trial first, by the metric that matters most; those without it last."""
    aims = project.pipeline.aims
    names = chosen([row.metrics for row in found], aims)
    if not names:
        return list(found)
    name, sign = names[0], -1.0 if aim(names[0], aims) == "high" else 1.0

    def rank(row: Row) -> tuple[bool, bool, float]:
        value = row.metrics.get(name, float("nan"))
        return row.status != "done", value != value, 0.0 if value != value else sign * value

    return sorted(found, key=rank)


def _status(row: Row) -> Cell:
    mark, colour = _mark(row.status)
    return Cell(f"{mark} {row.status}", (colour,))


def _mark(status: str) -> tuple[str, str]:
    return {"done": ("✓", "green"), "failed": ("✕", "red")}.get(status, ("!", "yellow"))
