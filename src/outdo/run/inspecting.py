"""What a run has judged: known from before, or found by a look that is a process of its own.

So a look that takes all memory, hangs or dies costs a verdict and no run, ends when the run is stopped, and leaves what
it found in the store whatever becomes of the run.
"""

import os
import shlex
import sys
from time import monotonic, time
from typing import Literal

from msgspec import Struct

from outdo.core.checknodes import Case
from outdo.core.digest import digest
from outdo.core.model import RunId, StageName
from outdo.core.verdict import Judgement, Verdict
from outdo.run.budget import Share
from outdo.run.ports import Cancel, Executor, Job, Outcome
from outdo.run.scan import THREADS_VARIABLE
from outdo.store.judgements import Judgements

PROGRAM = "outdo.app.looking"
"""What looks, and keeps what it finds: told where the project is, and what is asked."""


class Asked(Struct, frozen=True):
    """What is to be judged."""

    kind: Literal["data", "model"]
    subject: str
    """The path, or the model's name."""
    digest: str
    key: str
    why: str = ""
    """Why the champion could not be scored, if so."""


class Asking:
    """Has data and models judged; called from several threads at once."""

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

    def log(self, run: RunId, kind: str, subject: str) -> str:
        """The file that receives what a look prints."""
        name = f"check-{digest('log/1', kind, subject)[:8]}.log"
        return os.path.join(self._project[2], "logs", run, name)

    def ask(self, asked: Asked, log: str, processors: float = 0.0) -> Judgement | None:
        """What is found by a look in so many processors, 0 meaning all; None where it was stopped."""
        at = time()
        os.makedirs(os.path.dirname(log), exist_ok=True)
        facts = (asked.kind, asked.subject, asked.digest, asked.key, asked.why)
        command = shlex.join([sys.executable, "-P", "-m", PROGRAM, *self._project, *facts])
        env = (
            {**os.environ, THREADS_VARIABLE: str(max(1, int(processors)))} if processors else dict(os.environ)
        )
        job = Job(StageName(f"check {asked.subject}"), 1, (command,), "/", env, log)
        outcome = self._executor.run(job, self._cancel)
        if outcome.ending == "cancelled":
            return None
        found = self._judgements.get(asked.digest, asked.key)
        if outcome.ok and found is not None and found.at >= at:
            return found
        return unseen(asked, _failure(outcome, log))


class Looked(Struct, frozen=True):
    """How a look at data ended."""

    node: StageName
    share: Share
    judgement: Judgement | None
    """None: it was stopped."""
    seconds: float


class Inspector:
    """Judges data for one run; called from several threads at once."""

    def __init__(self, judgements: Judgements, asking: Asking) -> None:
        self._judgements = judgements
        self._asking = asking

    def known(self, case: Case) -> Judgement | None:
        """What was found before of the same data by the same checks, and holds still."""
        return case.known(self._judgements.get, time())

    def log(self, run: RunId, case: Case) -> str:
        """The file that receives what a look prints."""
        return self._asking.log(run, "data", case.path)

    def look(self, case: Case, node: StageName, run: RunId, share: Share) -> Looked:
        """Looks at the data, in the processors of `share`."""
        started = monotonic()
        if case.data is None or case.key is None:
            return Looked(node, share, unseen(Asked("data", case.path, "", ""), "it is not here"), 0.0)
        asked = Asked("data", case.path, case.data.digest, case.key)
        found = self._asking.ask(asked, self.log(run, case), share.cpu)
        return Looked(node, share, found, monotonic() - started)


def unseen(asked: Asked, why: str) -> Judgement:
    """What is said of something that could not be judged."""
    verdict = Verdict("look", "not_evaluated", why)
    return Judgement(asked.kind, asked.subject, asked.digest, asked.key, (verdict,), time())


def _failure(outcome: Outcome, log: str) -> str:
    """Why a look found nothing."""
    if outcome.ending == "signalled":
        hint = " (out of memory?)" if outcome.signal == 9 else ""
        return f"the look at it was killed by signal {outcome.signal}{hint}"
    if outcome.ending == "unstartable":
        return f"the look at it could not be started: {outcome.message}"
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            last = [line.strip() for line in file.read(1 << 16).splitlines() if line.strip()][-1:]
    except OSError:
        last = []
    code = f" with {outcome.exit_code}" if outcome.exit_code else ""
    return ": ".join([f"the look at it failed{code}", *last])
