"""The server's log: one line an answer, as text or as JSON.

Lines are written by a thread of their own, and the oldest way to stop a server is avoided: where nobody reads them,
they are dropped and counted, and no answer waits.
"""

import logging
import os
import time
from queue import SimpleQueue
from threading import Thread
from typing import Any, Literal

from msgspec import json

Form = Literal["text", "json", "off"]

WAITING = 20_000
"""Lines that may wait to be written."""
_AT_ONCE = 2_000
_PAUSE = 0.05
_PATIENCE = 2.0


class Log:
    """Writes what happens to an open file, in the order in which it is told."""

    def __init__(self, form: Form, target: int = 2) -> None:
        self._form = form
        self._target = target
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self.dropped = 0
        """Lines that nobody took."""
        self._thread = Thread(target=self._work, name="outdo-log", daemon=True)
        if form != "off":
            self._thread.start()

    def answered(self, method: str, route: str, status: int, seconds: float, request: str, user: str) -> None:
        """One request and what came of it."""
        if self._form == "off":
            return
        if self._form == "json":
            took = round(seconds * 1000, 2)
            self._put(
                {"method": method, "route": route, "status": status, "ms": took, "request": request, "user": user}
            )  # fmt: skip
            return
        whom = _plain(user) or "-"
        self._write(
            f"{_now()} {_plain(method)} {_plain(route)} {status} {seconds * 1000:.1f}ms {request} {whom}\n"
        )

    def told(self, event: str, **facts: object) -> None:
        """Something else that happened."""
        if self._form == "json":
            self._put({"event": event, **facts})
        elif self._form == "text":
            more = "".join(f" {name}={_indented(str(value))}" for name, value in facts.items())
            self._write(f"{_now()} {event}{more}\n")

    def close(self) -> None:
        """All is written that somebody takes within a moment."""
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join(_PATIENCE)

    def _put(self, line: dict[str, Any]) -> None:
        self._write(json.encode({"time": _now(), **line}).decode() + "\n")

    def _write(self, line: str) -> None:
        if self._lines.qsize() >= WAITING:
            self.dropped += 1
        else:
            self._lines.put(line.encode("utf-8", "backslashreplace"))

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            while len(lines) < _AT_ONCE and not self._lines.empty():
                if (line := self._lines.get()) is None:
                    break
                lines.append(line)
            content = memoryview(b"".join(lines))
            try:
                while content:
                    content = content[os.write(self._target, content) :]
            except OSError:
                pass  # nobody reads any more, or the disk is full; the server goes on
            if line is None:
                return
            time.sleep(_PAUSE)


class Passing(logging.Handler):
    """Hands what libraries log over to the server's log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with the traceback of an error."""
        self._log.told("warning", source=record.name, what=self.format(record))


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"


def _indented(text: str) -> str:
    """The text, each further line of it so far from the edge that it can't be taken for one of the log."""
    return "\n    ".join(map(_plain, text.rstrip().split("\n")))


def _plain(text: str) -> str:
    """The text without anything that could forge a line or move a cursor."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
