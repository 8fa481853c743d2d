"""What has come over from another tool, counted on both sides."""

from msgspec import Struct


class Counted(Struct, frozen=True):
    """How much there is of a kind, there and here."""

    kind: str
    there: int
    here: int


class Brought(Struct, frozen=True):
    """What has come."""

    counts: tuple[Counted, ...]
    skipped: int
    """Runs and logged models that were here already."""
    left: tuple[str, ...]
    """What could not be taken, and why."""

    @property
    def whole(self) -> bool:
        """Whether all is here."""
        return not self.left and all(one.there == one.here for one in self.counts)
