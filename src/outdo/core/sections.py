"""The sections of `outdo.yaml` beside its stages: models, environments, monitors, triggers, notify, and DVC's.

The docstrings of these classes and fields are what editors and the reference show.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from outdo.core.kinds import Count, Names
from outdo.core.modelgates import Loading
from outdo.core.paths import FilePath, OwnPath, inside
from outdo.core.rules import Gate
from outdo.core.verdict import Doubt
from outdo.core.written import Bound, Bytes, Cron, Duration, NumberBound, Secret, Share

# ------------------------------------------------------------------ models

CHAMPION = "champion"
"""The alias of the version to beat."""


class Predictions(Struct, frozen=True):
    """The file of predictions that the evaluating stage writes, one row for each example."""

    path: OwnPath
    label: str
    """The column with the truth."""
    score: str
    """The column with the model's score or prediction."""
    key: str | Names = ()
    """The column, or columns, that identify a row, so that two models are compared on the same rows."""
    threshold: float = 0.5
    """The score from which, of two classes, the positive one is decided for."""
    scores: Mapping[str, str] = {}
    """Of more than two classes: for each label the column with its probability, such as `{EWR: p_ewr, JFK: p_jfk}`."""
    query: str = ""
    """The column that says which rows are ranked together, for `ndcg` and `map`; labels say how relevant rows are."""


class OwnMetric(Struct, frozen=True):
    """A metric that the project computes itself: `{function: src/metrics.py:profit, better: higher}`."""

    function: Annotated[str, Meta(pattern=r"^.+\.py:[A-Za-z_][A-Za-z0-9_]*$")]
    """`FILE:NAME`: a function of two arrays, labels and scores, that returns a number. It is called with rows that were
    drawn again some thousand times where an interval is asked for."""
    better: Literal["higher", "lower"] = "higher"
    timeout: Duration = Duration(600)
    """How long it may take with the rows of one model, all calls together."""

    def __post_init__(self) -> None:
        inside(self.function.rpartition(":")[0])


class Model(Struct, frozen=True):
    """A model: where it is, which stage scores it, and what a version has to pass."""

    path: OwnPath
    """The file or folder that is registered as a version."""
    evaluate: str | None = None
    """The stage that scores it; the champion is scored by the same stage."""
    predictions: Predictions | None = None
    metrics: Mapping[str, OwnMetric] = {}
    """Metrics of the project's own, by name, for `metric` and `beats`."""
    load: Loading = Loading()
    gates: tuple[Gate, ...] = ()
    doubt: Doubt = "stop"
    """What a gate does that can't tell: it stops the model, asks a person, or lets it go on."""
    desc: str = ""


# ------------------------------------------------------------------ environments: where models go


class Approvals(Struct, frozen=True):
    """Who has to agree before a version enters the environment."""

    count: Count = 1
    """How many people, the author not among them."""
    role: str | Names = field(name="from", default="maintainer")
    """The role, or roles, that may agree."""


class Rollout(Struct, frozen=True):
    """How a new version takes over."""

    canary: tuple[Share, ...] = (Share(1.0),)
    """The shares of the requests it gets, one step after the other; the last is 100%."""
    hold: Duration = Duration(600.0)
    """How long each step lasts."""
    abort_on: tuple[Mapping[str, Bound], ...] = ()
    """What ends the rollout and brings the old version back."""

    def __post_init__(self) -> None:
        parts = [share.part for share in self.canary]
        if not parts or parts != sorted(set(parts)) or parts[0] <= 0 or parts[-1] != 1:
            raise ValueError("the steps of canary have to grow and end with 100%, such as [5%, 25%, 100%]")


class Environment(Struct, frozen=True):
    """A place that models are deployed to, with its policy."""

    models: Names
    """The models that go there."""
    promote: Literal["auto", "manual"] = "manual"
    """Whether a version that passed its gates enters by itself or is asked for."""
    after: str | None = None
    """The environment that a version has to be in first."""
    approvals: Approvals | None = None
    rollout: Rollout | None = None


# ------------------------------------------------------------------ monitors, triggers, notify


class DriftBounds(Struct, frozen=True):
    """How far the requests may drift from the data of training."""

    psi: NumberBound | None = None
    """Population stability index."""
    js: NumberBound | None = None
    """Jensen-Shannon distance."""
    ks: NumberBound | None = None
    """Kolmogorov-Smirnov distance."""


class Monitor(Struct, frozen=True):
    """What is watched of a model in an environment."""

    environment: str
    window: Duration = Duration(86400.0)
    """The span of time that is judged as one."""
    drift: DriftBounds | None = None
    metrics: Mapping[str, Bound] = {}
    """Bounds of metrics, judged once the labels are known."""
    on_alert: tuple[Literal["notify", "retrain", "rollback"], ...] = ("notify",)
    """What happens when a bound is crossed."""


class Push(Struct, frozen=True):
    """A push starts a run."""

    branches: Names = ()
    """Names or patterns; none means every branch."""
    paths: Names = ()
    """Only when one of these paths or patterns changed."""


class PullRequest(Struct, frozen=True):
    """A pull request, and each push to it, starts a run."""

    branches: Names = ()
    """The branches it would be merged into; none means every branch."""


class Tag(Struct, frozen=True):
    """A new tag starts a run."""

    patterns: Names = ()
    """None means every tag."""


class NewData(Struct, frozen=True):
    """New data starts a run."""

    paths: Annotated[tuple[FilePath, ...], Meta(min_length=1)]
    """Files, folders or patterns that are looked at."""
    every: Duration = Duration(300.0)
    """How often."""


class Triggers(Struct, frozen=True):
    """What starts a run by itself."""

    push: Push | None = None
    pull_request: PullRequest | None = None
    tag: Tag | None = None
    schedule: Cron | tuple[Cron, ...] = ()
    """In UTC: minute, hour, day of the month, month, weekday."""
    data: NewData | None = None


class Jira(Struct, frozen=True):
    """Issues in Jira, one for each alert or failure."""

    url: str
    project: str
    token: Secret
    user: str = ""
    issue_type: str = "Task"


class Notify(Struct, frozen=True):
    """Who hears about runs, verdicts, approvals and alerts."""

    slack: Secret | str | None = None
    """The webhook's URL."""
    jira: Jira | None = None
    webhook: Secret | str | None = None
    """A URL that receives each event as JSON."""


# ------------------------------------------------------------------ what DVC declares beside stages


class Plot(Struct, frozen=True):
    """How a file, or several, are drawn."""

    x: str | Mapping[str, str] = ""
    """The field of the horizontal axis, or `{file: field}`."""
    y: str | Names | Mapping[str, str | Names] = ""
    """The field or fields of the vertical axis, or `{file: fields}`."""
    template: str = ""
    """linear, smooth, scatter, confusion or another of `outdo plots --help`; or a file of Vega-Lite."""
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    header: bool = True
    """Whether the first line of a CSV or TSV file holds the names of its columns."""


class Artifact(Struct, frozen=True):
    """A named file or folder for others to find."""

    path: OwnPath
    type: str = ""
    """Such as `model` or `dataset`."""
    desc: str = ""
    labels: Names = ()
    meta: Any = None
    """Whatever you like; Outdo doesn't look into it."""


class Resources(Struct, frozen=True):
    """What a stage takes of the machine while it runs."""

    cpu: Annotated[float, Meta(ge=0)] = 1.0
    """Cores; a part such as 0.5 is fine."""
    gpu: Annotated[float, Meta(ge=0)] = 0.0
    memory: Bytes = Bytes(0)
    """Such as `4GB`; 0 means not said."""
