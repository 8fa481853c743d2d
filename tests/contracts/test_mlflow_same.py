"""The same calls to Outdo and to a stock MLflow server: status, error code, shape, values and order are the same.

Ids and times are put in place of by where they came first; where we differ on purpose, `DIFFERENT` says so.
"""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from msgspec import json

from benchmarks.peers import peer_python
from tests.contracts.served import API, Reply, Served, served

pytestmark = pytest.mark.slow

NOW = 1_700_000_000_000


def python() -> str:
    """The interpreter of an environment with MLflow, made where there is none."""
    return peer_python("mlflow")


class Stock(Served):
    """A stock MLflow server with one worker and without its jobs."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        command = [python(), "-m", "mlflow", "server", "--workers", "1", "--port", str(self.port)]
        command += [
            "--backend-store-uri",
            f"sqlite:///{home}/m.db",
            "--artifacts-destination",
            str(home / "files"),
        ]
        env = {
            **os.environ,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        }
        with (home / "log").open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=env, text=True, start_new_session=True
            )
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/health").status == 200:
                    return
            except OSError:
                time.sleep(0.3)
        raise AssertionError((home / "log").read_text())


@contextmanager
def both(home: Path) -> Iterator[tuple[Served, Served]]:
    """Our server and a stock one, until the end of the block."""
    (home / "stock").mkdir()
    stock = Stock(home / "stock")
    try:
        with served(home / "ours", "--private-webhooks") as ours:
            yield ours, stock
    finally:
        os.killpg(stock.process.pid, 15)
        stock.process.wait(30)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    with both(tmp_path_factory.mktemp("both")) as running:
        yield running


class Call(NamedTuple):
    """One call; its path is behind the prefix unless it begins with `/`. `$name` stands for what an earlier answer was
    kept as."""

    method: str
    path: str
    asked: dict[str, Any]
    keep: str = ""
    """`name=path.to.value` of the answer."""
    headers: Mapping[str, str] = {}


def post(path: str, keep: str = "", **asked: Any) -> Call:
    return Call("POST", path, asked, keep)


def get(path: str, **asked: Any) -> Call:
    return Call("GET", path, asked)


def run(name: str, experiment: str = "$exp", started: int = NOW, **more: Any) -> Call:
    return post(
        "runs/create",
        f"{name}=run.info.run_id",
        experiment_id=experiment,
        run_name=name,
        start_time=started,
        **more,
    )


def metric(key: str, value: Any, step: int = 0, timestamp: int = NOW) -> dict[str, Any]:
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}


def tag(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


EXPERIMENTS = [
    get("experiments/get", experiment_id="0"),
    post("experiments/create", "exp=experiment_id", name="one", tags=[tag("team", "a")]),
    post("experiments/create", name="one"),
    post("experiments/create", name=""),
    post("experiments/create"),
    get("experiments/get", experiment_id="$exp"),
    get("experiments/get", experiment_id="77"),
    get("experiments/get", experiment_id="x"),
    get("experiments/get"),
    get("experiments/get-by-name", experiment_name="one"),
    get("experiments/get-by-name", experiment_name="none"),
    post("experiments/set-experiment-tag", experiment_id="$exp", key="k", value="v"),
    post("experiments/set-experiment-tag", experiment_id="$exp", value="v"),
    post("experiments/set-experiment-tag", experiment_id="99", key="k", value="v"),
    post("experiments/update", experiment_id="$exp", new_name="uno"),
    post("experiments/update", experiment_id="$exp", new_name="Default"),
    post("experiments/delete", experiment_id="$exp"),
    post("experiments/delete", experiment_id="$exp"),
    post("experiments/update", experiment_id="$exp", new_name="dos"),
    post("experiments/create", name="uno"),
    post("experiments/search", max_results=10, view_type="DELETED_ONLY"),
    post("experiments/restore", experiment_id="$exp"),
    post("experiments/restore", experiment_id="99"),
    post("experiments/search", max_results=10, filter="name LIKE 'u%' AND tags.team = 'a'"),
    post("experiments/search", max_results=10, filter="name ILIKE 'U%'", order_by=["name DESC"]),
    post("experiments/search", max_results=10, filter="nothing = 'a'"),
    post("experiments/search", max_results=0),
    post("experiments/search", max_results=10**9),
]

RUNS = [
    post("experiments/create", "exp=experiment_id", name="runs"),
    run("r1", tags=[tag("mlflow.user", "me"), tag("team", "a")]),
    run("r2", started=NOW + 1),
    run("r3", started=NOW + 2),
    run("r4", started=NOW + 2, experiment="88"),
    post("runs/log-metric", run_id="$r1", **metric("auc", 0.5)),
    post("runs/log-metric", run_id="$r1", **metric("auc", 0.7, 2)),
    post("runs/log-metric", run_id="$r1", **metric("auc", 0.6, 1)),
    post("runs/log-metric", run_id="$r1", **metric("auc", 0.7, 2)),
    post("runs/log-metric", run_id="$r2", **metric("auc", "NaN")),
    post("runs/log-metric", run_id="$r2", **metric("loss", "Infinity")),
    post("runs/log-metric", run_id="$r2", **metric("loss", "-Infinity", 1)),
    post("runs/log-metric", run_id="none", **metric("auc", 1.0)),
    post("runs/log-metric", **metric("auc", 1.0)),
    post("runs/log-metric", run_id="$r1", key="auc", timestamp=NOW),
    post("runs/log-metric", run_id="$r1", key="auc", value=1.0),
    post("runs/log-metric", run_id="$r1", **metric("a\nb", 1.0)),
    post("runs/log-metric", run_id="$r1", **metric("/a", 1.0)),
    post("runs/log-metric", run_id="$r1", **metric("a/../b", 1.0)),
    post("runs/log-metric", run_id="$r1", **metric("k" * 251, 1.0)),
    post("runs/log-metric", run_id="$r1", **metric("a", 1.0, timestamp=-1)),
    post("runs/log-parameter", run_id="$r1", **tag("lr", "0.1")),
    post("runs/log-parameter", run_id="$r1", **tag("lr", "0.1")),
    post("runs/log-parameter", run_id="$r1", **tag("lr", "0.2")),
    post("runs/log-parameter", run_id="$r1", **tag("long", "v" * 6001)),
    post("runs/log-parameter", run_id="$r1", value="1"),
    post("runs/log-parameter", run_id="$r2", **tag("lr", "")),
    post("runs/set-tag", run_id="$r1", **tag("note", "x y")),
    post("runs/set-tag", run_id="$r1", **tag("note", "z")),
    post("runs/delete-tag", run_id="$r1", key="note"),
    post("runs/delete-tag", run_id="$r1", key="note"),
    post("runs/set-tag", run_id="$r3", **tag("mlflow.runName", "third")),
    post(
        "runs/log-batch",
        run_id="$r3",
        metrics=[metric("auc", 0.9), metric("auc", 0.8, 1)],
        params=[tag("lr", "1"), tag("depth", "3")],
    ),
    post("runs/log-batch", run_id="$r3", params=[tag("a", "1"), tag("a", "2")]),
    post("runs/log-batch", run_id="$r3", metrics=[metric("late", 1.0)], params=[tag("lr", "2")]),
    post("runs/log-batch", run_id="$r3", metrics=[metric("m", 1.0)] * 1001),
    post("runs/log-batch", run_id="$r3", params=[tag(f"p{at}", "1") for at in range(101)]),
    post(
        "runs/log-batch",
        run_id="$r3",
        metrics=[metric(f"m{at}", 1.0) for at in range(1000)],
        tags=[tag("a", "b")],
    ),
    post("runs/update", run_id="$r1", status="FINISHED", end_time=NOW + 5),
    post("runs/update", run_id="$r2", status="FAILED", end_time=NOW + 9, run_name="second"),
    get("runs/get", run_id="$r1"),
    get("runs/get", run_id="$r2"),
    get("runs/get", run_uuid="$r3"),
    get("runs/get", run_id="none"),
    get("runs/get"),
    get("metrics/get-history", run_id="$r1", metric_key="auc"),
    get("metrics/get-history", run_id="$r1", metric_key="none"),
    get("metrics/get-history", run_id="$r1"),
    get("metrics/get-history", run_id="none", metric_key="auc"),
    post("runs/delete", run_id="$r2"),
    post("runs/log-metric", run_id="$r2", **metric("auc", 1.0)),
    post("runs/log-parameter", run_id="$r2", **tag("x", "1")),
    post("runs/search", experiment_ids=["$exp"], run_view_type="DELETED_ONLY"),
    post("runs/restore", run_id="$r2"),
    post("runs/delete", run_id="none"),
]

FILTERS = [
    "metrics.auc > 0.5",
    "metrics.auc >= 0.7 and params.lr = '0.1'",
    "metrics.auc != 0.7",
    "metrics.`auc` < 1",
    'params."lr" = "1"',
    "params.lr LIKE '0%'",
    "params.lr ILIKE '%1'",
    "params.lr != '0.1'",
    "params.lr IS NULL",
    "params.depth IS NOT NULL",
    "tags.team = 'a'",
    "tags.mlflow.runName = 'third'",
    "tags.`mlflow.runName` LIKE '%r%'",
    "attributes.status = 'FINISHED'",
    "status != 'FINISHED'",
    "run_name = 'second'",
    "attributes.run_name ILIKE 'R%'",
    f"start_time > {NOW}",
    f"end_time <= {NOW + 5}",
    "run_id IN ('$r1', '$r3')",
    "run_id NOT IN ('$r1')",
    "run_id = '$r2'",
    "user_id = 'me'",
    "metrics.auc > '0.5'",
    "metrics.auc LIKE 1",
    "params.lr > '1'",
    "params.lr = 1",
    "what.lr = '1'",
    "nothing = '1'",
    "metrics.auc > 0.5 or metrics.auc < 0",
    "metrics.auc >",
    "metrics.auc",
    "start_time = 'now'",
    "status IN ('FINISHED')",
]

ORDERS = [
    ["metrics.auc DESC"],
    ["metrics.auc ASC"],
    ["metrics.auc"],
    ["params.lr DESC"],
    ["params.lr", "start_time ASC"],
    ["tags.team"],
    ["attributes.end_time DESC"],
    ["start_time ASC"],
    ["run_name"],
    ["metrics.auc DESC", "metrics.auc ASC"],
    ["what.auc"],
    ["metrics.auc SIDEWAYS"],
    [""],
]

SEARCHES = [
    *(post("runs/search", experiment_ids=["$exp"], filter=text) for text in FILTERS),
    *(post("runs/search", experiment_ids=["$exp"], order_by=keys) for keys in ORDERS),
    post("runs/search", experiment_ids=[]),
    post("runs/search", experiment_ids=["$exp", "0"]),
    post("runs/search", experiment_ids=["$exp"], max_results=2),
    post("runs/search", experiment_ids=["$exp"], max_results=50_001),
    post("runs/search", experiment_ids=["$exp"], page_token="none"),
    post("runs/search", experiment_ids=["$exp"], run_view_type="ALL"),
]

REGISTRY = [
    post("experiments/create", "exp=experiment_id", name="registry"),
    run("r1"),
    post("registered-models/create", name="delay", description="about", tags=[tag("a", "b")]),
    post("registered-models/create", name="delay"),
    post("registered-models/create", name="a/b"),
    post("registered-models/create", name=""),
    post("registered-models/create"),
    get("registered-models/get", name="delay"),
    get("registered-models/get", name="none"),
    post("model-versions/create", name="delay", source="runs:/$r1/model", run_id="$r1", tags=[tag("x", "1")]),
    post("model-versions/create", name="none", source="runs:/$r1/model"),
    post("model-versions/create", name="delay"),
    post(
        "model-versions/create",
        name="delay",
        source="mlflow-artifacts:/$exp/$r1/artifacts/model",
        run_id="$r1",
    ),
    get("model-versions/get", name="delay", version="1"),
    get("model-versions/get", name="delay", version="9"),
    get("model-versions/get", name="delay", version="x"),
    Call("PATCH", "model-versions/update", {"name": "delay", "version": "1", "description": "first"}),
    Call("PATCH", "registered-models/update", {"name": "delay", "description": "second"}),
    post("model-versions/set-tag", name="delay", version="1", **tag("y", "2")),
    Call("DELETE", "model-versions/delete-tag", {"name": "delay", "version": "1", "key": "y"}),
    Call("DELETE", "model-versions/delete-tag", {"name": "delay", "version": "1", "key": "y"}),
    post("registered-models/set-tag", name="delay", **tag("c", "d")),
    Call("DELETE", "registered-models/delete-tag", {"name": "delay", "key": "c"}),
    post("registered-models/alias", name="delay", alias="champion", version="1"),
    post("registered-models/alias", name="delay", alias="champion", version="9"),
    post("registered-models/alias", name="delay", alias="latest", version="1"),
    post("registered-models/alias", name="delay", alias="v1", version="1"),
    post("registered-models/alias", name="delay", alias="a b", version="1"),
    get("registered-models/alias", name="delay", alias="champion"),
    get("registered-models/alias", name="delay", alias="none"),
    get("registered-models/alias", name="none", alias="champion"),
    post(
        "model-versions/transition-stage",
        name="delay",
        version="1",
        stage="Staging",
        archive_existing_versions=False,
    ),
    post(
        "model-versions/transition-stage",
        name="delay",
        version="2",
        stage="staging",
        archive_existing_versions=True,
    ),
    post(
        "model-versions/transition-stage",
        name="delay",
        version="2",
        stage="Nowhere",
        archive_existing_versions=False,
    ),
    get("model-versions/get-download-uri", name="delay", version="2"),
    get("registered-models/search", filter="name = 'delay'"),
    get("registered-models/search", filter="name LIKE 'd%' AND tags.a = 'b'"),
    get("registered-models/search", max_results=1001),
    get("registered-models/search", filter="what = 'delay'"),
    get("model-versions/search", filter="name = 'delay'"),
    get("model-versions/search", filter="run_id = '$r1'", order_by="version_number ASC"),
    get("model-versions/search", filter="name = 'delay' AND tags.x = '1'"),
    get("model-versions/search", filter="version_number > 1"),
    get("model-versions/search", filter="version_number = '1'"),
    post("registered-models/rename", name="delay", new_name="late"),
    post("registered-models/rename", name="none", new_name="late2"),
    get("registered-models/get", name="late"),
    Call("DELETE", "model-versions/delete", {"name": "late", "version": "1"}),
    Call("DELETE", "registered-models/alias", {"name": "late", "alias": "champion"}),
    Call("DELETE", "registered-models/delete", {"name": "late"}),
    Call("DELETE", "registered-models/delete", {"name": "late"}),
]

MODELS = [
    post("experiments/create", "exp=experiment_id", name="models"),
    run("r1"),
    post(
        "logged-models",
        "m1=model.info.model_id",
        experiment_id="$exp",
        name="m",
        source_run_id="$r1",
        params=[tag("C", "1")],
        tags=[tag("t", "1")],
    ),
    post("logged-models", experiment_id="99", name="m"),
    post("runs/outputs", run_id="$r1", models=[{"model_id": "$m1", "step": 3}]),
    post("runs/log-metric", run_id="$r1", model_id="$m1", **metric("acc", 0.9)),
    post(
        "runs/log-metric",
        run_id="$r1",
        model_id="$m1",
        dataset_name="d",
        dataset_digest="x",
        **metric("acc", 0.8, 1),
    ),
    get("logged-models/$m1"),
    get("logged-models/m-none"),
    Call("PATCH", "logged-models/$m1", {"model_id": "$m1", "status": "LOGGED_MODEL_READY"}),
    Call("PATCH", "logged-models/$m1/tags", {"tags": [tag("u", "2")]}),
    Call("DELETE", "logged-models/$m1/tags/u", {}),
    Call("DELETE", "logged-models/$m1/tags/u", {}),
    post("logged-models/search", experiment_ids=["$exp"]),
    post("logged-models/search", experiment_ids=["$exp"], filter="metrics.acc > 0.85"),
    post("logged-models/search", experiment_ids=["$exp"], filter="name = 'm' AND params.C = '1'"),
    post("logged-models/search", experiment_ids=["$exp"], filter="what.x = 1"),
    post(
        "runs/log-inputs",
        run_id="$r1",
        datasets=[
            {
                "dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "{}"},
                "tags": [tag("mlflow.data.context", "train")],
            }
        ],
    ),
    get("runs/get", run_id="$r1"),
    post("runs/search", experiment_ids=["$exp"], filter="dataset.name = 'd'"),
    post("runs/search", experiment_ids=["$exp"], filter="dataset.context = 'test'"),
    post("runs/search", experiment_ids=["$exp"], filter="dataset.none = 'd'"),
]

CHARTS = [
    post("experiments/create", "exp=experiment_id", name="charts"),
    run("r1"),
    run("r2"),
    post("runs/log-batch", run_id="$r1", metrics=[metric("m", at / 7, at, NOW + at) for at in range(100)]),
    post(
        "runs/log-batch", run_id="$r2", metrics=[metric("m", at % 3, at // 2, NOW - at) for at in range(10)]
    ),
    get("metrics/get-history-bulk-interval", run_ids=["$r1", "$r2"], metric_key="m"),
    get("metrics/get-history-bulk-interval", run_ids=["$r1", "$r2"], metric_key="m", max_results=7),
    get("metrics/get-history-bulk-interval", run_ids=["$r1"], metric_key="m", max_results=1),
    get(
        "metrics/get-history-bulk-interval",
        run_ids=["$r1"],
        metric_key="m",
        start_step=10,
        end_step=55,
        max_results=9,
    ),
    get("metrics/get-history-bulk-interval", run_ids=["$r1"], metric_key="m", start_step=10),
    get("metrics/get-history-bulk-interval", run_ids=["$r1"], metric_key="m", start_step=10, end_step=5),
    get("metrics/get-history-bulk-interval", run_ids=["none"], metric_key="m"),
    get("metrics/get-history-bulk-interval", run_ids=["$r1"], metric_key="none"),
    get("metrics/get-history-bulk-interval", run_ids=["$r1"], metric_key="m", max_results=2501),
    get("metrics/get-history-bulk-interval", metric_key="m"),
    get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", run_id=["$r1"], metric_key="m"),
    get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", run_id=["$r1"]),
    post(
        "runs/log-inputs",
        run_id="$r1",
        datasets=[{"dataset": {"name": "d", "digest": "x", "source_type": "s", "source": "{}"}}],
    ),
    post("/ajax-api/2.0/mlflow/experiments/search-datasets", experiment_ids=["$exp"]),
    post("/ajax-api/2.0/mlflow/experiments/search-datasets"),
    post("registered-models/create", name="origin"),
    post("registered-models/create", name="copy"),
    post("model-versions/create", name="origin", source="runs:/$r1/model", run_id="$r1"),
    post("model-versions/create", name="copy", source="models:/origin/1"),
    get("model-versions/get", name="copy", version="1"),
    post("registered-models/get-latest-versions", name="copy"),
    post("registered-models/get-latest-versions", name="none"),
]

_HOOK: dict[str, Any] = {"name": "hook", "url": "https://127.0.0.1/x", "description": "d"}
_CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
WEBHOOKS = [
    post("webhooks", "w1=webhook.webhook_id", events=[_CREATED], secret="s", **_HOOK),
    post(
        "webhooks",
        events=[{"entity": "MODEL_VERSION_TAG", "action": "SET"}, _CREATED],
        status="DISABLED",
        **_HOOK,
    ),
    post("webhooks", **_HOOK),
    post("webhooks", events=[{"entity": "REGISTERED_MODEL", "action": "DELETED"}], **_HOOK),
    post("webhooks", name="a b", url="https://127.0.0.1", events=[_CREATED]),
    post("webhooks", name="hook", url="ftp://127.0.0.1", events=[_CREATED]),
    post("webhooks", name="hook", events=[_CREATED]),
    post("webhooks", url="https://127.0.0.1", events=[_CREATED]),
    get("webhooks/$w1"),
    get("webhooks/none"),
    get("webhooks"),
    Call("PATCH", "webhooks/$w1", {"name": "other", "status": "DISABLED"}),
    Call("PATCH", "webhooks/$w1", {"url": "nothing"}),
    Call("PATCH", "webhooks/$w1", {"events": [{"entity": "PROMPT", "action": "CREATED"}], "description": ""}),
    Call("PATCH", "webhooks/none", {"name": "other"}),
    Call("DELETE", "webhooks/$w1", {}),
    Call("DELETE", "webhooks/$w1", {}),
]

DIFFERENT = {
    'GET metrics/get-history-bulk-interval {"run_ids":["none"],"metric_key":"m"}': "the run is not there: 404",
    'POST experiments/update {"experiment_id":"$exp","new_name":"Default"}': "the code says what is wrong",
    'POST experiments/update {"experiment_id":"$exp","new_name":"dos"}': "a user's mistake is no 500",
    'POST runs/search {"experiment_ids":["$exp"],"order_by":["metrics.auc DESC","metrics.auc ASC"]}': (
        "a user's mistake is no 500"
    ),
    'POST model-versions/create {"name":"none","source":"runs:/$r1/model"}': "the model is not there: 404",
    'GET model-versions/search {"filter":"name = \'delay\'"}': "aliases are told in searches too",
    'GET model-versions/search {"filter":"run_id = \'$r1\'","order_by":"version_number ASC"}': (
        "aliases are told in searches too"
    ),
    "GET model-versions/search {\"filter\":\"name = 'delay' AND tags.x = '1'\"}": "aliases are told in searches too",
    'GET model-versions/search {"filter":"version_number = \'1\'"}': "aliases are told in searches too",
}
"""Where we differ on purpose, and why."""


def differences(
    servers: tuple[Served, Served], calls: Sequence[Call], on_purpose: Mapping[str, str] = DIFFERENT
) -> list[str]:
    """Where the answers differ, as text; each server is given the same calls in the same order."""
    kept: tuple[dict[str, str], dict[str, str]] = ({}, {})
    names: tuple[dict[str, str], dict[str, str]] = ({}, {})
    found: list[str] = []
    for call in calls:
        told = []
        for server, values, named in zip(servers, kept, names, strict=True):
            reply = ask(server, call, values)
            if call.keep and reply.status == 200:
                name, _, path = call.keep.partition("=")
                value = reply.said
                for part in path.split("."):
                    value = value[part]
                values[name] = value
            told.append(plain(reply, named))
        text = named_call(call)
        if told[0] != told[1] and text not in on_purpose:
            found.append(f"{text}\n    ours  {told[0]}\n    stock {told[1]}")
    return found


def named_call(call: Call) -> str:
    """What a call is known by."""
    return f"{call.method} {call.path} {json.encode(call.asked).decode()[:200]}"


def ask(server: Served, call: Call, values: dict[str, str]) -> Reply:
    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\$(\w+)", lambda match: values.get(match[1], match[0]), value)
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    path, asked = filled(call.path), filled(call.asked)
    whole = path if path.startswith("/") else f"{API}/{path}"
    if call.method == "GET":
        return server.ask("GET", f"{whole}?{urlencode(asked, doseq=True)}")
    headers = {"Content-Type": "application/json", **filled(dict(call.headers))}
    return server.ask(call.method, whole, json.encode(asked), headers)


def plain(reply: Reply, named: dict[str, str]) -> str:
    """The answer with ids and times by the order in which they came, and of an error its code alone."""
    if reply.status != 200:
        said = reply.said if isinstance(reply.said, dict) else {}
        return f"{reply.status} {said.get('error_code')}"
    text = json.encode(sorted_tags(reply.said)).decode()

    def known(match: re.Match[str]) -> str:
        return named.setdefault(match[0], f"<{len(named)}>")

    text = re.sub(r"\b(m-)?[0-9a-f]{32}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", known, text)
    text = re.sub(r'"20(?!23-11)\d\d-[0-9T:.-]+Z"', '"<now>"', text)
    text = re.sub(r"\b\d{13}\b", lambda match: match[0] if int(match[0]) < NOW + 1000 else "<now>", text)
    return re.sub(r'"(next_page_token)":"[^"]*"', r'"\1":"<token>"', text)


def sorted_tags(value: Any) -> Any:
    """Tags, params and metrics have no order of their own, and nor have the keys of an object."""
    if isinstance(value, dict):
        return {key: sorted_tags(inner) for key, inner in sorted(value.items()) if key != "workspace"}
    if isinstance(value, list):
        inner = [sorted_tags(one) for one in value]
        keyed = all(isinstance(one, dict) and "key" in one and "step" not in one for one in inner)
        return sorted(inner, key=lambda one: one["key"]) if keyed else inner
    return value


@pytest.mark.parametrize(
    "calls",
    [EXPERIMENTS, [*RUNS, *SEARCHES], REGISTRY, MODELS, CHARTS, WEBHOOKS],
    ids=["experiments", "runs", "registry", "models", "charts", "webhooks"],
)
def test_the_same_calls_get_the_same_answers(servers: tuple[Served, Served], calls: Sequence[Call]) -> None:
    found = differences(servers, calls)
    assert not found, "\n".join(found)
