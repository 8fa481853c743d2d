"""A pytest plugin that points MLflow's own tests at fresh servers, and writes down what came of each.

It runs in MLflow's environment, in a checkout of its tests. What a test would start or open itself (a server in its own
process, a store over a database) is put in place of by a client of a server that was started for this test alone.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from mlflow import MlflowClient
from mlflow.store.model_registry import rest_store as registry_store
from mlflow.store.tracking import rest_store as tracking_store
from mlflow.tracking._tracking_service.utils import _use_tracking_uri
from mlflow.utils.rest_utils import MlflowHostCreds

FIXTURES = {
    "tests/store/tracking/sqlalchemy_store/test_sqlalchemy_store.py": {"store": "redirected_store"},
    "tests/store/model_registry/test_sqlalchemy_store.py": {"store": "redirected_registry"},
    "tests/tracking/test_mlflow_artifacts.py": {"artifacts_server": "redirected_artifacts"},
    "tests/tracking/test_rest_tracking.py": {
        "mlflow_client": "redirected_client",
        "mlflow_client_with_secrets": "redirected_client",
    },
    "tests/tracking/test_model_registry.py": {"client": "redirected_client"},
    "tests/tracing": {"tracking_uri_mock": "redirected_uri"},
    "tests/tracking": {"tracking_uri_mock": "redirected_uri"},
}
"""Which fixture of a file, or of those in a folder, is put in place of by which of ours; the first that fits counts."""


class Started(NamedTuple):
    url: str
    pid: int
    process: "subprocess.Popen[str] | None"


class Servers:
    """Fresh servers, the next of which starts while the present one is used."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._stock: subprocess.Popen[str] | None = None
        self._next: subprocess.Popen[str] | None = None
        if not command:
            script = Path(__file__).with_name("stock.py")
            self._stock = subprocess.Popen(
                [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert self._stock.stdout
            assert self._stock.stdout.readline() == "ready\n"

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of a server with nothing in it."""
        started = self._fork() if self._stock else self._launch()
        try:
            yield started.url
        finally:
            os.kill(started.pid, signal.SIGKILL)
            if started.process:
                started.process.wait()
                assert started.process.stderr
                started.process.stderr.close()

    def close(self) -> None:
        for process in (self._stock, self._next):
            if process:
                process.kill()
                process.wait()

    def _fork(self) -> Started:
        assert self._stock
        assert self._stock.stdin
        assert self._stock.stdout
        self._stock.stdin.write(tempfile.mkdtemp() + "\n")
        self._stock.stdin.flush()
        pid, port = self._stock.stdout.readline().split()
        return Started(f"http://127.0.0.1:{port}", int(pid), None)

    def _launch(self) -> Started:
        process = self._next or self._spawn()
        assert process.stderr
        said = process.stderr.readline()
        address = said.partition(" at ")[2].split(" ")[0]
        assert address, said
        self._next = self._spawn()
        return Started(address, process.pid, process)

    def _spawn(self) -> "subprocess.Popen[str]":
        command = shlex.split(self._command.replace("{home}", tempfile.mkdtemp()))
        env = {**os.environ, "NO_COLOR": "1"}
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)


SERVERS = pytest.StashKey[Servers]()
requested: list[str] = []
"""What the present test asked of its server."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--serve", default="", help="what starts a server, `{home}` being a fresh folder; empty: stock"
    )
    parser.addoption("--results", required=True, help="a file for one line of JSON per test")
    parser.addoption(
        "--only", default="", help="a file with the names of tests, one a line: no others are run"
    )
    parser.addoption("--leave", default="$^", help="which tests are not run, as a pattern for their names")


def pytest_configure(config: pytest.Config) -> None:
    servers = config.stash[SERVERS] = Servers(config.getoption("--serve"))
    Path(config.getoption("--results")).write_text("")
    send = requests.adapters.HTTPAdapter.send

    def counted(self: Any, request: Any, **more: Any) -> Any:
        requested.append(request.path_url.partition("?")[0])
        return send(self, request, **more)

    requests.adapters.HTTPAdapter.send = counted
    from tests.tracking import integration_test_utils

    integration_test_utils._init_server = lambda *_, **__: servers.fresh()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVERS].close()


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Our fixtures stand where those of the tests stood."""
    left = re.compile(session.config.getoption("--leave"))
    items[:] = [item for item in items if not left.search(item.nodeid.replace("workspace-disabled", ""))]
    if only := session.config.getoption("--only"):
        wanted = set(Path(only).read_text().splitlines())
        items[:] = [item for item in items if item.nodeid in wanted]
    known: Any = vars(session._fixturemanager)["_arg2fixturedefs"]
    for item in items:
        ours = next((names for path, names in FIXTURES.items() if item.nodeid.startswith(path)), {})
        used = item._request._arg2fixturedefs  # type: ignore[attr-defined]
        used.update({theirs: known[name] for theirs, name in ours.items() if theirs in used})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call" or (report.when == "setup" and not report.passed):
        told = str(report.longrepr)[-1500:] if report.failed else ""
        outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
        said = {"test": item.nodeid, "outcome": outcome, "asked": sorted(set(requested)), "told": told}
        with open(item.config.getoption("--results"), "a") as file:
            file.write(json.dumps(said) + "\n")
    if report.when == "teardown":
        requested.clear()
    return report


@pytest.fixture
def fresh(request: pytest.FixtureRequest) -> Iterator[str]:
    with request.config.stash[SERVERS].fresh() as url:
        yield url


@pytest.fixture
def redirected_client(fresh: str) -> MlflowClient:
    return MlflowClient(fresh)


@pytest.fixture
def redirected_store(fresh: str) -> Any:
    return tracking_store.RestStore(lambda: MlflowHostCreds(fresh))


@pytest.fixture
def redirected_registry(fresh: str) -> Any:
    return registry_store.RestStore(lambda: MlflowHostCreds(fresh))


@pytest.fixture
def redirected_uri(fresh: str) -> Iterator[str]:
    with _use_tracking_uri(fresh):
        yield fresh


@pytest.fixture
def redirected_artifacts(fresh: str) -> Any:
    from tests.tracking.test_mlflow_artifacts import ArtifactsServer

    root = f"{fresh}/api/2.0/mlflow-artifacts/artifacts"
    return ArtifactsServer("", root, tempfile.mkdtemp(), fresh, None)
