"""A model loaded in a process of its own: how fast it answers, what it takes, and what it is not loaded for."""

import os
import pickle
import sys
from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.checked import JudgedModel
from outdo.app.library import load
from outdo.core.verdict import Verdict
from outdo.run.loaded import Source, ask, guessed
from outdo.run.ports import Cancel
from outdo.run.tested import Bench
from outdo.run.unsafe import scan

FILE = """
project: p
stages:
  train: {cmd: "cp made.pkl model.pkl", deps: [made.pkl], outs: [model.pkl]}
  evaluate: {cmd: "cp said.csv predictions.csv", deps: [model.pkl, said.csv, test.csv], outs: [predictions.csv]}
models:
  m:
    path: model.pkl
    predictions: {path: predictions.csv, label: y, score: p}
    load: {%s}
    gates: [{%s}]
"""
LOADER = """
import pickle, time
def load(path):
    with open(path, "rb") as file:
        weights = pickle.load(file)
    def predict(rows):
        time.sleep(weights.get("slow", 0))
        kept.append(bytearray(weights.get("large", 0)))
        return 1 / (1 + 2.718 ** -(weights["x"] * rows["x"] + weights["z"] * rows["z"]))
    return predict
kept = []
"""
BY = "by: 'serve.py:load', sample: test.csv"
ROWS = 300


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "serve.py").write_text(LOADER)
    rows = [((row * 7) % 23 - 11, (row * 5) % 17 - 8) for row in range(ROWS)]
    (tmp_path / "test.csv").write_text("x,z,y\n" + "".join(f"{x},{z},{int(x > 0)}\n" for x, z in rows))
    said = "".join(f"{int(x > 0)},{1 / (1 + 2.718 ** -(0.3 * x)):.6f}\n" for x, _ in rows)
    (tmp_path / "said.csv").write_text("y,p\n" + said)
    return tmp_path


def verdicts(root: Path, gate: str, *, loading: str = BY, **weights: float) -> list[Verdict]:
    (root / "made.pkl").write_bytes(pickle.dumps({"x": 0.3, "z": 0.0, **weights}))
    (root / "outdo.yaml").write_text(FILE % (loading, gate))
    assert load(str(root)).run().status in ("done", "failed")
    [found] = check(str(root), ["m"])
    assert isinstance(found, JudgedModel)
    return list(found.verdicts)


@pytest.mark.slow
def test_time_and_memory_are_measured_on_the_loaded_model(root: Path) -> None:
    times = "p50: '>= 2ms', p99: '< 10s', throughput: '< 1000', calls: 50, confidence: 0.9"
    gates = "latency: {" + times + "}}, {memory: '< 2GB'"
    median, tail, rate, memory = verdicts(root, gates, slow=0.002)
    assert (median.outcome, tail.outcome, rate.outcome, memory.outcome) == (
        "passed",
        "inconclusive",
        "passed",
        "passed",
    )
    assert tail.reason == "50 calls can't bound it with a confidence of 0.9"
    assert median.evidence.rows == 50


@pytest.mark.slow
def test_a_slow_and_a_large_model_fail(root: Path) -> None:
    gates = "latency: {mean: '< 1ms', calls: 20}}, {memory: '< 10MB'"
    assert [one.outcome for one in verdicts(root, gates, slow=0.01, large=500_000)] == ["failed", "failed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loading", "words"),
    [
        ("by: 'gone.py:load', sample: test.csv", "is no way to load"),
        ("by: 'serve.py:load', sample: gone.csv", "'gone.csv' is not here"),
        ("by: 'serve.py:load', sample: test.csv, features: [w]", "no column 'w'"),
        ("by: 'serve.py:other', sample: test.csv", "AttributeError"),
        ("by: xgboost, sample: test.csv", "Error"),
    ],
)
def test_what_can_not_be_loaded_was_not_evaluated(root: Path, loading: str, words: str) -> None:
    [verdict] = verdicts(root, "memory: '< 2GB'", loading=loading)
    assert (verdict.outcome, words in verdict.reason) == ("not_evaluated", True), verdict


@pytest.mark.slow
def test_a_model_that_fails_the_scan_is_never_loaded(root: Path) -> None:
    (root / "outdo.yaml").write_text(FILE % (BY, "memory: '< 2GB'"))
    (root / "made.pkl").write_bytes(b"cos\nmkdir\n(S'made'\ntR.")
    load(str(root)).run()
    [found] = check(str(root), ["m"])
    assert isinstance(found, JudgedModel)
    assert "the model is not loaded: model.pkl imports os.mkdir" in found.verdicts[0].reason
    assert not (root / "made").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["joblib", "pickle", "lightgbm", "xgboost"])
def test_models_of_the_common_libraries_are_known_by_their_files(tmp_path: Path, kind: str) -> None:
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=200), "z": rng.normal(size=200), "y": rng.integers(0, 2, 200)})
    rows.to_csv(tmp_path / "test.csv", index=False)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "card.json").write_text("{}")
    if kind in ("joblib", "pickle"):
        model = LogisticRegression().fit(rows[["z", "x"]], rows["y"])
        path = folder / f"m.{'joblib' if kind == 'joblib' else 'pkl'}"
        joblib.dump(model, path) if kind == "joblib" else path.write_bytes(pickle.dumps(model))
        wanted = model.predict_proba(rows[["z", "x"]])[:, 1]
    elif kind == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm")
        model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(rows[["z", "x"]], rows["y"])
        model.booster_.save_model(folder / "m.txt")
        wanted = model.predict_proba(rows[["z", "x"]])[:, 1]
    else:
        xgboost = pytest.importorskip("xgboost")
        model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(rows[["z", "x"]], rows["y"])
        model.save_model(folder / "m.json")
        wanted = model.predict_proba(rows[["z", "x"]])[:, 1]
    file, by = guessed(str(folder))
    assert scan(str(folder)).refused == ()
    source = Source(file, by, str(tmp_path / "test.csv"), without=("y",))
    path_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    bench = Bench(str(tmp_path), {**os.environ, "PATH": path_first}, str(tmp_path / "logs"), Cancel())
    [plain, turned] = ask(bench, source, "m", [1, 5, 9], [{"x": [0.0, 2.0, 1.0]}])
    assert plain == pytest.approx(wanted[[1, 5, 9]])
    assert len(turned) == 3


@pytest.mark.slow
def test_answers_to_changed_rows_are_judged(root: Path) -> None:
    gates = ", ".join(
        f"{{{gate}}}"
        for gate in (
            "behaviour: {change: {z: z + 1}}",
            "behaviour: {change: {x: x + 1}, expect: higher}",
            "behaviour: {change: {x: x - 1}, expect: higher, where: x > 0, rows: 50}",
            "behaviour: {change: {x: x}}",
            "behaviour: {change: {w: '1'}}",
            "behaviour: {change: {x: nonsense(x)}}",
            "robustness: {metric: auc, noise: 0.01, drop: 0.1}",
            "robustness: {metric: auc, noise: 5, drop: 0.1, columns: [x]}",
        )
    )[1:-1]
    found = verdicts(root, gates)
    assert [one.outcome for one in found] == [
        "passed",
        "passed",
        "failed",
        "not_evaluated",
        "not_evaluated",
        "not_evaluated",
        "passed",
        "failed",
    ]
    assert found[2].evidence.rows == 50
    assert found[0].name == "behaviour same if z is changed"
