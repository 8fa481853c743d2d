"""The runs of a small journal, folded in memory: the ledger's answers without its tables.

Tables are worth their price from some thousands of runs on; below, to load a database's driver costs more than to read
the whole journal.
"""

import os
from collections.abc import Sequence

from msgspec.structs import replace

from outdo.core.model import RunId, StageName
from outdo.core.query import Filter, Sort, select
from outdo.core.record import Run, StageRun, fold
from outdo.store.journal import Journal, Line

NAME = "journal.jsonl"
LAST = 20
"""How many runs with one result are told of."""
SMALL = 4_000_000
"""Bytes up to which a journal is small: what a thousand runs of a few stages take."""


class Folded:
    """The runs of a project, from its folder for state, as the ledger tells them; it writes nothing."""

    def __init__(self, journal: Journal) -> None:
        lines = list(journal.read())
        runs = _fold(lines)
        unended = {run.id for run in runs if run.status == "running"}
        if unended and journal.nobody_records():
            # Nobody was in the middle of a run a moment ago: what has no end in the journal by now gets none.
            lines = list(journal.read())
            runs = _fold(lines)
        else:
            unended = set()
        self._runs = [_as_told(run, lost=run.id in unended and run.status == "running") for run in runs]
        self.notices = _broken(lines)

    @classmethod
    def open(cls, state: str) -> "Folded | None":
        """The runs as the journal has them at this moment; None where it is too large for that."""
        journal = Journal(os.path.join(state, NAME))
        return cls(journal) if journal.size() <= SMALL else None

    def close(self) -> None:
        """Does nothing: nothing is held."""

    def runs(
        self,
        filters: Sequence[Filter] = (),
        sort: Sort | None = None,
        limit: int | None = None,
        *,
        with_artifacts: bool = True,  # noqa: ARG002  they cost nothing here
    ) -> list[Run]:
        """The runs that meet all `filters`, sorted, newest first where no order is given; `limit` of them."""
        return select(self._runs, filters, sort)[:limit]

    def runs_named(self, ids: Sequence[RunId]) -> list[Run]:
        """The runs of these ids, with all that they have, in the order of their numbers."""
        wanted = set(ids)
        return [run for run in self._runs if run.id in wanted]

    def runs_with(self, run: RunId, stage: StageName) -> list[Run]:
        """The runs in which the result of a stage is what `run` computed, newest first; some of the last."""
        found = [one for one in self._runs if stage in one.stages and one.stages[stage].source == run]
        return found[: -LAST - 1 : -1]

    def count(self, filters: Sequence[Filter] = ()) -> int:
        """How many runs meet all `filters`."""
        return len(select(self._runs, filters)) if filters else len(self._runs)

    def ids(self) -> list[RunId]:
        """The ids of all runs in the order of their numbers."""
        return [run.id for run in self._runs]

    def sweeps(self) -> list[RunId]:
        """The names of all sweeps, in the order in which they were begun."""
        return list(dict.fromkeys(run.trial.sweep for run in self._runs if run.trial))

    def metric_names(self) -> list[str]:
        """Every metric that some run has."""
        return sorted({name for run in self._runs for one in run.stages.values() for name in one.metrics})

    def param_names(self) -> list[str]:
        """Every param that some run has."""
        return sorted({name for run in self._runs for one in run.stages.values() for name in one.params})


def _fold(lines: Sequence[Line]) -> list[Run]:
    return list(fold([line.event for line in lines if line.event is not None]).values())


def _as_told(run: Run, *, lost: bool) -> Run:
    """A run as the tables tell it: names in their order, and interrupted where nobody is left to end it."""
    stages = {name: _sorted(one, lost=lost) for name, one in run.stages.items()}
    return replace(run, stages=stages, status="interrupted" if lost else run.status)


def _sorted(one: StageRun, *, lost: bool) -> StageRun:
    status = "interrupted" if lost and one.status == "running" else one.status
    params, metrics = (dict(sorted(values.items())) for values in (one.params, one.metrics))
    return replace(one, status=status, params=params, metrics=metrics)


def _broken(lines: Sequence[Line]) -> list[str]:
    broken = next((line.end.lines for line in lines if not line.linked), None)
    if broken is None:
        return []
    told = f"line {broken} of the journal does not follow from the one before it"
    return [f"{told}: something was changed there after it was written"]
