"""What `outdo push`, `fetch` and `pull` have in common: their words, and how far they are."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from time import monotonic

import click
from msgspec import json

from outdo.app.project import Project, open_project
from outdo.app.share import Asked, Shared
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.core.wording import duration, size
from outdo.store.travel import Moved, Tally, Tell

EVERY = 0.2
"""Seconds between two looks of a person at a transfer."""

TARGETS = click.argument("targets", nargs=-1)
REMOTE = click.option("--remote", "-r", default="", metavar="NAME", help="Another remote, or its address.")
RUNS = click.option("--runs", is_flag=True, help="The whole run cache, not only what outdo.lock names.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


class Meter:
    """Shows on a terminal how far a transfer is, how fast, and how long it will take."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._live = is_live(sys.stderr)
        self._started = self._told = monotonic()
        self._lock = threading.Lock()
        self._drawn = False

    def __call__(self, tally: Tally) -> None:
        if tally.waits:
            say("waits for `outdo gc`, which removes from the remote what nobody needs")
            return
        now = monotonic()
        if self._live and now - self._told > EVERY:
            with self._lock:
                self._told = now
                self._drawn = True
                line = f"\r\x1b[K{self._word} {progress(tally, now - self._started)}"
                print(line, end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Nothing of it is on the screen any more."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def progress(tally: Tally, seconds: float) -> str:
    """How far a transfer is, in one line."""
    parts = [f"{tally.objects:,} of {tally.of_objects:,} objects"]
    if tally.of_size:
        parts.append(f"{size(tally.size)} of {size(tally.of_size)}")
    if seconds > 0 and tally.objects:
        parts.append(f"{size(round(tally.size / seconds))}/s")
        part = tally.size / tally.of_size if tally.of_size else tally.objects / tally.of_objects
        if 0 < part < 1:
            parts.append(f"{duration(seconds / part - seconds)} left")
    return " · ".join(parts)


def carry_out(verb: str, asked: Asked, as_json: bool, work: Callable[[Project, Asked, Tell], Shared]) -> int:
    """Does one of the verbs, with its progress and its summary."""
    started = monotonic()
    project = open_project(os.curdir)
    meter = Meter({"push": "↑", "fetch": "↓", "pull": "↓"}[verb])
    try:
        shared = work(project, asked, meter)
    finally:
        meter.clear()
    if as_json:
        data = {"remotes": shared.moved, "restored": shared.restored, "warnings": shared.warnings}
        print(json.encode({"schema": f"outdo.{verb}/1", "status": "ok", "data": data}).decode())
    else:
        paint = Paint(sys.stderr)
        for warning in shared.warnings:
            say(f"{paint('!', 'yellow', 'bold')} {plain(warning)}")
        tell_moved(verb, shared.moved, monotonic() - started)
        for path in shared.restored:
            say(f"{paint('↺', 'blue')} {plain(path)}")
    return 0


def tell_moved(verb: str, moved_by_remote: Mapping[str, Moved], seconds: float) -> None:
    """Prints what travelled, a line for each remote."""
    paint = Paint(sys.stderr)
    mark, done, there = {"push": ("↑", "pushed", "there")}.get(verb, ("↓", "fetched", "here"))
    for name, moved in moved_by_remote.items():
        parts = [f"{_count(moved.objects, 'object')} {done} ({size(moved.size)})"]
        if moved.results:
            parts.append(f"{_count(moved.results, 'result')} {done}")
        if moved.there:
            parts.append(f"{moved.there:,} {there} already")
        say(f"{paint(mark, 'green')} {paint(plain(name), 'bold')}: {', '.join(parts)} · {duration(seconds)}")


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
