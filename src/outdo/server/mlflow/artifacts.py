"""Where artifacts are called, and calls about them; the bytes themselves are streamed by `server/transfers.py`."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import Thing
from outdo.core.places import SCHEME, inside, path_in_bucket, path_in_folder
from outdo.core.refusals import Invalid
from outdo.server.endpoint import Desk, Endpoint, Json
from outdo.store.tracking import files, runs

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


def check_location(location: str, *, folders: bool) -> None:
    """Raises `Invalid` for a location that artifacts can't be at; only where `folders` may be, for one of a machine."""
    path = path_in_bucket(location)
    if path is None and folders:
        path = path_in_folder(location)
    if path is None and location.startswith(SCHEME) and "//" not in location:
        path = location.removeprefix(SCHEME)
    if path is None or any(mark in location for mark in "#?;"):
        raise Invalid(
            f"Invalid artifact location '{location[:LONGEST]}': it can be '{SCHEME}…', where this server keeps them, "
            f"or a bucket that clients open themselves, as 's3://…'{', or a whole path of this machine' * folders}"
        )
    check_path(path)


def folder_of(location: str) -> str:
    """The path of the folder in this server's store that a location means; raises `Invalid` for one elsewhere."""
    folder = inside(location)
    if folder is None:
        raise Invalid(
            f"the artifacts are at '{location}', which clients open themselves, and this server never does"
        )
    return folder


def listing(connection: Connection, asked: Listing, desk: Desk) -> Json:
    return _said(connection, check_path(asked.path), "")


def run_listing(connection: Connection, asked: RunListing, desk: Desk) -> Json:
    info = runs.find_info(connection, asked.run_id or asked.run_uuid)
    path = check_path(asked.path)
    folder = f"{folder_of(info.location)}/{path}".rstrip("/")
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
