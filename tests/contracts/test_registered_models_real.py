"""A version that a pipeline has registered, as a real client of MLflow loads it; and one that a stage logs itself."""

import os
import subprocess
from pathlib import Path

import pytest

import outdo
from outdo.app.models import set_alias, version, versions
from outdo.app.trace import trace_back
from tests.contracts.served import served
from tests.contracts.test_mlflow_same import python

pytestmark = pytest.mark.slow

MODEL = """
import mlflow
class Times(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * {factor}
"""
SAVE = (
    MODEL.format(factor=2)
    + """
mlflow.pyfunc.save_model("model", python_model=Times(), pip_requirements=["mlflow"])
"""
)
LOG = (
    MODEL.format(factor=3)
    + """
with mlflow.start_run():
    mlflow.log_metric("auc", 0.75)
    mlflow.pyfunc.log_model(name="m", python_model=Times(), registered_model_name="logged", pip_requirements=["mlflow"])
open("done", "w").write("done")
"""
)
FILE = """
project: flights
stages:
  save: {cmd: {python} save.py, deps: [save.py], outs: [model/]}
  log: {cmd: {python} log.py, deps: [log.py, model/], outs: [done]}
models: {delay: {path: model/}}
"""
LOAD = """
import sys, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
for name in sys.argv[2:]:
    print(mlflow.pyfunc.load_model(f"models:/{name}").predict(pd.DataFrame({"a": [1]}))["a"].tolist())
"""


def test_a_client_loads_what_a_pipeline_registered_and_what_a_stage_logged(tmp_path: Path) -> None:
    (tmp_path / "outdo.yaml").write_text(FILE.replace("{python}", python()))
    (tmp_path / "save.py").write_text(SAVE)
    (tmp_path / "log.py").write_text(LOG)
    assert outdo.load(tmp_path).run().ok
    set_alias(str(tmp_path), "delay/1", "champion")
    [logged] = versions(str(tmp_path), "logged")
    assert logged.by is not None
    assert (logged.by.stage, logged.by.number, logged.metrics["auc"]) == ("log", 1, 0.75)
    assert [one.path for one in trace_back(str(tmp_path), "logged/1").artifacts[1:3]] == ["log.py", "model"]
    with served(tmp_path / ".outdo") as server:
        words = [python(), "-c", LOAD, server.address, "delay/1", "delay@champion", "logged/1"]
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ}, cwd=tmp_path)
        run = server.get("runs/get", run_id=version(str(tmp_path), "delay").logged_run).said["run"]
    assert done.stdout.split() == ["[2]", "[2]", "[3]"], done.stderr[-2000:]
    assert run["info"]["status"] == "FINISHED"
