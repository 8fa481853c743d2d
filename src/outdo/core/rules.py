"""What data and models have to pass, as `outdo.yaml` says it: the kinds of checks and of gates.

The docstrings of these classes and fields are what editors and the reference show.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from outdo.core.kinds import Columns, Confidence, Count, Names, Scalar
from outdo.core.modelgates import Calibration, Measured, Size
from outdo.core.packages import PackagesFile
from outdo.core.paths import FilePath, OwnPath
from outdo.core.verdict import Doubt
from outdo.core.written import Bound, Duration, NumberBound, Pattern, Written

# ------------------------------------------------------------------ checks: assertions on data


class Range(Written, frozen=True):
    """The lowest and the highest value that may occur, both included; null leaves an end open."""

    low: int | float | str | None
    high: int | float | str | None

    expected = "a list of the lowest and the highest value, such as [0, 6000] or [0, null]"
    json = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": ["number", "string", "null"]}}  # noqa: RUF012
    accepts = (list,)

    @classmethod
    def written(cls, value: Any) -> "Range":
        ends = [type(end) for end in value]
        if len(ends) != 2 or not set(ends) <= {int, float, str, type(None)} or value == [None, None]:
            raise ValueError(cls.expected)
        low, high = value
        if None not in value:
            if (str in ends) != (ends == [str, str]):
                raise ValueError("two numbers or two texts (dates, for instance)")
            if low > high:
                raise ValueError(f"{cls.expected}, lowest first")
        return cls(low, high)


class Rows(Struct, frozen=True, tag="rows"):
    """How many rows there are: `rows: ">= 10_000"`."""

    count: NumberBound


class HasColumns(Struct, frozen=True, tag="columns"):
    """These columns are there: `columns: [origin, dest]`."""

    columns: Columns


class ExactColumns(Struct, frozen=True, tag="exact_columns"):
    """These columns are there and no others, in this order: `exact_columns: [origin, dest]`."""

    columns: Columns


class OnlyColumns(Struct, frozen=True, tag="only_columns"):
    """There are no columns but these, of which some may be missing: `only_columns: [origin, dest, note]`."""

    columns: Columns


class Dtype(Struct, frozen=True, tag="dtype"):
    """The kind of value that columns hold: `dtype: {distance: number}`."""

    kinds: Mapping[str, Literal["integer", "number", "text", "boolean", "date", "timestamp"]]


class NotNull(Struct, frozen=True, tag="not_null"):
    """No value is missing in these columns: `not_null: [origin, dest]`."""

    columns: Columns


class Between(Struct, frozen=True, tag="between"):
    """All values lie in a range: `between: {distance: [0, 6000]}`."""

    ranges: Mapping[str, Range]


class OneOf(Struct, frozen=True, tag="one_of"):
    """All values are among those listed: `one_of: {origin: [EWR, JFK, LGA]}`."""

    values: Mapping[str, Annotated[tuple[Scalar, ...], Meta(min_length=1)]]


class Matches(Struct, frozen=True, tag="matches"):
    """All texts match a regular expression as a whole: `matches: {tail: "N[0-9]+"}`."""

    patterns: Mapping[str, Pattern]


class Unique(Struct, frozen=True, tag="unique"):
    """No two rows agree in all of these columns: `unique: [flight_id]`."""

    columns: Columns


class NoDuplicates(Struct, frozen=True, tag="no_duplicates"):
    """No two rows are the same in all columns, or in all but these: `no_duplicates: [row_number]`."""

    but: Names


class Length(Struct, frozen=True, tag="length"):
    """All texts are so many characters long: `length: {iata: [3, 3]}`."""

    ranges: Mapping[str, Range]


class Monotonic(Struct, frozen=True, tag="monotonic"):
    """Values never fall, or never rise, from row to row: `monotonic: {time: increasing}`."""

    columns: Mapping[str, Literal["increasing", "decreasing", "strictly_increasing", "strictly_decreasing"]]


class Statistic(Struct, frozen=True, tag="statistic"):
    """A statistic of a column lies within a bound: `statistic: {column: distance, is: mean, bound: "> 500"}`."""

    column: str
    kind: Literal["min", "max", "mean", "median", "std", "sum", "quantile"] = field(name="is")
    bound: NumberBound
    at: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Which quantile."""


class NullShare(Struct, frozen=True, tag="null_share"):
    """The share of missing values of columns lies within a bound: `null_share: {dep_delay: "< 5%"}`."""

    bounds: Mapping[str, NumberBound]


class Distinct(Struct, frozen=True, tag="distinct"):
    """How many different values columns have: `distinct: {carrier: "<= 20"}`."""

    bounds: Mapping[str, NumberBound]


class Fresh(Struct, frozen=True, tag="fresh"):
    """The newest time of a column is no older than so: `fresh: {loaded_at: 2d}`."""

    ages: Mapping[str, Duration]


class Sql(Struct, frozen=True, tag="sql"):
    """A condition that every row keeps, in SQL: `sql: arr_delay IS NULL OR arr_delay > -120`."""

    condition: Annotated[str, Meta(min_length=1)]


class Exists(Struct, frozen=True, tag="exists"):
    """Every value is one of another file's too: `exists: {column: dest, in: data/airports.csv, as: faa}`."""

    column: str
    source: FilePath = field(name="in")
    """The other file."""
    theirs: str = field(name="as", default="")
    """Its column; of the same name, where nothing is said."""


class Disjoint(Struct, frozen=True, tag="disjoint"):
    """No row's key occurs in another file too, which would be leakage: `disjoint: {from: test.csv, on: id}`."""

    source: FilePath = field(name="from")
    """The other file."""
    on: str | Names = ()
    """The column, or columns, that identify a row; all that both files have, where nothing is said."""


class Drift(Struct, frozen=True, tag="drift"):
    """The distribution of each column stays close to a reference."""

    against: str
    """The path of a file; `champion` for what the champion was trained on at this path, `run:12` for what a run had
    there, or `object:` with a digest, or its beginning, for any data that the store has."""
    psi: NumberBound | None = None
    """Population stability index."""
    js: NumberBound | None = None
    """Jensen-Shannon distance."""
    ks: NumberBound | None = None
    """Kolmogorov-Smirnov distance, of numbers."""
    wasserstein: NumberBound | None = None
    """Wasserstein distance (earth mover's), of numbers, in their unit."""
    chi2: NumberBound | None = None
    """The p of the chi-square test that both are alike; with many rows it is near 0 for the least difference."""
    columns: Names = ()
    """Only these columns; none means all."""

    def __post_init__(self) -> None:
        if not any((self.psi, self.js, self.ks, self.wasserstein, self.chi2)):
            raise ValueError('say which distance is bounded, such as psi: "< 0.2"')


class Schema(Struct, frozen=True, tag="schema"):
    """The checks of a file of their own pass, as `outdo check --save` writes them: `schema: schemas/train.yaml`."""

    path: OwnPath


class Expectations(Struct, frozen=True, tag="expectations"):
    """A Great Expectations suite passes: `expectations: expectations/train.json`."""

    path: OwnPath


class Outsider(Struct, frozen=True):
    """Tests or a schema of another tool, and what it runs in."""

    path: OwnPath
    env: PackagesFile | None = None
    """The file of its environment, such as `uv.lock`; without one, the Python that is found, or one that is built."""
    timeout: Duration = Duration(600.0)
    """How long it may take."""


class Pytest(Struct, frozen=True, tag="pytest"):
    """Tests of pytest pass, which find the data by the variable OUTDO_DATA: `pytest: tests/test_data.py`."""

    run: OwnPath | Outsider
    """The file, or a mapping with more."""


class Pandera(Struct, frozen=True, tag="pandera"):
    """A schema of pandera holds, written as YAML or in Python: `pandera: schemas.py:flights`."""

    run: OwnPath | Outsider
    """The file, of Python with the name of the schema behind a colon; or a mapping with more."""


class PythonFunction(Struct, frozen=True, tag="python"):
    """A function of the project says so, which is called with the path of the data: `python: checks.py:no_gaps`. It
    returns true or false, the numbers of rows that are not as expected, or a mapping (`passed`, `reason`, `value`,
    `rows`, `unexpected`, `examples`)."""

    run: OwnPath | Outsider
    """The file with the name of the function behind a colon, or a mapping with more. It runs in the environment that
    the file names under `env:`, unless it says another."""


OUTSIDERS = Pytest | Pandera | PythonFunction
"""Those that run code of the project in a process beside."""

Check = (
    Rows
    | HasColumns
    | ExactColumns
    | OnlyColumns
    | Dtype
    | NotNull
    | Between
    | OneOf
    | Matches
    | Length
    | Monotonic
    | Statistic
    | NullShare
    | Distinct
    | Unique
    | NoDuplicates
    | Fresh
    | Exists
    | Disjoint
    | Drift
    | Sql
    | Schema
    | Expectations
    | Pytest
    | Pandera
    | PythonFunction
)


class Asserted(Struct, frozen=True):
    """A check, with what may stand beside it."""

    check: Check
    level: Literal["fail", "warn"] = "fail"
    """Whether data that doesn't pass stops what reads it, or is a warning."""
    where: str = ""
    """Only rows that keep this condition, in SQL, are judged: `where: origin = 'JFK'`."""
    mostly: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """The share of rows that has to be as expected."""
    doubt: Doubt = "stop"
    """What becomes of those who read the data where its rows can't tell: they stop, ask a person, or go on."""


# ------------------------------------------------------------------ gates: what a model has to pass


class SureBound(Struct, frozen=True):
    """A bound that a metric surely keeps, and not by chance: its confidence bound has to."""

    bound: NumberBound
    confidence: Confidence = 0.95


class MetricGate(Struct, frozen=True, tag="metric"):
    """Metrics of the evaluation are within bounds: `metric: {auc: ">= 0.70"}`; surely so with
    `metric: {auc: {bound: ">= 0.70", confidence: 0.95}}`."""

    bounds: Mapping[str, Bound | SureBound]


class Beats(Struct, frozen=True, tag="beats"):
    """The challenger is better than the champion in a metric, on the same rows, beyond chance."""

    champion: str
    """The metric."""
    confidence: Confidence = 0.95
    """How sure the comparison has to be."""
    margin: float = 0.0
    """How much better it has to be; below 0, how much worse it may be (non-inferiority)."""
    cluster: str = ""
    """The column, or expression, whose values say which rows belong together, such as those of one user or day."""


class Slices(Struct, frozen=True, tag="slices"):
    """A metric holds in every part of the data."""

    metric: str
    by: str | Columns = ""
    """The column, or columns, whose values part the data; also expressions in SQL, such as `distance > 1000`."""
    find: Literal["all"] | Columns | None = None
    """In place of `by`: the worst slices are searched, by up to two of these columns."""
    at_least: float | None = None
    at_most: float | None = None
    at_most_worse: float | None = None
    """How much worse than the whole a slice may be."""
    min_rows: Count = 100
    """Smaller parts are not judged."""

    def __post_init__(self) -> None:
        if self.at_least is self.at_most is self.at_most_worse is None:
            raise ValueError("say at_least, at_most or at_most_worse")
        if bool(self.by) == bool(self.find):
            raise ValueError("say by which columns, or which to find the worst slices in, such as find: all")


class Fairness(Struct, frozen=True, tag="fairness"):
    """A metric is alike in all groups: the lowest group's divided by the highest's, or their difference."""

    by: str | Columns
    """The column, or columns, whose values are the groups; also expressions in SQL, such as `age >= 60`."""
    metric: str
    """Any metric, or `demographic_parity`, `equal_opportunity` or `equalized_odds`."""
    ratio: NumberBound | None = None
    difference: NumberBound | None = None
    min_rows: Count = 100
    """Smaller groups are not judged."""

    def __post_init__(self) -> None:
        if self.ratio is None and self.difference is None:
            raise ValueError('say ratio or difference, such as ratio: ">= 0.8"')
        if self.ratio is not None and self.ratio.op not in (">", ">="):
            raise ValueError('a ratio is bounded from below, such as ratio: ">= 0.8"')
        if self.difference is not None and self.difference.op not in ("<", "<="):
            raise ValueError('a difference is bounded from above, such as difference: "<= 0.1"')


Gate = MetricGate | Beats | Slices | Fairness | Size | Calibration | Measured
