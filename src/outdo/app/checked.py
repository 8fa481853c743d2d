"""What a check of data and of a model tells: its verdicts, and whether they were known before."""

from msgspec import Struct

from outdo.core.model import Path
from outdo.core.verdict import Outcome, Verdict


class Checked(Struct, frozen=True):
    """A path with its verdicts."""

    path: Path
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    seconds: float
    kept: bool = False
    """Whether the same data was judged by the same checks before, and was not looked at again."""


class JudgedModel(Struct, frozen=True):
    """A model of the file with its verdicts."""

    model: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    champion: str
    """Such as `delay/6`; empty where there is none."""
    seconds: float
    kept: bool = False
    """Whether the same predictions were judged by the same gates before."""
    models: int = 0
    """How many models were judged on these rows, this one among them; 0 where no rows were looked at."""
