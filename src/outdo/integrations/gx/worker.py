"""Run by the Python of Great Expectations' own environment, alone: asks it, and writes down what it says.

`worker.py REQUEST ANSWER`: a request is `[{"table": path, "expectation": {"type": …, "kwargs": …}}]` in JSON; the
answer has one object for each, with `success` and `result`, or `error`.
"""

import json
import sys
import warnings
from typing import Any


def main(request: str, answer: str) -> None:
    """Answers one request."""
    warnings.simplefilter("ignore")
    import great_expectations
    import pandas

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("outdo").add_dataframe_asset("rows")
    whole = source.add_batch_definition_whole_dataframe("whole")
    with open(request, encoding="utf-8") as file:
        wanted = json.load(file)
    batches: dict[str, Any] = {}
    answers = []
    for each in wanted:
        if each["table"] not in batches:
            batches[each["table"]] = whole.get_batch({"dataframe": pandas.read_parquet(each["table"])})
        answers.append(_answer(great_expectations, batches[each["table"]], each["expectation"]))
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(answers, file, default=_plain, allow_nan=False)


def _answer(great_expectations: Any, batch: Any, expectation: dict[str, Any]) -> dict[str, Any]:
    try:
        suite = great_expectations.ExpectationSuite(name="suite", expectations=[expectation])
        found = batch.validate(suite, result_format="BASIC").results[0]
        info = found.exception_info
        raised = info if "raised_exception" in info else next(iter(info.values()))
        if raised["raised_exception"]:
            return {"error": str(raised["exception_message"])[:500]}
        result = json.loads(json.dumps(found.result, default=_plain), parse_constant=lambda _: None)
    except Exception as error:  # whatever it is, the others are still asked
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"success": bool(found.success), "result": result}


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.tolist() if hasattr(value, "tolist") else str(value)


if __name__ == "__main__":
    main(*sys.argv[1:3])
