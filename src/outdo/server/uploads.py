"""Large files that come in parts: created, sent part by part, and then one artifact; or nothing."""

import os
from typing import Any

from anyio import to_thread
from blake3 import blake3
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from outdo.core.access import Thing
from outdo.core.errors import UserError
from outdo.core.model import Digest
from outdo.core.refusals import Invalid, Refusal
from outdo.server.answers import answer, body_of, read_body, refusal
from outdo.server.carry import admit
from outdo.server.mlflow.artifacts import check_path
from outdo.server.mlflow.shapes import require
from outdo.server.parts import Upload, base, joined
from outdo.server.service import Seat, Service
from outdo.server.transfers import STEP, changed, failed, read, receive
from outdo.store.files import create, drop, unwritable, write
from outdo.store.tracking import files
from outdo.store.tracking.files import File

PART = "mpu/parts/{upload}/{number:int}"
SECRET_HEADER = "x-outdo-upload"  # noqa: S105
"""Holds what lets a client send parts of its file; it is told to that client alone, and good for nothing else."""


class Part(Struct, frozen=True):
    part_number: int = 0
    etag: str = ""


class Asked(Struct, frozen=True):
    path: str = ""
    num_parts: int = 1
    upload_id: str = ""
    parts: list[Part] = []


async def begin(seat: Seat, request: Request) -> Response:
    """Says where each part is to be sent; raises `Refusal`."""
    asked, path = await _asked(request)
    about = (Thing("artifact", path),)
    await read(seat, lambda connection: admit(connection, seat.actor, "developer", about))
    upload = seat.service.parts.begin(path, asked.num_parts)
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    scheme = "https" if scheme == "https" else "http"
    root = request.url.path.partition("/mpu/")[0]
    where = f"{scheme}://{request.url.netloc}{root}/{PART.partition('{')[0]}{upload.id}"
    parts = [
        {"url": f"{where}/{number}", "part_number": number, "headers": {SECRET_HEADER: upload.secret}}
        for number in range(1, upload.count + 1)
    ]
    return answer({"upload_id": upload.id, "credentials": parts})


async def take_part(service: Service, request: Request) -> Response:
    """Takes one part, whole or not at all; the answer's mark says what came."""
    number, secret = request.path_params["number"], request.headers.get(SECRET_HEADER, "")
    place = service.vault.scratch.name()
    try:
        upload = service.parts.open(request.path_params["upload"], secret, number)
        file = await _received(service, request, place)
        service.parts.put(upload, number, place, file)
    except Refusal as error:
        return refusal(error)
    except UserError as error:
        return failed(error)
    except ClientDisconnect:
        return Response(status_code=400)
    return Response(status_code=200, headers={"ETag": f'"{file.digest}"'})


async def _received(service: Service, request: Request, place: str) -> File:
    """What came, at this place; nothing is there where it did not come whole."""
    try:
        return await receive(service, request, place)
    except OSError as error:
        drop(place)
        raise unwritable(error, service.home) from None
    except BaseException:
        drop(place)
        raise


async def finish(seat: Seat, request: Request) -> Response:
    """The parts are one artifact; raises `Refusal`, and then they wait for another try."""
    asked, path = await _asked(request)
    service = seat.service
    upload = service.parts.find(asked.upload_id, path)
    named = [(part.part_number, part.etag) for part in asked.parts]
    about = (Thing("artifact", path),)
    await read(seat, lambda connection: admit(connection, seat.actor, "developer", about))
    try:
        file = await to_thread.run_sync(_join, service, upload, named)
    except UserError as error:
        return failed(error)
    await changed(
        seat, "artifacts/put", path, "developer", lambda connection: files.put(connection, path, file)
    )
    await to_thread.run_sync(service.parts.end, upload)
    return answer({})


async def give_up(seat: Seat, request: Request) -> Response:
    """Nothing of the upload is left; raises `Refusal`."""
    asked, path = await _asked(request)
    upload = seat.service.parts.find(asked.upload_id, path)
    about = (Thing("artifact", path),)
    await read(seat, lambda connection: admit(connection, seat.actor, "developer", about))
    await to_thread.run_sync(seat.service.parts.end, upload)
    return answer({})


async def _asked(request: Request) -> tuple[Any, str]:
    """What is asked, and the path of the artifact: the address names its folder, the body the client's own file."""
    asked: Any = read_body(await body_of(request), {}, Asked)
    require("path", asked.path)
    name = base(asked.path)
    path = check_path(f"{request.path_params['path'].rstrip('/')}/{name}")
    if not name or not path:
        raise Invalid("Invalid path: it names no file")
    return asked, path


def _join(service: Service, upload: Upload, named: list[tuple[int, str]]) -> File:
    """The whole file, kept in the store; raises `Invalid`, and `UserError` where it can't be kept."""
    places = list(service.parts.places(upload, named))
    temporary = service.vault.scratch.name()
    hasher = blake3()
    size = 0
    try:
        fd = create(temporary, 0o444)
        try:
            for piece in joined(places, STEP):
                hasher.update(piece)
                write(fd, piece)
                size += len(piece)
        finally:
            os.close(fd)
        file = File(Digest(hasher.hexdigest()), size)
        service.vault.keep(temporary, file.digest)
        return file
    except OSError as error:
        raise unwritable(error, service.home) from None
    finally:
        drop(temporary)
