"""Run by the Python of pandera's environment, alone: validates rows by a schema, and writes down what fails.

`worker.py REQUEST ANSWER`: a request is `{"table": path, "schema": path, "name": name}` in JSON, the answer an object
with `checks`, `rows` and `failures`, or with `error`.
"""

import json
import os
import sys
import warnings
from typing import Any

MOST = 20


def main(request: str, answer: str) -> None:
    """Answers one request."""
    os.environ["PANDERA_VALIDATION_ENABLED"] = "True"
    os.environ["PANDERA_VALIDATION_DEPTH"] = "SCHEMA_AND_DATA"
    with open(request, encoding="utf-8") as file:
        wanted = json.load(file)
    try:
        found = _validated(_schema(wanted["schema"], wanted["name"]), wanted["table"])
    except Exception as error:  # whatever it is, it is told
        found = {"error": f"{type(error).__name__}: {error}"[:500]}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(found, file, default=str)


def _schema(path: str, name: str) -> Any:
    if path.endswith((".yaml", ".yml", ".json")):
        from pandera.pandas import DataFrameSchema

        return DataFrameSchema.from_json(path) if path.endswith(".json") else DataFrameSchema.from_yaml(path)
    import runpy

    sys.path[0] = os.getcwd()  # instead of the folder of this script
    sys.path.insert(0, os.path.dirname(path))
    names = runpy.run_path(path)
    if name not in names:
        raise LookupError(f"there is no '{name}' in it")
    found = names[name]
    return found.to_schema() if hasattr(found, "to_schema") else found


def _validated(schema: Any, table: str) -> dict[str, Any]:
    if not callable(getattr(schema, "validate", None)):
        raise TypeError("it is no schema of pandera")
    polars = "polars" in type(schema).__module__
    if polars:
        import polars as frames
    else:
        import pandas as frames
    from pandera.errors import SchemaErrors, SchemaWarning

    if getattr(schema, "drop_invalid_rows", False):
        schema.drop_invalid_rows = False  # else rows that fail would be dropped without a word
    rows = frames.read_parquet(table)
    columns = getattr(schema, "columns", None) or {}
    checks = len(columns) + len(getattr(schema, "checks", None) or ())
    found: dict[str, Any] = {"checks": checks, "rows": len(rows), "failures": [], "warnings": []}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            schema.validate(rows, lazy=True)
        except SchemaErrors as errors:
            cases = errors.failure_cases
            found["failures"] = _grouped(cases.to_dicts() if polars else cases.to_dict("records"))
    found["warnings"] = [str(one.message)[:300] for one in warned if issubclass(one.category, SchemaWarning)]
    return found


def _grouped(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Failures by column and check, each with how many there are and some of them."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for case in cases:
        column, check = str(case.get("column") or ""), str(case.get("check") or "")
        group = groups.setdefault(
            (column, check), {"column": column, "check": check, "count": 0, "whole": True, "examples": []}
        )
        row = case.get("index")
        group["count"] += 1
        if isinstance(row, int | float) and row == row:
            group["whole"] = False
            if len(group["examples"]) < MOST:
                group["examples"].append([int(row) + 1, str(case.get("failure_case"))[:60]])
        elif len(group["examples"]) < MOST:
            group["examples"].append([0, str(case.get("failure_case"))[:60]])
    return list(groups.values())


if __name__ == "__main__":
    main(*sys.argv[1:3])
