"""The server as clients of MLflow meet it, over real HTTP."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from tests.contracts.served import API, Served, served

NOW = 1_700_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home"), database=database) as running:
        yield running


def metric(key: str, value: object, step: int = 0, timestamp: int = NOW) -> dict[str, object]:
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}


def run_of(server: Served, id_: str) -> dict[str, object]:
    return server.get("runs/get", run_id=id_).said["run"]  # type: ignore[no-any-return]


def metrics_of(server: Served, id_: str) -> dict[str, object]:
    data = run_of(server, id_)["data"]
    return {one["key"]: one["value"] for one in data.get("metrics", [])}  # type: ignore[attr-defined]


# What is logged is told again.


def test_a_fresh_server_has_the_default_experiment(server: Served) -> None:
    said = server.get("experiments/get", experiment_id="0").said["experiment"]
    assert (said["name"], said["lifecycle_stage"]) == ("Default", "active")


def test_a_run_without_a_name_gets_one_that_is_a_tag_too(server: Served) -> None:
    run = server.post("runs/create", experiment_id="0").said["run"]
    assert {"key": "mlflow.runName", "value": run["info"]["run_name"]} in run["data"]["tags"]


def test_a_run_keeps_its_artifacts_under_its_experiment(server: Served) -> None:
    info = server.post("runs/create", experiment_id="0").said["run"]["info"]
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{info['run_id']}/artifacts"


def test_the_latest_point_is_that_of_the_greatest_step(server: Served) -> None:
    id_ = server.run()
    for value, step in ((1.0, 5), (2.0, 7), (3.0, 6)):
        server.post("runs/log-metric", run_id=id_, **metric("loss", value, step))
    assert metrics_of(server, id_) == {"loss": 2.0}


def test_of_one_step_the_latest_point_is_the_later_then_the_greater(server: Served) -> None:
    id_ = server.run()
    batch = [metric("a", 9.0, 1, NOW), metric("a", 2.0, 1, NOW + 1), metric("a", 3.0, 1, NOW + 1)]
    server.post("runs/log-batch", run_id=id_, metrics=batch)
    assert metrics_of(server, id_) == {"a": 3.0}


def test_what_is_no_number_is_told_as_such_and_what_is_infinite_as_the_greatest(server: Served) -> None:
    id_ = server.run()
    batch = [metric("nan", "NaN"), metric("up", "Infinity"), metric("down", "-Infinity")]
    server.post("runs/log-batch", run_id=id_, metrics=batch)
    greatest = 1.7976931348623157e308
    assert metrics_of(server, id_) == {"nan": "NaN", "up": greatest, "down": -greatest}


def test_a_history_is_told_by_time_in_pages(server: Served) -> None:
    id_ = server.run()
    points = [metric("loss", float(at), at, NOW + at) for at in range(25)]
    server.post("runs/log-batch", run_id=id_, metrics=points[::-1])
    told: list[float] = []
    token = ""
    for _ in range(3):
        page = server.get(
            "metrics/get-history", run_id=id_, metric_key="loss", max_results=10, page_token=token
        ).said
        told += [point["value"] for point in page["metrics"]]
        token = page.get("next_page_token", "")
    assert (told, token) == ([float(at) for at in range(25)], "")


def test_the_same_point_twice_is_one(server: Served) -> None:
    id_ = server.run()
    for _ in range(2):
        server.post("runs/log-metric", run_id=id_, **metric("loss", 1.0))
    assert len(server.get("metrics/get-history", run_id=id_, metric_key="loss").said["metrics"]) == 1


def test_a_curve_is_drawn_of_points_evenly_over_all_of_them(server: Served) -> None:
    id_ = server.run()
    points = [metric("loss", float(at), at) for at in range(1000)]
    server.post("runs/log-batch", run_id=id_, metrics=points)
    asked = {"run_ids": [id_], "metric_key": "loss"}
    told = server.get("metrics/get-history-bulk-interval", **asked, max_results=5).said["metrics"]
    assert [one["step"] for one in told] == [0, 200, 400, 600, 999]
    some = server.get("metrics/get-history-bulk-interval", **asked, start_step=10, end_step=12).said[
        "metrics"
    ]
    assert [one["step"] for one in some] == [10, 11, 12]


def test_a_param_is_written_once(server: Served) -> None:
    id_ = server.run()
    server.post("runs/log-parameter", run_id=id_, key="lr", value="0.1")
    assert server.post("runs/log-parameter", run_id=id_, key="lr", value="0.1").status == 200
    refused = server.post("runs/log-parameter", run_id=id_, key="lr", value="0.2")
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
    assert refused.said["message"].startswith(
        "Changing param values is not allowed. Param with key='lr' was already logged with value='0.1'"
    )


def test_a_batch_with_one_wrong_param_leaves_nothing(server: Served) -> None:
    id_ = server.run()
    server.post("runs/log-parameter", run_id=id_, key="lr", value="0.1")
    batch = {"metrics": [metric("auc", 0.7)], "params": [{"key": "lr", "value": "9"}]}
    assert server.post("runs/log-batch", run_id=id_, **batch).status == 400
    assert metrics_of(server, id_) == {}


def test_the_tag_of_its_name_renames_a_run(server: Served) -> None:
    id_ = server.run()
    server.post("runs/set-tag", run_id=id_, key="mlflow.runName", value="second")
    assert run_of(server, id_)["info"]["run_name"] == "second"  # type: ignore[index]


def test_a_deleted_run_can_be_read_but_not_written_to_until_it_is_restored(server: Served) -> None:
    id_ = server.run()
    server.post("runs/delete", run_id=id_)
    assert run_of(server, id_)["info"]["lifecycle_stage"] == "deleted"  # type: ignore[index]
    refused = server.post("runs/set-tag", run_id=id_, key="a", value="b")
    assert "must be in the 'active' state" in refused.said["message"]
    server.post("runs/restore", run_id=id_)
    assert server.post("runs/set-tag", run_id=id_, key="a", value="b").status == 200


def test_a_deleted_experiment_keeps_its_name(server: Served) -> None:
    number = server.experiment("taken")
    server.post("experiments/delete", experiment_id=number)
    assert server.post("experiments/create", name="taken").code == "RESOURCE_ALREADY_EXISTS"


def test_artifacts_come_back_and_are_listed_by_folder(server: Served) -> None:
    id_ = server.run()
    for name in ("a.txt", "model/weights.bin", "model/deep/er.txt"):
        server.put_file(f"0/{id_}/artifacts/{name}", name.encode())
    assert server.file(f"0/{id_}/artifacts/model/weights.bin").said == b"model/weights.bin"
    top = server.get("artifacts/list", run_id=id_).said["files"]
    assert top == [
        {"path": "a.txt", "is_dir": False, "file_size": 5},
        {"path": "model", "is_dir": True},
    ]
    inside = server.get("artifacts/list", run_id=id_, path="model").said["files"]
    assert [one["path"] for one in inside] == ["model/deep", "model/weights.bin"]


def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    with served(tmp_path) as own:
        for at in range(3):
            own.put_file(f"0/{own.run()}/artifacts/{at}.bin", b"x" * 5000)
    assert len([path for path in (tmp_path / "objects").rglob("*") if path.is_file()]) == 1


def test_an_artifact_is_given_as_a_file_that_no_browser_runs(server: Served) -> None:
    server.put_file("0/page/artifacts/x.html", b"<script>alert(1)</script>")
    headers = server.file("0/page/artifacts/x.html").headers
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


# Searching.


def test_a_search_finds_sorts_and_pages(server: Served) -> None:
    number = server.experiment("searched")
    for at in range(7):
        id_ = server.run(number, run_name=f"r{at}", start_time=at)
        server.post("runs/log-batch", run_id=id_, metrics=[metric("auc", at / 10)] if at != 3 else [])
    names: list[str] = []
    token = ""
    while True:
        page = server.post(
            "runs/search",
            experiment_ids=[number],
            filter="attributes.run_name != 'r0'",
            order_by=["metrics.auc DESC"],
            max_results=2,
            page_token=token,
        ).said
        names += [run["info"]["run_name"] for run in page["runs"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert names == ["r6", "r5", "r4", "r2", "r1", "r3"]


def test_a_page_token_is_of_one_search_only(server: Served) -> None:
    number = server.experiment("tokens")
    for _ in range(2):
        server.run(number)
    asked = {"experiment_ids": [number], "max_results": 1}
    token = server.post("runs/search", **asked).said["next_page_token"]
    other = server.post("runs/search", **asked, filter="metrics.x > 1", page_token=token)
    assert (other.status, other.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(("filter_", "names"), [("LIKE 'a%'", ["ab"]), ("ILIKE 'a%'", ["Ac", "ab"])])
def test_like_minds_the_case_and_ilike_does_not(server: Served, filter_: str, names: list[str]) -> None:
    number = server.experiment(f"like {filter_}")
    for name in ("ab", "Ac", "b"):
        server.run(number, run_name=name)
    found = server.post("runs/search", experiment_ids=[number], filter=f"run_name {filter_}").said["runs"]
    assert sorted(run["info"]["run_name"] for run in found) == names


# What bad input gets.


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > '0.7'",
        "metrics.auc LIKE 1",
        "nothing.auc > 1",
        "auc > 1",
        "params.lr = 0.1",
        "metrics.auc > 0.7 OR metrics.auc < 0.1",
        "metrics.auc >",
        "params.`lr = '1'",
        "tags.a = 'b",
        "start_time = 'now'",
        "(metrics.auc > 1)",
    ],
)
def test_a_filter_that_means_nothing_is_refused_in_words(server: Served, text: str) -> None:
    refused = server.post("runs/search", experiment_ids=["0"], filter=text)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("runs/log-metric", {"key": "a", "value": "many", "timestamp": 1}),
        ("runs/log-metric", {"key": "a", "value": 1.0, "timestamp": -1}),
        ("runs/log-metric", {"key": "../a", "value": 1.0, "timestamp": 1}),
        ("runs/log-metric", {"key": "a", "value": 1.0, "timestamp": 10**30}),
        ("runs/log-metric", {"key": "k" * 251, "value": 1.0, "timestamp": 1}),
        ("runs/log-parameter", {"value": "v"}),
        ("runs/log-batch", {"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}),
        ("runs/log-batch", {"metrics": [{"key": "a", "value": 1.0, "timestamp": 1}] * 1001}),
        ("runs/log-batch", {"metrics": "none"}),
        ("runs/update", {"status": "LOST"}),
    ],
)
def test_a_value_that_can_not_be_is_refused_in_words(
    server: Served, call: str, asked: dict[str, object]
) -> None:
    refused = server.post(call, run_id=server.run(), **asked)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_what_is_not_there_is_404_in_the_protocols_words(server: Served) -> None:
    assert server.get("runs/get", run_id="0" * 32).code == "RESOURCE_DOES_NOT_EXIST"
    assert server.get("experiments/get-by-name", experiment_name="nobody").status == 404
    assert server.ask("GET", f"{API}/gateway/none").code == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"[]", b'{"a":' * 2000, b'"' + b"x" * 100 + b'"'])
def test_a_body_that_is_no_json_object_is_refused(server: Served, body: bytes) -> None:
    refused = server.ask("POST", f"{API}/runs/search", body, {"Content-Type": "application/json"})
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "..%2fx",
        "..%252fx",
        "%2e%2e/x",
        "a/../../x",
        "%2fetc/passwd",
        "file:///etc/passwd",
        "C:%5cx",
        "a%5c..%5cx",
        "a%00b",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_form_of_a_path_leads_out_of_the_artifacts(server: Served, method: str, path: str) -> None:
    refused = server.ask(
        method, f"/api/2.0/mlflow-artifacts/artifacts/{path}", b"x" if method == "PUT" else None
    )
    assert refused.status in (400, 404)


def test_an_address_with_a_slash_too_many_leads_to_what_was_meant(server: Served) -> None:
    reply = server.ask("GET", f"//{API[1:]}/experiments/get?experiment_id=0")
    assert (reply.status, reply.headers["location"]) == (308, f"{API}/experiments/get?experiment_id=0")


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "///evil.example", "//\\evil.example", "//%5cevil.example"]
)
def test_no_doubled_slash_leads_to_another_server(server: Served, path: str) -> None:
    assert server.ask("GET", path).headers.get("location", "/x")[:2] not in ("//", "/\\")


@pytest.mark.parametrize(
    "location", ["http:///#/../..", "mlflow-artifacts:/../x", "s3://a/../b", "ftp://a/b"]
)
def test_artifacts_are_at_no_odd_place(server: Served, location: str) -> None:
    assert server.post("experiments/create", name=f"at {location}", artifact_location=location).status == 400


def test_a_page_of_another_site_changes_nothing(server: Served) -> None:
    headers = {"Content-Type": "application/json", "Origin": "https://evil.example"}
    assert server.ask("POST", f"{API}/runs/create", b"{}", headers).status == 403


def test_another_hosts_name_gets_nothing(server: Served) -> None:
    assert server.ask("GET", "/version", headers={"Host": "evil.example"}).status == 403


# The process.


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    with served(tmp_path) as first:
        id_ = first.run()
        for at in range(20):
            first.post("runs/log-metric", run_id=id_, **metric("loss", float(at), at))
        first.process.kill()
    with served(tmp_path) as second:
        assert len(second.get("metrics/get-history", run_id=id_, metric_key="loss").said["metrics"]) == 20


def test_eight_clients_at_once_lose_nothing(server: Served) -> None:
    ids = [server.run() for _ in range(8)]

    def work(id_: str) -> None:
        for at in range(20):
            assert server.post("runs/log-metric", run_id=id_, **metric("loss", float(at), at)).status == 200

    threads = [threading.Thread(target=work, args=(id_,)) for id_ in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    histories = [
        server.get("metrics/get-history", run_id=id_, metric_key="loss").said["metrics"] for id_ in ids
    ]
    assert [len(history) for history in histories] == [20] * 8


def test_a_reply_leaves_at_once_on_a_kept_connection(server: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    took: list[float] = []
    for _ in range(50):
        began = perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read()
        took.append(perf_counter() - began)
    connection.close()
    assert median(took) < 0.010


def test_it_ends_at_once_when_it_is_asked_to(tmp_path: Path) -> None:
    with served(tmp_path) as own:
        own.run()
        began = perf_counter()
        own.stop()
        assert perf_counter() - began < 5


def test_a_file_is_had_by_the_run_the_version_and_the_logged_model_that_it_is_of(server: Served) -> None:
    id_ = server.run()
    server.put_file(f"0/{id_}/artifacts/model/a b.txt", b"kept")
    server.post("registered-models/create", name="files")
    server.post("model-versions/create", name="files", source=f"runs:/{id_}/model", run_id=id_)
    model = server.post("logged-models", experiment_id="0", name="files").said["model"]["info"]["model_id"]
    server.put_file(f"0/models/{model}/artifacts/a b.txt", b"kept")
    for call in (
        f"/get-artifact?run_id={id_}&path=model/a%20b.txt",
        "/model-versions/get-artifact?name=files&version=1&path=a%20b.txt",
        f"{API}/logged-models/{model}/artifacts/files?artifact_file_path=a%20b.txt",
    ):
        reply = server.ask("GET", call)
        assert (reply.status, reply.said) == (200, b"kept")
        assert reply.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path", ["", "..", "../x", "%2e%2e/x", "/etc/passwd", "file:///etc/passwd", "a%5cb", "%252e%252e/x"]
)
def test_no_path_leads_out_of_a_run(server: Served, path: str) -> None:
    refused = server.ask("GET", f"/get-artifact?run_id={server.run()}&path={path}")
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_a_page_puts_a_file_into_a_run(server: Served) -> None:
    id_ = server.run()
    call = "/ajax-api/2.0/mlflow/upload-artifact"
    assert server.ask("POST", f"{call}?run_uuid={id_}&path=a/b.txt", b"kept").status == 200
    assert server.file(f"0/{id_}/artifacts/a/b.txt").said == b"kept"
    for asked in ("", f"run_uuid={id_}", f"run_uuid={id_}&path=../b.txt"):
        assert server.ask("POST", f"{call}?{asked}", b"kept").code == "INVALID_PARAMETER_VALUE"
