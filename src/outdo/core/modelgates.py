"""The gates that need the model itself, its files or a command, as `outdo.yaml` says them.

The docstrings of these classes and fields are what editors and the reference show. A gate whose verdict follows from
more than the model's files and its predictions says so in `follows`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from outdo.core.kinds import Confidence, Names
from outdo.core.paths import FilePath, OwnPath
from outdo.core.written import Duration, NumberBound, SizeBound, TimeBound

Words = str | tuple[str, ...]


class Loading(Struct, frozen=True):
    """How the model is loaded and asked, in a process of its own, by the gates that need it."""

    file: str = ""
    """Which file of the model's folder; needed where several may be it."""
    by: str = ""
    """`joblib` (which reads pickles too), `xgboost`, `lightgbm`, `onnx`, or a function of yours, `src/serve.py:load`,
    that takes a path and returns what takes rows. Where nothing is said, the file tells."""
    sample: FilePath | None = None
    """A table with rows to ask it with; else the one that the evaluating stage reads with as many rows as the
    predictions have."""
    features: Names = ()
    """The columns that it wants; else those that it knows itself, or all but the label and the key."""


class Latency(Struct, frozen=True, tag="latency"):
    """The time one prediction takes: `latency: {p99: "<= 20ms"}`."""

    mean: TimeBound | None = None
    p50: TimeBound | None = None
    p90: TimeBound | None = None
    p95: TimeBound | None = None
    p99: TimeBound | None = None
    max: TimeBound | None = None
    throughput: NumberBound | None = None
    """Rows a second, one call after the other."""
    batch: Annotated[int, Meta(ge=1)] = 1
    """Rows of each call."""
    calls: Annotated[int, Meta(ge=10)] = 1000
    """How many calls are measured, as far as half a minute is enough for them."""
    confidence: Confidence | None = None
    """Then the bounds of the quantiles count, and not what was measured."""

    def __post_init__(self) -> None:
        if not any((self.mean, self.p50, self.p90, self.p95, self.p99, self.max, self.throughput)):
            raise ValueError('say which time is bounded, such as p99: "<= 20ms"')


class Size(Struct, frozen=True, tag="size"):
    """The size of the model's files: `size: "<= 100MB"`."""

    bound: SizeBound


class Memory(Struct, frozen=True, tag="memory"):
    """The memory that the loaded model takes while it answers: `memory: "<= 500MB"`."""

    bound: SizeBound


class TestCommand(Struct, frozen=True):
    """A command that tests the model, and where it writes its results."""

    __test__ = False

    cmd: Annotated[str, Meta(min_length=1)] | Annotated[tuple[str, ...], Meta(min_length=1)]
    """Started without a shell: a list of words, or a text that is split into them."""
    junit: OwnPath | None = None
    """The JUnit XML file that it writes; pytest is asked for one by itself."""
    timeout: Duration = Duration(1800.0)


class ModelTests(Struct, frozen=True, tag="tests"):
    """A command that tests the model succeeds; JUnit results that it writes are read: `tests: pytest tests/model`."""

    told: Annotated[str, Meta(min_length=1)] | Annotated[tuple[str, ...], Meta(min_length=1)] | TestCommand

    @property
    def command(self) -> TestCommand:
        return self.told if isinstance(self.told, TestCommand) else TestCommand(self.told)


class Unsafe(Struct, frozen=True, tag="unsafe"):
    """No file of the model imports or calls anything, when it is loaded, that is not on the list: `unsafe: {}`."""

    allow: Names = ()
    """More that pickles may import: `src.features.Ratio`, or all that begins so, `mypackage.*`."""
    ignore: Names = ()
    """Files that are not looked at, as patterns of their names: they are never loaded, or are no pickles."""


Measured = Latency | Memory | ModelTests | Unsafe
"""Gates whose verdict needs a measurement: of files, of a process, of a clock."""


def measured_anew(gates: tuple[Struct, ...]) -> bool:
    """Whether a verdict follows from what no key can tell, a clock or a command, so that no former one counts."""
    return any(isinstance(gate, Latency | Memory | ModelTests) for gate in gates)
