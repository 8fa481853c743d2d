"""Executors for rehearsals: stages that fail, hang, die, flood or lose their log on request.

They ship with the product. `outdo run --rehearse train=hang` shows what a pipeline and those around it (the schedule,
the notifications, the person on call) do when `train` hangs, before it does so at night. `Rehearsal` only rewrites the
job: what fails, hangs and dies then is a real process of the executor it hands the job to. `Pretend` starts none: it
calls a function in a stage's place, for tests of the engine itself.
"""

import os
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from outdo.core.errors import BadRehearsal, Mistakes, UserError
from outdo.core.model import StageName
from outdo.run.ports import Cancel, Executor, Job, Outcome

FaultKind = Literal["fail", "hang", "die", "flood", "lose"]
"""fail: exits with 1. hang: never ends, deaf to SIGTERM. die: is killed by SIGKILL. flood: prints 20 MB, among them
a line of 10 MB, then does its work. lose: its log is removed, then it does its work."""


class Fault(Struct, frozen=True):
    """What goes wrong in a stage."""

    kind: FaultKind
    attempts: int | None = None
    """Only the first so many; None means each."""


KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

_FORM = (
    "write STAGE=FAULT, as in `train=fail` or `train=fail:2` (the first 2 attempts); faults: "
    + ", ".join(KINDS)
)

_PRINT_MUCH = (
    "echo 'rehearsal: 20 MB of log follow'; "
    "head -c 10000000 /dev/zero | tr '\\0' x; echo; "
    "yes 'rehearsal: one of a hundred thousand lines of a flood, each of which has about a hundred characters' "
    "| head -n 100000"
)


def parse_faults(words: Sequence[str]) -> dict[StageName, Fault]:
    """Returns the fault of each stage named in words such as `train=fail:2`; raises BadRehearsal, for all at once."""
    faults: dict[StageName, Fault] = {}
    mistakes: list[UserError] = []
    for word in words:
        stage, equals, text = word.rpartition("=")
        kind, colon, number = text.partition(":")
        attempts = int(number) if number.isascii() and number.isdigit() else 0
        if not equals or not stage:
            mistakes.append(BadRehearsal(f"'{word}' names no stage", fix=_FORM))
        elif kind not in KINDS:
            mistakes.append(BadRehearsal(f"'{kind}' in '{word}' is no fault", fix=_FORM))
        elif colon and attempts < 1:
            mistakes.append(BadRehearsal(f"'{number}' in '{word}' is no number of attempts", fix=_FORM))
        elif stage in faults:
            mistakes.append(BadRehearsal(f"stage '{stage}' is given two faults", fix="give it one"))
        else:
            faults[StageName(stage)] = Fault(kind, attempts or None)
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Mistakes(mistakes)
    return faults


def rehearse(job: Job, fault: Fault) -> Job:
    """Returns the job with its fault built in; as it is, where the fault is over by this attempt."""
    if fault.attempts is not None and job.attempt > fault.attempts:
        return job
    replace = msgspec.structs.replace
    match fault.kind:
        case "fail":
            return replace(job, commands=("echo 'rehearsal: fails' >&2; exit 1",))
        case "hang":
            return replace(
                job, commands=("trap '' TERM; echo 'rehearsal: hangs'; while :; do sleep 60; done",)
            )
        case "die":
            return replace(job, commands=("echo 'rehearsal: dies'; kill -KILL $$",))
        case "flood":
            return replace(job, commands=(_PRINT_MUCH, *job.commands))
        case "lose":
            # before the wrapper: in a sandbox the log could not be reached
            removal = f'rm -f {shlex.quote(job.log)}; exec "$@"'
            return replace(job, wrapper=("/bin/sh", "-c", removal, "rehearsal", *job.wrapper))


class Rehearsal:
    """Hands each job to another executor, with its stage's fault built in."""

    def __init__(self, inner: Executor, faults: Mapping[StageName, Fault]) -> None:
        self._inner = inner
        self._faults = faults

    def run(self, job: Job, cancel: Cancel) -> Outcome:
        """As the executor behind it; real processes fail, hang and die."""
        fault = self._faults.get(job.stage)
        return self._inner.run(job if fault is None else rehearse(job, fault), cancel)

    def close(self) -> None:
        self._inner.close()


Work = Callable[[Job, Cancel], Outcome | int | None]
"""Stands for a stage's commands: writes what they would; returns an exit code, an outcome, or nothing for a success."""


class Pretend:
    """Calls a function in each stage's place; a stage without one succeeds and writes nothing."""

    def __init__(self, work: Mapping[StageName, Work]) -> None:
        self._work = work
        self._closed = False
        self.jobs: list[Job] = []
        """Those that ran, in the order they began."""

    def run(self, job: Job, cancel: Cancel) -> Outcome:
        """Returns what the function made of the job; `unstartable` or `cancelled` where a real one would be."""
        began = time.monotonic()
        try:
            open(job.log, "ab").close()
        except OSError as error:
            return Outcome("unstartable", message=f"the log can't be written: {error}")
        if cancel.requested or self._closed:
            return Outcome("cancelled")
        if not os.path.isdir(job.cwd):
            return Outcome("unstartable", message=f"the command can't be started: no folder '{job.cwd}'")
        self.jobs.append(job)
        work = self._work.get(job.stage)
        made = None if work is None else work(job, cancel)
        outcome = made if isinstance(made, Outcome) else Outcome("exited", exit_code=made or 0)
        return msgspec.structs.replace(outcome, seconds=time.monotonic() - began)

    def close(self) -> None:
        self._closed = True


def hang(job: Job, cancel: Cancel) -> Outcome:
    """The work of a stage that never ends: returns at the stop or the timeout."""
    stopped = threading.Event()
    cancel.watch(stopped.set)
    try:
        return Outcome("cancelled" if stopped.wait(job.timeout) else "timeout")
    finally:
        cancel.forget(stopped.set)
