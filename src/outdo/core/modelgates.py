"""The gates that need the model itself, its files or a command, as `outdo.yaml` says them.

The docstrings of these classes and fields are what editors and the reference show. A gate whose verdict follows from
more than the model's files and its predictions says so in `follows`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from outdo.core.kinds import Confidence, Names
from outdo.core.paths import FilePath, OwnPath
from outdo.core.written import Duration, NumberBound, Share, SizeBound, TimeBound

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


class Behaviour(Struct, frozen=True, tag="behaviour"):
    """Answers stay, or move the right way, if something in the rows is changed."""

    change: Mapping[str, str]
    """Columns, and what they become: an expression in SQL over the columns of the row, such as `distance * 1.1`."""
    expect: Literal["same", "higher", "lower"] = "same"
    """What answers do then: stay the same, or never fall, or never rise."""
    within: Annotated[float, Meta(ge=0)] = 0.0
    """How far an answer may move all the same; 0 with `same` asks of probabilities that none crosses 0.5."""
    tolerated: Share = Share(0.0)
    """The share of rows that may do otherwise."""
    where: str = ""
    """Only rows that keep this condition, in SQL."""
    rows: Annotated[int, Meta(ge=1)] = 2000
    """How many rows are looked at, picked by chance."""
    confidence: Confidence = 0.95
    """Of the bound on the true share."""

    def __post_init__(self) -> None:
        if not self.change:
            raise ValueError("say which column is changed, such as change: {distance: distance * 1.1}")


class Robustness(Struct, frozen=True, tag="robustness"):
    """A metric falls by no more than so much where there is noise in the numbers."""

    metric: str
    drop: Annotated[float, Meta(ge=0)]
    """How much worse it may be."""
    noise: Annotated[float, Meta(gt=0)] = 0.1
    """The noise's standard deviation, in standard deviations of each column."""
    columns: Names = ()
    """Only in these columns; none means all numbers but label and key."""
    rows: Annotated[int, Meta(ge=1)] = 5000
    """How many rows are looked at, picked by chance."""
    confidence: Confidence = 0.95


class Calibration(Struct, frozen=True, tag="calibration"):
    """Probabilities mean what they say: `calibration: {slope: [0.8, 1.25], ece: "<= 0.03"}`."""

    slope: tuple[float, ...] = ()
    """The range that the slope of the labels on the probabilities lies in: 1 is right, below it they are too sure."""
    intercept: tuple[float, ...] = ()
    """The same of the intercept; 0 is right, above it they are too low on the whole."""
    ece: NumberBound | None = None
    """The bound of the expected calibration error, by its interval."""
    confidence: Confidence = 0.95

    def __post_init__(self) -> None:
        if not self.slope and not self.intercept and self.ece is None:
            raise ValueError("say what is bounded, such as slope: [0.8, 1.25]")
        for ends in (self.slope, self.intercept):
            if ends and (len(ends) != 2 or ends[0] >= ends[1]):
                raise ValueError("a range is a list of the lowest and the highest value, such as [0.8, 1.25]")


class Leakage(Struct, frozen=True, tag="leakage"):
    """Nothing of the test data was known in training, and no column gives the label away."""

    train: FilePath
    """The training data."""
    test: FilePath | None = None
    """The test data; without, only the columns of the training data are looked at."""
    label: str = ""
    """The label's column; that of `predictions` where nothing is said."""
    alone: Annotated[float, Meta(gt=0.5, le=1)] = 0.98
    """The area under the ROC curve from which a column that tells the label by itself is a leak."""
    duplicates: Share | None = Share(0.0)
    """The share of test rows that may be in the training data too, key columns aside; null looks at none."""
    entities: Names = ()
    """Columns that say who or what a row is about, which may be in one of both only."""
    time: str = ""
    """The column of a time that is later in all test rows than in all of training."""
    ignore: Names = ()
    """Columns that are no features."""


class Reproducible(Struct, frozen=True, tag="reproducible"):
    """Trained again, the model is the same, or its predictions are off by no more than so: `reproducible: 0.001`."""

    within: Annotated[float, Meta(ge=0)]


Measured = Latency | Memory | ModelTests | Unsafe | Behaviour | Robustness | Leakage | Reproducible
"""Gates whose verdict needs a measurement: of files, of a process, of a clock."""


def read_besides(gates: Sequence[Struct], load: Loading, deps: Sequence[str]) -> list[str]:
    """The paths that gates read beside the model's files and its predictions, `deps` being what the evaluating stage
    reads."""
    found: list[str] = [
        path for gate in gates if isinstance(gate, Leakage) for path in (gate.train, gate.test) if path
    ]
    if any(isinstance(gate, Behaviour | Robustness) for gate in gates):
        found += [load.sample] if load.sample else deps
        found += [load.by.rpartition(":")[0]] if ":" in load.by else []
    return sorted(set(found))


def measured_anew(gates: tuple[Struct, ...]) -> bool:
    """Whether a verdict follows from what no key can tell, a clock or a command, so that no former one counts."""
    return any(isinstance(gate, Latency | Memory | ModelTests | Reproducible) for gate in gates)
