"""MLflow's own client signs in: by token, by user and password, and what it tells people who may not."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from outdo.app import accounts
from outdo.app.accounts import Home
from outdo.core.access import EVERY, Limit
from tests.contracts.served import served
from tests.contracts.test_mlflow_same import python

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
SCRIPT = r"""
import json, os, sys
import mlflow

people = json.loads(sys.argv[1])
told = {}
NAMES = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")

def be(person):
    for name in NAMES:
        os.environ.pop(name, None)
    os.environ.update(people[person])

def tried(person, work):
    be(person)
    try:
        told[f"{person} {work.__name__}"] = work()
    except mlflow.exceptions.MlflowException as error:
        told[f"{person} {work.__name__}"] = str(error)

def log():
    mlflow.set_experiment("flights/tuning")
    with mlflow.start_run() as run:
        mlflow.log_param("lr", 1)
        mlflow.log_metric("auc", 0.9)
        mlflow.log_text("weights", "model/weights.txt")
    return "logged"

def look():
    found = mlflow.search_runs(experiment_names=["flights/tuning"], output_format="list")
    if not found:
        return "nothing"
    run = found[0].info.run_id
    return mlflow.artifacts.load_text(f"runs:/{run}/model/weights.txt")

def promote():
    client = mlflow.MlflowClient()
    run = mlflow.search_runs(experiment_names=["flights/tuning"], output_format="list")[0].info.run_id
    try:
        client.create_registered_model("delay")
    except mlflow.exceptions.MlflowException:
        pass
    version = client.create_model_version("delay", f"runs:/{run}/model", run).version
    client.set_registered_model_alias("delay", "champion", version)
    return client.get_model_version_by_alias("delay", "champion").version

def wipe():
    mlflow.MlflowClient().delete_experiment(mlflow.get_experiment_by_name("flights/tuning").experiment_id)
    return "deleted"

for person, works in (
    ("nobody", [log]), ("wrong", [log]), ("made up", [log]), ("ben", [log, look, promote, wipe]), ("vera", [look, log]),
    ("fay", [look, log]), ("ci", [log]), ("anna", [look, promote, wipe]),
):
    for work in works:
        tried(person, work)
print("TOLD", json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = Home(str(tmp_path_factory.mktemp("home")))
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    accounts.add_user(home, "ben", PASSWORD, {"flights": "developer"})
    accounts.add_user(home, "vera", PASSWORD, {"flights": "viewer"})
    accounts.add_user(home, "fay", PASSWORD, {"fraud": "maintainer"})
    limited = accounts.new_token(home, "anna", "", Limit("developer", "flights"), 1).text
    people = {
        "nobody": {},
        "wrong": {"MLFLOW_TRACKING_USERNAME": "anna", "MLFLOW_TRACKING_PASSWORD": "wrong"},
        "made up": {"MLFLOW_TRACKING_TOKEN": "outdo_0123456789ab_" + "0" * 64},
        "ci": {"MLFLOW_TRACKING_TOKEN": limited},
        **{
            name: {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
            for name in ("anna", "ben", "vera", "fay")
        },
    }
    with served(Path(home.folder)) as server:
        env = {**os.environ, "MLFLOW_TRACKING_URI": server.address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
        command = [python(), "-c", SCRIPT, json.encode(people).decode()]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.decode(done.stdout.partition("TOLD ")[2])
    return said


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("nobody log", "UNAUTHENTICATED: this server wants you to sign in: set MLFLOW_TRACKING_TOKEN"),
        ("wrong log", "UNAUTHENTICATED: the user or the password is wrong"),
        ("made up log", "UNAUTHENTICATED: the token does not hold"),
        ("ben log", "logged"),
        ("ben look", "weights"),
        ("ben promote", "PERMISSION_DENIED: this needs the role maintainer; yours is developer"),
        ("ben wipe", "PERMISSION_DENIED: this needs the role maintainer"),
        ("vera look", "weights"),
        ("vera log", "PERMISSION_DENIED: this needs the role developer"),
        ("ci log", "logged"),
        ("anna look", "weights"),
        ("anna promote", "2"),
        ("anna wipe", "deleted"),
    ],
)
def test_the_client_is_let_in_or_told_why_not(told: dict[str, Any], work: str, said: str) -> None:
    assert str(told[work]).startswith(said)


def test_who_has_another_project_sees_no_experiment_here(told: dict[str, Any]) -> None:
    assert told["fay look"] == "nothing"
    assert told["fay log"] != "logged"
