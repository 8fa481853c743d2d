"""The models of a run judged by their gates, each in a process of its own, beside a champion that is scored if need."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import gmtime, monotonic, strftime, time

from outdo.app import passed
from outdo.app.champion import Scorer
from outdo.app.gated import Due, Unscored, due, known_of
from outdo.app.project import Project
from outdo.core.errors import UserError
from outdo.core.events import CheckStarted, Judged
from outdo.core.model import RunId
from outdo.core.verdict import Judgement
from outdo.run.inspecting import Asked, Asking, unseen
from outdo.run.local import Local
from outdo.run.ports import Cancel, Executor


class Gating:
    """Judges models for one run."""

    def __init__(self, project: Project, run: RunId, executor: Executor, cancel: Cancel) -> None:
        self._project = project
        self._run = run
        self._scorer = Scorer(project, run, executor, cancel)
        self._asking = Asking(
            (project.root, project.file, project.home), project.judgements, executor, cancel
        )
        self._cancel = cancel

    def events(self, names: Sequence[str]) -> Iterator[CheckStarted | Judged]:
        """Yields how each model does; nothing more once a stop was asked for."""
        good: list[str] = []
        for name in names:
            if self._cancel.requested:
                return
            log = self._asking.log(self._run, "model", name)
            yield CheckStarted(self._run, time(), "model", name, log)
            started = monotonic()
            found, kept = self._judge(name, log)
            if found is None:
                return
            if found.lets_through and found.holds(time()):
                good.append(name)
            seconds = round(monotonic() - started, 3)
            yield Judged(self._run, time(), found, not found.lets_through, kept, seconds)
        try:
            passed.note(self._project, good)
        except UserError:
            pass  # then they are looked up again

    def _judge(self, name: str, log: str) -> tuple[Judgement | None, bool]:
        """How a model does, and whether that was known before; None where it was stopped."""
        why = ""

        def score(wanted: Unscored) -> str:
            nonlocal why
            why = self._scorer(wanted)
            return why

        try:
            one = due(self._project, name, score)
            known = known_of(self._project, one)
            if known is not None:
                return known, True
            return self._ask(one, why, log), False
        except Exception as error:
            told = error.what if isinstance(error, UserError) else f"internal error: {error!r}"
            return unseen(Asked("model", name, "", ""), told), False

    def _ask(self, one: Due, why: str, log: str) -> Judgement | None:
        if one.sides.model is None or one.key is None:
            return unseen(Asked("model", one.name, "", ""), f"'{one.model.path}' is not here")
        return self._asking.ask(Asked("model", one.name, one.sides.model.digest, one.key, why), log)


class Now:
    """Judges models where a run has nothing else to do; `stop` ends it from any thread."""

    def __init__(self, project: Project, names: Sequence[str]) -> None:
        self._project = project
        self._names = names
        self._cancel = Cancel()

    def stop(self) -> None:
        """Ends what is looked at now."""
        self._cancel.request()

    def events(self) -> list[CheckStarted | Judged]:
        """How they do; raises `KeyboardInterrupt` if it was stopped."""
        with _executor() as (id_, executor):
            found = list(Gating(self._project, id_, executor, self._cancel).events(self._names))
        if self._cancel.requested:
            raise KeyboardInterrupt
        return found


def score_now(project: Project, wanted: Unscored) -> str:
    """Has a champion scored that no run needs; returns why that failed, nothing where its result is known now."""
    with _executor() as (id_, executor):
        return Scorer(project, id_, executor, Cancel())(wanted)


@contextmanager
def _executor() -> Iterator[tuple[RunId, Executor]]:
    """An executor that is closed at the end, and a name that nothing else has."""
    id_ = RunId(f"{strftime('%Y%m%d-%H%M%S', gmtime())}-{os.urandom(2).hex()}")
    executor = Local(id_)
    try:
        yield id_, executor
    finally:
        executor.close()
