"""What Outdo asks of its neighbours."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from outdo.core.model import Entry, Path, Record, Stage, StageName


class Adopted(Protocol):
    """A repository that another tool keeps too, and that is to be in order for both."""

    def result(self, stage: Stage, asked: Record) -> Record | None:
        """What the other tool knows to come out of a stage with what `asked`, a record without outputs, says: its
        outputs are in the workspace, or `holds` is true of them."""
        ...

    def holds(self, entry: Entry) -> bool:
        """Whether `bring` can be asked for an entry of a result."""
        ...

    def bring(self, entry: Entry) -> None:
        """Our store holds the entry, if the other tool's cache does; raises `NotInStore` or `Damaged`."""
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
