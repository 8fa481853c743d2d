"""Artifacts elsewhere: a client may say so, is told so again, and the server opens nothing that a client has named."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec import json

from tests.contracts.served import API, Reply, Served, served

SECRET = b"of the server's own store"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home")) as running:
        yield running


def at(server: Served, location: str) -> str:
    """A run of a new experiment whose artifacts are at this location."""
    made = server.post("experiments/create", name=uuid4().hex, artifact_location=location)
    assert made.status == 200, made.said
    return server.run(made.said["experiment_id"])


def place_of(server: Served, run: str) -> str:
    place: str = server.get("runs/get", run_id=run).said["run"]["info"]["artifact_uri"]
    return place


def every_way_to_files(server: Served, run: str) -> list[Reply]:
    """What is answered to whoever asks the server for the files of a run, or brings one."""
    named = f"run_id={run}&path=a.txt"
    return [
        server.get("artifacts/list", run_id=run),
        server.ask("GET", f"/get-artifact?{named}"),
        server.ask("POST", f"{API}/upload-artifact?{named}", b"x"),
    ]


@pytest.mark.parametrize(
    "location", ["s3://team/models", "gs://team/models/", "/srv/models", "file:///srv/models"]
)
def test_what_a_client_said_is_told_again(server: Served, location: str) -> None:
    run = at(server, location)
    assert place_of(server, run) == f"{location.rstrip('/')}/{run}/artifacts"


def test_the_server_says_that_it_does_not_look_there(server: Served, tmp_path: Path) -> None:
    location = tmp_path.as_uri()
    replies = every_way_to_files(server, at(server, location))
    assert {(reply.status, reply.code) for reply in replies} == {(400, "INVALID_PARAMETER_VALUE")}
    assert all(location in reply.said["message"] for reply in replies)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["/{0}", "file:///{0}", "s3://{0}", "s3://b/mlflow-artifacts:/{0}"])
def test_no_location_elsewhere_is_taken_for_a_path_in_the_store(server: Served, form: str) -> None:
    folder = f"0/{form.encode().hex()}"
    run = at(server, form.format(folder))
    server.put_file(f"{folder}/{run}/artifacts/a.txt", SECRET)
    assert {reply.status for reply in every_way_to_files(server, run)} == {400}
    assert server.file(f"{folder}/{run}/artifacts/a.txt").said == SECRET


def test_traces_that_are_deleted_take_no_files_of_the_store_with_them(server: Served) -> None:
    made = server.post("experiments/create", name="traced elsewhere", artifact_location="s3://0/x")
    experiment = made.said["experiment_id"]
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    told = {
        "trace_id": "tr-1",
        "trace_location": place,
        "request_time": "2026-11-23T10:00:00Z",
        "state": "OK",
    }
    server.ask("POST", "/api/3.0/mlflow/traces", json.encode({"trace": {"trace_info": told}}), JSON)
    for folder in ("0/x", "x"):
        server.put_file(f"{folder}/traces/tr-1/artifacts/a", SECRET)
    gone = server.post("traces/delete-traces", experiment_id=experiment, request_ids=["tr-1"])
    assert gone.said == {"traces_deleted": 1}
    assert [server.file(f"{folder}/traces/tr-1/artifacts/a").said for folder in ("0/x", "x")] == [SECRET] * 2


def test_a_version_of_what_is_elsewhere_is_told_with_its_place_alone(server: Served) -> None:
    run = at(server, "s3://team/registered")
    server.post("registered-models/create", name="away")
    source = f"{place_of(server, run)}/model"
    for said in (source, f"runs:/{run}/model"):
        made = server.post("model-versions/create", name="away", source=said, run_id=run)
        assert made.status == 200, made.said
        version = made.said["model_version"]["version"]
        found = server.get("model-versions/get-download-uri", name="away", version=version)
        assert found.said == {"artifact_uri": source}
        asked = f"/model-versions/get-artifact?name=away&version={version}&path=MLmodel"
        assert server.ask("GET", asked).status == 400


@pytest.mark.parametrize(
    "source", ["s3://other/model", "{0}/../x", "{0}/%2e%2e/x", "{0}-x/model", "file:///etc", "/etc"]
)
def test_a_version_is_of_its_own_run(server: Served, source: str) -> None:
    run = at(server, "s3://team/sources")
    server.post("registered-models/create", name="own")
    source = source.format(place_of(server, run))
    assert server.post("model-versions/create", name="own", source=source, run_id=run).status == 400
