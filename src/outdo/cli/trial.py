"""`outdo run --set`: params tried beside the workspace, several at once, in one view."""

import os
import sys
from collections.abc import Iterator

from outdo.app.plan import status
from outdo.app.project import Project, make_state, open_project
from outdo.app.run import Options
from outdo.app.trial import Asked, Ended, Sweep
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.cli.progress import Progress
from outdo.cli.run import print_json, stopped_by_signals, tell_wait
from outdo.cli.status import table
from outdo.cli.sweep import SweepView, rows
from outdo.core.events import AnyEvent, RunStarted
from outdo.core.model import RunId
from outdo.core.plan import Request
from outdo.store.turn import Turn

CODES = {"done": 0, "interrupted": 130}


def run_all(asked: Asked, request: Request, options: Options | None, *, as_json: bool, quiet: bool) -> int:
    """Runs every point, or without `options` shows what would be done; returns the exit code.

    One that fails does not keep the others from running; an interrupt ends them all."""
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        project = open_project(os.curdir)
        sweep = Sweep(project, asked, request, options or Options())
        if options is None:
            return _dry(sweep, request, as_json=as_json)
        with stopped_by_signals(sweep.stop):
            if as_json:
                return _as_json(sweep)
            if len(sweep.points) == 1:
                return _one(sweep, project, quiet=quiet)
            return SweepView(sweep, project, live=is_live(sys.stderr) and not quiet, quiet=quiet).follow()


class _Only:
    """The one trial of a sweep, as a run that can be watched."""

    def __init__(self, sweep: Sweep) -> None:
        self.id = RunId("")
        self.ended = Ended(None)
        self._sweep = sweep

    def events(self) -> Iterator[AnyEvent]:
        for told in self._sweep.events():
            if isinstance(told.event, Ended):
                self.ended = told.event
                continue
            if isinstance(told.event, RunStarted):
                self.id = told.event.run
            yield told.event


def _one(sweep: Sweep, project: Project, *, quiet: bool) -> int:
    if not quiet:
        say(_head(sweep, 1, Paint(sys.stderr)))
    only = _Only(sweep)
    Progress(only, project, live=is_live(sys.stderr) and not quiet, quiet=quiet).follow()
    if only.ended.failure:
        say(f"{Paint(sys.stderr)('✕', 'red', 'bold')} {plain(only.ended.failure)}")
    return CODES.get(only.ended.result.status, 1) if only.ended.result else 1


def _as_json(sweep: Sweep) -> int:
    ended: dict[int, Ended] = {}
    for told in sweep.events():
        if isinstance(told.event, Ended):
            ended[told.number] = told.event
        else:
            print_json(told.event)
    found = rows(sweep, ended)
    print_json({"event": "sweep_finished", "sweep": sweep.id, "seed": sweep.seed, "trials": found})
    return max((CODES.get(row.status, 1) for row in found), default=0)


def _head(sweep: Sweep, number: int, paint: Paint) -> str:
    told = ", ".join(plain(str(each)) for each in sweep.points[number - 1])
    return f"{paint(f'trial {number} of {len(sweep.points)}', 'bold')} · {told}"


def _dry(sweep: Sweep, request: Request, *, as_json: bool) -> int:
    with sweep.projects() as trees:
        for number in range(1, len(sweep.points) + 1):
            if not as_json:
                say(_head(sweep, number, Paint(sys.stderr)))
            with trees.project(number) as tried:
                found = status(tried, request)
            if as_json:
                print_json({"schema": "outdo.plan/1", "status": "ok", "data": found.plan})
            else:
                print(table(found), flush=True)
    return 0
