"""The registry and logged models as clients of MLflow meet them, over real HTTP."""

from collections.abc import Iterator

import pytest
from msgspec import json

from tests.contracts.served import API, Reply, Served, served

NOW = 1_700_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home"), database=database) as running:
        yield running


def call(server: Served, method: str, path: str, **asked: object) -> Reply:
    return server.ask(method, f"{API}/{path}", json.encode(asked), {"Content-Type": "application/json"})


def model(server: Served, name: str, versions: int = 0) -> str:
    """A registered model with so many versions, each of a run of its own."""
    server.post("registered-models/create", name=name)
    for at in range(versions):
        run = server.run()
        server.put_file(f"0/{run}/artifacts/model/MLmodel", f"{name} {at}".encode())
        server.post("model-versions/create", name=name, source=f"runs:/{run}/model")
    return name


def logged(server: Served, run: str, name: str = "m") -> str:
    """The id of a new logged model of a run."""
    said = server.post("logged-models", experiment_id="0", name=name, source_run_id=run).said
    id_: str = said["model"]["info"]["model_id"]
    return id_


# Names, versions, aliases.


def test_versions_count_up_and_never_come_back(server: Served) -> None:
    name = model(server, "counted", 2)
    call(server, "DELETE", "model-versions/delete", name=name, version="2")
    made = server.post("model-versions/create", name=name, source=f"runs:/{server.run()}/model").said
    assert made["model_version"]["version"] == "3"


def test_a_name_is_there_once(server: Served) -> None:
    model(server, "once")
    assert server.post("registered-models/create", name="once").code == "RESOURCE_ALREADY_EXISTS"


def test_an_alias_points_to_one_version_and_moves(server: Served) -> None:
    name = model(server, "aliased", 2)
    for version in ("1", "2"):
        server.post("registered-models/alias", name=name, alias="champion", version=version)
    said = server.get("registered-models/alias", name=name, alias="champion").said["model_version"]
    assert (said["version"], said["aliases"]) == ("2", ["champion"])


def test_an_alias_that_is_not_there_is_told_in_the_protocols_words(server: Served) -> None:
    refused = server.get("registered-models/alias", name=model(server, "unaliased"), alias="none")
    assert (refused.status, refused.said["message"]) == (400, "Registered model alias none not found.")


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "a b", "a/b", ""])
def test_an_alias_that_means_something_else_is_refused(server: Served, alias: str) -> None:
    name = model(server, f"alias {alias.replace('/', '-')}", 1)
    assert server.post("registered-models/alias", name=name, alias=alias, version="1").status == 400


def test_a_version_knows_where_its_files_are(server: Served) -> None:
    name = model(server, "located", 1)
    run = server.get("model-versions/get", name=name, version="1").said["model_version"]["run_id"]
    found = server.get("model-versions/get-download-uri", name=name, version="1").said["artifact_uri"]
    assert found == f"mlflow-artifacts:/0/{run}/artifacts/model"


def test_a_copy_is_of_the_same_files(server: Served) -> None:
    name, other = model(server, "copied", 1), model(server, "copy")
    server.post("model-versions/create", name=other, source=f"models:/{name}/1")
    at = [server.get("model-versions/get-download-uri", name=one, version="1").said for one in (name, other)]
    assert at[0] == at[1]


def test_a_new_name_is_that_of_all_versions(server: Served) -> None:
    name = model(server, "before", 2)
    server.post("registered-models/rename", name=name, new_name="after")
    assert server.get("model-versions/get", name="after", version="2").status == 200
    assert server.get("registered-models/get", name=name).status == 404


def test_the_latest_versions_are_those_of_each_stage(server: Served) -> None:
    name = model(server, "staged", 3)
    server.post("model-versions/transition-stage", name=name, version="1", stage="staging")
    said = server.post("registered-models/get-latest-versions", name=name).said["model_versions"]
    assert sorted((one["current_stage"], one["version"]) for one in said) == [("None", "3"), ("Staging", "1")]


def test_what_was_in_the_stage_is_archived_on_request(server: Served) -> None:
    name = model(server, "archived", 2)
    for version in ("1", "2"):
        moved = {"name": name, "version": version, "stage": "Production", "archive_existing_versions": True}
        server.post("model-versions/transition-stage", **moved)
    assert (
        server.get("model-versions/get", name=name, version="1").said["model_version"]["current_stage"]
        == "Archived"
    )


def test_versions_are_found_by_name_run_and_tag(server: Served) -> None:
    name = model(server, "found", 3)
    server.post("model-versions/set-tag", name=name, version="2", key="passed", value="yes")
    found = server.get("model-versions/search", filter=f"name = '{name}' AND tags.passed = 'yes'").said
    assert [one["version"] for one in found["model_versions"]] == ["2"]


def test_models_that_lack_a_prompts_tag_are_no_prompts(server: Served) -> None:
    model(server, "plain model")
    server.post(
        "registered-models/create",
        name="a prompt",
        tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}],
    )
    wanted = "name LIKE '%p%' AND tag.`mlflow.prompt.is_prompt` != 'true'"
    names = [
        one["name"] for one in server.get("registered-models/search", filter=wanted).said["registered_models"]
    ]
    assert ("plain model" in names, "a prompt" in names) == (True, False)


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc",
        "/etc/passwd",
        "../x",
        "s3://bucket/x",
        "http://localhost/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts://host/x",
        "mlflow-artifacts:/0/x#/../y",
        "runs:/nobody/model",
        "models:/nobody/1",
        "models:/m-00000000000000000000000000000000",
    ],
)
def test_a_source_outside_the_store_is_refused(server: Served, source: str) -> None:
    name = model(server, "sources")
    assert server.post("model-versions/create", name=name, source=source).status in (400, 404)


def test_a_source_of_another_run_is_refused(server: Served) -> None:
    one, other = server.run(), server.run()
    name = model(server, "others")
    asked = {"name": name, "run_id": one, "source": f"mlflow-artifacts:/0/{other}/artifacts/model"}
    assert server.post("model-versions/create", **asked).status == 400


@pytest.mark.parametrize("name", ["a/b", "a:b", "", "  ", "..", "x" * 300])
def test_a_name_that_can_not_be_is_refused(server: Served, name: str) -> None:
    assert server.post("registered-models/create", name=name).code == "INVALID_PARAMETER_VALUE"


# Logged models, and what runs read and made.


def test_a_logged_model_is_pending_until_it_is_finished(server: Served) -> None:
    id_ = logged(server, server.run())
    before = server.get(f"logged-models/{id_}").said["model"]["info"]["status"]
    call(server, "PATCH", f"logged-models/{id_}", status="LOGGED_MODEL_READY")
    after = server.get(f"logged-models/{id_}").said["model"]["info"]["status"]
    assert (before, after) == ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY")


def test_a_metric_of_a_model_is_one_of_its_run_too(server: Served) -> None:
    run = server.run()
    id_ = logged(server, run)
    server.post("runs/log-metric", run_id=run, key="auc", value=0.7, timestamp=NOW, model_id=id_)
    of_model = server.get(f"logged-models/{id_}").said["model"]["data"]["metrics"]
    of_run = server.get("runs/get", run_id=run).said["run"]["data"]["metrics"]
    assert [one["value"] for one in (*of_model, *of_run)] == [0.7, 0.7]


def test_all_points_of_a_models_metric_are_kept_and_the_latest_sorts(server: Served) -> None:
    run = server.run()
    models = {name: logged(server, run, name) for name in ("first", "second")}
    for name, values in (("first", (0.9, 0.1)), ("second", (0.2, 0.3))):
        for at, value in enumerate(values):
            point = {"key": "late", "value": value, "timestamp": NOW + at, "step": at}
            server.post("runs/log-metric", run_id=run, model_id=models[name], **point)
    metrics = server.get(f"logged-models/{models['first']}").said["model"]["data"]["metrics"]
    assert sorted(point["value"] for point in metrics) == [0.1, 0.9]
    asked = {"experiment_ids": ["0"], "order_by": [{"field_name": "metrics.late", "ascending": False}]}
    said = server.post("logged-models/search", filter="metrics.late > 0", **asked).said
    assert [one["info"]["name"] for one in said["models"]] == ["second", "first"]


def test_models_that_were_measured_on_a_dataset_are_found(server: Served) -> None:
    run = server.run()
    of = {"model_id": logged(server, run, "measured"), "dataset_name": "only", "dataset_digest": "d"}
    server.post("runs/log-metric", run_id=run, key="acc", value=1.0, timestamp=NOW, **of)
    for digest, names in (("d", ["measured"]), ("other", [])):
        dataset = {"dataset_name": "only", "dataset_digest": digest}
        said = server.post("logged-models/search", experiment_ids=["0"], datasets=[dataset]).said
        assert [one["info"]["name"] for one in said.get("models", [])] == names


def test_a_model_says_as_which_versions_it_was_registered(server: Served) -> None:
    id_ = logged(server, server.run(), "told")
    server.post("registered-models/create", name="told")
    for _ in range(2):
        server.post("model-versions/create", name="told", source=f"models:/{id_}", model_id=id_)
    tags = server.get(f"logged-models/{id_}").said["model"]["info"]["tags"]
    told = '[{"name": "told", "version": 1}, {"name": "told", "version": 2}]'
    assert {"key": "mlflow.modelVersions", "value": told} in tags


def test_a_version_of_a_run_of_elsewhere_keeps_its_source(server: Served) -> None:
    server.post("registered-models/create", name="elsewhere")
    server.post("model-versions/create", name="elsewhere", source="runs:/far/model", run_id="far")
    said = server.get("model-versions/get-download-uri", name="elsewhere", version="1").said
    assert said["artifact_uri"] == "runs:/far/model"


def test_logged_models_are_sorted_by_what_was_measured_on_a_dataset(server: Served) -> None:
    run = server.run()
    found = []
    for name, test, train in (("a", 0.6, 0.9), ("b", 0.7, 0.8)):
        id_ = logged(server, run, name)
        for dataset, value in (("test", test), ("train", train)):
            of = {"model_id": id_, "dataset_name": dataset, "dataset_digest": "d"}
            server.post("runs/log-metric", run_id=run, key="sorted", value=value, timestamp=NOW, **of)
    for dataset in ("test", "train"):
        order = {
            "field_name": "metrics.sorted",
            "ascending": False,
            "dataset_name": dataset,
            "dataset_digest": "d",
        }
        said = server.post(
            "logged-models/search", experiment_ids=["0"], filter="metrics.sorted > 0", order_by=[order]
        ).said
        found.append([one["info"]["name"] for one in said["models"]])
    assert found == [["b", "a"], ["a", "b"]]


def test_a_dataset_that_two_runs_read_finds_both(server: Served) -> None:
    number = server.experiment("read")
    dataset = {"name": "flights", "digest": "0a1b", "source_type": "local", "source": "{}"}
    used = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    for _ in range(2):
        server.post("runs/log-inputs", run_id=server.run(number), datasets=[used])
    wanted = "datasets.name = 'flights' AND dataset.context = 'train'"
    found = server.post("runs/search", experiment_ids=[number], filter=wanted).said["runs"]
    assert [len(run["inputs"]["dataset_inputs"]) for run in found] == [1, 1]


def test_a_search_finds_prompts_only_where_it_asks_for_them(server: Served) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "kind", "value": "x"}]
    server.post("registered-models/create", name="asks", tags=tags)
    server.post("registered-models/create", name="predicts", tags=tags[1:])
    found = []
    for text in ("tags.kind = 'x'", "tags.kind = 'x' AND tags.`mlflow.prompt.is_prompt` = 'true'"):
        said = server.get("registered-models/search", filter=text).said
        found.append([one["name"] for one in said["registered_models"]])
    assert found == [["predicts"], ["asks"]]


def test_a_prompt_and_a_model_share_their_names(server: Served) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    server.post("registered-models/create", name="shared")
    refused = server.post("registered-models/create", name="shared", tags=tags)
    assert refused.code == "RESOURCE_ALREADY_EXISTS"
    assert "already taken by a registered model" in refused.said["message"]


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'])
def test_a_name_of_a_logged_model_has_no_marks(server: Served, name: str) -> None:
    refused = server.post("logged-models", experiment_id="0", name=name)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
