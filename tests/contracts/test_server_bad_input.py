"""What the server makes of input that can't be: an answer in the protocol's words, and nothing half done."""

import base64
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from tests.contracts.served import API, FILES, Reply, Served, served, unsound

JSON = {"Content-Type": "application/json"}
LARGEST = (1 << 63) - 1
TOO_LARGE = 1 << 63


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("around") / "home"  # what is around it has to stay as it is


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Served]:
    with served(home) as running:
        yield running
        assert unsound(home) == []


def raw(server: Served, call: str, body: bytes) -> Reply:
    return server.ask("POST", f"{API}/{call}", body, JSON)


def refused(reply: Reply, *words: str) -> bool:
    """Whether it is a refusal in the protocol's words, with these in its message."""
    assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE")
    assert [word for word in words if word not in reply.said["message"]] == []
    return True


# Values.


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_number_in_json_is_refused_with_the_way_to_write_it(server: Served, number: bytes) -> None:
    body = b'{"run_id":"%s","key":"a","timestamp":1,"value":%s}' % (server.run().encode(), number)
    assert refused(raw(server, "runs/log-metric", body), '"NaN"')


@pytest.mark.parametrize(
    ("call", "field", "asked"),
    [
        ("runs/create", "start_time", {"experiment_id": "0"}),
        ("runs/update", "end_time", {}),
        ("runs/log-metric", "timestamp", {"key": "a", "value": 1.0}),
        ("runs/log-metric", "step", {"key": "a", "value": 1.0, "timestamp": 1}),
    ],
)
@pytest.mark.parametrize("value", [TOO_LARGE, -TOO_LARGE - 1, 10**40, 1.5, "x", [], {}, True])
def test_a_number_that_can_not_be_kept_is_refused_by_name(
    server: Served, call: str, field: str, asked: dict[str, Any], value: object
) -> None:
    body = json.encode({"run_id": server.run(), **asked})[:-1] + b',"%s":%s}' % (
        field.encode(),
        str(value).encode() if isinstance(value, int) and value is not True else json.encode(value),
    )
    assert refused(raw(server, call, body), field)


def test_the_largest_numbers_are_kept(server: Served) -> None:
    id_ = server.run()
    point = {"key": "a", "value": 1.0, "timestamp": LARGEST, "step": LARGEST}
    assert server.post("runs/log-metric", run_id=id_, **point).status == 200
    assert server.get("runs/get", run_id=id_).said["run"]["data"]["metrics"] == [point]


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ({"metrics": 1001}, "at most 1000 metrics"),
        ({"params": 101}, "at most 100 params"),
        ({"tags": 101}, "at most 100 tags"),
        ({"metrics": 900, "params": 60, "tags": 60}, "at most 1000 metrics, params, and tags"),
    ],
)
def test_a_batch_that_is_too_large_leaves_nothing(server: Served, size: dict[str, int], told: str) -> None:
    id_ = server.run()
    batch: dict[str, list[dict[str, object]]] = {
        "metrics": [
            {"key": f"m{at}", "value": 1.0, "timestamp": 1, "step": 0} for at in range(size.get("metrics", 0))
        ],
        "params": [{"key": f"p{at}", "value": "1"} for at in range(size.get("params", 0))],
        "tags": [{"key": f"t{at}", "value": "1"} for at in range(size.get("tags", 0))],
    }
    assert refused(server.post("runs/log-batch", run_id=id_, **batch), told)
    assert "metrics" not in server.get("runs/get", run_id=id_).said["run"]["data"]


def test_params_that_disagree_with_each_other_or_with_before_leave_nothing(server: Served) -> None:
    id_ = server.run()
    twice = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}, {"key": "b", "value": "1"}]
    assert refused(server.post("runs/log-batch", run_id=id_, params=twice), "Duplicate parameter keys", "a")
    server.post("runs/log-parameter", run_id=id_, key="a", value="1")
    other = [{"key": "b", "value": "1"}, {"key": "a", "value": "2"}]
    assert refused(server.post("runs/log-batch", run_id=id_, params=other), "Changing param values")
    assert server.get("runs/get", run_id=id_).said["run"]["data"]["params"] == [{"key": "a", "value": "1"}]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"' + b"x" * 10_000_000 + b'"}',
        b'{"name":"' + b"x" * 3_000_000 + b'"}',
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"name":"\xff\xfe"}',
        b'{"name":"\\ud800"}',
        b'{"name":"a\\u0000b"}',
        b'{"name":{}}',
        b'{"name":["a"]}',
        b'{"name":"a","tags":[1]}',
        b'{"name":"a","tags":{"key":"a"}}',
        b'{"name":"a"',
        b"\x00",
        b"null",
        b'"{}',
    ],
    ids=lambda body: str(body[:20]),
)
def test_a_body_that_can_not_be_makes_nothing(server: Served, body: bytes) -> None:
    before = len(server.post("experiments/search").said["experiments"])
    assert refused(raw(server, "experiments/create", body))
    assert len(server.post("experiments/search").said["experiments"]) == before


def test_a_field_that_is_null_is_one_that_is_not_there(server: Served) -> None:
    params = [{"key": "a", "value": None}]
    assert server.post("runs/log-batch", run_id=server.run(), params=params, tags=None).status == 200


# Searches.


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"filter": " AND ".join(["params.a = '1'"] * 101)}, "100 comparisons"),
        ({"filter": "run_name LIKE '" + "%a" * 6000 + "'"}, "10000"),
        ({"filter": "params.a = '" + "a" * 100_000 + "'"}, "100000"),
        ({"filter": "'" * 99_999}, "filter"),
        ({"filter": '"' * 99_999}, "filter"),
        ({"filter": "`" * 99_999}, "filter"),
        ({"filter": "a." * 49_999}, ""),
        ({"filter": "(" * 99_999}, "filter"),
        ({"order_by": [f"params.p{at}" for at in range(51)]}, "it may have 50"),
        ({"order_by": ["a" + " " * 100_000 + "b c"]}, "order_by"),
        ({"order_by": ["`" * 100_000]}, "order_by"),
        ({"experiment_ids": [str(at) for at in range(10_001)]}, "experiment_ids"),
        ({"experiment_ids": ["1" * 5000]}, "xperiment"),
        ({"experiment_ids": ["²"]}, "xperiment"),
        ({"max_results": 10**9}, "max_results"),
        ({"max_results": -1}, "max_results"),
        ({"run_view_type": "SOME"}, "SOME"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_search_that_can_not_be_is_refused_by_name_and_limit(
    server: Served, asked: dict[str, Any], told: str
) -> None:
    assert refused(server.post("runs/search", **{"experiment_ids": ["0"], **asked}), told)


def token_of(server: Served, call: str, **asked: Any) -> tuple[str, list[Any]]:
    """The mark and the sort keys of a search's next page."""
    method = server.get if call.startswith(("metrics", "reg")) else server.post
    token = method(call, **asked).said["next_page_token"]
    mark, after = json.decode(base64.urlsafe_b64decode(token))
    return mark, after


def test_no_token_that_somebody_made_up_breaks_a_search(server: Served) -> None:
    number = server.experiment("made-up tokens")
    id_ = server.run(number)
    server.run(number)
    for at in range(3):
        server.post("runs/log-metric", run_id=id_, key="h", value=1.0, timestamp=at)
    searches: list[tuple[str, dict[str, Any]]] = [
        (
            "runs/search",
            {"experiment_ids": [number], "max_results": 1, "order_by": ["metrics.h", "params.a"]},
        ),
        ("metrics/get-history", {"run_id": id_, "metric_key": "h", "max_results": 1}),
    ]
    chance = random.Random(4)
    odd: list[Any] = [None, "x", "", -1, 0, 1, 2, 9, 1.5, 1e308, TOO_LARGE, -(10**40), True, [], {"a": 1}]
    for call, asked in searches:
        mark, after = token_of(server, call, **asked)
        method = server.get if call.startswith("metrics") else server.post
        for _ in range(150):
            made = [chance.choice([one, chance.choice(odd)]) for one in after]
            made = made[: chance.randrange(len(made) + 1)] if chance.random() < 0.2 else made
            text = str([mark, made]).replace("'", '"').replace("None", "null").replace("True", "true")
            token = base64.urlsafe_b64encode(text.encode()).decode()
            assert method(call, **asked, page_token=token).status in (200, 400)


@pytest.mark.parametrize("token", ["x", "====", "é", "bnVsbA==", "W10=", "e30=", "a" * 100_000])
def test_a_token_that_can_not_be_read_is_refused(server: Served, token: str) -> None:
    assert refused(server.post("runs/search", experiment_ids=["0"], page_token=token), "page token")


@pytest.mark.parametrize("value", [0.0, 1.7976931348623157e308, -1.7976931348623157e308, "NaN"])
def test_a_token_of_any_value_goes_on(server: Served, value: object) -> None:
    id_ = server.run()
    for at in range(2):
        server.post("runs/log-metric", run_id=id_, key="h", value=value, timestamp=at)
    asked = {"run_id": id_, "metric_key": "h", "max_results": 1}
    token = server.get("metrics/get-history", **asked).said["next_page_token"]
    assert len(server.get("metrics/get-history", **asked, page_token=token).said["metrics"]) == 1


# Artifacts.

OUTSIDE = [
    "..",
    "../x",
    "../../../../etc/passwd",
    "..%2fx",
    "..%252fx",
    "..%25252fx",
    "%2e%2e/x",
    "%252e%252e%252fx",
    "a/../../x",
    "a/%2e%2e/%2e%2e/x",
    "%2fetc/passwd",
    "%252fetc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file%3a%2f%2f/etc/passwd",
    "C:/x",
    "C:%5cx",
    "%5c%5chost%5cshare",
    "a%5c..%5cx",
    "..%5cx",
    "a%00b",
    "a%2500b",
    "a%0ab",
    "a;/../x",
    "%23/../x",
    "%3f/../x",
    "a%ff",
    "%c0%ae%c0%ae/x",
    "x" * 5000,
    "/".join(["x"] * 3000),
]


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path[:30])
def test_no_form_of_a_path_is_kept_outside_the_store(server: Served, home: Path, path: str) -> None:
    before = sorted(one for one in home.parent.rglob("*") if one.parent.name != "objects")
    for method in ("PUT", "GET", "DELETE"):
        reply = server.ask(method, f"{FILES}/{path}", b"x" if method == "PUT" else None)
        assert reply.status in (400, 404)
        assert reply.said["error_code"] in (
            "INVALID_PARAMETER_VALUE",
            "RESOURCE_DOES_NOT_EXIST",
            "ENDPOINT_NOT_FOUND",
        )
    assert server.ask("GET", f"{FILES}?path={path}").status == 400
    id_ = server.run()
    assert server.ask("GET", f"{API}/artifacts/list?run_id={id_}&path={path}").status == 400
    assert sorted(one for one in home.parent.rglob("*") if one.parent.name != "objects") == before


@pytest.mark.parametrize("path", ["", ".", "./", "%2e"])
def test_the_root_of_all_artifacts_is_no_file(server: Served, path: str) -> None:
    assert server.ask("PUT", f"{FILES}/{path}", b"x").status in (400, 404)


def test_a_file_is_never_in_a_file(server: Served) -> None:
    server.put_file("0/clash/artifacts/a", b"1")
    assert refused(server.put_file("0/clash/artifacts/a/b", b"2"), "0/clash/artifacts/a")
    assert refused(server.put_file("0/clash/artifacts", b"2"), "folder")
    assert server.file("0/clash/artifacts/a").said == b"1"


def test_an_upload_that_breaks_off_leaves_nothing(server: Served, home: Path) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("PUT", f"{FILES}/0/broken/artifacts/half.bin")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"x" * 500_000)
    connection.close()
    assert server.file("0/broken/artifacts/half.bin").status == 404


@pytest.mark.parametrize(
    "location",
    [
        "file://host/etc",
        "FILE:/etc",
        "/etc/../x",
        "/a\\b",
        "s3://a/%2e%2e/x",
        "s3://user:word@a/x",
        "mysql://user:word@host/x",
        "s3://a/x?y",
        "s3://a/x#y",
        "//host/x",
        "../x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/a/../../x",
        "mlflow-artifacts:/%2e%2e/x",
        "mlflow-artifacts://host/x",
        "mlflow-artifacts:/a#/../x",
        "mlflow-artifacts:/a?/../x",
        "mlflow-artifacts:/a;/../x",
        "http:///#/../../etc",
        "dbfs:/x",
        "ftp://x/y",
        "mlflow-artifacts:/" + "x" * 5000,
    ],
    ids=lambda location: location[:30],
)
def test_an_experiment_can_not_place_its_artifacts_where_no_client_may_go(
    server: Served, location: str
) -> None:
    asked = {"name": f"at {location[:300]}", "artifact_location": location}
    assert refused(server.post("experiments/create", **asked))
    assert server.get("experiments/get-by-name", experiment_name=asked["name"]).status == 404


@pytest.mark.parametrize("version", ["²", "1" * 40, "-1", "1e3", "0x1", ""])
def test_a_source_of_a_version_that_can_not_be_is_refused(server: Served, version: str) -> None:
    server.post("registered-models/create", name="source")
    assert refused(server.post("model-versions/create", name="source", source=f"models:/source/{version}"))


def test_what_an_older_client_says_of_a_model_has_to_be_json(server: Served) -> None:
    id_ = server.run()
    assert refused(server.post("runs/log-model", run_id=id_, model_json="{bad"), "model_json")
