"""What a model said of the rows that it is judged on, and what else is known of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.metrics.reading import HALF, ranked, scored, shared
from outdo.core.metrics.scored import Metric, Scored, Unscored
from outdo.core.verdict import Verdict

Column = NDArray[Any]


class Predicted(Struct, frozen=True, eq=False):
    """Rows with their labels, what one model said of them, and the columns that part them."""

    truth: Column
    said: Column
    by: Mapping[str, Column] = {}
    others: tuple[str, ...] = ()
    """Those of them that are neither label, score nor key."""
    refused: Mapping[str, str] = {}
    """Expressions that can't be computed, and why."""

    threshold: float = HALF
    """The score from which the positive class is decided for."""
    scores: Mapping[str, str] = {}
    """For each label of many the column with its probability."""
    query: str = ""
    """The column that says which rows are ranked together."""

    def scored(self) -> Scored:
        """As metrics want them; raises `Unscored`."""
        if missing := [name for name in (*self.scores.values(), self.query) if name and name not in self.by]:
            raise Unscored(f"the predictions have no column '{missing[0]}'")
        if self.query:
            return ranked(self.truth, self.said, self.by[self.query])
        if self.scores:
            return shared(
                self.truth, self.said, {label: self.by[name] for label, name in self.scores.items()}
            )
        return scored(self.truth, self.said, self.threshold)


class Champion(Struct, frozen=True, eq=False):
    """What the challenger is compared with."""

    name: str
    """Such as `delay/6`."""
    rows: Predicted | None = None
    """The same rows in the same order; None where it was not scored on them."""
    why: str = ""
    """Then why not."""
    same: bool = False
    """Whether it is the very model that is judged, which has nothing to beat."""


class Facts(Struct, frozen=True):
    """What is known of the challenger beside its predictions."""

    metrics: Mapping[str, float]
    """Those that its stages told, which count before those that are computed."""
    size: int
    """Bytes of its files."""
    measured: Mapping[int, Sequence[Verdict]] = {}
    """What the gates say that need the model itself or a command, by their places in the list of gates."""
    own: Mapping[str, Metric] = {}
    """The metrics that the project computes itself."""
