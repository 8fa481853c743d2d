"""Artifacts coming in and going out, streamed: what is held in memory does not grow with the file."""

import os
from collections.abc import AsyncIterator
from mimetypes import guess_type
from urllib.parse import quote

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from outdo.core.refusals import Refusal, Unknown
from outdo.server.answers import answer, refusal
from outdo.server.mlflow.artifacts import check_path
from outdo.server.service import Service
from outdo.store.files import create, drop, write
from outdo.store.tracking import files
from outdo.store.tracking.files import File

STEP = 1 << 20
SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
"""What is served was written by whoever: a browser must neither guess nor run it."""


async def take_in(service: Service, request: Request) -> Response:
    """Keeps the body at the path; it is there whole, or not at all."""
    try:
        path = check_path(request.path_params["path"])
        file = await _receive(service, request)
        future = service.writer.submit(lambda connection: files.put(connection, path, file))
        await to_thread.run_sync(future.result)
    except Refusal as error:
        return refusal(error)
    except ClientDisconnect:
        return Response(status_code=400)
    return Response(status_code=200)


async def give_out(service: Service, request: Request) -> Response:
    """The bytes at the path, as a file to keep."""
    try:
        path = check_path(request.path_params["path"])
        file = await to_thread.run_sync(lambda: service.read(lambda connection: files.find(connection, path)))
    except Refusal as error:
        return refusal(error)
    name = path.rpartition("/")[2]
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "ETag": f'"{file.digest}"',
        **SAFE,
    }
    kind = guess_type(name)[0] or "application/octet-stream"
    return StreamingResponse(_pieces(service.objects.path(file.digest)), 200, headers, kind)


async def take_out(service: Service, request: Request) -> Response:
    """Nothing is at the path any more."""
    try:
        path = check_path(request.path_params["path"])
        if not path:
            raise Unknown("No such artifact: ''")
        future = service.writer.submit(lambda connection: files.remove(connection, path))
        await to_thread.run_sync(future.result)
    except Refusal as error:
        return refusal(error)
    return answer({})


async def _receive(service: Service, request: Request) -> File:
    """The body, in the store and on the disk."""
    temporary = service.scratch.name()
    try:
        fd = create(temporary, 0o644)
        try:
            held: list[bytes] = []
            size = 0
            async for piece in request.stream():
                held.append(piece)
                size += len(piece)
                if size >= STEP:
                    await to_thread.run_sync(write, fd, b"".join(held))
                    held, size = [], 0
            write(fd, b"".join(held))
        finally:
            os.close(fd)
        return await to_thread.run_sync(_keep, service, temporary)
    finally:
        drop(temporary)


def _keep(service: Service, temporary: str) -> File:
    stored = service.objects.adopt(temporary) or service.objects.copy_in(temporary)
    service.objects.sync()
    return File(stored.digest, stored.mark[2])


async def _pieces(place: str) -> AsyncIterator[bytes]:
    with open(place, "rb", buffering=0) as file:
        while piece := await to_thread.run_sync(file.read, STEP):
            yield piece
