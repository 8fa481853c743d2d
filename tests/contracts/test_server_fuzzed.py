"""Every call that the server offers, asked with what is nearly right: it never fails, and its database stays sound.

`OUTDO_EXAMPLES` says how many questions each call is asked.
"""

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from msgspec import json

from outdo.server.endpoint import Endpoint
from outdo.server.mlflow.routes import endpoints
from tests.contracts.served import Served, served, unsound

EXAMPLES = int(os.environ.get("OUTDO_EXAMPLES", "8"))
CALLS = {
    f"{endpoint.method} {path}": (path, endpoint)
    for path, endpoint in endpoints()
    if not path.startswith("/ajax")
}
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 1 << 63, 10**30, -(10**30), 0.5, 1e308),
    *(
        "",
        " ",
        "a",
        "0",
        "1",
        "-1",
        "NaN",
        "é",
        "\n",
        "\0",
        "'",
        '"',
        "`",
        "%",
        "../x",
        "a/b",
        "x" * 9000,
        "¹",
        "1e9",
    ),
    *(
        [],
        [[]],
        {},
        [{}],
        [None],
        ["a"],
        [0],
        {"a": 1},
        [{"key": "a"}],
        [{"key": "a", "value": "b"}],
        [{"key": 1}],
    ),
    *(
        [{"key": "m", "value": 1, "timestamp": 1}],
        [{"key": "m", "value": "NaN", "timestamp": 1, "step": 1 << 62}],
    ),
    *(
        "name = 'a'",
        "metrics.m > 1",
        "params.p = 'x' AND tags.t LIKE '%'",
        "name DESC",
        ["name"],
        ["metrics.m DESC"],
    ),
    *("ACTIVE_ONLY", "READY", 2, "2023-11-14T22:13:20Z", "0.250s", "Staging", "runs:/a/b", "models:/m/1"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Served]:
    with served(home) as running:
        yield running
    assert unsound(home) == []


@pytest.fixture(scope="module")
def known(server: Served) -> list[Any]:
    """Names of things that are there."""
    number = server.experiment("fuzzed")
    run = server.run(number)
    server.post("registered-models/create", name="m")
    server.post("model-versions/create", name="m", source=f"runs:/{run}/a", run_id=run)
    server.post("registered-models/alias", name="m", alias="champion", version="1")
    model = server.post("logged-models", experiment_id=number, name="logged").said["model"]["info"][
        "model_id"
    ]
    server.post("runs/log-metric", run_id=run, key="m", value=1.0, timestamp=1)
    return [number, [number], run, [run], "m", "champion", "1", model, [{"model_id": model, "step": 1}]]


def question(chance: random.Random, endpoint: Endpoint, known: list[Any]) -> dict[str, Any]:
    """A question whose fields are those that the call knows; their values may be anything."""
    fields = [name for name in endpoint.asks.__struct_fields__ if chance.random() < 0.8]
    return {name: chance.choice(known if chance.random() < 0.5 else ODD) for name in fields}


@pytest.mark.parametrize("call", CALLS)
def test_no_question_makes_a_call_fail(server: Served, known: list[Any], call: str) -> None:
    path, endpoint = CALLS[call]
    chance = random.Random(call)
    for _ in range(EXAMPLES):
        asked = question(chance, endpoint, known)
        named = re.sub(
            r"\{[^}]*\}", lambda _: quote(str(chance.choice([*known, *ODD]))[:200] or "x", safe=""), path
        )
        if endpoint.method == "GET":
            texts = {name: value if isinstance(value, list) else str(value) for name, value in asked.items()}
            reply = server.ask("GET", f"{named}?{urlencode(texts, doseq=True)}")
        else:
            body = json.encode(asked)
            reply = server.ask(endpoint.method, named, body, {"Content-Type": "application/json"})
        assert reply.status < 500 or reply.code == "NOT_IMPLEMENTED", f"{named} {asked} {reply.said}"
        assert reply.status == 200 or set(reply.said) >= {"error_code", "message"}
