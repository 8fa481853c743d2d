"""Artifacts by what they belong to: a run, a registered version, a logged model. Pages of the protocol ask so."""

from typing import TypeVar, cast

from msgspec import Struct
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from outdo.core.access import Role
from outdo.core.refusals import Invalid
from outdo.server.answers import read_query
from outdo.server.carry import admit
from outdo.server.endpoint import About
from outdo.server.mlflow.artifacts import RunListing, check_path, folder_of
from outdo.server.mlflow.models import OfModel
from outdo.server.mlflow.registry import OfVersion
from outdo.server.mlflow.shapes import require
from outdo.server.service import Seat
from outdo.server.transfers import keep, read, send
from outdo.store.tracking import models, registry, runs

MODEL_FILES = "logged-models/{model_id}/artifacts/files"
Asked = TypeVar("Asked", bound=Struct)


class VersionFile(OfVersion, frozen=True):
    path: str = ""


class ModelFile(OfModel, frozen=True):
    artifact_file_path: str = ""


async def of_run(seat: Seat, request: Request) -> Response:
    """A file of a run."""
    asked = _asked(request, RunListing)
    id_ = asked.run_id or asked.run_uuid
    require("run_id", id_)
    path = _file(asked.path)

    def named(connection: Connection) -> str:
        _admit(connection, seat, asked)
        return _below(runs.find_info(connection, id_).location, path)

    return await send(seat, request, named)


async def into_run(seat: Seat, request: Request) -> Response:
    """Keeps the body as a file of a run."""
    asked = _asked(request, RunListing)
    id_ = asked.run_id or asked.run_uuid
    if not id_:
        raise Invalid("Request must specify run_uuid.")
    if not asked.path:
        raise Invalid("Request must specify path.")
    path = _file(asked.path)
    if request.headers.get("content-length", "") == "0":
        raise Invalid("Request must specify data.")

    def named(connection: Connection) -> str:
        _admit(connection, seat, asked, "developer")
        return _below(runs.find_info(connection, id_).location, path)

    return await keep(seat, request, await read(seat, named))


async def of_version(seat: Seat, request: Request) -> Response:
    """A file of a registered version."""
    asked = _asked(request, VersionFile)
    path = _file(asked.path)

    def named(connection: Connection) -> str:
        _admit(connection, seat, asked)
        return _below(registry.find_version(connection, asked.model, asked.number).location, path)

    return await send(seat, request, named)


async def of_model(seat: Seat, request: Request) -> Response:
    """A file of a logged model."""
    asked = _asked(request, ModelFile)
    path = _file(asked.artifact_file_path)

    def named(connection: Connection) -> str:
        _admit(connection, seat, asked)
        return _below(models.find(connection, asked.model_id).location, path)

    return await send(seat, request, named)


def _asked(request: Request, shape: type[Asked]) -> Asked:
    return cast("Asked", read_query(request.query_params, request.path_params, shape))


def _admit(connection: Connection, seat: Seat, asked: Struct, role: Role = "viewer") -> None:
    assert isinstance(asked, About)
    admit(connection, seat.actor, role, asked.things())


def _file(path: str) -> str:
    require("path", path)
    found = check_path(path)
    if not found:
        raise Invalid("Invalid path: it names no file")
    return found


def _below(location: str, path: str) -> str:
    """The path of a file in a folder; raises `Invalid` where that is not in this server's store."""
    return f"{folder_of(location)}/{path}"
