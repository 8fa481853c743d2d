"""What watches a stage while it runs; by itself nothing does."""

from typing import Protocol

from msgspec import Struct

from outdo.core.model import Stage
from outdo.run.ports import Cancel, Executor, Job, Outcome


class Remarks(Struct, frozen=True):
    """What watching a stage has shown."""

    told: tuple[str, ...] = ()
    """Sentences for a person."""
    failure: str = ""
    """Why the attempt must not count, even if its command ended well."""


class Watched(Struct, frozen=True):
    """What a watch needs to know of a stage: paths absolute, globs expanded."""

    stage: Stage
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class Watch(Protocol):
    """Has one attempt carried out under its eyes."""

    one_at_a_time: bool
    """Whether it can't tell two stages apart that run side by side."""
    limits: tuple[str, ...]
    """What it can't do on this machine, as sentences for people."""

    def run(self, executor: Executor, cancel: Cancel, watched: Watched, job: Job) -> tuple[Outcome, Remarks]:
        """Returns how the attempt ended, and what was seen."""
        ...


class Unwatched:
    """Lets the stage do as it likes."""

    one_at_a_time = False
    limits: tuple[str, ...] = ()

    def run(self, executor: Executor, cancel: Cancel, watched: Watched, job: Job) -> tuple[Outcome, Remarks]:  # noqa: ARG002
        return executor.run(job, cancel), Remarks()
