"""Loads one model in a process of its own and says how fast it answers, how much memory it takes, and what it answers.

It is started by its file's name, by the interpreter of the model's environment, and so imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

WARM_CALLS = 10
WARM_SECONDS = 0.5
DISTINCT = 256
"""Batches that are cut before the clock starts, and then asked in turn."""


def main(request_path: str, result_path: str) -> None:
    """Writes what was found, or why nothing could be, as JSON to `result_path`."""
    sys.path[0] = os.getcwd()  # modules of the project, and none from beside this file
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    try:
        found: dict[str, Any] = carried_out(request)
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}"}
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump(found, file)


def carried_out(request: dict[str, Any]) -> dict[str, Any]:
    rows = read(request["sample"])
    if request["take"] is not None:
        rows = rows.iloc[request["take"]].reset_index(drop=True)
    before = memory_now()
    began = time.perf_counter()
    model = load(request["model"], request["by"])
    loading = time.perf_counter() - began
    features = request["features"] or known_features(model)
    if not features:
        features = [name for name in rows.columns if name not in request["without"]]
    missing = [name for name in features if name not in rows.columns]
    if missing:
        return {"error": f"the sample has no column '{missing[0]}', which the model wants"}
    rows = rows[list(features)]
    found: dict[str, Any] = {"loading": loading, "rows": len(rows), "features": list(map(str, features))}
    if request["calls"]:
        found["times"] = timed(model, rows, request)
        found["memory"] = memory_peak(before) - before
    if request["variants"] is not None:
        others = [changed(rows, columns) for columns in request["variants"]]
        found["answers"] = [answers(model, each) for each in (rows, *others)]
    return found


# -------------------------------------------------------------------- rows


def read(path: str) -> Any:
    import pandas as pd

    name = path.lower()
    if name.endswith((".parquet", ".pq")):
        return pd.read_parquet(path)
    if name.endswith((".feather", ".arrow")):
        return pd.read_feather(path)
    if name.endswith((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")):
        return pd.read_json(path, lines=True)
    return pd.read_csv(path, sep="\t" if ".tsv" in name else ",")


def changed(rows: Any, columns: dict[str, Any]) -> Any:
    """The rows with other values in some columns, of the types that these have."""
    import pandas as pd

    rows = rows.copy()
    for name, values in columns.items():
        if name in rows.columns:
            new = pd.Series(values, index=rows.index)
            if not (rows[name].dtype.kind in "iub" and (new.isna().any() or (new % 1 != 0).any())):
                new = new.astype(rows[name].dtype)
            rows[name] = new
    return rows


# -------------------------------------------------------------------- models


def load(path: str, by: str) -> Any:
    if by == "joblib":
        try:
            import joblib
        except ImportError:
            import pickle

            with open(path, "rb") as file:
                return pickle.load(file)  # noqa: S301  its file was looked through first
        return joblib.load(path)
    if by == "xgboost":
        import xgboost

        booster: Any = xgboost.Booster()
        booster.load_model(path)
        return Native(
            lambda rows: booster.predict(xgboost.DMatrix(rows, enable_categorical=True)),
            booster.feature_names,
        )
    if by == "lightgbm":
        import lightgbm

        booster = lightgbm.Booster(model_file=path)
        return Native(booster.predict, booster.feature_name())
    if by == "onnx":
        return onnx(path)
    return from_python(by)(path)


class Native:
    """A model whose library has no common way to be asked."""

    def __init__(self, predict: Any, features: Any = None) -> None:
        self.predict = predict
        self.feature_names_in_ = features


def onnx(path: str) -> Native:
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    types = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}

    def predict(rows: Any) -> Any:
        if len(inputs) == 1:
            given = {inputs[0].name: rows.to_numpy().astype(types.get(inputs[0].type, np.float32))}
        else:
            given = {
                each.name: rows[[each.name]].to_numpy().astype(types.get(each.type, object))
                for each in inputs
            }
        found = session.run(None, given)[-1]
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return np.array([list(each.values()) for each in found])
        return found

    return Native(predict, [each.name for each in inputs] if len(inputs) > 1 else None)


def from_python(by: str) -> Any:
    import importlib.util

    file, _, name = by.rpartition(":")
    sys.path.insert(1, os.path.dirname(os.path.abspath(file)))
    spec: Any = importlib.util.spec_from_file_location("loader_of_the_project", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def known_features(model: Any) -> list[str]:
    for name in ("feature_names_in_", "feature_name_", "feature_names_"):
        found = getattr(model, name, None)
        if found is not None and len(found) and all(isinstance(each, str) for each in found):
            return list(found)
    return []


def asked(model: Any) -> Any:
    """What is called with rows: the most telling of the ways that the model has."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba
    return model.predict if hasattr(model, "predict") else model


def answers(model: Any, rows: Any) -> list[Any]:
    """One answer a row: the second of two classes' probability, the most likely of several classes, or a number."""
    import numpy as np

    said = np.asarray(asked(model)(rows))
    if said.ndim == 2 and said.shape[1] == 1:
        said = said[:, 0]
    if said.ndim == 2 and said.shape[1] == 2:
        said = said[:, 1]
    if said.ndim == 2:
        classes = getattr(model, "classes_", None)
        said = said.argmax(axis=1) if classes is None else np.asarray(classes)[said.argmax(axis=1)]
    if said.dtype.kind in "iufb":
        return [None if each != each else each for each in said.astype(float).tolist()]
    return [str(each) for each in said]


# -------------------------------------------------------------------- clock and memory


def timed(model: Any, rows: Any, request: dict[str, Any]) -> list[float]:
    """Seconds of each call, warmed up, until there are enough of them or the time is over."""
    call, size = asked(model), min(request["batch"], len(rows))
    starts = range(0, max(len(rows) - size, 0) + 1, size)
    batches = [rows.iloc[start : start + size] for start in starts[:DISTINCT]]
    warm = time.perf_counter()
    for number in range(1_000_000):
        call(batches[number % len(batches)])
        if number + 1 >= WARM_CALLS and time.perf_counter() - warm >= WARM_SECONDS:
            break
        if time.perf_counter() - warm >= request["seconds"]:
            break
    times: list[float] = []
    end = time.perf_counter() + request["seconds"]
    while len(times) < request["calls"]:
        batch = batches[len(times) % len(batches)]
        began = time.perf_counter()
        call(batch)
        now = time.perf_counter()
        times.append(now - began)
        if now > end:
            break
    return times


def memory_now() -> int:
    """Bytes of memory that this process holds; its peak is counted anew from here, where the kernel can."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass
    return status("VmRSS") or peak()


def memory_peak(before: int) -> int:
    return max(status("VmHWM") or peak(), before)


def status(name: str) -> int:
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def peak() -> int:
    import resource

    kilobyte = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
