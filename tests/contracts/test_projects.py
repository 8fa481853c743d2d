"""A role in one project shows nothing of another: not by name, search, history, artifact, version, or by moving things.

Ben is developer of flights, Vera its viewer, Mia its maintainer; Rob has a token of Anna's, an admin, for flights
alone. None of them has anything to do with fraud.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import json

from outdo.app import accounts
from outdo.app.accounts import Home
from outdo.core.access import EVERY, Limit, Role
from tests.contracts.served import Reply, Served, served

NOW = 1_700_000_000_000
THIRD = "/api/3.0/mlflow"
JSON = {"Content-Type": "application/json"}
PEOPLE: dict[str, dict[str, Role]] = {
    "anna": {EVERY: "admin"},
    "vera": {"flights": "viewer"},
    "ben": {"flights": "developer"},
    "mia": {"flights": "maintainer"},
    "both": {"flights": "developer", "fraud": "developer"},
    "reader": {"flights": "developer", "fraud": "viewer"},
    "wide": {EVERY: "viewer", "flights": "developer"},
    "none": {},
}


class Project(NamedTuple):
    """What one project has."""

    name: str
    experiment: str
    run: str
    logged: str
    model: str
    file: str
    trace: str


class World(NamedTuple):
    anna: Served
    people: dict[str, Served]
    flights: Project
    fraud: Project


def made(anna: Served, name: str) -> Project:
    """A project with a run that has a metric and a file, a logged model, and a registered model with one version."""
    experiment = anna.experiment(name)
    run = anna.run(experiment, tags=[{"key": "of", "value": name}])
    anna.post("runs/log-metric", run_id=run, key="auc", value=0.9, timestamp=NOW)
    file = f"{experiment}/{run}/artifacts/model/model.bin"
    assert anna.put_file(file, name.encode()).status == 200
    logged = anna.post("logged-models", experiment_id=experiment, name="m", source_run_id=run).said
    model = f"{name}-delay"
    anna.post("registered-models/create", name=model)
    version = anna.post("model-versions/create", name=model, source=f"runs:/{run}/model", run_id=run)
    assert version.status == 200, version.said
    trace = f"tr-{name}"
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    told = {"trace_id": trace, "trace_location": place, "request_time": "2026-11-23T10:00:00Z", "state": "OK"}
    started = anna.ask("POST", f"{THIRD}/traces", json.encode({"trace": {"trace_info": told}}), JSON)
    assert started.status == 200, started.said
    return Project(name, experiment, run, logged["model"]["info"]["model_id"], model, file, trace)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[World]:
    home = Home(str(tmp_path_factory.mktemp("home")), database)
    for name, grants in PEOPLE.items():
        accounts.add_user(home, name, "", grants)

    def token(user: str, limit: Limit = Limit()) -> str:  # noqa: B008
        return f"Bearer {accounts.new_token(home, user, '', limit, 1).text}"

    with served(Path(home.folder), database=database) as server:
        people = {name: server.as_(token(name)) for name in PEOPLE}
        people["rob"] = server.as_(token("anna", Limit("admin", "flights")))
        anna = people["anna"]
        yield World(anna, people, made(anna, "flights"), made(anna, "fraud"))


CONFINED = ["vera", "ben", "mia", "rob"]


def looks(who: Served, at: Project) -> dict[str, Reply]:
    """Every way to look at what a project has."""
    return {
        "experiment": who.get("experiments/get", experiment_id=at.experiment),
        "experiment by name": who.get("experiments/get-by-name", experiment_name=at.name),
        "run": who.get("runs/get", run_id=at.run),
        "history": who.get("metrics/get-history", run_id=at.run, metric_key="auc"),
        "histories": who.get("metrics/get-history-bulk", run_id=[at.run], metric_key="auc"),
        "sampled": who.get("metrics/get-history-bulk-interval", run_ids=[at.run], metric_key="auc"),
        "trace": who.ask("GET", f"{THIRD}/traces/{at.trace}"),
        "artifacts of the run": who.get("artifacts/list", run_id=at.run),
        "logged model": who.get(f"logged-models/{at.logged}"),
        "its folder": who.get(f"logged-models/{at.logged}/artifacts/directories"),
        "model": who.get("registered-models/get", name=at.model),
        "latest": who.post("registered-models/get-latest-versions", name=at.model),
        "version": who.get("model-versions/get", name=at.model, version="1"),
        "download": who.get("model-versions/get-download-uri", name=at.model, version="1"),
        "file": who.file(at.file),
        "folder": who.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts?path={at.experiment}"),
    }


def changes(who: Served, at: Project) -> dict[str, Reply]:
    """Every way to change what a project has, for a developer."""
    return {
        "run": who.post("runs/create", experiment_id=at.experiment),
        "metric": who.post("runs/log-metric", run_id=at.run, key="x", value=1, timestamp=NOW),
        "param": who.post("runs/log-parameter", run_id=at.run, key="p", value="1"),
        "batch": who.post("runs/log-batch", run_id=at.run, params=[{"key": "q", "value": "1"}]),
        "tag": who.post("runs/set-tag", run_id=at.run, key="t", value="1"),
        "end": who.post("runs/update", run_id=at.run, status="FINISHED"),
        "experiment tag": who.post(
            "experiments/set-experiment-tag", experiment_id=at.experiment, key="t", value="1"
        ),
        "logged model": who.post("logged-models", experiment_id=at.experiment, name="m2"),
        "measure": who.post(
            "runs/log-batch",
            run_id=at.run,
            metrics=[{"key": "m", "value": 1, "timestamp": NOW, "model_id": at.logged}],
        ),
        "trace tag": who.ask(
            "PATCH", f"{THIRD}/traces/{at.trace}/tags", json.encode({"key": "t", "value": "1"}), JSON
        ),
        "file": who.put_file(f"{at.experiment}/{at.run}/artifacts/new.txt", b"new"),
        "file in parts": who.ask(
            "POST",
            f"/api/2.0/mlflow-artifacts/mpu/create/{at.experiment}/{at.run}/artifacts",
            json.encode({"path": "big.bin", "num_parts": 2}),
            JSON,
        ),
        "model tag": who.post("registered-models/set-tag", name=at.model, key="t", value="1"),
        "version": who.post("model-versions/create", name=at.model, source=f"runs:/{at.run}/model"),
    }


def found(reply: Reply, kind: str) -> list[Any]:
    assert reply.status == 200, reply.said
    return reply.said.get(kind, [])  # type: ignore[no-any-return]


# Looking.


@pytest.mark.parametrize("name", CONFINED)
def test_everything_of_the_own_project_can_be_looked_at(world: World, name: str) -> None:
    seen = looks(world.people[name], world.flights)
    assert {way: reply.status for way, reply in seen.items()} == dict.fromkeys(seen, 200)


@pytest.mark.parametrize("name", [*CONFINED, "none"])
def test_what_another_project_has_is_as_if_it_were_not_there(world: World, name: str) -> None:
    seen = looks(world.people[name], world.fraud)
    expected = 403 if name == "none" else 404
    assert {way: reply.status for way, reply in seen.items()} == dict.fromkeys(seen, expected)


def test_what_is_hidden_is_told_in_the_words_of_what_is_not_there(world: World) -> None:
    vera = world.people["vera"]
    hidden = vera.get("runs/get", run_id=world.fraud.run).said["message"]
    missing = vera.get("runs/get", run_id="0" * 32).said["message"]
    assert hidden.replace(world.fraud.run, "0" * 32) == missing


@pytest.mark.parametrize("name", CONFINED)
def test_searches_find_what_is_of_the_own_project_alone(world: World, name: str) -> None:
    who, both = world.people[name], [world.flights.experiment, world.fraud.experiment]
    runs = found(who.post("runs/search", experiment_ids=both, filter="metrics.auc > 0"), "runs")
    logged = found(who.post("logged-models/search", experiment_ids=both), "models")
    places = [{"mlflow_experiment": {"experiment_id": one}} for one in both]
    searched = who.ask("POST", f"{THIRD}/traces/search", json.encode({"locations": places}), JSON)
    assert [one["trace_id"] for one in found(searched, "traces")] == [world.flights.trace]
    names = [one["name"] for one in found(who.post("experiments/search", max_results=100), "experiments")]
    models = [one["name"] for one in found(who.get("registered-models/search"), "registered_models")]
    versions = {one["name"] for one in found(who.get("model-versions/search"), "model_versions")}
    assert {one["info"]["experiment_id"] for one in runs} == {world.flights.experiment}
    assert {one["info"]["experiment_id"] for one in logged} == {world.flights.experiment}
    assert [one.partition("/")[0] for one in names if "fraud" in one or one == "Default"] == []
    assert world.flights.model in models
    assert world.fraud.model not in models
    assert world.flights.model in versions
    assert world.fraud.model not in versions


@pytest.mark.parametrize(
    "call",
    [
        ("model-versions/search", {"filter": "name = 'fraud-delay'"}, "model_versions"),
        ("model-versions/search", {"filter": "run_id != ''", "order_by": "version_number"}, "model_versions"),
        ("registered-models/search", {"filter": "name LIKE 'fraud%'"}, "registered_models"),
    ],
)
def test_no_filter_gets_around_it(world: World, call: tuple[str, dict[str, str], str]) -> None:
    path, asked, kind = call
    names = {one["name"] for one in found(world.people["vera"].get(path, **asked), kind)}
    assert not {name for name in names if name.startswith("fraud")}


def test_the_root_of_all_artifacts_is_for_those_of_all_projects(world: World) -> None:
    path = "/api/2.0/mlflow-artifacts/artifacts"
    assert world.people["vera"].ask("GET", path).status == 404
    assert world.anna.ask("GET", path).status == 200


@pytest.mark.parametrize("id_", ["0", "", "00", "9" * 18, "9" * 30, "-1", "1 ", "\u0662"])
def test_no_way_to_write_an_id_leads_elsewhere(world: World, id_: str) -> None:
    assert world.people["ben"].post("runs/create", experiment_id=id_).status in (400, 404)
    assert world.people["ben"].get("experiments/get", experiment_id=id_).status in (400, 404)
    delete = {"experiment_id": id_, "max_timestamp_millis": NOW}
    assert world.people["ben"].post("traces/delete-traces", **delete).status in (400, 403, 404)


# Changing.


@pytest.mark.parametrize("name", ["ben", "mia", "rob"])
def test_everything_of_the_own_project_can_be_logged_to(world: World, name: str) -> None:
    done = changes(world.people[name], world.flights)
    assert {way: reply.status for way, reply in done.items()} == dict.fromkeys(done, 200)


@pytest.mark.parametrize("name", ["ben", "mia", "rob"])
def test_nothing_of_another_project_can_be_logged_to(world: World, name: str) -> None:
    done = changes(world.people[name], world.fraud)
    assert {way: reply.status for way, reply in done.items()} == dict.fromkeys(done, 404)


@pytest.mark.parametrize("name", ["vera", "reader"])
def test_a_viewer_changes_nothing(world: World, name: str) -> None:
    at = world.flights if name == "vera" else world.fraud
    done = changes(world.people[name], at)
    assert {way: reply.status for way, reply in done.items()} == dict.fromkeys(done, 403)


def test_a_metric_of_an_own_run_can_not_be_told_of_a_model_elsewhere(world: World) -> None:
    metric = {"key": "m", "value": 1, "timestamp": NOW, "model_id": world.fraud.logged}
    reply = world.people["ben"].post("runs/log-batch", run_id=world.flights.run, metrics=[metric])
    assert reply.status == 404


@pytest.mark.parametrize("name", ["ben", "vera", "wide"])
def test_aliases_stages_and_deletes_are_for_maintainers(world: World, name: str) -> None:
    who, model = world.people[name], world.flights.model
    assert [
        who.post("registered-models/alias", name=model, alias="champion", version="1").status,
        who.post("model-versions/transition-stage", name=model, version="1", stage="Production").status,
        who.post("experiments/delete", experiment_id=world.flights.experiment).status,
        who.ask("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{world.flights.file}").status,
    ] == [403] * 4


def test_a_maintainer_moves_an_alias(world: World) -> None:
    alias = {"name": world.flights.model, "alias": "champion", "version": "1"}
    assert world.people["mia"].post("registered-models/alias", **alias).status == 200


def test_who_may_look_everywhere_logs_in_the_own_project_alone(world: World) -> None:
    wide = world.people["wide"]
    assert wide.get("runs/get", run_id=world.fraud.run).status == 200
    assert wide.post("runs/set-tag", run_id=world.fraud.run, key="t", value="1").status == 403
    assert wide.post("runs/set-tag", run_id=world.flights.run, key="t", value="1").status == 200


# What is made belongs somewhere.


def test_an_experiment_of_who_has_one_project_belongs_to_it_whatever_its_name(world: World) -> None:
    made = world.people["ben"].post("experiments/create", name="a first try")
    tags = world.anna.get("experiments/get", experiment_id=made.said["experiment_id"]).said["experiment"][
        "tags"
    ]
    assert tags == [{"key": "outdo.project", "value": "flights"}]
    assert world.people["vera"].get("experiments/get-by-name", experiment_name="a first try").status == 200


def test_an_experiment_can_not_be_put_in_another_project(world: World) -> None:
    ben = world.people["ben"]
    tag = [{"key": "outdo.project", "value": "fraud"}]
    reply = ben.post("experiments/create", name="flights/sneaky", tags=tag)
    assert (reply.status, reply.code) == (403, "PERMISSION_DENIED")
    assert world.anna.get("experiments/get-by-name", experiment_name="flights/sneaky").status == 404


def test_who_has_several_projects_is_told_to_name_one(world: World) -> None:
    reply = world.people["both"].post("experiments/create", name="somewhere")
    assert reply.status == 403
    assert "outdo.project" in reply.said["message"]
    assert world.people["both"].post("experiments/create", name="fraud/somewhere").status == 200


def test_an_experiment_does_not_leave_its_project_by_another_name_or_tag(world: World) -> None:
    id_ = world.anna.experiment("flights/stays")
    for name in ("ben", "mia", "both"):
        who = world.people[name]
        assert who.post("experiments/update", experiment_id=id_, new_name="fraud/moved").status == 403
        tag = {"key": "outdo.project", "value": "fraud"}
        assert who.post("experiments/set-experiment-tag", experiment_id=id_, **tag).status == 403
    assert world.anna.get("experiments/get", experiment_id=id_).said["experiment"]["name"] == "flights/stays"


def test_an_experiment_that_a_tag_has_moved_does_not_come_back_by_the_loss_of_it(world: World) -> None:
    tag = [{"key": "outdo.project", "value": "flights"}]
    id_ = world.anna.post("experiments/create", name="fraud/lent", tags=tag).said["experiment_id"]
    for name in ("ben", "mia", "both"):
        gone = {"experiment_id": id_, "key": "outdo.project"}
        assert world.people[name].post("experiments/delete-experiment-tag", **gone).status == 403
    assert world.people["vera"].get("experiments/get", experiment_id=id_).status == 200


def test_webhooks_are_for_those_of_all_projects(world: World) -> None:
    path = "/api/2.0/mlflow/webhooks"
    assert {world.people[name].ask("GET", path).status for name in CONFINED} <= {403, 404}
    assert world.anna.ask("GET", path).status == 200


def test_an_admin_moves_an_experiment_with_all_its_runs(world: World) -> None:
    id_ = world.anna.experiment("fraud/to be moved")
    run = world.anna.run(id_)
    assert world.people["vera"].get("runs/get", run_id=run).status == 404
    world.anna.post("experiments/set-experiment-tag", experiment_id=id_, key="outdo.project", value="flights")
    assert world.people["vera"].get("runs/get", run_id=run).status == 200


def test_artifacts_can_not_be_kept_in_the_folder_of_another_project(world: World) -> None:
    for place in (world.fraud.experiment, "1", "anywhere"):
        location = f"mlflow-artifacts:/{place}"
        reply = world.people["ben"].post("experiments/create", name="flights/x", artifact_location=location)
        assert reply.status == 403


def test_who_sends_all_clients_elsewhere_has_to_be_trusted_in_all_projects(world: World) -> None:
    asked = {"name": "flights/elsewhere", "artifact_location": "s3://bucket/of-somebody"}
    assert world.people["mia"].post("experiments/create", **asked).status == 403
    assert world.anna.post("experiments/create", **asked).status == 200


def test_where_people_sign_in_a_folder_would_be_another_on_each_machine(world: World) -> None:
    reply = world.anna.post(
        "experiments/create", name="flights/folder", artifact_location="file:///srv/models"
    )
    assert reply.status == 400


def test_a_folder_in_that_of_another_project_needs_a_role_in_both(world: World) -> None:
    inside = f"mlflow-artifacts:/{world.fraud.experiment}/{world.fraud.run}"
    made = world.anna.post("experiments/create", name="flights/inside", artifact_location=inside)
    assert made.status == 200
    assert world.people["ben"].file(world.fraud.file).status == 404
    assert world.people["both"].file(world.fraud.file).status == 200


def test_a_model_belongs_to_the_project_of_the_run_it_came_from(world: World) -> None:
    both = world.people["both"]
    both.post("registered-models/create", name="of-fraud")
    both.post("model-versions/create", name="of-fraud", source=f"runs:/{world.fraud.run}/model")
    assert both.get("registered-models/get", name="of-fraud").status == 200
    assert world.people["vera"].get("registered-models/get", name="of-fraud").status == 404


def test_a_model_can_not_be_made_of_a_run_that_its_maker_may_only_look_at(world: World) -> None:
    reader = world.people["reader"]
    world.anna.post("registered-models/create", name="nobodys")
    source = f"runs:/{world.fraud.run}/model"
    assert reader.post("model-versions/create", name="nobodys", source=source).status == 403


def test_the_model_of_a_project_takes_a_version_of_what_its_maker_may_look_at(world: World) -> None:
    source = f"runs:/{world.fraud.run}/model"
    reply = world.people["reader"].post("model-versions/create", name=world.flights.model, source=source)
    assert reply.status == 200


@pytest.mark.parametrize("kind", ["run", "artifact", "version", "logged model", "named run"])
def test_no_version_is_made_of_what_its_maker_can_not_see(world: World, kind: str) -> None:
    asked = {
        "run": {"source": f"runs:/{world.fraud.run}/model"},
        "artifact": {
            "source": f"mlflow-artifacts:/{world.fraud.experiment}/{world.fraud.run}/artifacts/model"
        },
        "version": {"source": f"models:/{world.fraud.model}/1"},
        "logged model": {"source": f"models:/{world.fraud.logged}"},
        "named run": {"source": f"runs:/{world.flights.run}/model", "run_id": world.fraud.run},
    }[kind]
    reply = world.people["ben"].post("model-versions/create", name=world.flights.model, **asked)
    assert reply.status in (400, 404), reply.said


def test_a_model_does_not_leave_its_project_by_a_tag(world: World) -> None:
    for name in ("ben", "mia", "both"):
        tag = {"key": "outdo.project", "value": "fraud"}
        reply = world.people[name].post("registered-models/set-tag", name=world.flights.model, **tag)
        assert reply.status == 403
    assert world.people["vera"].get("registered-models/get", name=world.flights.model).status == 200


def test_what_was_refused_has_left_nothing(world: World) -> None:
    before = world.anna.get("registered-models/get", name=world.fraud.model).said
    changes(world.people["ben"], world.fraud)
    assert world.anna.get("registered-models/get", name=world.fraud.model).said == before
