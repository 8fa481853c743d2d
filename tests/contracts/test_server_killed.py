"""kill -9 of the server under load, again and again: nothing that was acknowledged is lost, and nothing is half there.

`OUTDO_KILLS` says how often.
"""

import hashlib
import os
import random
import sqlite3
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from tests.contracts.served import Reply, Served, served, unsound

KILLS = int(os.environ.get("OUTDO_KILLS", "30"))
CLIENTS = 3
BATCH = 20
"""Points of a batch; theirs have steps below nothing, and those of single ones above."""
NOW = 1_700_000_000_000


class Client(threading.Thread):
    """Logs numbered things to a run of its own, and knows what was acknowledged: all of it has to be there."""

    def __init__(self, server: Served, seed: int) -> None:
        super().__init__(daemon=True)
        self.chance = random.Random(seed)
        self.server = server
        self.run_ = server.run()
        self.stopped = threading.Event()
        self.number = self.done = 0
        self.points: set[int] = set()
        self.params: dict[str, str] = {}
        self.versions = 0
        self.files: dict[str, bytes] = {}
        self.failed: list[str] = []
        self.model = f"model-{seed}"
        server.post("registered-models/create", name=self.model)

    def run(self) -> None:
        steps = (self.log_point, self.log_point, self.log_batch, self.put_file, self.register)
        while not self.stopped.is_set():
            self.number += 1
            try:
                self.chance.choice(steps)(self.number)
            except (
                OSError,
                HTTPException,
            ):  # the server is down: what was asked last is unknown, and may be either
                time.sleep(0.005)

    def log_point(self, number: int) -> None:
        point = {"key": "n", "value": float(number), "timestamp": NOW + number, "step": number}
        if self.acknowledged(self.server.post("runs/log-metric", run_id=self.run_, **point)):
            self.points.add(number)

    def log_batch(self, number: int) -> None:
        numbers = range(-number * BATCH, (1 - number) * BATCH)
        metrics = [{"key": "n", "value": float(one), "timestamp": NOW, "step": one} for one in numbers]
        params = [{"key": f"p{number}", "value": str(number)}]
        if self.acknowledged(
            self.server.post("runs/log-batch", run_id=self.run_, metrics=metrics, params=params)
        ):
            self.points.update(numbers)
            self.params[f"p{number}"] = str(number)

    def put_file(self, number: int) -> None:
        content = hashlib.sha256(str(number).encode()).digest() * self.chance.randrange(1, 5000)
        path = f"0/{self.run_}/artifacts/{number}.bin"
        if self.acknowledged(self.server.put_file(path, content)):
            self.files[path] = content

    def register(self, number: int) -> None:
        said = self.server.post(
            "model-versions/create", name=self.model, source=f"runs:/{self.run_}/m{number}", run_id=self.run_
        )
        if self.acknowledged(said):
            self.versions = max(self.versions, int(said.said["model_version"]["version"]))

    def acknowledged(self, reply: Reply) -> bool:
        self.done += 1
        if reply.status != 200:
            self.failed.append(f"{reply.status} {reply.said!r}")
        return reply.status == 200

    def missing(self) -> list[str]:
        """What was acknowledged and is not there."""
        lost: list[str] = []
        found: set[int] = set()
        token = ""
        while True:
            asked = {"run_id": self.run_, "metric_key": "n", "max_results": 25_000, "page_token": token}
            page = self.server.get("metrics/get-history", **asked).said
            found.update(point["step"] for point in page.get("metrics", []))
            token = page.get("next_page_token", "")
            if not token:
                break
        lost += [f"point {one}" for one in self.points - found]
        data = self.server.get("runs/get", run_id=self.run_).said["run"]["data"]
        params = {one["key"]: one["value"] for one in data.get("params", [])}
        lost += [f"param {key}" for key, value in self.params.items() if params.get(key) != value]
        lost += [path for path, content in self.files.items() if self.server.file(path).said != content]
        versions = self.server.get("model-versions/search", filter=f"name = '{self.model}'").said
        newest = max((int(one["version"]) for one in versions.get("model_versions", [])), default=0)
        return lost + ([f"version {self.versions}"] if newest < self.versions else [])


def wait_for_more(clients: list[Client], count: int) -> None:
    """Waits until so many more calls have been answered."""
    enough = sum(client.done for client in clients) + count
    deadline = time.monotonic() + 60
    while sum(client.done for client in clients) < enough and time.monotonic() < deadline:
        time.sleep(0.001)


def end(server: Served) -> None:
    """Ends the server at once, whatever it does."""
    server.process.kill()
    server.process.wait()
    assert server.process.stderr
    server.process.stderr.close()


def half_done(home: Path) -> list[Any]:
    """What can't be in a database that only knows whole changes, and artifacts whose bytes are not those named."""
    wrong = unsound(home)
    database = sqlite3.connect(home / "tracking.db")
    try:
        batches = (
            f"SELECT run, (step + 1) / {BATCH}, count(*) FROM points WHERE step < 0 "
            f"GROUP BY 1, 2 HAVING count(*) != {BATCH}"
        )
        wrong += database.execute(batches).fetchall()
        wrong += database.execute(
            "SELECT * FROM points GROUP BY run, key HAVING (run, key) NOT IN (SELECT run, key FROM latest)"
        ).fetchall()
        for path, digest, size in database.execute("SELECT path, digest, size FROM files").fetchall():
            content = (home / "objects" / digest[:2] / digest[2:]).read_bytes()
            if (len(content), blake3(content).hexdigest()) != (size, digest):
                wrong.append(path)
    finally:
        database.close()
    return wrong


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_a_kill_under_load(tmp_path: Path) -> None:
    chance = random.Random(9)
    server = Served(tmp_path)
    clients = [Client(server, seed) for seed in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            wait_for_more(clients, chance.randrange(1, 12))
            time.sleep(chance.uniform(0.0, 0.005))
            end(server)
            server.process = Served(tmp_path, port=server.port).process
        for client in clients:
            client.stopped.set()
            client.join()
        assert [client.missing() for client in clients] == [[]] * CLIENTS
        assert [client.failed for client in clients] == [[]] * CLIENTS
        assert sum(client.done for client in clients) > 5 * KILLS
    finally:
        end(server)
    assert half_done(tmp_path) == []


def test_a_stop_answers_what_is_under_way_and_loses_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        clients = [Client(server, seed) for seed in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(0.5)
        assert server.stop() == 0
        for client in clients:
            client.stopped.set()
            client.join()
    assert [client.failed for client in clients] == [[]] * CLIENTS
    assert half_done(tmp_path) == []
    with served(tmp_path) as again:
        for client in clients:
            client.server = again
        assert [client.missing() for client in clients] == [[]] * CLIENTS
