"""The server as an ASGI application: finds the endpoint of a request, and answers."""

from asyncio import wrap_future
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from outdo.core.refusals import Invalid, Refusal
from outdo.core.version import VERSION
from outdo.server.answers import LARGEST, answer, failure, read_body, read_query, refusal
from outdo.server.endpoint import Endpoint, Json
from outdo.server.guard import LOOPBACK, Guard
from outdo.server.mlflow.routes import PROXY_PREFIXES, endpoints
from outdo.server.service import Service
from outdo.server.transfers import give_out, take_in, take_out


def application(service: Service) -> Starlette:
    """Everything that the server answers."""
    routes = [
        Route("/health", _health),
        Route("/version", _version),
        *(
            Route(path, partial(_carry_out, service, endpoint), methods=[endpoint.method])
            for path, endpoint in endpoints()
        ),
        *(
            Route(f"{prefix}/artifacts/{{path:path}}", partial(handler, service), methods=[method])
            for prefix in PROXY_PREFIXES
            for method, handler in (("GET", give_out), ("PUT", take_in), ("DELETE", take_out))
        ),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=LOOPBACK)],
        exception_handlers={404: _unknown, 405: _unknown, Exception: _broken},
    )


async def _carry_out(service: Service, endpoint: Endpoint, request: Request) -> Response:
    try:
        asked = await _asked(endpoint, request)
        return answer(await _done(service, endpoint, asked))
    except Refusal as error:
        return refusal(error)


async def _asked(endpoint: Endpoint, request: Request) -> Any:
    named = request.path_params
    if endpoint.method == "GET":
        return read_query(request.query_params, named, endpoint.asks)
    body = await request.body()
    if len(body) > LARGEST:
        raise Invalid(f"The request has {len(body)} bytes; it may have {LARGEST}")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise Invalid(f"Bad Request. Content-Type must be one of ['application/json'], but is '{kind}'.")
    return read_body(body, named, endpoint.asks)


async def _done(service: Service, endpoint: Endpoint, asked: Any) -> Json:
    def work(connection: Any) -> Json:
        return endpoint.answer(connection, asked, service)

    if endpoint.writes:
        return await wrap_future(service.writer.submit(work))
    return await to_thread.run_sync(service.read, work)


async def _health(request: Request) -> Response:  # noqa: ARG001
    return PlainTextResponse("OK")


async def _version(request: Request) -> Response:  # noqa: ARG001
    return PlainTextResponse(VERSION)


def _unknown(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return failure(
        404, "ENDPOINT_NOT_FOUND", f"{request.method} {request.url.path} is not offered by this server"
    )


def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return failure(500, "INTERNAL_ERROR", "the server failed at this call; its log says more")
