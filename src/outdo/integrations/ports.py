"""What Outdo asks of its neighbours."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from outdo.core.model import Entry, Key, Param, Path, Record, Stage, StageName, Value


class Adopted(Protocol):
    """A repository that another tool keeps too, and that is to be in order for both."""

    def records(
        self,
        stages: Sequence[Stage],
        entries: Mapping[Path, Entry],
        value_of: Callable[[Param], Value],
    ) -> dict[Key, Record]:
        """What the other tool knows of these stages, as far as the workspace still holds exactly that."""
        ...

    def settle(
        self,
        stages: Sequence[Stage],
        records: Mapping[StageName, Record],
        entries: Mapping[Path, Entry],
    ) -> list[StageName]:
        """Lets the other tool know these results, as far as the workspace, of which `entries` tells, holds them and
        what they were made from; returns the stages that it has no words for."""
        ...
