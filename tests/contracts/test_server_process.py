"""The server's process: what it says of itself, what it counts and logs, and how it ends."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic, sleep

import pytest
from msgspec import json

from tests.contracts.served import API, Served, served

pytestmark = pytest.mark.slow

NOW = 1_700_000_000_000
SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+')
SECRET = "s3cr3t-value"


def point(at: int) -> dict[str, object]:
    return {"key": "loss", "value": 1.0, "timestamp": NOW + at, "step": at}


def metrics(server: Served) -> dict[str, float]:
    told = server.ask("GET", "/metrics").said.decode()
    rows = [line.rpartition(" ") for line in told.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def command(*words: str, home: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "outdo.cli.main", "server", "--port", "0", *words],
        capture_output=True,
        text=True,
        cwd=home,
        env={**os.environ, "NO_COLOR": "1", "OUTDO_HOME": str(home / "home"), **(env or {})},
        timeout=30,
    )


# What it counts.


def test_metrics_are_lines_that_prometheus_reads(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.run()
        told = server.ask("GET", "/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = told.said.decode().splitlines()
    assert [line for line in lines if not line.startswith("# ") and not SAMPLE.fullmatch(line)] == []


def test_metrics_count_what_was_written_and_carried(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        id_ = server.run()
        server.post("runs/log-batch", run_id=id_, metrics=[point(at) for at in range(7)])
        server.put_file(f"0/{id_}/artifacts/a.bin", b"x" * 5000)
        server.file(f"0/{id_}/artifacts/a.bin")
        server.get("runs/get", run_id="none")
        found = metrics(server)
    assert found["outdo_points_written_total"] == 7
    assert found["outdo_artifact_in_bytes_total"] == found["outdo_artifact_out_bytes_total"] == 5000
    assert found[f'outdo_requests_total{{method="POST",route="{API}/runs/log-batch",status="200"}}'] == 1
    assert found[f'outdo_requests_total{{method="GET",route="{API}/runs/get",status="404"}}'] == 1
    assert found[f'outdo_request_seconds_bucket{{route="{API}/runs/log-batch",le="+Inf"}}'] == 1
    assert found["outdo_writer_waiting"] == 0
    assert 1 <= found["outdo_writer_commits_total"] <= found["outdo_writer_changes_total"]
    assert found["process_resident_memory_bytes"] > 10_000_000


def test_what_callers_make_up_adds_no_route_and_no_method(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        for at in range(5):
            server.ask("PROPFIND", f"/made/up/{at}")
        names = [name for name in metrics(server) if name.startswith("outdo_requests_total")]
    assert names == ['outdo_requests_total{method="other",route="other",status="404"}']


# What it logs.


def log_of(tmp_path: Path, form: str) -> list[str]:
    """The log of one run, one search with a value in its query, and one path that nothing answers."""
    with served(tmp_path, "--log", form) as server:
        server.ask(
            "POST", f"{API}/runs/create", b"{}", {"Content-Type": "application/json", "X-Request-Id": "me-1"}
        )
        server.get("experiments/get-by-name", experiment_name=SECRET)
        server.ask("GET", "/x%0aforged%1b[31m?token=" + SECRET)
        server.stop()
        assert server.process.stderr is not None
        return server.process.stderr.read().splitlines()


def test_a_line_of_the_log_says_who_asked_what_and_how_it_went(tmp_path: Path) -> None:
    rows = [json.decode(line) for line in log_of(tmp_path, "json") if line.startswith("{")]
    first, second = [row for row in rows if "route" in row][:2]
    assert (first["method"], first["route"], first["status"]) == ("POST", f"{API}/runs/create", 200)
    assert (first["request"], second["status"]) == ("me-1", 404)
    assert first["ms"] > 0
    assert first["request"] != second["request"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_of_the_log_is_forged_nor_tells_a_value(tmp_path: Path, form: str) -> None:
    lines = log_of(tmp_path, form)
    assert not [line for line in lines if line.startswith("forged") or "\x1b" in line or SECRET in line]
    assert len([line for line in lines if "GET" in line or "POST" in line]) == 3


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    with served(tmp_path, "--log", "text") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for _ in range(2000):  # more than a pipe holds
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"OK"
        connection.close()
        assert server.stop() == 0


def test_an_answer_carries_the_name_of_its_request(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert server.ask("GET", "/health", headers={"X-Request-Id": "abc"}).headers["x-request-id"] == "abc"
        assert (
            "\n" not in server.ask("GET", "/health", headers={"X-Request-Id": "a b"}).headers["x-request-id"]
        )


# How it ends.


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_answered_and_nothing_acknowledged_is_lost(
    tmp_path: Path, end: signal.Signals
) -> None:
    acknowledged: list[int] = []
    with served(tmp_path) as server:
        id_ = server.run()

        def work(first: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                for at in range(first, first + 100_000):
                    body = json.encode({"run_id": id_, **point(at)})
                    connection.request(
                        "POST", f"{API}/runs/log-metric", body, {"Content-Type": "application/json"}
                    )
                    reply = connection.getresponse()
                    reply.read()
                    if reply.status == 200:
                        acknowledged.append(at)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(number * 100_000,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 50:
            sleep(0.01)
        began = monotonic()
        server.process.send_signal(end)
        assert server.process.wait(20) == 0
        assert monotonic() - began < 10
        for thread in threads:
            thread.join()
    with served(tmp_path) as again:
        told = again.get("metrics/get-history", run_id=id_, metric_key="loss").said["metrics"]
    assert set(acknowledged) <= {one["step"] for one in told}


# Where it keeps things.


def test_in_a_project_its_home_is_the_projects(tmp_path: Path) -> None:
    (tmp_path / "outdo.yaml").write_text("stages: {}\n")
    env = {name: value for name, value in os.environ.items() if name != "OUTDO_HOME"}
    server = subprocess.Popen(
        [sys.executable, "-m", "outdo.cli.main", "server", "--port", "0", "--log", "off"],
        stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**env, "NO_COLOR": "1"},
    )  # fmt: skip
    assert server.stderr is not None
    said = server.stderr.readline()
    server.terminate()
    server.communicate()
    assert said.rstrip().endswith(f"all is kept in {tmp_path}/.outdo")
    assert (tmp_path / ".outdo" / "tracking.db").exists()


def test_artifacts_can_be_kept_in_another_folder(tmp_path: Path) -> None:
    with served(tmp_path / "home", "--objects", str(tmp_path / "bytes")) as server:
        server.put_file("0/x/artifacts/a.bin", b"x" * 5000)
        assert server.file("0/x/artifacts/a.bin").said == b"x" * 5000
    assert [
        path.stat().st_size for path in (tmp_path / "bytes" / "objects").rglob("*") if path.is_file()
    ] == [5000]


@pytest.mark.parametrize(
    "address", [f"postgresql://me:{SECRET}@db/outdo", f"postgresql://me@db/outdo?password={SECRET}"]
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path, address: str) -> None:
    done = command("--database", address, home=tmp_path)
    assert (done.returncode, SECRET in done.stderr, "PGPASSWORD" in done.stderr) == (2, False, True)


def test_no_word_of_an_unreachable_database_tells_its_password(tmp_path: Path) -> None:
    done = command(home=tmp_path, env={"OUTDO_DATABASE": f"postgresql://me:{SECRET}@127.0.0.1:1/outdo"})
    assert (done.returncode, SECRET in done.stderr, "E803" in done.stderr) == (1, False, True)


@pytest.mark.parametrize("address", ["mysql://db/x", "nonsense", "postgresql+nothing://db/x"])
def test_an_address_of_another_kind_of_database_is_refused(tmp_path: Path, address: str) -> None:
    done = command("--database", address, home=tmp_path)
    assert (done.returncode, "E901" in done.stderr) == (2, True)
