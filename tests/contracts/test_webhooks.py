"""Webhooks: who is told of what, signed how, and where nothing is ever sent."""

import base64
import hmac
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from outdo.core.webhooks import is_public
from outdo.server.post import send
from tests.contracts.served import API, Reply, Served, served
from tests.contracts.waiting import until
from tests.contracts.web import Quiet, web_server

pytestmark = pytest.mark.slow

JSON = {"Content-Type": "application/json"}
SECRET = "not told"


class Receiver:
    """A receiver on loopback: keeps what it is sent, and answers what it is told to, 200 after that."""

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        left = list(answers)
        got = self.got

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(left.pop(0) if left else 200)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?a=b"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def messages(self, count: int) -> list[Any]:
        """What came, once there is so much."""
        until(lambda: len(self.got) >= count)
        return [json.decode(body) for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("home"), "--private-webhooks", database=database) as running:
        yield running


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that sends to addresses of the internet alone."""
    with served(tmp_path_factory.mktemp("public")) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def call(server: Served, method: str, path: str, **asked: Any) -> Reply:
    return server.ask(method, f"{API}/{path}", json.encode(asked), JSON)


def event(entity: str, action: str = "CREATED") -> dict[str, str]:
    return {"entity": entity, "action": action}


def hook(server: Served, url: str, *events: dict[str, str], **more: Any) -> str:
    """The id of a new webhook."""
    made = server.post("webhooks", name="hook", url=url, events=events, **more)
    assert made.status == 200, made.said
    id_: str = made.said["webhook"]["webhook_id"]
    return id_


def test_a_webhook_is_told_what_happened_signed(server: Served, receiver: Receiver) -> None:
    id_ = hook(server, receiver.url, event("REGISTERED_MODEL"), secret=SECRET)
    server.post("registered-models/create", name="signed", tags=[{"key": "a", "value": "b"}])
    (told,) = receiver.messages(1)
    assert (told["entity"], told["action"]) == ("registered_model", "created")
    assert told["data"] == {"name": "signed", "tags": {"a": "b"}, "description": ""}
    headers, body = receiver.got[0]
    signed = f"{headers['x-mlflow-delivery-id']}.{headers['x-mlflow-timestamp']}.{body.decode()}"
    mark = base64.b64encode(hmac.digest(SECRET.encode(), signed.encode(), "sha256")).decode()
    assert headers["x-mlflow-signature"] == f"v1,{mark}"
    call(server, "DELETE", f"webhooks/{id_}")


def test_a_webhook_is_told_in_order_and_of_nothing_else(server: Served, receiver: Receiver) -> None:
    alias = "MODEL_VERSION_ALIAS"
    id_ = hook(server, receiver.url, event("MODEL_VERSION"), event(alias), event(alias, "DELETED"))
    server.post("registered-models/create", name="ordered")
    run = server.run()
    server.post("model-versions/create", name="ordered", source=f"runs:/{run}/m", run_id=run)
    server.post("registered-models/alias", name="ordered", alias="champion", version="1")
    call(server, "DELETE", "registered-models/alias", name="ordered", alias="champion")
    told = [(one["entity"], one["action"]) for one in receiver.messages(3)]
    assert told == [
        ("model_version", "created"),
        ("model_version_alias", "created"),
        ("model_version_alias", "deleted"),
    ]
    assert json.decode(receiver.got[0][1])["data"]["run_id"] == run
    call(server, "DELETE", f"webhooks/{id_}")


def test_of_prompts_others_are_told_than_of_models(server: Served, receiver: Receiver) -> None:
    id_ = hook(server, receiver.url, event("PROMPT"), event("PROMPT_VERSION"), event("MODEL_VERSION"))
    mark = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    server.post("registered-models/create", name="greeting", tags=[mark])
    text = {"key": "mlflow.prompt.text", "value": "Hi {{x}}"}
    server.post("model-versions/create", name="greeting", source="dummy-source", tags=[mark, text])
    first, second = receiver.messages(2)
    assert (first["entity"], first["data"]["tags"]) == ("prompt", {})
    assert (second["entity"], second["data"]["template"]) == ("prompt_version", "Hi {{x}}")
    call(server, "DELETE", f"webhooks/{id_}")


def test_what_was_refused_is_told_to_nobody(server: Served, receiver: Receiver) -> None:
    id_ = hook(server, receiver.url, event("REGISTERED_MODEL"))
    for name in ("twice", "twice", "last"):
        server.post("registered-models/create", name=name)
    assert [one["data"]["name"] for one in receiver.messages(2)] == ["twice", "last"]
    call(server, "DELETE", f"webhooks/{id_}")


def test_a_message_is_tried_again_under_its_id_until_it_is_taken(server: Served) -> None:
    busy = Receiver([503])
    id_ = hook(server, busy.url, event("REGISTERED_MODEL"))
    server.post("registered-models/create", name="again")
    busy.messages(2)
    busy.close()
    first, second = (headers["x-mlflow-delivery-id"] for headers, _ in busy.got)
    assert first == second
    call(server, "DELETE", f"webhooks/{id_}")


def test_a_redirect_is_followed_nowhere(server: Served) -> None:
    moved = Receiver([302])
    id_ = hook(server, moved.url, event("REGISTERED_MODEL"))
    result = call(server, "POST", f"webhooks/{id_}/test").said["result"]
    moved.close()
    assert (result["success"], result["response_status"], len(moved.got)) == (False, 302, 1)
    call(server, "DELETE", f"webhooks/{id_}")


def test_a_webhook_is_tried_out_with_an_example(server: Served, receiver: Receiver) -> None:
    id_ = hook(server, receiver.url, event("MODEL_VERSION_TAG", "SET"))
    result = call(server, "POST", f"webhooks/{id_}/test").said["result"]
    assert result == {"success": True, "response_status": 200, "response_body": "ok"}
    assert receiver.messages(1)[0]["data"]["value"] == "example_value"
    call(server, "DELETE", f"webhooks/{id_}")


def test_messages_wait_for_a_server_that_was_killed(tmp_path: Path, receiver: Receiver) -> None:
    slow = Receiver([503] * 9)
    with served(tmp_path, "--private-webhooks") as first:
        id_ = hook(first, slow.url, event("REGISTERED_MODEL"))
        first.post("registered-models/create", name="kept")
        slow.messages(1)
        first.process.kill()
    slow.close()
    with served(tmp_path, "--private-webhooks") as second:
        call(second, "PATCH", f"webhooks/{id_}", url=receiver.url)
        assert receiver.messages(1)[0]["data"]["name"] == "kept"


def test_a_secret_is_told_to_nobody(server: Served) -> None:
    id_ = hook(server, "https://example.com/x", event("PROMPT"), secret=SECRET)
    changed = call(server, "PATCH", f"webhooks/{id_}", secret="other", status="DISABLED", description="d")
    for reply in (changed, server.get(f"webhooks/{id_}"), server.get("webhooks")):
        assert SECRET not in str(reply.said)
        assert "secret" not in str(reply.said)
    assert changed.said["webhook"]["status"] == "DISABLED"
    call(server, "DELETE", f"webhooks/{id_}")
    assert server.get(f"webhooks/{id_}").code == "RESOURCE_DOES_NOT_EXIST"


def test_webhooks_are_listed_in_pages(server: Served) -> None:
    made = [hook(server, "https://example.com/x", event("PROMPT")) for _ in range(3)]
    first = server.get("webhooks", max_results=2).said
    rest = server.get("webhooks", max_results=2, page_token=first["next_page_token"]).said
    assert [one["webhook_id"] for one in (*first["webhooks"], *rest["webhooks"])] == made[::-1]
    for id_ in made:
        call(server, "DELETE", f"webhooks/{id_}")


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "-"},
        {"name": "n" * 64},
        {"url": "ftp://example.com"},
        {"url": "https://"},
        {"url": "https://a b"},
        {"url": "https://user:word@example.com"},
        {"url": "https://example.com:99999"},
        {"events": []},
        {"events": [event("REGISTERED_MODEL", "DELETED")]},
        {"events": [event("NOTHING")]},
        {"status": "ASLEEP"},
    ],
)
def test_a_webhook_that_can_not_be_is_refused_in_words(server: Served, asked: dict[str, Any]) -> None:
    whole = {"name": "hook", "url": "https://example.com", "events": [event("PROMPT")], **asked}
    refused = server.post("webhooks", **whole)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *(
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1%eth0",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
        ),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:169.254.169.254", "2130706433", "none", ""),
    ],
)
def test_an_address_of_this_machine_or_its_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0", "127.1"]
)
def test_nothing_is_sent_to_this_machine_however_it_is_written(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    for scheme in ("https", "http"):
        sent = send(f"{scheme}://{host}:{port}/", "{}", {})
        assert (sent.status, sent.good) == (0, False)
        assert sent.error
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://10.0.0.1/",
    ],
)
def test_a_server_that_was_told_nothing_else_takes_only_addresses_of_the_internet(
    public: Served, url: str
) -> None:
    refused = public.post("webhooks", name="hook", url=url, events=[event("PROMPT")])
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_an_answer_that_trickles_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outdo.server.post.WHOLE_SECONDS", 0.3)
    with web_server(Trickling) as slow:
        began = time.monotonic()
        sent = send(f"{slow}/", "{}", {}, private=True)
        assert (sent.good, time.monotonic() - began < 5) == (False, True)


class Trickling(Quiet, BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        try:
            for _ in range(100):
                self.wfile.write(b"H")
                time.sleep(0.05)
        except OSError:
            pass
