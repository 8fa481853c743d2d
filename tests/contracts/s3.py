"""A real server of S3 on this machine, and a proxy before it that fails on request."""

import asyncio
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.contracts.waiting import until

WEED = shutil.which("weed", path=str(Path(sys.executable).parent))
SECRETS = {
    "AWS_ACCESS_KEY_ID": "outdo-test",
    "AWS_SECRET_ACCESS_KEY": "outdo-test-secret",
    "AWS_REGION": "us-east-1",
}
BUCKET = "outdo"
_WAIT = 40.0


class Server(NamedTuple):
    """Where it listens, on the loopback only."""

    port: int


@contextmanager
def s3_server(folder: Path, *, public: bool = False) -> Iterator[Server]:
    """A server with one bucket, for those who know `SECRETS`, or for everybody; it is ended, by its process, on the way
    out.

    One at a time on this machine, as it listens on ports that can't be told it, too."""
    with open(os.path.join(tempfile.gettempdir(), f"outdo-s3-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _running(folder, public=public) as server:
            yield server


@contextmanager
def _running(folder: Path, *, public: bool) -> Iterator[Server]:
    assert WEED is not None
    names = ("master", "volume", "filer", "s3")
    both = [f"{name}.port{kind}" for kind in ("", ".grpc") for name in names]
    ports = dict(zip(both, free_ports(8), strict=True))
    keys = {"accessKey": SECRETS["AWS_ACCESS_KEY_ID"], "secretKey": SECRETS["AWS_SECRET_ACCESS_KEY"]}
    who = {"name": "anonymous"} if public else {"name": "test", "credentials": [keys]}
    actions = ["Read", "Write", "List", *([] if public else ["Admin"])]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [{**who, "actions": actions}]}))
    words = [f"-{name}={port}" for name, port in ports.items()]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [WEED, "server", "-s3", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=300",
             "-master.volumeSizeLimitMB=64", "-master.telemetry=false", f"-s3.config={config}", *words],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
    try:
        filer, s3 = (f"http://127.0.0.1:{ports[name]}" for name in ("filer.port", "s3.port"))
        until(
            lambda: _asked(f"{filer}/buckets/{BUCKET}/", "POST") in (200, 201),
            _WAIT,
            (folder / "log").read_text,
        )
        until(
            lambda: _asked(f"{s3}/{BUCKET}", "GET") == (200 if public else 403),
            _WAIT,
            (folder / "log").read_text,
        )
        yield Server(ports["s3.port"])
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _asked(url: str, method: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


class Proxy:
    """Passes bytes on to a port, except where it is told to refuse or to cut; answers are late by `delay` seconds."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self._target = target
        self._delay = delay
        self.refuse = 0
        """How many of the next connections get 503."""
        self.cut = 0
        """How many of the next connections are cut after some of the answer."""
        self.cut_after = 0
        """Bytes of the answer that a connection that is cut still gets."""
        self.accepted = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.loop = asyncio.new_event_loop()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = self.loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for writer in self._writers:
            writer.close()  # also of a connection whose task was cancelled before it began
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._tasks.add(task := self.loop.create_task(self._serve(reader, writer)))
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            if self.refuse > 0:
                self.refuse -= 1
                await reader.read(65536)
                writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            limit = None
            if self.cut > 0:
                self.cut -= 1
                limit = self.cut_after
            await self._pass_on(reader, writer, limit)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None
    ) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.append(to_server)
        there = asyncio.create_task(_pump(reader, to_server, None, 0.0))
        back = asyncio.create_task(_pump(from_server, writer, limit, self._delay))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            to_server.close()


async def _pump(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, limit: int | None, delay: float
) -> None:
    passed = 0.0
    while piece := await source.read(1 << 18 if limit is None else min(65536, limit)):
        if delay and time.monotonic() - passed > delay:  # the first piece of an answer, after a pause
            await asyncio.sleep(delay)
        passed = time.monotonic()
        target.write(piece)
        await target.drain()
        if limit is not None:
            limit -= len(piece)
            if limit <= 0:
                return
