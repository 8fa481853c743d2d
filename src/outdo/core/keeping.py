"""What of the history and of the runs on record is kept, when what nobody needs is removed."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from outdo.core.model import Aim, RunId
from outdo.core.record import Run, metric_values


class Span(Struct, frozen=True):
    """A part of a repository's history. By default all of it: every commit that any branch, tag, stash or reflog can
    reach."""

    revisions: tuple[str, ...] = ()
    branches: bool = False
    """Only the tips of branches, those of remotes among them."""
    tags: bool = False
    commits: bool = False

    @property
    def all(self) -> bool:
        """Whether every commit is meant."""
        return self.commits or not (self.revisions or self.branches or self.tags)


class Best(Struct, frozen=True):
    """The run in which a metric is best."""

    metric: str
    aim: Aim


def kept_runs(
    runs: Sequence[Run], newest: int, named: Collection[RunId] = (), best: Sequence[Best] = ()
) -> list[Run]:
    """Of runs, newest first, those to keep: so many of the newest, all trials of a sweep being one; those that are
    named, that are not over, and that are best in a metric."""
    rounds = list(dict.fromkeys(_round(run) for run in runs))
    wanted = set(rounds[:newest])
    winners = {winner.id for one in best if (winner := _best(runs, one)) is not None}
    return [
        run
        for run in runs
        if _round(run) in wanted or run.id in named or run.id in winners or run.status == "running"
    ]


def _round(run: Run) -> RunId:
    return run.trial.sweep if run.trial else run.id


def _best(runs: Sequence[Run], wanted: Best) -> Run | None:
    """The newest of those with the best value."""
    found: tuple[float, Run] | None = None
    for run in runs:
        for value in metric_values(run, wanted.metric):
            rank = value if wanted.aim == "high" else -value
            if found is None or rank > found[0]:
                found = rank, run
    return found[1] if found else None
