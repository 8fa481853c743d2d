"""Verdicts on a suite as the JSON of Great Expectations' validation result."""

from collections.abc import Sequence
from typing import Any

from outdo.core.verdict import Evidence, Verdict
from outdo.integrations.gx.suite import Expectation, Suite

_SHOWN = 20
_SETS = "expect_column_distinct_values_"
_UNCOUNTED = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")
"""Those of which no row is without a value."""


def gx_result(suite: Suite, verdicts: Sequence[Verdict], *, path: str, version: str) -> dict[str, Any]:
    """The validation result of a suite in the form of Great Expectations 1.x, from one verdict for each expectation.

    What was not evaluated is told as an exception, which is how Great Expectations tells it; an empty suite is no
    success here.
    """
    results = [_result(each, verdict) for each, verdict in zip(suite.expectations, verdicts, strict=True)]
    good = sum(result["success"] for result in results)
    return {
        "success": bool(results) and good == len(results),
        "results": results,
        "suite_name": suite.name,
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results) if results else None,
        },
        "meta": {"great_expectations_version": None, "outdo_version": version, "path": path},
        "id": None,
    }


def checkpoint_result(validations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several validation results as those of one checkpoint."""
    good = sum(bool(each["success"]) for each in validations)
    return {
        "success": bool(validations) and good == len(validations),
        "statistics": {
            "evaluated_validations": len(validations),
            "success_percent": 100 * good / len(validations) if validations else None,
            "successful_validations": good,
            "unsuccessful_validations": len(validations) - good,
        },
        "validation_results": list(validations),
    }


def _result(expectation: Expectation, verdict: Verdict) -> dict[str, Any]:
    evaluated = verdict.outcome != "not_evaluated"
    config: dict[str, Any] = {
        "type": expectation.type,
        "kwargs": dict(expectation.kwargs),
        "meta": dict(expectation.meta or {}),
        "severity": expectation.severity,
    }
    if expectation.id:
        config["id"] = expectation.id
    return {
        "success": verdict.outcome == "passed",
        "expectation_config": config,
        "result": _numbers(expectation, verdict.evidence) if evaluated else {},
        "meta": {},
        "exception_info": {
            "raised_exception": not evaluated,
            "exception_traceback": None,
            "exception_message": None if evaluated else verdict.reason,
        },
    }


def _numbers(expectation: Expectation, found: Evidence) -> dict[str, Any]:
    if expectation.type.startswith(_SETS):
        told: dict[str, Any] = {"observed_value": None}
        told |= {} if found.unexpected is None else {"unexpected_count": found.unexpected}
        return told | ({} if found.missing is None else {"missing_count": found.missing})
    if found.unexpected is None or found.rows is None:
        seen = found.value if found.observed is None else found.observed
        return {} if seen is None and not found.bound else {"observed_value": seen}
    rows, bad = found.rows, found.unexpected
    share = 100 * bad / rows if rows else None
    shown = [(row.partition(": ")[2] or row).partition(" = ")[2] for row in found.examples[:_SHOWN]]
    told = {
        "element_count": rows + (found.missing or 0),
        "unexpected_count": bad,
        "unexpected_percent": share,
        "partial_unexpected_list": shown,
    }
    if expectation.type in _UNCOUNTED or found.missing is None:
        return told
    total = rows + found.missing
    return told | {
        "missing_count": found.missing,
        "missing_percent": 100 * found.missing / total if total else None,
        "unexpected_percent_total": 100 * bad / total if total else None,
        "unexpected_percent_nonmissing": share,
    }
