"""A real `outdo server` for tests, on a free port of loopback, and a small client of it."""

import http.client
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from msgspec import json

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


class Reply(NamedTuple):
    status: int
    said: Any
    """The JSON of the answer; its bytes where it is none."""
    headers: dict[str, str]

    @property
    def code(self) -> str:
        return str(self.said["error_code"])


class Served:
    """A running server; each call is a request of its own connection."""

    authorization = ""

    def __init__(self, home: Path, *options: str, port: int = 0, database: str = "") -> None:
        command = [
            sys.executable,
            "-m",
            "outdo.cli.main",
            "server",
            "--home",
            str(home),
            "--port",
            str(port),
            "--log",
            "off",
            *options,
        ]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1", "OUTDO_DATABASE": database},
        )
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        self.address = said.partition(" at ")[2].split(" ")[0]
        assert self.address, said + self.process.stderr.read()
        self.port = int(self.address.rpartition(":")[2])

    def as_(self, credential: str) -> "Served":
        """The same server, called with this `Authorization`."""
        called = copy(self)
        called.authorization = credential
        return called

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            signed = {"Authorization": self.authorization} if self.authorization else {}
            connection.request(method, path, body, {**signed, **(headers or {})})
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in reply.getheaders()}
        said = json.decode(content) if content and "json" in found.get("content-type", "") else content
        return Reply(reply.status, said, found)

    def post(self, call: str, **asked: Any) -> Reply:
        return self.ask("POST", f"{API}/{call}", json.encode(asked), {"Content-Type": "application/json"})

    def get(self, call: str, **asked: Any) -> Reply:
        return self.ask("GET", f"{API}/{call}?{urlencode(asked, doseq=True)}")

    def put_file(self, path: str, content: bytes) -> Reply:
        return self.ask("PUT", f"{FILES}/{quote(path)}", content)

    def file(self, path: str) -> Reply:
        return self.ask("GET", f"{FILES}/{quote(path)}")

    def run(self, experiment: str = "0", **more: Any) -> str:
        """The id of a new run."""
        id_: str = self.post("runs/create", experiment_id=experiment, **more).said["run"]["info"]["run_id"]
        return id_

    def experiment(self, name: str) -> str:
        """The id of a new experiment."""
        id_: str = self.post("experiments/create", name=name).said["experiment_id"]
        return id_

    def stop(self) -> int:
        """Asks it to end, as a person does; returns its exit code."""
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def served(home: Path, *options: str, database: str = "") -> Iterator[Served]:
    """A server that runs until the end of the block; its database is a file at home, unless it has an address."""
    server = Served(home, *options, database=database)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()
        if server.process.stderr:
            server.process.stderr.close()


def unsound(home: Path) -> list[Any]:
    """What SQLite finds wrong in the database of a home."""
    database = sqlite3.connect(home / "tracking.db")
    try:
        wrong: list[Any] = [row for row in database.execute("PRAGMA integrity_check") if row != ("ok",)]
        return wrong + database.execute("PRAGMA foreign_key_check").fetchall()
    finally:
        database.close()
