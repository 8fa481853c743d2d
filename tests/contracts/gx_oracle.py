"""Great Expectations itself, run in its own environment: suites on tables from stdin, its results to stdout."""

import json
import sys
import warnings
from typing import Any


def main() -> None:
    """Answers `[{"table": path, "expectations": […]}]` with one list of results each; what raised is None."""
    warnings.simplefilter("ignore")
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
    whole = asset.add_batch_definition_whole_dataframe("whole")
    answers = []
    for case in json.load(sys.stdin):
        batch = whole.get_batch({"dataframe": pd.read_parquet(case["table"])})
        answers.append([_answer(gx, batch, each) for each in case["expectations"]])
    json.dump(answers, sys.stdout)


def _answer(gx: Any, batch: Any, expectation: dict[str, Any]) -> Any:
    try:
        suite = gx.ExpectationSuite(name="suite", expectations=[expectation])
        found = batch.validate(suite, result_format="BASIC").results[0]
    except Exception as error:
        return str(error)[:300]
    info = found.exception_info
    raised = info if "raised_exception" in info else next(iter(info.values()))
    if raised["raised_exception"]:
        return str(raised["exception_message"])[:300]
    plain = json.dumps(found.result, default=_plain)
    return {"success": bool(found.success), "result": json.loads(plain, parse_constant=lambda _: None)}


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.tolist() if hasattr(value, "tolist") else str(value)


if __name__ == "__main__":
    main()
