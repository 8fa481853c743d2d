"""Looks on while requests are answered: counts them, logs them, gives each a name that its answer carries."""

import os
import re
from itertools import count
from time import perf_counter
from traceback import format_exc

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outdo.server.log import Log
from outdo.server.meters import Meters

USER = "outdo.user"
"""Under this name a scope says who calls, once that is known."""

ROUTE = "outdo.route"
"""Under this name a scope says which route was found."""

LONGEST = 120
_NAME = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Watch:
    """An application that does what another one does, and is seen doing so.

    A request's name is the one that a proxy gave it (`X-Request-Id`), where that is a sound one."""

    def __init__(self, app: ASGIApp, meters: Meters, log: Log) -> None:
        self._app = app
        self._meters = meters
        self._log = log
        self._prefix = os.urandom(4).hex()
        self._count = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        name = self._name(scope)
        status = 0

        async def passed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name)]
            await send(message)

        self._meters.under_way += 1
        try:
            await self._app(scope, receive, passed)
        except Exception:
            self._log.told("error", request=name.decode(), what=format_exc())
            if not status:
                raise
        finally:
            self._meters.under_way -= 1
            took = perf_counter() - began
            found = scope.get(ROUTE)
            self._meters.answered(scope["method"], found or "other", status, took)
            route = found or scope["path"][:LONGEST]
            self._log.answered(scope["method"], route, status, took, name.decode(), scope.get(USER, ""))

    def _name(self, scope: Scope) -> bytes:
        for key, value in scope["headers"]:
            if key == b"x-request-id" and _NAME.fullmatch(value):
                return bytes(value)
        return f"{self._prefix}-{next(self._count)}".encode()
