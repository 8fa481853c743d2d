"""The same calls about traces to Outdo and to a stock MLflow server; and the real client's traces, unchanged."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contracts.served import Served, served
from tests.contracts.test_mlflow_same import (
    NOW,
    Call,
    both,
    differences,
    get,
    named_call,
    post,
    python,
    run,
    tag,
)

pytestmark = pytest.mark.slow

THIRD = "/api/3.0/mlflow"
USED = [
    {"key": name, "value": {"intValue": str(count)}}
    for name, count in (("input_tokens", 7), ("output_tokens", 3), ("total_tokens", 10))
]
FIRST, SECOND = (f"tr-{letter * 32}" for letter in "ab")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    with both(tmp_path_factory.mktemp("both")) as running:
        yield running


def trace(id_: str, **more: Any) -> Call:
    info = {
        "trace_id": id_,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$exp"}},
        "request_time": "2023-11-14T22:13:20Z",
        "execution_duration": "0.250s",
        "state": "OK",
        **more,
    }
    return post(f"{THIRD}/traces", trace={"trace_info": info})


def span(id_: str, number: int, parent: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "traceId": id_.removeprefix("tr-"),
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        "name": f"step {number}",
        "startTimeUnixNano": str((NOW + number) * 1_000_000),
        "endTimeUnixNano": str((NOW + number + 10) * 1_000_000),
        "status": {"code": 1},
        **more,
    }


def spans(*some: dict[str, Any], experiment: str = "$exp", **more: Any) -> Call:
    asked = {"resourceSpans": [{"resource": more, "scopeSpans": [{"spans": some}]}]}
    return Call("POST", "/v1/traces", asked, headers={"x-mlflow-experiment-id": experiment})


def attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def search(**more: Any) -> Call:
    locations = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$exp"}}]
    return post(f"{THIRD}/traces/search", locations=locations, **more)


def patch(path: str, **asked: Any) -> Call:
    return Call("PATCH", path, asked)


def delete(path: str, **asked: Any) -> Call:
    return Call("DELETE", path, asked)


def read(id_: str) -> list[Call]:
    return [get(f"{THIRD}/traces/{id_}"), get(f"{THIRD}/traces/get", trace_id=id_)]


TRACES = [
    post("experiments/create", "exp=experiment_id", name="traces"),
    trace(
        FIRST, tags={"mlflow.traceName": "ask", "team": "a"}, trace_metadata={"k": "v"}, request_preview="q"
    ),
    spans(
        span(FIRST, 1, attributes=[attribute("mlflow.spanType", {"stringValue": "CHAIN"})]),
        span(
            FIRST,
            2,
            parent=1,
            attributes=[
                attribute("mlflow.spanType", {"stringValue": "TOOL"}),
                attribute("count", {"intValue": "3"}),
                attribute("share", {"doubleValue": 0.5}),
                attribute("sure", {"boolValue": True}),
                attribute("some", {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}}),
            ],
            events=[{"name": "seen", "timeUnixNano": str(NOW * 1_000_000), "attributes": []}],
        ),
    ),
    *read(FIRST),
    spans(span(SECOND, 2, parent=1)),
    get(f"{THIRD}/traces/{SECOND}"),
    spans(
        span(
            SECOND,
            1,
            status={"code": 2, "message": "no"},
            attributes=[
                attribute("session.id", {"stringValue": "s"}),
                attribute("mlflow.chat.tokenUsage", {"kvlistValue": {"values": USED}}),
            ],
        )
    ),
    *read(SECOND),
    get(f"{THIRD}/traces/batchGet", trace_ids=[SECOND, FIRST, "tr-none"]),
    post(f"{THIRD}/traces/batchGetInfos", trace_ids=[SECOND, FIRST]),
    get(f"{THIRD}/traces/batchGet"),
    get(f"{THIRD}/traces/tr-none"),
    get(f"{THIRD}/traces/get", trace_id="tr-none"),
    get(f"{THIRD}/traces/get"),
    post(f"{THIRD}/traces"),
    trace("tr-x", trace_location={"mlflow_experiment": {"experiment_id": "0"}}, state="LOST"),
    spans(span(FIRST, 3), experiment="77"),
]

FILTERS = [
    "status = 'OK'",
    "trace.status != 'OK'",
    "status IN ('OK', 'ERROR')",
    "name = 'ask'",
    "trace.name LIKE 'a%'",
    "attributes.name ILIKE 'A%'",
    "tags.team = 'a'",
    "tag.team IS NULL",
    "tags.team IS NOT NULL",
    "metadata.k = 'v'",
    "request_metadata.k LIKE 'v'",
    "metadata.`mlflow.trace.session` = 's'",
    f"timestamp_ms > {NOW + 100}",
    f"timestamp <= {NOW + 100}",
    "execution_time > 100",
    f"end_time >= {NOW + 700}",
    f"request_id = '{FIRST}'",
    f"request_id NOT IN ('{FIRST}')",
    "span.name = 'step 2'",
    "span.type = 'TOOL'",
    "span.type = 'TOOL' AND span.name = 'step 1'",
    "span.status = 'ERROR'",
    "trace.text LIKE '%step 2%'",
    "run_id = '$r1'",
    "prompt = 'p/1'",
    "feedback.good = 'true'",
    "feedback.score > 0.5",
    "expectation.answer = 'yes'",
    "feedback.good IS NULL",
    "feedback.none IS NOT NULL",
    "status > 'OK'",
    "what.x = 'a'",
    "nothing = 'a'",
    "prompt = 'p'",
    "prompt LIKE 'p/1'",
    "span.none = 'a'",
    "timestamp_ms = 'x'",
    "status = 'OK' OR status = 'ERROR'",
]
ORDERS = [
    ["timestamp_ms ASC"],
    ["execution_time DESC"],
    ["name"],
    ["status DESC"],
    ["what"],
    ["request_id ASC"],
]

SEARCHES = [
    run("r1"),
    post("traces/link-to-run", trace_ids=[FIRST], run_id="$r1"),
    post("traces/link-to-run", trace_ids=[FIRST], run_id="none"),
    post("traces/link-to-run", run_id="$r1"),
    post("traces/link-prompts", trace_id=SECOND, prompt_versions=[{"name": "p", "version": "1"}]),
    post("traces/link-prompts", trace_id="tr-none", prompt_versions=[{"name": "p", "version": "1"}]),
    *(search(filter=text) for text in FILTERS),
    *(search(order_by=keys) for keys in ORDERS),
    search(max_results=501),
    search(),
    post(f"{THIRD}/traces/search", filter="status = 'OK'"),
]

_JUDGED = f"{THIRD}/traces/{FIRST}/assessments"
_SOURCE = {"source_type": "HUMAN", "source_id": "me"}
ASSESSMENTS = [
    post(
        _JUDGED,
        "a1=assessment.assessment_id",
        assessment={
            "assessment_name": "good",
            "trace_id": FIRST,
            "source": _SOURCE,
            "feedback": {"value": True},
            "rationale": "fine",
            "metadata": {"a": "1"},
            "create_time": "2023-11-14T22:13:20Z",
            "last_update_time": "2023-11-14T22:13:20Z",
        },
    ),
    post(
        _JUDGED,
        assessment={
            "assessment_name": "score",
            "source": _SOURCE,
            "feedback": {"value": 0.9},
            "create_time": "2023-11-14T22:13:21Z",
            "last_update_time": "2023-11-14T22:13:21Z",
        },
    ),
    post(
        _JUDGED,
        "a3=assessment.assessment_id",
        assessment={
            "assessment_name": "answer",
            "source": _SOURCE,
            "expectation": {"value": "yes"},
            "create_time": "2023-11-14T22:13:22Z",
            "last_update_time": "2023-11-14T22:13:22Z",
        },
    ),
    get(f"{_JUDGED}/$a1"),
    get(f"{_JUDGED}/a-none"),
    post(
        f"{THIRD}/traces/tr-none/assessments",
        assessment={"assessment_name": "x", "source": _SOURCE, "feedback": {"value": 1}},
    ),
    patch(
        f"{_JUDGED}/$a1",
        assessment={"feedback": {"value": False}, "rationale": "other", "metadata": {"b": "2"}},
        update_mask="feedback,metadata",
    ),
    patch(f"{_JUDGED}/$a1", assessment={"assessment_name": "better"}, update_mask="assessmentName"),
    patch(f"{_JUDGED}/$a3", assessment={"feedback": {"value": False}}, update_mask="feedback"),
    get(f"{THIRD}/traces/{FIRST}"),
    search(filter="feedback.better = 'false'"),
    search(filter="feedback.score >= 0.9"),
    search(filter="expectation.answer = 'yes'"),
    delete(f"{_JUDGED}/$a3"),
    delete(f"{_JUDGED}/$a3"),
    get(f"{THIRD}/traces/{FIRST}"),
]

OLD = [
    post(
        "traces",
        "t1=trace_info.request_id",
        experiment_id="$exp",
        timestamp_ms=NOW,
        tags=[tag("mlflow.traceName", "old")],
        request_metadata=[tag("m", "1")],
    ),
    patch(
        "traces/$t1",
        timestamp_ms=NOW + 5,
        status="OK",
        request_metadata=[tag("n", "2")],
        tags=[tag("t", "3")],
    ),
    get("traces/$t1/info"),
    get("traces/none/info"),
    get("traces", experiment_ids=["$exp"], filter="name = 'old'"),
    get("traces"),
    patch("traces/$t1/tags", key="a", value="b"),
    delete("traces/$t1/tags", key="a"),
    delete("traces/$t1/tags", key="a"),
    patch(f"{THIRD}/traces/$t1/tags", key="mlflow.trace.spansLocation", value="b"),
    patch("traces/none/tags", key="a", value="b"),
    post("traces/delete-traces", experiment_id="$exp", request_ids=["$t1", "none"]),
    post("traces/delete-traces", experiment_id="$exp"),
    post("traces/delete-traces", experiment_id="$exp", request_ids=["a"], max_timestamp_millis=1),
    post("traces/delete-traces", experiment_id="$exp", max_timestamp_millis=NOW + 10_000, max_traces=1),
    post(f"{THIRD}/traces/delete-traces", experiment_id="$exp", max_timestamp_millis=NOW + 10_000),
    search(),
]

DIFFERENT = {
    **{
        named_call(call): "a request in JSON is answered in JSON, and an experiment that is not there is 404"
        for call in TRACES
        if call.path == "/v1/traces"
    },
    named_call(post("traces/link-to-run", trace_ids=[FIRST], run_id="none")): "the run is not there: 404",
    named_call(search(filter="timestamp_ms = 'x'")): "a text is no time",
    named_call(patch("traces/none/tags", key="a", value="b")): "the trace is not there: 404",
}
"""Where we differ on purpose, and why."""


def test_the_same_calls_about_traces_get_the_same_answers(servers: tuple[Served, Served]) -> None:
    found = differences(servers, [*TRACES, *ASSESSMENTS, *SEARCHES, *OLD], DIFFERENT)
    assert not found, "\n".join(found)


CLIENT = """
import os, sys
import mlflow

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("traced")

@mlflow.trace(span_type="CHAIN")
def ask(question):
    with mlflow.start_span("look up", span_type="TOOL") as span:
        span.set_inputs({"q": question})
        span.set_outputs(["a", {"b": 1.5}])
    mlflow.update_current_trace(tags={"team": "a"}, metadata={"mlflow.trace.session": "s"})
    return f"{question}!"

@mlflow.trace
def fail():
    raise ValueError("no")

with mlflow.start_run() as run:
    ask("why")
try:
    fail()
except ValueError:
    pass
mlflow.flush_trace_async_logging()

found = mlflow.search_traces(order_by=["timestamp ASC"])
print(list(found["state"]), list(found["request"]), found["response"][0])
one = mlflow.get_trace(found.iloc[0]["trace_id"])
print([(span.name, span.span_type, span.inputs, span.outputs) for span in one.data.spans])
print(one.info.tags["team"], one.info.trace_metadata["mlflow.trace.session"])
bad = mlflow.get_trace(found.iloc[1]["trace_id"])
print(bad.data.spans[0].status.status_code.value, bad.data.spans[0].events[0].attributes["exception.message"])
print(len(mlflow.search_traces(run_id=run.info.run_id)))
said = mlflow.log_feedback(trace_id=one.info.trace_id, name="good", value=True, rationale="fine")
mlflow.log_expectation(trace_id=one.info.trace_id, name="answer", value={"is": ["x"]})
print([(a.name, a.value) for a in mlflow.get_trace(one.info.trace_id).info.assessments])
print(len(mlflow.search_traces(filter_string="feedback.good = 'true' AND span.type = 'TOOL'")))
client = mlflow.MlflowClient()
client.delete_traces(experiment_id=one.info.experiment_id, trace_ids=[one.info.trace_id])
print(len(mlflow.search_traces()))
"""
SAID = """['OK', 'ERROR'] [{'question': 'why'}, {}] why!
[('ask', 'CHAIN', {'question': 'why'}, 'why!'), ('look up', 'TOOL', {'q': 'why'}, ['a', {'b': 1.5}])]
a s
ERROR no
1
[('good', True), ('answer', {'is': ['x']})]
1
1
"""


@pytest.mark.parametrize("in_background", ["true", "false"])
def test_the_real_client_traces_to_us_unchanged(tmp_path: Any, in_background: str) -> None:
    env = {"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": in_background, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with served(tmp_path / "home") as ours:
        done = subprocess.run(
            [python(), "-c", CLIENT, ours.address],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
    told = [line for line in done.stdout.splitlines(keepends=True) if not line.startswith(("🏃", "🧪"))]
    assert "".join(told) == SAID
