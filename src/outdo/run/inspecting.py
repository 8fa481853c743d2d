"""The checks of data within a run: known from before, or found by a look that is a process of its own.

So a look that takes all memory, hangs or dies costs a verdict and no run, ends when the run is stopped, and leaves what
it found in the store whatever becomes of the run.
"""

import os
import shlex
import sys
from time import monotonic, time

from msgspec import Struct

from outdo.core.checknodes import Case
from outdo.core.digest import digest
from outdo.core.model import Path, RunId, StageName
from outdo.core.verdict import Judgement, Verdict
from outdo.run.budget import Share
from outdo.run.ports import Cancel, Executor, Job, Outcome
from outdo.run.scan import THREADS_VARIABLE
from outdo.store.judgements import Judgements

PROGRAM = "outdo.app.looking"
"""What looks: told the project's folder, file and state, the path, its digest and the key, it keeps what it finds."""


class Looked(Struct, frozen=True):
    """How a look at data ended."""

    node: StageName
    share: Share
    judgement: Judgement | None
    """None: it was stopped."""
    seconds: float


class Inspector:
    """Judges data for one run; called from several threads at once."""

    def __init__(
        self,
        project: tuple[str, str, str],
        judgements: Judgements,
        executor: Executor,
        cancel: Cancel,
    ) -> None:
        """`project` is its folder, its file and its folder for state."""
        self._project = project
        self._judgements = judgements
        self._executor = executor
        self._cancel = cancel

    def known(self, case: Case) -> Judgement | None:
        """What was found before of the same data by the same checks, and holds still."""
        return case.known(self._judgements.get, time())

    def log(self, run: RunId, path: Path) -> str:
        """The file that receives what a look at a path prints."""
        name = f"check-{digest('log/1', path)[:8]}.log"
        return os.path.join(self._project[2], "logs", run, name)

    def look(self, case: Case, node: StageName, run: RunId, share: Share) -> Looked:
        """Looks at the data, in the processors of `share`."""
        started, at = monotonic(), time()
        if case.data is None or case.key is None:
            verdict = Verdict("file", "not_evaluated", "it is not here")
            return Looked(node, share, Judgement("data", case.path, "", "", (verdict,), at), 0.0)
        log = self.log(run, case.path)
        os.makedirs(os.path.dirname(log), exist_ok=True)
        words = [sys.executable, "-P", "-m", PROGRAM, *self._project, case.path, case.data.digest, case.key]
        env = {**os.environ, THREADS_VARIABLE: str(max(1, int(share.cpu)))}
        job = Job(StageName(f"check {case.path}"), 1, (shlex.join(words),), "/", env, log)
        outcome = self._executor.run(job, self._cancel)
        if outcome.ending == "cancelled":
            return Looked(node, share, None, monotonic() - started)
        found = self._judgements.get(case.data.digest, case.key)
        if not outcome.ok or found is None or found.at < at:
            verdict = Verdict("look", "not_evaluated", _failure(outcome))
            found = Judgement("data", case.path, case.data.digest, case.key, (verdict,), at)
        return Looked(node, share, found, monotonic() - started)


def _failure(outcome: Outcome) -> str:
    """Why a look found nothing."""
    if outcome.ending == "signalled":
        hint = " (out of memory?)" if outcome.signal == 9 else ""
        return f"the look at it was killed by signal {outcome.signal}{hint}"
    if outcome.ending == "unstartable":
        return f"the look at it could not be started: {outcome.message}"
    return "the look at it failed" + (f" with {outcome.exit_code}" if outcome.exit_code else "")
