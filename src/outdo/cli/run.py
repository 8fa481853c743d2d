"""`outdo run`."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

import click
from msgspec import json

from outdo.app.lazy import lazy
from outdo.app.passed import unjudged
from outdo.app.plan import make_plan, nothing_to_do, status, take_in
from outdo.app.project import Project, make_state, open_project
from outdo.app.registered import behind
from outdo.cli import complete
from outdo.cli.fresh import unchanged
from outdo.cli.paint import is_live, say
from outdo.cli.status import table
from outdo.core.errors import Usage
from outdo.core.events import AnyEvent, Judged
from outdo.core.plan import Request
from outdo.store.turn import Holder, Turn

if TYPE_CHECKING:
    from outdo.app.run import Run

EXAMPLES = """
\b
Examples:
  outdo run                          everything that changed
  outdo run evaluate                 only what `evaluate` needs
  outdo run train --single           just `train`, with its inputs as they are
  outdo run features --downstream    `features` and all that depends on it
  outdo run --dry                    the plan, and nothing is done
  outdo run --keep-going -j 4        go on after a failure; four stages at once at most
  outdo run --audit                  tell what stages read without declaring it
  outdo run --set train.lr=0.5       try another param in a work tree of its own
  outdo run --set lr=0.1,0.01 --set depth=3..6      every combination, several at once
  outdo run --set 'lr=log(1e-4,1e-1)' --trials 20   drawn at random
  outdo run --rehearse train=fail    see what a failure of `train` would do

\b
Exit codes: 0 done, 1 a stage failed, 2 a mistake in the file or the words, 130 interrupted.
"""


@click.command(epilog=EXAMPLES, help="Run what changed, restore what is known, keep the rest.")
@click.argument("targets", nargs=-1, shell_complete=complete.targets)
@click.option("--dry", is_flag=True, help="Print the plan and do nothing.")
@click.option("--force", "-f", is_flag=True, help="Run the chosen stages even if they are fresh.")
@click.option("--single", "-s", is_flag=True, help="Only the targets, not what they depend on.")
@click.option("--downstream", is_flag=True, help="The targets and all that depends on them.")
@click.option(
    "--keep-going", "-k", is_flag=True, help="After a failure go on with what does not depend on it."
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Stages at once; as many as fit if not said.")
@click.option("--sandbox", is_flag=True, help="A stage sees only what it declares, and no network.")
@click.option("--audit", is_flag=True, help="Tell which files stages read without declaring them.")
@click.option(
    "--rehearse", multiple=True, metavar="STAGE=FAULT", help="Have a stage fail, hang, die, flood or lose."
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Try other params, beside the workspace; repeatable.",
)
@click.option("--trials", type=click.IntRange(1, 1000), help="How many points to try of what `--set` says.")
@click.option("--seed", type=click.IntRange(min=0), help="Makes what `--set` draws at random the same again.")
@click.option("--no-remote", is_flag=True, help="Compute what is not here, without asking the remote for it.")
@click.option("--json", "as_json", is_flag=True, help="Events as they happen, one JSON object a line.")
@click.option("--quiet", "-q", is_flag=True, help="Only failures and the summary.")
def command(
    targets: tuple[str, ...], dry: bool, force: bool, single: bool, downstream: bool, keep_going: bool,
    jobs: int | None, sandbox: bool, audit: bool, rehearse: tuple[str, ...], sets: tuple[str, ...],
    trials: int | None, seed: int | None, no_remote: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    if single and downstream:
        raise Usage("--single and --downstream exclude each other", fix="outdo run --help")
    if (single or downstream) and not targets:
        raise Usage(
            "--single and --downstream need a stage to start from", fix="outdo run STAGE --downstream"
        )
    if not sets and (trials or seed is not None):
        raise Usage(
            "--trials and --seed need something to try", fix="--set 'train.lr=log(1e-4,1e-1)' --trials 20"
        )
    request = Request(targets, single, downstream, force)
    words = ("outdo", *sys.argv[1:])
    if sets:
        app = lazy("outdo.app.run")
        options = app.Options(force, keep_going, jobs, sandbox, audit, rehearse, words, remote=False)
        run_all = lazy("outdo.cli.trial").run_all
        asked = lazy("outdo.app.trial").Asked(sets, trials, seed)
        code: int = run_all(asked, request, None if dry else options, as_json=as_json, quiet=quiet)
        return code
    if dry:
        return _dry(request, as_json)
    started = monotonic()
    with Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait):
        project = open_project(os.curdir)
        made = make_plan(project, request)
        if nothing_to_do(made):
            take_in(project, made)
            found = behind(project, made)
            told = lazy("outdo.app.registering").register_now(project, found) if found else []
            if names := unjudged(project, made):
                told = [*told, *_judged_now(project, names)]
            if as_json:
                for event in [*told, {"event": "nothing_to_do", "stages": len(made.actions)}]:
                    print_json(event)
            else:
                for event in told:
                    for line in lazy("outdo.cli.progress").lines_of(event):
                        say(line)
                say(unchanged(project.pipeline.project, len(made.actions), monotonic() - started))
            return 1 if any(isinstance(event, Judged) and event.stops for event in told) else 0
        if os.path.isdir(os.path.join(project.state, "trials")):
            lazy("outdo.app.trial").remove_left(project)
        app = lazy("outdo.app.run")
        options = app.Options(force, keep_going, jobs, sandbox, audit, rehearse, words, not no_remote)
        run = app.Run(project, made, options)
        with stopped_by_signals(run.stop):
            return follow(run, project, as_json=as_json, quiet=quiet)


def follow(run: "Run", project: Project, *, as_json: bool, quiet: bool) -> int:
    """Shows a run's events as they come, and its end; returns the exit code."""
    if as_json:
        for event in run.events():
            print_json(event)
    else:
        shown = lazy("outdo.cli.progress").Progress(
            run, project, live=is_live(sys.stderr) and not quiet, quiet=quiet
        )
        shown.follow()
    result = run.result
    return {"done": 0, "interrupted": 130}.get(result.status, 1)


def _judged_now(project: Project, names: list[str]) -> list[AnyEvent]:
    """How models do of which it is not known that they passed, in a run that has nothing else to do."""
    now = lazy("outdo.app.gating").Now(project, names)
    with stopped_by_signals(now.stop):
        found: list[AnyEvent] = now.events()
    return found


def _dry(request: Request, as_json: bool) -> int:
    found = status(open_project(os.curdir), request)
    if as_json:
        print_json({"schema": "outdo.plan/1", "status": "ok", "data": found.plan})
    else:
        print(table(found))
    return 0


def tell_wait(holder: Holder | None) -> None:
    """Says whose turn it is in this workspace."""
    if holder is None:
        say("waiting for another run in this workspace")
    else:
        say(f"waiting for `{holder.command}` in this workspace (process {holder.pid})")


def print_json(value: object) -> None:
    print(json.encode(value).decode(), flush=True)


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and a polite request to end stop the run in order instead of tearing through it."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop()

    former = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
