"""`outdo run --set`: params tried one after the other, each in a work tree of its own."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from outdo.app.plan import make_plan, nothing_to_do, status
from outdo.app.project import make_state, open_project
from outdo.app.run import Options, Run
from outdo.app.trial import trial, trials
from outdo.cli.paint import Paint, plain, say
from outdo.cli.run import follow, print_json, stopped_by_signals, tell_wait
from outdo.cli.status import table
from outdo.core.plan import Request
from outdo.store.turn import Turn

if TYPE_CHECKING:
    from outdo.app.project import Project
    from outdo.core.model import RunId

FEW = 8
"""How many runs the last line names."""


def run_all(
    sets: Sequence[str], request: Request, options: Options | None, *, as_json: bool, quiet: bool
) -> int:
    """Runs every combination, or without `options` shows what would be done; returns the exit code.

    One that fails does not keep the others from running; an interrupt ends them all."""
    points = trials(sets)
    paint = Paint(sys.stderr)
    runs: list[RunId] = []
    worst = 0
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        project = open_project(os.curdir)
        for number, settings in enumerate(points, 1):
            if not quiet and not as_json:
                told = ", ".join(plain(str(each)) for each in settings)
                say(f"{paint(f'trial {number} of {len(points)}', 'bold')} · {told}")
            with trial(project, settings) as tried:
                if options is None:
                    _show(tried, request, as_json=as_json)
                    continue
                made = make_plan(tried, request)
                if nothing_to_do(made):
                    continue
                run = Run(tried, made, options)
                with stopped_by_signals(run.stop):
                    code = follow(run, tried, as_json=as_json, quiet=quiet)
            runs.append(run.id)
            worst = max(worst, code)
            if code == 130:
                break
    if len(runs) > 1 and not as_json:
        names = " ".join(run.rpartition("-")[2] for run in runs[-FEW:])
        say(f"{len(runs)} trials · next: outdo compare {names}")
    return worst


def _show(tried: "Project", request: Request, *, as_json: bool) -> None:
    found = status(tried, request)
    if as_json:
        print_json({"schema": "outdo.plan/1", "status": "ok", "data": found.plan})
    else:
        print(table(found))
