"""A run as it happens: running stages with their time and last line on a terminal, one line per stage elsewhere."""

import os
import sys
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Protocol

from outdo.app.logtail import last_line, tail_of
from outdo.app.project import Project
from outdo.cli.judging import judged_failure, judged_lines
from outdo.cli.paint import Paint, plain
from outdo.core.events import (
    AnyEvent,
    BuildFinished,
    BuildStarted,
    CheckStarted,
    Judged,
    Registered,
    RunFinished,
    StageFinished,
    StageRetried,
    StageStarted,
    Status,
    Warned,
)
from outdo.core.looks import LOOKS
from outdo.core.model import StageName
from outdo.core.values import short
from outdo.core.wording import duration, phrase

ENDS: tuple[Status, ...] = ("ran", "restored", "kept", "failed", "skipped", "cancelled")
TICK = 0.125
"""Seconds between two looks at the running stages."""
TAIL_LINES = 15
METRICS = 4
"""How many metrics the summary shows at most."""


class Watched(Protocol):
    """A run as this view sees it."""

    @property
    def id(self) -> str: ...

    def events(self) -> Iterator[AnyEvent]: ...


class Running:
    """A stage that runs now."""

    def __init__(self, log: str) -> None:
        self.log = log
        self.since = monotonic()


class Progress:
    """Follows one run to its end on stderr."""

    def __init__(
        self, run: Watched, project: Project, *, live: bool, quiet: bool, inner: bool = False
    ) -> None:
        """An `inner` run is part of something that tells its end itself."""
        self._inner = inner
        self._run = run
        self._project = project
        self._live = live
        self._quiet = quiet
        self._paint = Paint(sys.stderr)
        self._width = min(28, max(map(len, [*project.graph.stages, *project.pipeline.checks]), default=0))
        self._running: dict[StageName, Running] = {}
        self._ended: list[StageFinished] = []
        self._stopped: list[Judged] = []
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    def follow(self) -> None:
        """Shows everything until the run is over, then the failures and the summary."""
        ticker = threading.Thread(target=self._tick, daemon=True) if self._live else None
        if ticker:
            ticker.start()
        try:
            for event in self._run.events():
                with self._lock:
                    self._show(event)
        finally:
            self._over.set()
            if ticker:
                ticker.join()

    def _tick(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                self._erase()
                self._draw()

    def _show(self, event: AnyEvent) -> None:
        match event:
            case StageStarted():
                self._running[event.stage] = Running(event.log)
            case StageRetried():
                self._say(
                    f"{self._paint('↻', 'yellow')} {self._name(event.stage)} {event.failure}; once more"
                )
            case BuildStarted():
                self._say(f"{self._paint('◌', 'yellow')} building the environment {plain(event.environment)}")
            case BuildFinished():
                count = (
                    "1 distribution" if event.distributions == 1 else f"{event.distributions} distributions"
                )
                told = f"the environment {plain(event.environment)} is built: {count}"
                self._say(f"{self._paint('✓', 'green')} {told} in {duration(event.seconds)}")
            case Warned() | Registered():
                self._say(line_of(event))
            case StageFinished():
                self._running.pop(event.stage, None)
                self._ended.append(event)
                if event.status != "kept" and (not self._quiet or event.status == "failed"):
                    self._say(self._line(event))
            case CheckStarted():
                self._running[StageName(event.subject)] = Running(event.log)
            case Judged():
                self._running.pop(StageName(event.judgement.subject), None)
                if event.stops:
                    self._stopped.append(event)
                if not event.kept or event.stops:
                    for line in judged_lines(event, self._paint, self._width, quiet=self._quiet):
                        self._say(line)
            case RunFinished():
                self._erase()
                self._end(event)
            case _:
                pass

    def _say(self, line: str) -> None:
        """Writes a line that stays, above those that change."""
        self._erase()
        print(line, file=sys.stderr)
        self._draw()

    def _line(self, event: StageFinished) -> str:
        look = LOOKS[event.status]
        if event.status == "failed":
            why = event.failure
        elif self._inner:
            why = ""  # all of it runs, whatever changed
        else:
            reasons = [phrase(reason) for reason in event.reasons if reason.kind != "upstream"] or [
                phrase(reason) for reason in event.reasons
            ]
            why = ", ".join(reasons[:2])
        took = duration(event.seconds) if event.status in ("ran", "failed") else ""
        head = f"{self._paint(look.icon, look.hue)} {self._name(event.stage)} {look.word:<9}"
        return f"{head} {took:>7}  {self._paint(plain(why), 'dim')}".rstrip()

    def _name(self, stage: str) -> str:
        return f"{plain(stage):<{self._width}}"

    def _draw(self) -> None:
        if not self._live or not self._running:
            return
        columns, rows = terminal_size()
        shown = list(self._running.items())[: max(1, rows - 3)]
        for name, stage in shown:
            took = duration(monotonic() - stage.since)
            line = f"{self._name(name)} running   {took:>7}  "
            tail = short(last_line(stage.log), max(8, columns - len(line) - 4))
            print(f"{self._paint('◌', 'yellow')} {line}{self._paint(plain(tail), 'dim')}", file=sys.stderr)
        sys.stderr.flush()
        self._drawn = len(shown)

    def _erase(self) -> None:
        if self._drawn:
            sys.stderr.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _end(self, event: RunFinished) -> None:
        failed = [stage for stage in self._ended if stage.status == "failed"]
        for stage in failed:
            print("\n" + self._failure(stage), file=sys.stderr)
        for judged in self._stopped:
            print("\n" + judged_failure(judged, self._paint), file=sys.stderr)
        ends = [stage.status for stage in self._ended]
        counts = [f"{ends.count(status)} {LOOKS[status].word}" for status in ENDS if status in ends]
        mark, colour = {"done": ("✓", "green"), "interrupted": ("!", "yellow")}.get(
            event.status, ("✕", "red")
        )
        name = self._paint(self._project.pipeline.project, "bold")
        verdict = {"done": "done", "interrupted": "interrupted"}.get(event.status, "failed")
        counts += [f"stopped by {plain(judged.judgement.subject)}" for judged in self._stopped]
        head = f"{self._paint(mark, colour, 'bold')} {name} {verdict} in {duration(event.seconds)}: {', '.join(counts)}"
        if self._inner:
            return
        if failed or self._stopped:
            print(file=sys.stderr)
        print(" · ".join([head, *self._metrics()]), file=sys.stderr)
        print(self._paint(f"  next: {self._next(event, failed)}", "dim"), file=sys.stderr, flush=True)

    def _failure(self, stage: StageFinished) -> str:
        title = f"{self._paint('✕', 'red', 'bold')} {self._paint(plain(stage.stage), 'bold')}: {plain(stage.failure)}"
        lines = [title]
        if stage.log:
            lines += [
                f"  {self._paint('|', 'red')} {plain(line)[:300]}" for line in tail_of(stage.log, TAIL_LINES)
            ]
            lines.append(self._paint(f"  whole log: {os.path.relpath(stage.log)}", "dim"))
        return "\n".join(lines)

    def _metrics(self) -> list[str]:
        found = [(name, value) for stage in self._ended for name, value in stage.metrics.items()]
        told = [f"{name} {value:.4g}" for name, value in found[:METRICS]]
        return [", ".join(told)] if told else []

    def _next(self, event: RunFinished, failed: list[StageFinished]) -> str:
        if failed or self._stopped:
            return f"mend it, then `outdo run` goes on from there; all about it: outdo show {self._run.id}"
        if event.status == "interrupted":
            return "outdo run goes on from there"
        return f"outdo show {self._run.id}"


def lines_of(event: AnyEvent) -> list[str]:
    """What a person reads of what happened outside a run."""
    if isinstance(event, Warned | Registered):
        return [line_of(event)]
    if not isinstance(event, Judged):
        return []
    paint = Paint(sys.stderr)
    told = list(judged_lines(event, paint, len(event.judgement.subject)))
    return [*told, "", *judged_failure(event, paint).splitlines(), ""] if event.stops else told


def line_of(event: Warned | Registered) -> str:
    """What a person reads of something that needs a line of its own."""
    paint = Paint(sys.stderr)
    if isinstance(event, Warned):
        about = f"{event.stage}: " if event.stage else ""
        return f"{paint('!', 'yellow', 'bold')} {plain(about + event.message)}"
    name = paint(plain(f"{event.model} {event.version}"), "bold")
    if event.new:
        return f"{paint('✓', 'green')} registered {name}"
    return f"{paint('=', 'green')} {name} is what was made; it is registered already"


def terminal_size() -> tuple[int, int]:
    """Columns and rows of the terminal that stderr goes to."""
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        return 80, 24
