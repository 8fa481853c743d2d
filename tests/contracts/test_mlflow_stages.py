"""Training scripts with MLflow's real client as stages: they log to the runs of their stages without any setting."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

import outdo
from outdo.app.library import Finished
from outdo.app.run import Options
from outdo.core.digest import stage_run_id
from outdo.core.model import RunId, StageName
from tests.contracts.served import served
from tests.contracts.test_mlflow_same import python

pytestmark = pytest.mark.slow

SCRIPTS = {
    "grid.py": """
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

mlflow.set_experiment("irises")
mlflow.sklearn.autolog(log_models=False)
X, y = load_iris(return_X_y=True)
with mlflow.start_run():
    search = GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=3).fit(X, y)
    mlflow.log_metric("holdout", search.score(X, y))
""",
    "nested.py": """
import mlflow

mlflow.log_param("deep", True)
mlflow.log_metric("loss", 0.5)
with mlflow.start_run(nested=True, run_name="fold"):
    mlflow.log_metric("loss", 0.25)
mlflow.log_text("all went well", "notes.txt")
""",
    "many.py": """
import mlflow
from multiprocessing import get_context


def work(number):
    for step in range(25):
        mlflow.log_metric(f"m{number}", step, step=step)


if __name__ == "__main__":
    with get_context("fork").Pool(8) as pool:
        pool.map(work, range(8), chunksize=1)
""",
    "elsewhere.py": """
import mlflow

mlflow.set_tracking_uri("sqlite:///elsewhere.db")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.1)
""",
    "file.py": "import json\njson.dump({'rows': 7}, open('rows.json', 'w'))\n",
}
LOOK = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
found = mlflow.search_runs(search_all_experiments=True)
history = mlflow.MlflowClient().get_metric_history(sys.argv[2], "m3")
json.dump([json.loads(found.to_json(orient="records")), [point.value for point in history]], sys.stdout)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("iris")
    stages = {name.removesuffix(".py"): {"cmd": f"{python()} {name}", "deps": [name]} for name in SCRIPTS}
    stages["file"] = {**stages["file"], "metrics": ["rows.json"]}
    (root / "outdo.yaml").write_bytes(json.encode({"project": "iris", "stages": stages}))
    for name, text in SCRIPTS.items():
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def result(root: Path) -> Finished:
    return outdo.load(root).run(options=Options(keep_going=True))


@pytest.fixture(scope="module")
def seen(root: Path, result: Finished) -> tuple[Mapping[str, Any], list[float]]:
    """What the client finds on a server in the project: its runs by id, and the history of one metric."""
    with served(root / ".outdo") as server:
        words = [python(), "-c", LOOK, server.address, id_of(result, "many")]
        env = {**os.environ, "MLFLOW_DISABLE_AUTOLOGGING": "true"}
        found, history = json.decode(subprocess.run(words, check=True, stdout=-1, env=env).stdout)
    return {one["run_id"]: one for one in found}, history


def id_of(result: Finished, stage: str) -> str:
    assert result.run is not None
    return stage_run_id(RunId(result.run), StageName(stage))


def test_every_script_runs_as_it_is(result: Finished) -> None:
    assert {name: stage.failure for name, stage in result.stages.items()} == dict.fromkeys(result.stages, "")


def test_what_a_client_logs_by_itself_is_among_the_metrics_of_the_stage(result: Finished) -> None:
    metrics = result.stages[StageName("grid")].metrics
    assert {"holdout", "best_cv_score", "training_accuracy_score"} <= metrics.keys()


def test_the_trials_of_a_search_belong_to_the_run_of_the_stage(result: Finished, seen: Any) -> None:
    runs, _ = seen
    children = [one for one in runs.values() if one["tags.mlflow.parentRunId"] == id_of(result, "grid")]
    assert sorted(one["params.C"] for one in children) == ["0.1", "1.0"]
    assert {one["experiment_id"] for one in children} == {runs[id_of(result, "grid")]["experiment_id"]}


def test_a_nested_run_has_values_of_its_own(result: Finished, seen: Any) -> None:
    runs, _ = seen
    (fold,) = [one for one in runs.values() if one["tags.mlflow.runName"] == "fold"]
    assert fold["tags.mlflow.parentRunId"] == id_of(result, "nested")
    assert (fold["metrics.loss"], runs[id_of(result, "nested")]["metrics.loss"]) == (0.25, 0.5)
    assert runs[id_of(result, "nested")]["params.deep"] == "True"


def test_eight_processes_of_a_stage_log_to_one_run_and_nothing_is_lost(result: Finished, seen: Any) -> None:
    _, history = seen
    assert history == [float(step) for step in range(25)]
    assert result.stages[StageName("many")].metrics == {f"m{number}": 24.0 for number in range(8)}


def test_a_script_that_chooses_its_server_logs_there(root: Path, result: Finished) -> None:
    assert (root / "elsewhere.db").exists()
    assert not result.stages[StageName("elsewhere")].metrics


def test_a_client_finds_the_stages_that_only_wrote_files(result: Finished, seen: Any) -> None:
    runs, _ = seen
    assert runs[id_of(result, "file")]["metrics.rows"] == 7.0
    assert {runs[id_of(result, name)]["status"] for name in result.stages} == {"FINISHED"}
