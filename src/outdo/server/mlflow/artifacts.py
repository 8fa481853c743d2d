"""Where artifacts are called, and calls about them; the bytes themselves are streamed by `server/transfers.py`."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.refusals import Invalid
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.store.tracking import files, runs

SCHEME = "mlflow-artifacts:/"
LONGEST = 4096
_DRIVE = re.compile(r"[A-Za-z]:")


class Listing(Struct, frozen=True):
    path: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("artifact", check_path(self.path)),)


class RunListing(Struct, frozen=True):
    run_id: str = ""
    run_uuid: str = ""
    path: str = ""

    def things(self) -> Sequence[Thing]:
        return (Thing("run", self.run_id or self.run_uuid),)


def check_path(path: str) -> str:
    """The path of an artifact, as it is kept; raises `Invalid` for one that leads elsewhere in any encoding."""
    plain = path
    for _ in range(4):
        parts = plain.split("/")
        if (
            plain.startswith("/")
            or ".." in parts
            or "\\" in plain
            or "\ufffd" in plain  # bytes that are no text; other bytes would mean the same path
            or any(ord(letter) < 32 for letter in plain)
            or _DRIVE.match(plain)
            or plain.lower().startswith("file:")
        ):
            raise Invalid("Invalid path")
        decoded = unquote(plain)
        if decoded == plain:
            break
        plain = decoded
    else:
        raise Invalid("Invalid path")
    if len(path) > LONGEST:
        raise Invalid(f"Invalid path: it has {len(path)} characters; it may have {LONGEST}")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def check_location(location: str) -> None:
    """Raises `Invalid` for a location of artifacts that is not in this server's store."""
    if not location.startswith(SCHEME) or "//" in location or any(mark in location for mark in "#?;"):
        raise Invalid(
            f"Invalid artifact location '{location}': this server keeps artifacts itself, at '{SCHEME}…'"
        )
    check_path(location.removeprefix(SCHEME))


def path_of(location: str) -> str:
    """The path of the folder that a location means."""
    return location.removeprefix(SCHEME).strip("/")


def listing(connection: Connection, asked: Listing, desk: Desk) -> Json:
    return _said(connection, check_path(asked.path), "")


def run_listing(connection: Connection, asked: RunListing, desk: Desk) -> Json:
    info = runs.find_info(connection, asked.run_id or asked.run_uuid)
    path = check_path(asked.path)
    folder = f"{path_of(info.location)}/{path}".rstrip("/")
    return {"root_uri": info.location, **_said(connection, folder, f"{path}/" if path else "")}


def _said(connection: Connection, folder: str, prefix: str) -> Json:
    found = [
        {"path": prefix + one.name, "is_dir": True}
        if one.size is None
        else {"path": prefix + one.name, "is_dir": False, "file_size": one.size}
        for one in files.listing(connection, folder)
    ]
    return {"files": found} if found else {}


ENDPOINTS = (Endpoint("GET", "artifacts/list", "viewer", RunListing, run_listing, writes=False),)
PROXY_ENDPOINTS = (Endpoint("GET", "artifacts", "viewer", Listing, listing, writes=False),)
