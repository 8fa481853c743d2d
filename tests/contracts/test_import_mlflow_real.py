"""What real MLflow has logged comes over whole: compared through its own client, and whenever the import is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from tests.contracts.served import served
from tests.contracts.test_mlflow_same import Stock, python

pytestmark = pytest.mark.slow

FILL = """
import sys, mlflow, pandas as pd
from mlflow import MlflowClient
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
mlflow.set_experiment("tune")
mlflow.set_experiment_tag("team", "a/b")

class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2

for number in range(3):
    with mlflow.start_run(run_name=f"run {number}", tags={"note.x": "two\\nlines é"}):
        mlflow.log_params({"lr": 0.1 * number, "deep/er": "x"})
        for step in range(200):
            mlflow.log_metric("loss", 1 / (step + 1), step=step) if step < 5 else None
        mlflow.log_metrics({f"m{at}": at / 3 for at in range(4)})
        mlflow.log_metric("odd", float("nan"))
        mlflow.log_metric("high", float("inf"))
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_text("é", "b ü.txt")
        mlflow.log_input(mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2]}), name="d"), context="train")
        if number < 2:
            mlflow.pyfunc.log_model(name="model", python_model=Twice(), registered_model_name="delay",
                                    pip_requirements=["mlflow"])
client.set_registered_model_alias("delay", "champion", 1)
client.set_registered_model_tag("delay", "owner", "ann")
client.set_model_version_tag("delay", "2", "q", "1")
client.update_registered_model("delay", "about it")
client.update_model_version("delay", "1", "first")
client.transition_model_version_stage("delay", "2", "Production")
gone = client.create_run(client.get_experiment_by_name("tune").experiment_id)
client.delete_run(gone.info.run_id)
client.delete_experiment(client.create_experiment("gone"))
"""
LOOK = """
import json, math, sys, mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import ViewType

def number(value):
    return "nan" if math.isnan(value) else min(value, 1.7976931348623157e308)

def seen(client, run):
    id_ = run.info.run_id
    points = {
        key: sorted({(p.timestamp, p.step, str(number(p.value))) for p in client.get_metric_history(id_, key)})
        for key in run.data.metrics
    } if run.info.lifecycle_stage == "active" else {}
    files, todo = {}, [""]
    while todo:
        for one in client.list_artifacts(id_, todo.pop() or None):
            if one.is_dir:
                todo.append(one.path)
            else:
                files[one.path] = one.file_size
    return {
        "name": run.info.run_name, "status": run.info.status, "times": [run.info.start_time, run.info.end_time],
        "stage": run.info.lifecycle_stage, "params": run.data.params, "points": points, "files": files,
        "tags": {k: v for k, v in run.data.tags.items()}, "user": run.info.user_id,
        "datasets": [
            (i.dataset.name, i.dataset.digest, [(t.key, t.value) for t in i.tags]) for i in run.inputs.dataset_inputs
        ],
        "models": [(o.model_id, o.step) for o in (run.outputs.model_outputs if run.outputs else [])],
    }

def look(address):
    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    experiments = client.search_experiments(ViewType.ALL)
    found = {"experiments": {e.name: [e.lifecycle_stage, {k: v for k, v in e.tags.items()}] for e in experiments}}
    ids = [e.experiment_id for e in experiments if e.lifecycle_stage == "active"]
    found["runs"] = {r.info.run_id: seen(client, r) for r in client.search_runs(ids, run_view_type=ViewType.ALL)}
    models = client.search_logged_models(ids)
    found["models"] = {
        m.model_id: [
            m.name, m.source_run_id, str(m.status), m.params,
            sorted((k.key, str(number(k.value)), k.step) for k in m.metrics or []),
        ]
        for m in models
    }
    found["registered"] = {
        m.name: [m.description or "", m.tags, dict(m.aliases)] for m in client.search_registered_models()
    }
    found["versions"] = {
        f"{v.name}/{v.version}": [v.description or "", v.tags, v.run_id, v.current_stage, v.source]
        for v in client.search_model_versions()
    }
    loaded = mlflow.pyfunc.load_model("models:/delay@champion")
    found["predicted"] = loaded.predict(pd.DataFrame({"a": [1, 2]}))["a"].tolist()
    return found

print(json.dumps([look(address) for address in sys.argv[1:]], sort_keys=True))
"""


def outdo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "outdo.cli.main", "import", "mlflow", *words, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})


def with_mlflow(script: str, *addresses: str) -> str:
    env = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}
    done = subprocess.run([python(), "-c", script, *addresses], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def look(*addresses: str) -> Any:
    return json.decode(with_mlflow(LOOK, *addresses))


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    running = Stock(tmp_path_factory.mktemp("stock"))
    try:
        running.address = f"http://127.0.0.1:{running.port}"
        with_mlflow(FILL, running.address)
        yield running
    finally:
        os.killpg(running.process.pid, signal.SIGTERM)
        running.process.wait(30)


def test_a_server_comes_over_as_its_own_client_sees_it(stock: Stock, tmp_path: Path) -> None:
    done = outdo(tmp_path, stock.address)
    assert done.returncode == 0, done.stderr + done.stdout
    with served(tmp_path) as ours:
        here, there = look(ours.address, stock.address)
    assert here == there


def test_a_folder_comes_over_as_its_own_client_sees_it(tmp_path: Path) -> None:
    place = tmp_path / "mlruns"
    with_mlflow(FILL, f"file://{place}")
    done = outdo(tmp_path / "home", str(place))
    assert done.returncode == 0, done.stderr + done.stdout
    with served(tmp_path / "home") as ours:
        here, there = look(ours.address, f"file://{place}")
    for version in (*here["versions"].values(), *there["versions"].values()):
        version[4] = ""  # the address that it came from
    assert here == there


def test_killed_at_any_moment_it_goes_on_and_doubles_nothing(stock: Stock, tmp_path: Path) -> None:
    began = time.monotonic()
    whole = outdo(tmp_path / "whole", stock.address, "--json")
    took = time.monotonic() - began
    home = tmp_path / "killed"
    for part in range(1, 6):
        command = [
            sys.executable,
            "-m",
            "outdo.cli.main",
            "import",
            "mlflow",
            stock.address,
            "--home",
            str(home),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(took * part / 6)
        process.kill()
        process.wait()
    done = outdo(home, stock.address, "--json")
    assert done.returncode == 0, done.stderr
    assert json.decode(done.stdout)["data"]["counts"] == json.decode(whole.stdout)["data"]["counts"]
