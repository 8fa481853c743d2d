"""What the filters and orders of each kind of search may name, and how rows come where nothing is said."""

from collections.abc import Mapping, Sequence

from outdo.core.refusals import Invalid
from outdo.core.tracking import PROMPT_TAG, Condition, Entity, Order
from outdo.server.mlflow.language import (
    LISTED,
    NUMERIC,
    TEXTUAL,
    TIME,
    Attribute,
    Language,
    conditions,
    identifier,
    orders,
)
from outdo.server.mlflow.shapes import experiment_number

_STAMPS = {"creation_timestamp": TIME, "last_updated_timestamp": TIME}
_TAGS: Mapping[str, Entity] = {
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attr", "attribute", "attributes"), "attribute"),
}
RUNS = Language(
    {
        "run_id": Attribute(TEXTUAL | LISTED),
        "run_name": Attribute(TEXTUAL),
        "status": Attribute(TEXTUAL),
        "artifact_uri": Attribute(TEXTUAL),
        "user_id": Attribute(TEXTUAL),
        "start_time": TIME,
        "end_time": TIME,
    },
    {
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attr", "attribute", "attributes", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    {
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
        "created": "start_time",
        "Created": "start_time",
    },
    entities={"dataset": Attribute(TEXTUAL | LISTED)},
)
EXPERIMENTS = Language(
    {
        "name": Attribute(TEXTUAL),
        "experiment_id": Attribute(frozenset({"=", "!="}) | LISTED),
        "creation_time": TIME,
        "last_update_time": TIME,
    },
    _TAGS,
)
MODELS = Language(
    {"name": Attribute(TEXTUAL | {"IN"}), **_STAMPS},
    _TAGS,
    {"timestamp": "last_updated_timestamp"},
    null=False,
    unsorted=frozenset({"creation_timestamp"}),
)
VERSIONS = Language(
    {
        "name": Attribute(TEXTUAL | {"IN"}),
        "run_id": Attribute(TEXTUAL | {"IN"}),
        "source_path": Attribute(TEXTUAL),
        "version_number": Attribute(NUMERIC, numeric=True, quoted=True),
        **_STAMPS,
    },
    _TAGS,
    {"timestamp": "last_updated_timestamp", "version": "version_number"},
    null=False,
)
LOGGED_MODELS = Language(
    {
        **dict.fromkeys(
            ("name", "model_id", "model_type", "status", "source_run_id", "artifact_uri"),
            Attribute(TEXTUAL | LISTED),
        ),
        **_STAMPS,
    },
    {
        **_TAGS,
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    },
    {
        "creation_time": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "last_updated_time": "last_updated_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
)


def run_conditions(text: str) -> list[Condition]:
    """What a filter of runs asks for; raises `Invalid`."""
    return conditions(text, RUNS)


def run_orders(texts: Sequence[str]) -> list[Order]:
    """How runs are sorted; without a wish those that began last come first. Raises `Invalid`."""
    return orders(texts, RUNS, [Order("attribute", "start_time", True), Order("attribute", "run_id")])


def experiment_conditions(text: str) -> list[Condition]:
    """What a filter of experiments asks for; raises `Invalid`."""
    found = conditions(text, EXPERIMENTS)
    return [_numbered(one) if one.key == "experiment_id" else one for one in found]


def experiment_orders(texts: Sequence[str]) -> list[Order]:
    """How experiments are sorted; without a wish the newest come first. Raises `Invalid`."""
    default = [Order("attribute", "creation_time", True), Order("attribute", "experiment_id")]
    return orders(texts, EXPERIMENTS, [Order("attribute", "experiment_id", True)] if texts else default)


def model_conditions(text: str) -> list[Condition]:
    """What a filter of registered models asks for; raises `Invalid`."""
    return _of_one_kind(conditions(text, MODELS))


def model_orders(texts: Sequence[str]) -> list[Order]:
    """How registered models are sorted: by name, where nothing else is said. Raises `Invalid`."""
    return orders(texts, MODELS, [Order("attribute", "name")])


def version_conditions(text: str) -> list[Condition]:
    """What a filter of versions asks for; raises `Invalid`."""
    return _of_one_kind(conditions(text, VERSIONS))


def _of_one_kind(found: Sequence[Condition]) -> list[Condition]:
    """The conditions with one more: prompts are found where the filter asks for them, and then nothing else is."""
    about = [one for one in found if (one.entity, one.key) == ("tag", PROMPT_TAG)]
    asked = any((one.operator, one.value) in (("=", "true"), ("!=", "false")) for one in about)
    rest = [one for one in found if one not in about]
    return [*rest, Condition("tag", PROMPT_TAG, "=" if asked else "!=", "true")]


def version_orders(texts: Sequence[str]) -> list[Order]:
    """How versions are sorted: the last changed first, where nothing else is said. Raises `Invalid`."""
    default = [
        Order("attribute", "last_updated_timestamp", True),
        Order("attribute", "name"),
        Order("attribute", "version_number", True),
    ]
    return orders(texts, VERSIONS, default[1:] if texts else default)


def logged_model_conditions(text: str) -> list[Condition]:
    """What a filter of logged models asks for; raises `Invalid`."""
    try:
        return conditions(text, LOGGED_MODELS)
    except Invalid as error:
        told = error.message.replace("Invalid comparator", "Invalid comparison operator")
        raise Invalid(f"Invalid filter string: {told}") from None


def logged_model_orders(fields: Sequence[tuple[str, bool, tuple[str, str] | None]]) -> list[Order]:
    """How logged models are sorted, from field, whether ascending, and the dataset of a metric; raises `Invalid`."""
    found = [Order(*identifier(name, LOGGED_MODELS), not up, dataset) for name, up, dataset in fields if name]
    default = [Order("attribute", "creation_timestamp", True), Order("attribute", "model_id")]
    named = {(one.entity, one.key) for one in found}
    return [*found, *(one for one in default if (one.entity, one.key) not in named)]


def _numbered(one: Condition) -> Condition:
    """The condition with experiments' ids as numbers."""
    if isinstance(one.value, tuple):
        return Condition(
            one.entity, one.key, one.operator, tuple(map(experiment_number, map(str, one.value)))
        )
    return Condition(one.entity, one.key, one.operator, experiment_number(str(one.value)))
