"""The server as an ASGI application: finds the endpoint of a request, lets its caller in or not, and answers."""

import logging
from asyncio import sleep, wrap_future
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from anyio import to_thread
from sqlalchemy.exc import DataError, OperationalError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from outdo.core.access import Actor, Role, at_least
from outdo.core.refusals import Forbidden, Invalid, NotYet, Refusal
from outdo.core.version import VERSION
from outdo.server.answers import answer, body_of, failure, read_body, read_query, refusal
from outdo.server.carry import ask, change
from outdo.server.door import Door
from outdo.server.downloads import MODEL_FILES, into_run, of_model, of_run, of_version
from outdo.server.endpoint import Endpoint, Json
from outdo.server.guard import LOOPBACK, Guard
from outdo.server.hooks import PATH as TRIED
from outdo.server.hooks import try_webhook
from outdo.server.mlflow.routes import PREFIXES, PROXY_PREFIXES, endpoints
from outdo.server.paths import Paths
from outdo.server.service import Caller, Seat, Service
from outdo.server.spans import PATH, take_spans
from outdo.server.transfers import give_out, take_in, take_out
from outdo.server.uploads import PART, begin, finish, give_up, take_part
from outdo.server.watch import ROUTE, USER

Handler = Callable[[Seat, Request], Awaitable[Response]]
Admit = Callable[[list[str], str], Awaitable[Actor]]
"""Who calls with these `Authorization` headers from this address; raises `Refusal`."""
PROXIED: tuple[tuple[str, Role, Handler], ...] = (
    ("GET", "viewer", give_out),
    ("PUT", "developer", take_in),
    ("DELETE", "maintainer", take_out),
)
"""What can be done with an artifact's bytes."""
IN_PARTS: tuple[tuple[str, Handler], ...] = (("create", begin), ("complete", finish), ("abort", give_up))
"""Calls about a file that comes in parts."""
SPOKEN = "3.17.2"
"""The version of MLflow whose protocol is spoken: clients ask for it before they send spans."""
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5)
"""Seconds between looks at what is on its way: clients that log in the background read before all has arrived."""

PROMETHEUS = "text/plain; version=0.0.4"

log = logging.getLogger("outdo.server")


class Offered(Route):
    """A route that says which role it needs; None: nobody has to sign in for it."""

    def __init__(self, path: str, handler: Any, method: str, role: Role | None) -> None:
        super().__init__(path, handler, methods=[method])
        self.role = role

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As its parent; and the scope says which route it is."""
        match, found = super().matches(scope)
        return match, {**found, ROUTE: self.path} if match == Match.FULL else found


def application(
    service: Service, hosts: frozenset[str] | None = LOOPBACK, admit: Admit | None = None
) -> Starlette:
    """Everything that the server answers, under these names; None: under any, but to nobody who has not signed in.

    `admit` says who calls, in place of the door that users sign in at."""
    admitted = admit or Door(service.book, may_be_open=hosts is not None).admit

    def offered(path: str, method: str, role: Role, handler: Handler) -> Offered:
        return Offered(path, partial(_enter, service, admitted, role, handler), method, role)

    routes = [
        Offered("/health", partial(_health, service), "GET", None),
        Offered("/version", _version, "GET", None),
        offered("/metrics", "GET", "viewer", _metrics),
        offered(PATH, "POST", "developer", take_spans),
        *(
            offered(path, endpoint.method, endpoint.role, partial(_carry_out, endpoint))
            for path, endpoint in endpoints()
        ),
        *(offered(f"{prefix}/{TRIED}", "POST", "admin", try_webhook) for prefix in PREFIXES),
        *(
            offered(f"{prefix}/artifacts/{{path:path}}", method, role, handler)
            for prefix in PROXY_PREFIXES
            for method, role, handler in PROXIED
        ),
        *(
            offered(f"{prefix}/mpu/{name}/{{path:path}}", "POST", "developer", handler)
            for prefix in PROXY_PREFIXES
            for name, handler in IN_PARTS
        ),
        offered("/get-artifact", "GET", "viewer", of_run),
        offered("/model-versions/get-artifact", "GET", "viewer", of_version),
        *(offered(f"{prefix}/upload-artifact", "POST", "developer", into_run) for prefix in PREFIXES),
        *(offered(f"{prefix}/{MODEL_FILES}", "GET", "viewer", of_model) for prefix in PREFIXES),
        # Who may send a part is who was given the upload's secret: clients do not sign in for it.
        *(Offered(f"{prefix}/{PART}", partial(take_part, service), "PUT", None) for prefix in PROXY_PREFIXES),
    ]
    made = Starlette(
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={404: _unknown, 405: _unknown, Exception: _broken},
    )
    made.router = Paths(routes)
    return made


async def _enter(service: Service, admit: Admit, role: Role, handler: Handler, request: Request) -> Response:
    """The answer to who may ask at all; whether they may do it with what they ask for is decided there."""
    address = request.client.host if request.client else ""
    try:
        actor = await admit(request.headers.getlist("authorization"), address)
        if actor.highest is None or not at_least(actor.highest, role):
            raise Forbidden(f"this needs the role {role}; yours is {actor.highest or 'none'}")
        request.scope[USER] = actor.name
        seat = Seat(service, Caller(actor, address, request.headers.get("user-agent", "")))
        return await handler(seat, request)
    except Refusal as error:
        return refusal(error)
    except DataError:
        return failure(400, "INVALID_PARAMETER_VALUE", "a value holds what the database can't keep")
    except OperationalError as error:
        log.warning("the database failed: %s", " ".join(str(error.orig).split()))
        return failure(503, "TEMPORARILY_UNAVAILABLE", "the database does not answer now; try again")


async def _carry_out(endpoint: Endpoint, seat: Seat, request: Request) -> Response:
    asked = await _asked(endpoint, request)
    said = await _done(seat, endpoint, asked)
    seat.service.meters.points += getattr(asked, "points", 0)
    return said


async def _asked(endpoint: Endpoint, request: Request) -> Any:
    named = request.path_params
    if endpoint.method == "GET":
        return read_query(request.query_params, named, endpoint.asks)
    body = await body_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise Invalid(f"Bad Request. Content-Type must be one of ['application/json'], but is '{kind}'.")
    return read_body(body, named, endpoint.asks)


async def _done(seat: Seat, endpoint: Endpoint, asked: Any) -> Response:
    service = seat.service
    if endpoint.writes:
        told = service.writer.submit_told(lambda connection: change(connection, endpoint, asked, seat))
        said: Json = await wrap_future(told)
        return answer(said)

    def answered() -> (
        Response
    ):  # its JSON too, which may be long, is not made by the thread that all wait for
        return answer(service.read(lambda connection: ask(connection, endpoint, asked, seat)))

    for seconds in WAITS:
        try:
            return await to_thread.run_sync(answered)
        except NotYet:
            await sleep(seconds)
    return await to_thread.run_sync(answered)


async def _health(service: Service, request: Request) -> Response:  # noqa: ARG001
    if not service.writer.alive:
        return PlainTextResponse("nothing can be written any more", 503)
    return PlainTextResponse("OK")


async def _metrics(seat: Seat, request: Request) -> Response:  # noqa: ARG001
    service = seat.service
    return PlainTextResponse(service.meters.text(service.counted()), media_type=PROMETHEUS)


async def _version(request: Request) -> Response:  # noqa: ARG001
    return PlainTextResponse(f"{SPOKEN}+outdo.{VERSION}")


def _unknown(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return failure(
        404, "ENDPOINT_NOT_FOUND", f"{request.method} {request.url.path} is not offered by this server"
    )


def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return failure(500, "INTERNAL_ERROR", "the server failed at this call; its log says more")
