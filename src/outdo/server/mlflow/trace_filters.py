"""The language of filters and orders over traces; some of its words stand for tags, metadata, links or spans.

status = 'ERROR' AND tags.team = 'a' AND span.name = 'search' AND feedback.score > 0.5
"""

from collections.abc import Sequence

from outdo.core.refusals import Invalid
from outdo.core.tracking import Condition, Order
from outdo.server.mlflow.language import (
    LISTED,
    NULL,
    NUMERIC,
    TEXTUAL,
    TIME,
    Attribute,
    Language,
    conditions,
    orders,
)
from outdo.store.tracking.trace_search import RUN_KEY

NAME_TAG = "mlflow.traceName"
PROMPTS_TAG = "mlflow.linkedPrompts"
SPAN_KEYS = ("name", "type", "status", "content")

_TEXT = Attribute(TEXTUAL | LISTED)
TRACES = Language(
    {
        "request_id": _TEXT,
        "status": _TEXT,
        "client_request_id": _TEXT,
        "name": _TEXT,
        "run_id": _TEXT,
        "prompt": Attribute(frozenset({"="})),
        "text": Attribute(frozenset({"LIKE", "ILIKE"})),
        "experiment_id": Attribute(frozenset()),
        "timestamp_ms": TIME,
        "execution_time_ms": TIME,
        "end_time_ms": TIME,
    },
    {
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("metadata", "request_metadata"), "metadata"),
        **dict.fromkeys(("attribute", "attributes", "trace"), "attribute"),
        "span": "span",
        "feedback": "feedback",
        "expectation": "expectation",
    },
    {"timestamp": "timestamp_ms", "execution_time": "execution_time_ms", "end_time": "end_time_ms"},
    entities={
        "span": _TEXT,
        "feedback": Attribute(TEXTUAL | NUMERIC | NULL, quoted=True),
        "expectation": Attribute(TEXTUAL | NUMERIC | NULL, quoted=True),
    },
)


def trace_conditions(text: str) -> list[Condition]:
    """What a filter of traces asks for; raises `Invalid`."""
    return [_meant(one) for one in conditions(text, TRACES)]


def trace_orders(texts: Sequence[str]) -> list[Order]:
    """How traces are sorted; without a wish those that began last come first. Raises `Invalid`."""
    default = [Order("attribute", "timestamp_ms", True), Order("attribute", "request_id")]
    found = [_ordered(one) for one in orders(texts, TRACES, default)]
    if any(one.entity not in ("attribute", "tag", "metadata") for one in found):
        raise Invalid(f"Invalid order_by clause in {list(texts)}: traces have no order of that")
    return found


def _meant(one: Condition) -> Condition:
    match one.entity, one.key:
        case "attribute", "name":
            return Condition("tag", NAME_TAG, one.operator, one.value)
        case "attribute", "run_id":
            return _of_run(one)
        case ("attribute", "prompt") | ("tag", "mlflow.linkedPrompts"):
            return _of_prompt(one)
        case "attribute", "text":
            return Condition("span", "content", one.operator, one.value)
        case "metadata", "mlflow.sourceRun":
            return _of_run(one)
        case "span", key:
            _check_span(key, one.operator)
    return one


def _of_run(one: Condition) -> Condition:
    """One that names a run means also the traces that were joined to it."""
    if one.operator == "=":
        return Condition("link", "run", "=", one.value)
    return Condition("metadata", RUN_KEY, one.operator, one.value)


def _of_prompt(one: Condition) -> Condition:
    if one.operator != "=":
        raise Invalid(f"Invalid comparator '{one.operator}' for a prompt: only '=' is supported")
    if str(one.value).count("/") != 1:
        raise Invalid(
            f"Invalid prompts filter value '{one.value}'. Expected format: prompt = \"name/version\""
        )
    return Condition("link", "prompt", "=", one.value)


def _check_span(key: str, operator: str) -> None:
    if key == "content" and operator not in ("LIKE", "ILIKE"):
        raise Invalid(f"span.content comparator '{operator}' not one of LIKE, ILIKE")
    if key not in SPAN_KEYS and not key.removeprefix("attributes.") != key:
        raise Invalid(
            f"Invalid span attribute '{key}'. Supported attributes: name, status, type, attributes.<attribute_name>."
        )


def _ordered(one: Order) -> Order:
    if one.entity == "attribute" and one.key == "name":
        return Order("tag", NAME_TAG, one.descending)
    if one.entity == "attribute" and one.key == "run_id":
        return Order("metadata", RUN_KEY, one.descending)
    if one.entity == "attribute" and one.key in ("prompt", "text", "client_request_id"):
        raise Invalid(f"Invalid order_by key '{one.key}' specified")
    return one
