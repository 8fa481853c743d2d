"""Artifacts coming in and going out, streamed: what is held in memory does not grow with the file."""

import logging
import os
import re
from asyncio import Future, get_running_loop, shield, wait, wrap_future
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from mimetypes import guess_type
from typing import TypeVar
from urllib.parse import quote

from anyio import to_thread
from blake3 import blake3
from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from outdo.core.access import Role, Thing
from outdo.core.errors import Damaged, NotInRemote, NotInStore, UserError
from outdo.core.model import Digest
from outdo.core.refusals import Invalid, Unknown
from outdo.core.trail import Entry
from outdo.server.answers import answer, failure
from outdo.server.carry import admit, touch
from outdo.server.mlflow.artifacts import check_path
from outdo.server.ranges import NoSuchPart, wanted
from outdo.server.service import Seat, Service
from outdo.store.files import create, drop, unwritable, write
from outdo.store.tracking import files
from outdo.store.tracking.files import File

Answer = TypeVar("Answer")
STEP = 1 << 20
_TEXT = frozenset(
    {
        *("txt", "log", "err", "md", "rst", "csv", "tsv", "xml", "json", "js", "py", "mlmodel", "mlproject"),
        *("cfg", "conf", "ini", "properties", "toml", "yaml", "yml"),
    }
)
"""Endings, and names without one, that clients know as text."""
SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
"""What is served was written by whoever: a browser must neither guess nor run it."""

log = logging.getLogger("outdo.server")


async def take_in(seat: Seat, request: Request) -> Response:
    """Keeps the body at the path; it is there whole, or not at all."""
    path = check_path(request.path_params["path"])
    if not path:
        raise Invalid("Invalid path: it names no file")
    return await keep(seat, request, path)


async def keep(seat: Seat, request: Request, path: str) -> Response:
    """Keeps the body at the path; it is there whole, or not at all."""
    service = seat.service
    about = (Thing("artifact", path),)
    # Who may not do it has not sent the body in vain; whether they still may is asked again with the change.
    await read(seat, lambda connection: admit(connection, seat.actor, "developer", about))
    try:
        file = await _receive(service, request)
    except UserError as error:
        return failed(error)
    except ClientDisconnect:
        return Response(status_code=400)
    await changed(
        seat, "artifacts/put", path, "developer", lambda connection: files.put(connection, path, file)
    )
    return Response(status_code=200)


async def give_out(seat: Seat, request: Request) -> Response:
    """The bytes at the path, as a file to keep."""
    path = check_path(request.path_params["path"])
    return await send(seat, request, lambda _: path)


async def send(seat: Seat, request: Request, named: Callable[[Connection], str]) -> Response:
    """The bytes of the artifact at the path that is found, or the part that is asked for, as a file to keep; raises
    `Refusal`."""

    def find(connection: Connection) -> tuple[str, File]:
        path = named(connection)
        admit(connection, seat.actor, "viewer", (Thing("artifact", path),))
        return path, files.find(connection, path)

    path, file = await read(seat, find)
    tag = f'"{file.digest}"'
    try:
        part = wanted(request.headers.get("range", ""), request.headers.get("if-range", ""), tag, file.size)
    except NoSuchPart:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}", "ETag": tag})
    start, end = part or (0, file.size)
    pieces = seat.service.vault.read(file.digest, start, end)
    try:
        first = await to_thread.run_sync(next, pieces, b"")  # so that what fails now is still told as such
    except UserError as error:
        return failed(error)
    name = path.rpartition("/")[2]
    headers = {
        "Content-Type": _kind(name),
        "Content-Length": str(end - start),
        "Content-Disposition": _attached(name),
        "Accept-Ranges": "bytes",
        "ETag": tag,
        **SAFE,
    }
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return StreamingResponse(_pieces(seat.service, first, pieces), 206 if part else 200, headers)


def _kind(name: str) -> str:
    """The type of a file by its name."""
    if name.lower().rpartition(".")[2] in _TEXT:
        return "text/plain"
    return guess_type(name)[0] or "application/octet-stream"


def _attached(name: str) -> str:
    """The header that makes a browser keep a file under its name."""
    if re.fullmatch(r"[\w.+\-]+", name, re.ASCII):
        return f"attachment; filename={name}"
    return f"attachment; filename*=UTF-8''{quote(name)}"


async def take_out(seat: Seat, request: Request) -> Response:
    """Nothing is at the path any more."""
    path = check_path(request.path_params["path"])
    if not path:
        raise Unknown("No such artifact: ''")
    remove = partial(files.remove, path=path)
    await changed(seat, "artifacts/delete", path, "maintainer", remove)
    return answer({})


async def read(seat: Seat, question: Callable[[Connection], Answer]) -> Answer:
    """The answer to a question that changes nothing."""
    return await to_thread.run_sync(seat.service.read, question)


async def changed(seat: Seat, action: str, path: str, role: Role, work: Callable[[Connection], None]) -> None:
    """Something is done to the artifact at the path, and the audit trail is told; raises `Refusal`."""

    def told(connection: Connection) -> tuple[None, Entry]:
        return None, touch(connection, seat, role, action, Thing("artifact", path), work)

    await wrap_future(seat.service.writer.submit_told(told))


async def _receive(service: Service, request: Request) -> File:
    """The body, kept; its digest is made while it comes."""
    temporary = service.vault.scratch.name()
    try:
        file = await receive(service, request, temporary)
        await to_thread.run_sync(service.vault.keep, temporary, file.digest)
        return file
    except OSError as error:
        raise unwritable(error, service.home) from None
    finally:
        drop(temporary)


async def receive(service: Service, request: Request, place: str) -> File:
    """What the file at `place` is, which holds the body now; raises what a disk raises.

    While one piece is hashed and written, the next one comes."""
    hasher = blake3()
    size = 0
    fd = create(place, 0o444)
    under_way: Future[None] | None = None
    try:
        held: list[bytes] = []
        waiting = 0
        async for piece in request.stream():
            held.append(piece)
            waiting += len(piece)
            if waiting >= STEP:
                if under_way is not None:
                    await shield(under_way)
                under_way = get_running_loop().run_in_executor(None, _append, fd, hasher, held)
                size += waiting
                held, waiting = [], 0
        if under_way is not None:
            await shield(under_way)
        _append(fd, hasher, held)
        size += waiting
    finally:
        if under_way is not None:
            await wait([under_way])  # a client that has left does not close the file under who writes to it
        os.close(fd)
    service.meters.taken_in += size
    return File(Digest(hasher.hexdigest()), size)


def _append(fd: int, hasher: blake3, held: Sequence[bytes]) -> None:
    piece = b"".join(held)
    hasher.update(piece)
    write(fd, piece)


async def _pieces(service: Service, first: bytes, others: Iterator[bytes]) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        service.meters.given_out += len(piece)
        yield piece
        piece = await to_thread.run_sync(next, others, b"")


def failed(error: UserError) -> Response:
    """Bytes that are lost are told as such, which clients do not ask for again; all else may pass."""
    log.warning("%s", error)
    if isinstance(error, Damaged | NotInStore | NotInRemote):
        return failure(404, "RESOURCE_DOES_NOT_EXIST", error.what)
    return failure(503, "TEMPORARILY_UNAVAILABLE", error.what)
