"""The process that answers the stages of a run: the tracking server, for those alone that the run has admitted.

The engine starts it when the first stage connects, and holds the other end of a socket to it: who may log comes in
there, what was logged is asked there, and its end is the end of this process, however the engine has ended.
"""

import asyncio
import base64
import binascii
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from msgspec import DecodeError, json
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outdo.core.access import EVERY, Actor
from outdo.core.digest import stage_run_id
from outdo.core.errors import UserError
from outdo.core.refusals import Refusal, Unknown
from outdo.core.stagelog import stage_log, whole_log
from outdo.core.tracking import Experiment
from outdo.run.line import Admitted, Asked, Opening, Values, receive, send
from outdo.server.answers import LARGEST, answer, failure, refusal
from outdo.server.mlflow.shapes import said_run
from outdo.server.service import Service
from outdo.server.web import application
from outdo.store.tracking import experiments, runs, stageruns

PATIENCE = 1.0
"""Seconds that the engine's word on a stage may be on its way, when the stage's first call is here already."""
_PARENT = "mlflow.parentRunId"


class Caller:
    """A stage that may log."""

    def __init__(self, admitted: Admitted) -> None:
        self.run = admitted.run
        self.stage = admitted.stage
        self.id = stage_run_id(admitted.run.id, admitted.stage.stage)
        self.named = admitted.named
        self.opened: asyncio.Future[Any] | None = None
        """Done when the stage's own run is there; None before its client has turned to that, or made a run, which is it
        then."""
        self.experiment: str | int | None = None
        """The name or the id of the experiment that it asked about last."""

    def turns_to(self, request: Request) -> bool:
        """Whether a call is about the stage's own run, as far as its path and its query tell."""
        path = request.url.path
        if not self.named or "/mlflow/runs/" not in path or path.endswith("/search"):
            return False
        return request.method != "GET" or self.id in request.query_params.values()

    def open(self, service: Service, connection: Connection) -> None:
        """The stage's run is there, and so is the one that it belongs to."""
        stageruns.put(connection, service.keys, [whole_log(self.run), stage_log(self.run, self.stage)])
        chosen = self._chosen(connection)
        if chosen is not None:
            stageruns.move(connection, self.id, chosen)

    def _chosen(self, connection: Connection) -> Experiment | None:
        """The experiment that the stage's client has set, if it has."""
        try:
            if isinstance(self.experiment, int):
                return experiments.find(connection, self.experiment)
        except Unknown:
            return None  # it was told so
        return experiments.find_name(connection, self.experiment) if self.experiment else None


class Admission:
    """Lets the admitted stages in, and makes their runs the runs of their stages."""

    def __init__(self, service: Service) -> None:
        self._app: ASGIApp = application(service, admit=self._actor)
        self._service = service
        self.callers: dict[str, Caller] = {}
        """By token."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        caller = await self._caller(request.headers.get("authorization", ""))
        if caller is None:
            refused = failure(401, "UNAUTHENTICATED", "only the stages of a run may log here")
            await refused(scope, receive, send)
            return
        path = scope["path"]
        if "/experiments/" in path:
            asked = request.query_params
            named = asked.get("experiment_name") or _number(asked.get("experiment_id", ""))
            caller.experiment = caller.experiment if named is None else named
        elif path.endswith("/mlflow/runs/create"):
            await (await self._create(caller, request))(scope, receive, send)
            return
        elif caller.opened is not None or caller.turns_to(request):
            await self._open(caller)
        await self._app(scope, receive, send)

    async def _caller(self, authorization: str) -> Caller | None:
        token = _token(authorization)
        for _ in range(20):
            if not token or token in self.callers:
                break
            await asyncio.sleep(PATIENCE / 20)
        return self.callers.get(token)

    async def _actor(self, headers: list[str], address: str) -> Actor:  # noqa: ARG002
        """A stage works in the name of who started the run."""
        caller = self.callers[_token(headers[0])]
        return Actor(caller.run.user, f"stage {caller.id}", {EVERY: "admin"})

    async def _change(self, change: Callable[[Connection], Any]) -> Any:
        return await asyncio.wrap_future(self._service.writer.submit(change))

    async def _open(self, caller: Caller) -> None:
        """The stage's own run is there, whichever call asked for it first."""
        if caller.opened is None:
            opening = self._change(lambda connection: caller.open(self._service, connection))
            caller.opened = asyncio.ensure_future(opening)
        try:
            await asyncio.shield(caller.opened)
        except Exception:
            caller.opened = None  # the next call tries again
            raise

    async def _create(self, caller: Caller, request: Request) -> ASGIApp:
        """What answers the call that makes a run: a child of the stage's own, unless it is to be that."""
        body = await request.body()
        try:
            asked = json.decode(body) if len(body) <= LARGEST else None
        except DecodeError:
            asked = None
        if not isinstance(asked, dict):
            return _again(self._app, body)
        tags = [tag for tag in asked.get("tags") or [] if isinstance(tag, dict)]
        has_parent = any(tag.get("key") == _PARENT for tag in tags)
        if caller.opened is not None or has_parent:
            await self._open(caller)
            child = tags if has_parent else [*tags, {"key": _PARENT, "value": caller.id}]
            return _again(self._app, json.encode({**asked, "tags": child}))
        return await self._adopt(caller, asked, tags)

    async def _adopt(self, caller: Caller, asked: dict[str, Any], tags: list[dict[str, Any]]) -> Response:
        number = _number(str(asked.get("experiment_id", "")))
        caller.experiment = number if number is not None else caller.experiment
        named = {str(tag["key"]): str(tag["value"]) for tag in tags if {"key", "value"} <= tag.keys()}
        if asked.get("run_name"):
            named[runs.NAME_TAG] = str(asked["run_name"])

        def adopt(connection: Connection) -> Any:
            caller.open(self._service, connection)
            runs.change(connection, caller.id, status="RUNNING")
            runs.set_tags(connection, caller.id, named)
            said = said_run(runs.find(connection, caller.id))
            return {"run": {part: value for part, value in said.items() if part != "outputs"}}

        caller.opened = asyncio.ensure_future(self._change(adopt))
        try:
            return answer(await asyncio.shield(caller.opened))
        except Refusal as error:
            caller.opened = None
            return refusal(error)


def main() -> None:
    """Answers until the engine has closed its end, and then loses nothing."""
    engine = socket.socket(fileno=int(sys.argv[1]))
    opening = receive(engine)
    assert isinstance(opening, Opening)
    sockets = [socket.socket(fileno=number) for number in opening.sockets]
    try:
        service = Service(opening.home, objects=opening.objects)
    except UserError as error:
        why = error.what
        _serve(sockets, _Refusing(why), lambda: _refuse_all(engine, why))
        return
    admission = Admission(service)
    try:
        _serve(sockets, admission, lambda: _listen(engine, service, admission))
    finally:
        service.close()


def _serve(sockets: list[socket.socket], app: ASGIApp, listen: Callable[[], None]) -> None:
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )

    def until_the_end() -> None:
        try:
            listen()
        finally:
            server.should_exit = True

    threading.Thread(target=until_the_end, name="outdo-engine", daemon=True).start()
    server.run(sockets=sockets)


def _listen(engine: socket.socket, service: Service, admission: Admission) -> None:
    """Takes in what the engine says, until it says no more."""
    while (said := receive(engine)) is not None:
        if isinstance(said, Admitted):
            admission.callers[said.token] = Caller(said)
        elif isinstance(said, Asked):
            id_ = said.id

            def values(connection: Connection, id_: str = id_) -> dict[str, float]:
                return stageruns.last_values(connection, id_)

            send(engine, Values(service.read(values)))


def _refuse_all(engine: socket.socket, why: str) -> None:
    while (said := receive(engine)) is not None:
        if isinstance(said, Asked):
            send(engine, Values({}, why))


class _Refusing:
    """Answers each call with why nothing can be logged; a client does not repeat it."""

    def __init__(self, why: str) -> None:
        self._refused = failure(400, "BAD_REQUEST", f"nothing can be logged: {why}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._refused(scope, receive, send)


def _again(app: ASGIApp, body: bytes) -> ASGIApp:
    """The application, for a request whose body was read, and is now this one."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        async def given() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await app({**scope, "headers": headers}, given, send)

    return answered


def _token(authorization: str) -> str:
    """The token that a request shows, as such or as a password."""
    kind, _, shown = authorization.partition(" ")
    if kind.lower() == "bearer":
        return shown.strip()
    try:
        return base64.b64decode(shown, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


if __name__ == "__main__":
    main()
