"""Calls one function with the path of the data, and writes down what came of it: `pythonworker.py REQUEST ANSWER`.

Runs in an environment of the project, so it needs nothing but Python itself."""

import importlib.util
import json
import os
import sys
import traceback
from typing import Any

MOST = 1_000_000
"""Rows of an answer that are written down."""


def called(file: str, name: str, data: str) -> dict[str, Any]:
    """What the function said."""
    sys.path[:0] = [os.path.dirname(file), os.getcwd()]
    try:
        spec = importlib.util.spec_from_file_location(os.path.basename(file)[:-3], file)
        if spec is None or spec.loader is None:
            return {"error": "it can't be loaded"}
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        function = getattr(module, name, None)
        if not callable(function):
            return {"error": f"it has no function '{name}'"}
        return answered(function(data))
    except BaseException as error:  # whatever it raises is an answer
        places = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == file]
        line = f" (line {places[-1].lineno})" if places else ""
        return {"error": f"it raised {type(error).__name__}{line}: {error}"}


def answered(value: Any) -> dict[str, Any]:
    """A truth, rows or a mapping, those of NumPy and pandas too."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, bool):
        return {"passed": value}
    if isinstance(value, list | tuple | set | range):
        rows = [each.tolist() if hasattr(each, "tolist") else each for each in value]
        if all(isinstance(each, int) and not isinstance(each, bool) for each in rows):
            return {"rows": sorted(rows)[:MOST], "count": len(rows)}
        return {"error": "it returned a list of what are no numbers of rows"}
    if isinstance(value, dict):
        return {"said": {str(key): plain(each) for key, each in value.items()}}
    told = "nothing" if value is None else type(value).__name__
    return {"error": f"it returned {told}, and not true or false, a list of row numbers or a mapping"}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return value if isinstance(value, bool | int | float | str | list | None) else str(value)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as request:
        answer = called(*json.load(request))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answer, file)
