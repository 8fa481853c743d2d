"""Traces as clients log, find and judge them, over real HTTP."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import json

from tests.contracts.served import API, Reply, Served, served

THIRD = "/api/3.0/mlflow"
NOW = 1_700_000_000_000
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home"), database=database) as running:
        yield running


@pytest.fixture
def place(server: Served, request: pytest.FixtureRequest) -> str:
    """An experiment of the test's own."""
    return server.experiment(request.node.name)


def call(server: Served, method: str, path: str, prefix: str = THIRD, **asked: Any) -> Reply:
    return server.ask(method, f"{prefix}/{path}", json.encode(asked), JSON)


def get(server: Served, path: str) -> Any:
    return server.ask("GET", f"{THIRD}/{path}").said


def trace(server: Served, place: str, number: int, **more: Any) -> str:
    """The id of a new trace, that an application has told of."""
    id_ = f"tr-{int(place):016x}{number:016x}"
    info = {
        "trace_id": id_,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": place}},
        "request_time": "2023-11-14T22:13:20Z",
        "execution_duration": "0.25s",
        "state": "OK",
        **more,
    }
    assert call(server, "POST", "traces", trace={"trace_info": info}).status == 200
    return id_


def span(trace_id: str, number: int = 1, parent: int = 0, **more: object) -> dict[str, object]:
    """A span in OpenTelemetry's JSON."""
    return {
        "traceId": trace_id.removeprefix("tr-"),
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": f"step {number}",
        "startTimeUnixNano": str((NOW + number) * 1_000_000),
        "endTimeUnixNano": str((NOW + number + 10) * 1_000_000),
        "status": {"code": 1},
        **more,
    }


def send(server: Served, place: str, *spans: dict[str, object], **headers: str) -> Reply:
    body = json.encode({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    coding = headers.get("Content-Encoding", "")
    body = gzip.compress(body) if coding == "gzip" else zlib.compress(body) if coding == "deflate" else body
    return server.ask("POST", "/v1/traces", body, {**JSON, "x-mlflow-experiment-id": place, **headers})


def text_of(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def found(server: Served, place: str, filter_: str = "", **more: Any) -> list[str]:
    """The ids of the traces that a search finds."""
    locations = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": place}}]
    reply = call(server, "POST", "traces/search", locations=locations, filter=filter_, **more)
    assert reply.status == 200, reply.said
    return [one["trace_id"] for one in reply.said.get("traces", [])]


# What is told is told again.


def test_a_trace_is_told_again_with_where_its_artifacts_are(server: Served, place: str) -> None:
    id_ = trace(server, place, 1, tags={"team": "a"}, trace_metadata={"k": "v"})
    said = get(server, f"traces/{id_}")["trace"]["trace_info"]
    assert (said["request_time"], said["execution_duration"], said["state"]) == (
        "2023-11-14T22:13:20Z",
        "0.250s",
        "OK",
    )
    assert said["tags"] == {
        "team": "a",
        "mlflow.artifactLocation": f"mlflow-artifacts:/{place}/traces/{id_}/artifacts",
    }
    assert said["trace_metadata"] == {"k": "v", "mlflow.trace.infoFinalized": "true"}


def test_spans_come_back_the_first_step_first(server: Served, place: str) -> None:
    id_ = f"tr-{int(place):032x}"
    send(server, place, span(id_, 2, parent=1), span(id_, 3, parent=1), span(id_, 1))
    said = get(server, f"traces/get?trace_id={id_}")["trace"]
    assert [one["name"] for one in said["spans"]] == ["step 1", "step 2", "step 3"]


def test_spans_alone_tell_when_and_how_a_trace_went(server: Served, place: str) -> None:
    id_ = f"tr-{int(place):032x}"
    send(server, place, span(id_, 2, parent=1))
    assert get(server, f"traces/{id_}")["trace"]["trace_info"]["state"] == "IN_PROGRESS"
    send(server, place, span(id_, 1, status={"code": 2}, attributes=[text_of("session.id", "s1")]))
    said = get(server, f"traces/{id_}")["trace"]["trace_info"]
    assert (said["state"], said["execution_duration"]) == ("ERROR", "0.011s")
    assert said["trace_metadata"] == {"mlflow.trace.session": "s1"}


def test_what_an_application_tells_stands_whatever_its_spans_say_later(server: Served, place: str) -> None:
    id_ = trace(server, place, 1)
    send(server, place, span(id_, 1, status={"code": 2}))
    said = get(server, f"traces/{id_}")["trace"]["trace_info"]
    assert (said["state"], said["execution_duration"]) == ("OK", "0.250s")
    assert said["tags"]["mlflow.trace.spansLocation"] == "TRACKING_STORE"


def test_the_same_span_twice_is_one(server: Served, place: str) -> None:
    id_ = f"tr-{int(place):032x}"
    send(server, place, span(id_, 1))
    send(server, place, span(id_, 1, name="again"))
    assert [one["name"] for one in get(server, f"traces/get?trace_id={id_}")["trace"]["spans"]] == ["again"]


def test_a_trace_whose_spans_are_still_on_their_way_is_not_given_in_part(server: Served, place: str) -> None:
    id_ = trace(server, place, 1, trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 2}'})
    send(server, place, span(id_, 1))
    assert server.ask("GET", f"{THIRD}/traces/get?trace_id={id_}").code == "RESOURCE_DOES_NOT_EXIST"
    assert get(server, f"traces/batchGet?trace_ids={id_}") == {}
    assert len(get(server, f"traces/get?trace_id={id_}&allow_partial=True")["trace"]["spans"]) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_compressed_spans_are_taken(server: Served, place: str, coding: str) -> None:
    id_ = f"tr-{int(place):032x}"
    assert send(server, place, span(id_), **{"Content-Encoding": coding}).status == 200
    assert get(server, f"traces/get?trace_id={id_}")["trace"]["spans"][0]["name"] == "step 1"


def test_the_tokens_of_spans_that_come_one_by_one_add_up(server: Served, place: str) -> None:
    id_ = f"tr-{int(place):032x}"
    said = [text_of("mlflow.chat.tokenUsage", '{"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}')]
    other = [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "5"}}]
    send(server, place, span(id_, 2, parent=1, attributes=said))
    send(server, place, span(id_, 3, parent=1, attributes=other), span(id_, 1))
    metadata = get(server, f"traces/{id_}")["trace"]["trace_info"]["trace_metadata"]
    assert json.decode(metadata["mlflow.trace.tokenUsage"]) == {
        "input_tokens": 12,
        "output_tokens": 3,
        "total_tokens": 15,
    }


def test_spans_of_a_run_join_their_trace_to_it(server: Served, place: str) -> None:
    run = server.run(place)
    id_ = f"tr-{int(place):032x}"
    send(server, place, span(id_), **{"x-mlflow-run-id": run})
    assert found(server, place, f"run_id = '{run}'") == [id_]


def test_the_version_is_one_that_clients_send_spans_to(server: Served) -> None:
    said = server.ask("GET", "/version").said.decode()
    assert said.startswith("3.17.2+outdo.")


# Searching.


def test_traces_are_found_by_what_is_known_of_them(server: Served, place: str) -> None:
    one = trace(
        server, place, 1, tags={"mlflow.traceName": "ask", "team": "a"}, trace_metadata={"model": "m"}
    )
    two = trace(server, place, 2, state="ERROR", execution_duration="2s", client_request_id="c-2")
    assert found(server, place, "status = 'ERROR'") == [two]
    assert found(server, place, "trace.name = 'ask' AND tags.team LIKE 'a%'") == [one]
    assert found(server, place, "metadata.model IS NULL") == [two]
    assert found(server, place, "execution_time_ms >= 2000") == [two]
    assert found(server, place, "client_request_id IN ('c-1', 'c-2')") == [two]


def test_conditions_on_spans_are_met_by_one_span(server: Served, place: str) -> None:
    id_ = f"tr-{int(place):032x}"
    kind = text_of("mlflow.spanType", "TOOL")
    asked = text_of("question", 'how "many" 100% \\ _ü')
    send(server, place, span(id_, 1), span(id_, 2, parent=1, attributes=[kind, asked]))
    assert found(server, place, "span.type = 'TOOL' AND span.name = 'step 2'") == [id_]
    assert found(server, place, "span.type = 'TOOL' AND span.name = 'step 1'") == []
    assert found(server, place, "span.attributes.question = 'how \"many\" 100% \\ _ü'") == [id_]
    assert found(server, place, "span.attributes.question = 'how \"many\" 100% \\ xü'") == []
    assert found(server, place, "span.attributes.question LIKE 'how%'") == [id_]
    assert found(server, place, "text LIKE '%many%'") == [id_]


def test_traces_are_found_by_what_was_said_of_them(server: Served, place: str) -> None:
    ids = [trace(server, place, number) for number in range(3)]
    for id_, value in zip(ids, (0.2, 0.9, "yes"), strict=True):
        judged = {"assessment_name": "score", "feedback": {"value": value}}
        assert call(server, "POST", f"traces/{id_}/assessments", assessment=judged).status == 200
    assert found(server, place, "feedback.score > 0.5") == [ids[1]]
    assert found(server, place, "feedback.score = 'yes'") == [ids[2]]
    assert found(server, place, "feedback.other IS NOT NULL") == []


def test_a_search_sorts_and_pages(server: Served, place: str) -> None:
    ids = [trace(server, place, number, execution_duration=f"{(number * 3) % 5}s") for number in range(5)]
    told: list[str] = []
    token = ""
    while True:
        asked: Any = {"order_by": ["execution_time DESC"], "max_results": 2, "page_token": token}
        locations = [{"mlflow_experiment": {"experiment_id": place}}]
        page = call(server, "POST", "traces/search", locations=locations, **asked).said
        told += [one["trace_id"] for one in page["traces"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert told == [ids[3], ids[1], ids[4], ids[2], ids[0]]


@pytest.mark.parametrize(
    "filter_",
    [
        "status > 'OK'",
        "what.x = 'a'",
        "span.nothing = 'a'",
        "text = 'a'",
        "prompt = 'a'",
        "feedback.x > 'many'",
        "timestamp_ms = 'now'",
        "tags.a RLIKE 'a+'",
    ],
)
def test_a_filter_that_means_nothing_is_refused_in_words(server: Served, filter_: str) -> None:
    locations = [{"mlflow_experiment": {"experiment_id": "0"}}]
    refused = call(server, "POST", "traces/search", locations=locations, filter=filter_)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


# Tags, links, assessments.


def test_tags_are_set_and_taken_away_but_not_those_of_the_server(server: Served, place: str) -> None:
    id_ = trace(server, place, 1)
    call(server, "PATCH", f"traces/{id_}/tags", API, key="a", value="b")
    assert found(server, place, "tags.a = 'b'") == [id_]
    assert call(server, "DELETE", f"traces/{id_}/tags", key="a").status == 200
    assert call(server, "DELETE", f"traces/{id_}/tags", key="a").code == "RESOURCE_DOES_NOT_EXIST"
    fixed = call(server, "PATCH", f"traces/{id_}/tags", key="mlflow.trace.spansLocation", value="elsewhere")
    assert fixed.status == 400


def test_a_trace_is_joined_to_a_run_and_to_a_prompt(server: Served, place: str) -> None:
    id_, run = trace(server, place, 1), server.run(place)
    call(server, "POST", "traces/link-to-run", API, trace_ids=[id_, "tr-none"], run_id=run)
    call(
        server,
        "POST",
        "traces/link-prompts",
        API,
        trace_id=id_,
        prompt_versions=[{"name": "p", "version": "2"}],
    )
    assert found(server, place, f"run_id = '{run}'") == [id_]
    assert found(server, place, "prompt = 'p/2'") == [id_]


def test_an_assessment_is_changed_where_the_mask_says_so(server: Served, place: str) -> None:
    id_ = trace(server, place, 1)
    said = {
        "assessment_name": "good",
        "feedback": {"value": True},
        "rationale": "fine",
        "metadata": {"a": "1"},
    }
    made = call(server, "POST", f"traces/{id_}/assessments", assessment=said).said["assessment"]
    change = {"feedback": {"value": False}, "rationale": "not that", "metadata": {"b": "2"}}
    path = f"traces/{id_}/assessments/{made['assessment_id']}"
    changed = call(server, "PATCH", path, assessment=change, update_mask="feedback,metadata").said[
        "assessment"
    ]
    assert (changed["feedback"], changed["rationale"]) == ({"value": False}, "fine")
    assert changed["metadata"] == {"a": "1", "b": "2"}
    assert (
        call(
            server, "PATCH", path, assessment={"expectation": {"value": 1}}, update_mask="expectation"
        ).status
        == 400
    )


@pytest.mark.parametrize(
    "value",
    [b"1" * 40, b"1e400", b"-0", b'"\\u0000"', b"[[1]]", b'{"a": {}}', b"null"],
    ids=["huge", "infinite", "minus", "nul", "list", "object", "nothing"],
)
def test_a_value_of_any_kind_is_kept_or_refused(server: Served, place: str, value: bytes) -> None:
    id_ = trace(server, place, 1)
    body = b'{"assessment": {"assessment_name": "a", "feedback": {"value": ' + value + b"}}}"
    made = server.ask("POST", f"{THIRD}/traces/{id_}/assessments", body, JSON)
    assert made.status in (200, 400)
    assert server.ask("GET", f"{THIRD}/traces/{id_}").status == 200


def test_one_that_overrides_another_gives_it_back_when_it_is_gone(server: Served, place: str) -> None:
    id_ = trace(server, place, 1)
    assess = f"traces/{id_}/assessments"
    first = call(server, "POST", assess, assessment={"assessment_name": "good", "feedback": {"value": True}})
    number = first.said["assessment"]["assessment_id"]
    better = {"assessment_name": "good", "feedback": {"value": False}, "overrides": number}
    second = call(server, "POST", assess, assessment=better).said["assessment"]["assessment_id"]
    assert get(server, f"{assess}/{number}")["assessment"]["valid"] is False
    assert found(server, place, "feedback.good = 'true'") == []
    call(server, "DELETE", f"{assess}/{second}")
    assert get(server, f"{assess}/{number}")["assessment"]["valid"] is True


# Deleting.


def test_traces_are_deleted_with_their_spans_and_artifacts(server: Served, place: str) -> None:
    id_ = trace(server, place, 1)
    send(server, place, span(id_))
    server.put_file(f"{place}/traces/{id_}/artifacts/traces.json", b"{}")
    assert call(server, "POST", "traces/delete-traces", API, experiment_id=place, request_ids=[id_]).said == {
        "traces_deleted": 1
    }
    assert server.ask("GET", f"{THIRD}/traces/{id_}").status == 404
    assert server.file(f"{place}/traces/{id_}/artifacts/traces.json").status == 404


def test_the_oldest_traces_go_first(server: Served, place: str) -> None:
    ids = [trace(server, place, at, request_time=f"2023-11-14T22:13:2{at}Z") for at in range(4)]
    asked: Any = {"experiment_id": place, "max_timestamp_millis": NOW + 2000, "max_traces": 2}
    assert call(server, "POST", "traces/delete-traces", API, **asked).said == {"traces_deleted": 2}
    assert found(server, place) == [ids[3], ids[2]]


def test_a_time_far_ahead_is_later_than_all_traces(server: Served, place: str) -> None:
    trace(server, place, 0)
    asked: Any = {"experiment_id": place, "max_timestamp_millis": 10**15}
    assert call(server, "POST", "traces/delete-traces", API, **asked).said == {"traces_deleted": 1}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"request_ids": ["a"], "max_timestamp_millis": 1},
        {"request_ids": ["a"], "max_traces": 1},
        {"max_timestamp_millis": 1, "max_traces": 0},
    ],
)
def test_what_is_deleted_has_to_be_said_in_one_way(
    server: Served, place: str, asked: dict[str, object]
) -> None:
    assert call(server, "POST", "traces/delete-traces", API, experiment_id=place, **asked).status == 400


def test_deleting_a_trace_deletes_no_other_artifacts_whatever_its_tags_say(
    server: Served, place: str
) -> None:
    id_ = trace(server, place, 1)
    server.put_file(f"{place}/run/artifacts/model.bin", b"kept")
    other = f"mlflow-artifacts:/{place}/run/artifacts"
    call(server, "PATCH", f"traces/{id_}/tags", key="mlflow.artifactLocation", value=other)
    call(server, "POST", "traces/delete-traces", API, experiment_id=place, request_ids=[id_])
    assert server.file(f"{place}/run/artifacts/model.bin").said == b"kept"


# Older clients.


def test_an_older_client_tells_of_a_beginning_and_an_end(server: Served, place: str) -> None:
    tags = [{"key": "mlflow.traceName", "value": "ask"}]
    begun = server.post("traces", experiment_id=place, timestamp_ms=NOW, tags=tags).said["trace_info"]
    assert begun["status"] == "IN_PROGRESS"
    asked: Any = {"timestamp_ms": NOW + 70, "status": "OK", "request_metadata": [{"key": "k", "value": "v"}]}
    ended = call(server, "PATCH", f"traces/{begun['request_id']}", API, **asked).said["trace_info"]
    assert (ended["status"], ended["execution_time_ms"]) == ("OK", 70)
    assert server.get(f"traces/{begun['request_id']}/info").said["trace_info"] == ended
    assert server.get("traces", experiment_ids=[place], filter="name = 'ask'").said["traces"] == [ended]


# What bad input gets.


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\xff" * 50, {"Content-Type": "application/x-protobuf"}),
        (b"\x0a\x7f", {"Content-Type": "application/x-protobuf"}),
        (b"", {"Content-Type": "application/x-protobuf"}),
        (b"{", JSON),
        (b"{}", JSON),
        (b'{"resourceSpans": 1}', JSON),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "no ids"}]}]}]}', JSON),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1e400}]}]}]}', JSON),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"flags": "' + b"9" * 40 + b'"}]}]}]}', JSON),
        (b"x", {"Content-Type": "text/plain"}),
        (b"x", {**JSON, "Content-Encoding": "br"}),
        (b"x", {**JSON, "Content-Encoding": "gzip"}),
        (gzip.compress(b"{}", mtime=0)[:-4], {**JSON, "Content-Encoding": "gzip"}),
        (gzip.compress(b" " * (65 << 20), mtime=0), {**JSON, "Content-Encoding": "gzip"}),
    ],
    ids=[
        "noise",
        "cut",
        "empty",
        "half",
        "nothing",
        "number",
        "no ids",
        "infinite",
        "huge",
        "text",
        "brotli",
        "no gzip",
        "cut gzip",
        "bomb",
    ],
)
def test_a_request_that_holds_no_spans_is_refused_in_words(
    server: Served, body: bytes, headers: dict[str, str]
) -> None:
    refused = server.ask("POST", "/v1/traces", body, {"x-mlflow-experiment-id": "0", **headers})
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("call_", "asked"),
    [
        ("traces", {"experiment_id": "0", "timestamp_ms": 10**18}),
        ("traces", {"experiment_id": "0", "timestamp_ms": -1}),
        ("traces/delete-traces", {"experiment_id": "0", "max_timestamp_millis": 10**30}),
        ("traces/delete-traces", {"experiment_id": "0", "request_ids": ["x"] * 1001}),
        (
            "traces/link-prompts",
            {"trace_id": "none", "prompt_versions": [{"name": "n" * 9000, "version": "1"}]},
        ),
    ],
)
def test_what_no_calendar_and_no_list_holds_is_refused(
    server: Served, call_: str, asked: dict[str, Any]
) -> None:
    assert server.post(call_, **asked).status in (400, 404)


def test_spans_say_which_experiment_they_are_of(server: Served) -> None:
    assert server.ask("POST", "/v1/traces", b"{}", JSON).status == 400
    assert send(server, "999", span("tr-" + "a" * 32)).code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "info",
    [
        {"trace_id": ""},
        {"trace_id": "../x"},
        {"trace_id": "t" * 51},
        {"trace_location": {}},
        {"trace_location": {"mlflow_experiment": {"experiment_id": "x"}}},
        {"request_time": "yesterday"},
        {"execution_duration": "soon"},
        {"state": "LOST"},
        {"tags": {"a\nb": "c"}},
        {"trace_metadata": {"k" * 251: "v"}},
        {"assessments": [{"assessment_name": "a"}]},
    ],
)
def test_a_trace_that_can_not_be_is_refused_in_words(server: Served, info: dict[str, object]) -> None:
    whole = {"trace_id": "tr-1", "trace_location": {"mlflow_experiment": {"experiment_id": "0"}}, **info}
    refused = call(server, "POST", "traces", trace={"trace_info": whole})
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
