"""Calls to an MLflow server over one connection that is kept; it is not trusted to be one."""

import os
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import DecodeError, json

from outdo.core.errors import CantImport, Usage

LARGEST = 64 << 20
"""Bytes that an answer in JSON may have."""
PIECE = 1 << 20
SECONDS = 60.0
TRIES = 4
_AGAIN = (408, 429, 500, 502, 503, 504)


class NotThere(Exception):
    """The server has no such thing, or no such call."""


class Connection:
    """An MLflow server; credentials come from the environment, as MLflow's own client takes them."""

    def __init__(self, address: str, environment: Mapping[str, str] = os.environ) -> None:
        found = urlsplit(address)
        if found.username or found.password:
            raise Usage(
                "a password in an address is seen by everybody on this machine",
                fix="MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            )
        self._secure = found.scheme == "https"
        self._host = found.hostname or ""
        self._port = found.port
        self._prefix = found.path.rstrip("/")
        self._address = address
        self._headers = {"Accept": "application/json", "User-Agent": "outdo", **_credentials(environment)}
        self._open: HTTPConnection | None = None

    def get(self, path: str, /, **asked: object) -> dict[str, Any]:
        """The answer to a question; raises `NotThere`, and `CantImport`."""
        query = urlencode(
            {name: value for name, value in asked.items() if value not in (None, "")}, doseq=True
        )
        return self._json("GET", f"{path}?{query}" if query else path)

    def post(self, path: str, /, **asked: object) -> dict[str, Any]:
        """The same for a question with a body."""
        return self._json("POST", path, json.encode({k: v for k, v in asked.items() if v not in (None, "")}))

    def stream(self, path: str, /, **asked: object) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; raises `NotThere`, and `CantImport` also where it breaks off."""
        query = urlencode(asked)
        reply = self._ask("GET", f"{path}?{query}" if query else path, None)
        try:
            while piece := reply.read(PIECE):
                yield piece
        except (OSError, HTTPException) as error:
            raise self._broken(error) from None
        finally:
            if not reply.isclosed():
                self.close()

    def close(self) -> None:
        """Nothing is held any more."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _json(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        reply = self._ask(method, path, body)
        try:
            content = reply.read(LARGEST + 1)
        except (OSError, HTTPException) as error:
            raise self._broken(error) from None
        if len(content) > LARGEST:
            self.close()
            raise CantImport(f"an answer has more than {LARGEST >> 20} MB", where=self._address)
        try:
            found = json.decode(content)
        except DecodeError:
            found = None
        if not isinstance(found, dict):
            raise CantImport("what answers there is no MLflow server", where=self._address)
        return found

    def _ask(self, method: str, path: str, body: bytes | None) -> HTTPResponse:
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                reply = self._send(method, path, body)
            except (OSError, HTTPException) as error:
                self.close()
                if last:
                    raise self._broken(error) from None
            else:
                if reply.status == 200:
                    return reply
                told = reply.read(LARGEST)
                if reply.status not in _AGAIN or last:
                    raise self._refused(reply.status, told)
            time.sleep(0.25 * 2**attempt)
        raise AssertionError

    def _send(self, method: str, path: str, body: bytes | None) -> HTTPResponse:
        if self._open is None:
            if self._secure:
                safe = ssl.create_default_context()
                self._open = HTTPSConnection(self._host, self._port, timeout=SECONDS, context=safe)
            else:
                self._open = HTTPConnection(self._host, self._port, timeout=SECONDS)
        headers = {**self._headers, "Content-Type": "application/json"} if body is not None else self._headers
        self._open.request(method, self._prefix + path, body, headers)
        return self._open.getresponse()

    def _refused(self, status: int, content: bytes) -> Exception:
        if status == 404:
            return NotThere()
        if status in (401, 403):
            fix = "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            return CantImport("the server wants somebody who may read it", where=self._address, fix=fix)
        if 300 <= status < 400:
            return CantImport("the server sends elsewhere, and that is not followed", where=self._address)
        try:
            found = json.decode(content)
            told = str(found.get("message", "")) if isinstance(found, dict) else ""
        except DecodeError:
            told = ""
        return CantImport(
            f"the server answers {status}: {told[:200] or 'no reason given'}", where=self._address
        )

    def _broken(self, error: Exception) -> CantImport:
        self.close()
        told = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return CantImport(f"the server can't be reached: {told}", where=self._address, fix="run it again")


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    token = environment.get("MLFLOW_TRACKING_TOKEN")
    if token:
        return {"Authorization": f"Bearer {token}"}
    user = environment.get("MLFLOW_TRACKING_USERNAME")
    if user:
        both = f"{user}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {b64encode(both.encode()).decode()}"}
    return {}
