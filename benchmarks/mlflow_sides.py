"""The two servers that are measured beside each other, and one kept connection to each."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from msgspec import json

from benchmarks.measure import ENV, Broken
from benchmarks.peers import Missing, outdo, peer_python

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
HEADERS = {"Content-Type": "application/json"}
Name = Literal["mlflow", "outdo"]
_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 120.0


class Side:
    """One server with its home, and a kept connection to it."""

    def __init__(self, name: Name, home: str, port: int) -> None:
        self.name = name
        self.home = home
        os.makedirs(home, exist_ok=True)
        self._log = open(os.path.join(home, "log"), "wb")  # noqa: SIM115
        began = time.perf_counter()
        self._server = subprocess.Popen(
            _words(name, home, port), stdout=self._log, stderr=self._log, env=_env()
        )
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        self._await()
        self.started = time.perf_counter() - began
        """Seconds until its first answer."""

    def _await(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if self.request("GET", "/health")[0] == 200:
                    return
            except OSError:
                self._connection.close()
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise Broken(f"{self.name} did not start; see {self._log.name}")
            time.sleep(0.01)

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the bytes of an answer."""
        for left in (1, 0):
            try:
                self._connection.request(method, path, body, HEADERS if isinstance(body, bytes) else {})
                answer = self._connection.getresponse()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError):  # it was idle for too long
                self._connection.close()
                if not left:
                    raise
        return answer.status, answer.read()

    def post(self, call: str, **asked: object) -> Any:
        """What a call answers; raises `Broken` where it refuses."""
        status, said = self.request("POST", f"{API}/{call}", json.encode(asked))
        return self._read(call, status, said)

    def get(self, call: str) -> Any:
        status, said = self.request("GET", f"{API}/{call}")
        return self._read(call, status, said)

    def _read(self, call: str, status: int, said: bytes) -> Any:
        if status != 200:
            raise Broken(f"{self.name} answered {call} with {status}: {said[:500]!r}")
        return json.decode(said)

    def run(self, experiment: str = "0") -> str:
        """The id of a new run."""
        id_: str = self.post("runs/create", experiment_id=experiment, start_time=1)["run"]["info"]["run_id"]
        return id_

    def many(self) -> str:
        """The id of the experiment with many runs."""
        found = self.get("experiments/get-by-name?experiment_name=many")
        id_: str = found["experiment"]["experiment_id"]
        return id_

    def cpu(self) -> float:
        """Seconds of CPU that the server has used, with all its processes."""
        return sum(_times(pid) for pid in _tree(self._server.pid))

    def memory(self) -> int:
        """Bytes of memory that all its processes have."""
        return sum(_resident(pid) for pid in _tree(self._server.pid))

    def close(self) -> None:
        """Nothing of it runs any more."""
        self._connection.close()
        left = _tree(self._server.pid)
        self._server.send_signal(signal.SIGTERM)
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._server.wait()
        self._log.close()


@contextmanager
def running(name: Name, home: str) -> Iterator[Side]:
    """A server until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    side = Side(name, home, port)
    try:
        yield side
    finally:
        side.close()


def database(name: Name, home: str) -> str:
    """Where a server at this home has its database."""
    return os.path.join(home, "tracking.db" if name == "outdo" else "mlflow.db")


def _words(name: Name, home: str, port: int) -> list[str]:
    if name == "outdo":
        return [outdo(), "server", "--home", home, "--port", str(port)]
    store = f"sqlite:///{database(name, home)}"
    kept = os.path.join(home, "artifacts")
    more = ["--backend-store-uri", store, "--artifacts-destination", kept]
    return [peer_python("mlflow"), "-m", "mlflow", "server", "--workers", "1", "--port", str(port), *more]


def _env() -> Mapping[str, str]:
    """MLflow at its leanest: one worker, and without its runner of jobs."""
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    kept = {name: value for name, value in ENV.items() if not name.startswith(("OUTDO_", "MLFLOW_"))}
    return {**kept, **quiet}


def version() -> str:
    """What MLflow's server says that it is."""
    words = [peer_python("mlflow"), "-m", "mlflow", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, env=_env())
    if done.returncode:
        raise Missing(f"MLflow does not run: {done.stderr[-500:]}")
    return done.stdout.strip().replace(", version", "")


# ------------------------------------------------------------------ processes


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as file:
                    found += map(int, file.read().split())
        except OSError:
            continue
    return found


def _times(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if sys.platform != "linux":
    raise Missing("the CPU and memory of a server are read from /proc, which only Linux has")
