"""Scripts as people have them, with the real client: they name the server, and nothing else is changed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import peer_python
from tests.contracts.served import Served, served
from tests.contracts.test_mlflow_same import python

pytestmark = pytest.mark.slow


def old_python() -> str:
    """The interpreter of an environment with a client of before 3, made where there is none."""
    return peer_python("mlflow2")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home")) as running:
        yield running


def printed(server: Served, folder: Path, script: str, interpreter: str = "") -> list[str]:
    """What a script prints that logs to the server; it has to end well."""
    path = folder / "script.py"
    path.write_text(script)
    env = {
        **os.environ,
        "MLFLOW_TRACKING_URI": server.address,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    command = [interpreter or python(), str(path)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if " at: http" not in line]  # its links to pages


TRAIN = """
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

mlflow.set_experiment("iris")
mlflow.sklearn.autolog()
x, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run(run_name="first") as run:
    model = LogisticRegression(max_iter=200, C=0.5).fit(x, y)
    info = mlflow.sklearn.log_model(model, name="kept", pip_requirements=["scikit-learn"])
version = mlflow.register_model(info.model_uri, "iris")
client = mlflow.MlflowClient()
client.set_registered_model_alias("iris", "champion", version.version)
loaded = mlflow.pyfunc.load_model("models:/iris@champion")
assert list(loaded.predict(x)) == list(model.predict(x))
found = mlflow.search_runs(experiment_names=["iris"], filter_string="params.C = '0.5'")
print(found.loc[0, "run_id"] == run.info.run_id, found.loc[0, "metrics.training_accuracy_score"] > 0.9)
print(client.get_model_version_by_alias("iris", "champion").run_id == run.info.run_id)
print(len(client.get_run(run.info.run_id).outputs.model_outputs), client.get_run(run.info.run_id).info.status)
"""

ELSEWHERE = """
import mlflow, pathlib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

here = pathlib.Path.cwd().joinpath("kept")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("elsewhere", artifact_location=here.as_uri()))
x, y = load_iris(return_X_y=True)
with mlflow.start_run() as run:
    mlflow.log_text("hello", "notes/a.txt")
    model = LogisticRegression(max_iter=200).fit(x, y)
    info = mlflow.sklearn.log_model(model, name="kept", pip_requirements=["scikit-learn"])
print(here.joinpath(run.info.run_id, "artifacts/notes/a.txt").read_text())
print(mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/a.txt"))
print([one.path for one in mlflow.MlflowClient().list_artifacts(run.info.run_id)])
mlflow.register_model(info.model_uri, "elsewhere")
print(list(mlflow.pyfunc.load_model("models:/elsewhere/1").predict(x)) == list(model.predict(x)))
"""

GRID = """
import mlflow
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

mlflow.set_experiment("grid")
mlflow.sklearn.autolog(max_tuning_runs=4)
x, y = load_iris(return_X_y=True)
with mlflow.start_run() as parent:
    GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3, 4]}, cv=3).fit(x, y)
children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
                              order_by=["metrics.mean_test_score DESC"])
scores = list(children["metrics.mean_test_score"])
print(len(children), scores == sorted(scores, reverse=True), set(children["status"]))
best = mlflow.search_runs(filter_string=f"run_id = '{parent.info.run_id}'").loc[0]
print(abs(best["metrics.best_cv_score"] - scores[0]) < 1e-9)
"""

MANY = """
import multiprocessing, mlflow

def log(at):
    with mlflow.start_run(experiment_id=number, run_name=str(at)) as run:
        for step in range(10):
            mlflow.log_metric("loss", at + step, step=step)
        mlflow.log_params({"at": at})
        mlflow.log_text(str(at), "told.txt")
    return run.info.run_id

number = mlflow.create_experiment("many")
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(8) as pool:
        ids = pool.map(log, range(8))
    client = mlflow.MlflowClient()
    print(sum(len(client.get_metric_history(id_, "loss")) for id_ in ids))
    print([mlflow.artifacts.load_text(f"runs:/{id_}/told.txt") for id_ in ids])
    found = mlflow.search_runs([number], order_by=["metrics.loss DESC"])
    print(list(found["params.at"]), set(found["status"]))
"""

OLD_CLIENT = """
import mlflow, os, pathlib

print(mlflow.__version__)
mlflow.set_experiment("before")
pathlib.Path("note.txt").write_text("kept")
with mlflow.start_run(run_name="old") as run:
    mlflow.log_params({"lr": 0.1, "depth": 3})
    mlflow.log_metrics({"auc": 0.7, "loss": float("nan")}, step=2)
    mlflow.set_tag("team", "a")
    mlflow.log_artifact("note.txt", "notes")
    mlflow.log_dict({"a": 1}, "model/MLmodel")
client = mlflow.MlflowClient()
told = client.get_run(run.info.run_id)
print(sorted(told.data.params.items()), told.data.metrics["auc"], told.data.tags["team"], told.info.status)
print([one.path for one in client.list_artifacts(run.info.run_id, "notes")])
print(pathlib.Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/notes/note.txt")).read_text())
found = client.search_runs([told.info.experiment_id], "metrics.auc > 0.5 AND params.lr = '0.1'")
print([one.info.run_name for one in found])
client.create_registered_model("old")
version = client.create_model_version("old", f"{run.info.artifact_uri}/model", run.info.run_id)
client.set_registered_model_alias("old", "champion", version.version)
client.transition_model_version_stage("old", version.version, "Production")
print(client.get_model_version_by_alias("old", "champion").current_stage)
print(client.get_latest_versions("old", ["Production"])[0].version)
print(sorted(os.listdir(mlflow.artifacts.download_artifacts("models:/old@champion"))))
client.delete_run(run.info.run_id)
client.restore_run(run.info.run_id)
print(len(client.get_metric_history(run.info.run_id, "loss")))
"""


def test_a_model_is_trained_logged_registered_and_loaded_by_its_alias(server: Served, tmp_path: Path) -> None:
    assert printed(server, tmp_path, TRAIN) == ["True True", "True", "2 FINISHED"]


def test_an_experiment_keeps_its_files_where_the_script_says(server: Served, tmp_path: Path) -> None:
    assert printed(server, tmp_path, ELSEWHERE) == ["hello", "hello", "['notes']", "True"]


def test_a_grid_search_is_a_run_with_children(server: Served, tmp_path: Path) -> None:
    assert printed(server, tmp_path, GRID) == ["4 True {'FINISHED'}", "True"]


def test_eight_processes_log_at_once_and_lose_nothing(server: Served, tmp_path: Path) -> None:
    names = [str(at) for at in range(8)]
    assert printed(server, tmp_path, MANY) == ["80", str(names), f"{names[::-1]} {{'FINISHED'}}"]


def test_a_client_of_before_3_logs_registers_and_reads(server: Served, tmp_path: Path) -> None:
    said = printed(server, tmp_path, OLD_CLIENT, old_python())
    assert said[0].startswith("2.22.")
    assert said[1:] == [
        "[('depth', '3'), ('lr', '0.1')] 0.7 a FINISHED",
        "['notes/note.txt']",
        "kept",
        "['old']",
        "Production",
        "1",
        "['MLmodel', 'registered_model_meta']",
        "1",
    ]
