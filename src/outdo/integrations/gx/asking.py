"""A suite beside the columns of a table: what each of its expectations asks of the rows."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from outdo.core.hints import did_you_mean
from outdo.core.probes import Kinds, Probe
from outdo.core.rules import Asserted
from outdo.core.verdict import Level, Verdict
from outdo.integrations.gx.aggregates import AGGREGATES
from outdo.integrations.gx.conditions import BadCondition, read_condition
from outdo.integrations.gx.question import Elsewhere, Left, Question, Unfit
from outdo.integrations.gx.suite import Expectation, Suite
from outdo.integrations.gx.tables import TABLES
from outdo.integrations.gx.values import VALUES, Ask

COMPILED: Mapping[str, Ask] = {**VALUES, **AGGREGATES, **TABLES}
"""What is asked in the one scan, by the type of the expectation."""
LEFT = ("expect_column_values_to_be_dateutil_parseable", "expect_column_values_to_match_json_schema")
"""What is always left to Great Expectations itself."""
_ANYWHERE = {"row_condition", "condition_parser", "parse_strings_as_datetimes"}
"""Arguments that any expectation may have."""
_DATABASE = (
    "expect_table_row_count_to_equal_other_table",
    "expect_query_results_to_match_comparison",
    "unexpected_rows_expectation",
)


def asked(suite: Suite, asserted: Asserted, path: str, kinds: Kinds) -> list[Probe | Verdict]:
    """One part for each expectation of a suite, in their order; of an empty suite one that was not evaluated."""
    if not suite.expectations:
        return [Verdict(f"expectations {path}", "not_evaluated", "the suite is empty", level=asserted.level)]
    return [_asked(each, place, asserted, path, kinds) for place, each in enumerate(suite.expectations)]


def _asked(
    expectation: Expectation, place: int, asserted: Asserted, path: str, kinds: Kinds
) -> Probe | Verdict:
    level: Level = asserted.level if expectation.severity == "critical" else "warn"
    scope = ""
    try:
        scope = _scope(expectation, asserted, kinds)
        ask = COMPILED.get(expectation.type)
        if ask is None:
            raise _unknown(expectation)
        question = Question(expectation, kinds, scope, path, level)
        part = ask(question)
        if unread := [key for key in expectation.kwargs if key not in question.read | _ANYWHERE]:
            raise Unfit(f"it has no argument '{unread[0]}'")
    except Unfit as error:
        return Verdict(expectation.title, "not_evaluated", str(error), level=level, subject=path)
    except Elsewhere as error:
        return Left(
            expectation.title,
            "not_evaluated",
            str(error),
            level=level,
            subject=path,
            place=place,
            scope=scope,
        )
    return replace(part, subject=path)


def _unknown(expectation: Expectation) -> Unfit | Elsewhere:
    kind = expectation.type
    if kind in _DATABASE:
        return Unfit("it is about a database, and this is a file")
    if kind not in LEFT:
        return Unfit(f"there is no such expectation; {did_you_mean(kind, [*COMPILED, *LEFT])}".rstrip("; "))
    if not _local(expectation.kwargs.get("json_schema")):
        return Unfit("its json_schema refers to something outside itself")
    return Elsewhere("it is evaluated by Great Expectations alone")


def _local(schema: Any) -> bool:
    """Whether a schema refers to nothing but parts of itself, as others would be fetched."""
    if isinstance(schema, list):
        return all(map(_local, schema))
    if not isinstance(schema, dict):
        return True
    refers = [schema[key] for key in ("$ref", "$dynamicRef", "$recursiveRef") if key in schema]
    return all(isinstance(each, str) and each.startswith("#") for each in refers) and all(
        map(_local, schema.values())
    )


def _scope(expectation: Expectation, asserted: Asserted, kinds: Kinds) -> str:
    """The rows that an expectation is about: those of the check in outdo.yaml that keep the suite's condition."""
    parts = [f"({asserted.where})"] if asserted.where else []
    condition = expectation.kwargs.get("row_condition")
    if condition:
        parser = expectation.kwargs.get("condition_parser")
        try:
            parts.append(read_condition(condition, parser if isinstance(parser, str) else None, kinds))
        except BadCondition as error:
            raise Unfit(f"its row_condition: {error}") from None
    return " AND ".join(parts) or "true"
