"""The verb `import mlflow`: what was logged to an MLflow server or folder so far comes here."""

import os
from contextlib import closing

from msgspec import Struct

from outdo.core.brought import Brought
from outdo.core.errors import CantImport, Usage
from outdo.integrations.mlflow.bring import Bringing, Tell
from outdo.integrations.mlflow.connection import Connection, NotThere
from outdo.integrations.mlflow.folder import Folder
from outdo.integrations.mlflow.landing import Landing
from outdo.integrations.mlflow.server import Server
from outdo.store.objects import Objects
from outdo.store.tracking.home import open_home
from outdo.store.vault import open_vault

_DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql:", "mysql+", "mssql:", "mssql+")


class Home(Struct, frozen=True):
    """Where it comes to: as `outdo server` has it."""

    folder: str
    database: str = ""
    """An address; empty for the file in the folder."""
    objects: str = ""
    """The folder or the bucket of artifacts; empty for the store in the folder."""


def import_mlflow(home: Home, place: str, tell: Tell) -> Brought:
    """What has come from a server's address or a folder.

    Raises `CantImport`; what had come by then stays, and the next call goes on behind it."""
    place = place.removeprefix("file://")
    if place.startswith(_DATABASES) or place.endswith(".db"):
        address = place if ":" in place else f"sqlite:///{place}"
        what = "a database can be read by the MLflow that wrote it alone"
        fix = f"mlflow server --backend-store-uri {address.partition('://')[0]}://…, then import its address"
        raise Usage(what, fix=fix)
    engine = open_home(home.folder, home.database)
    own = home.objects if home.objects and "://" not in home.objects else home.folder
    vault = open_vault(Objects(own, chunked_from=0), home.objects)
    left: list[str] = []
    try:
        if place.startswith(("http://", "https://")):
            with closing(Connection(place.rstrip("/"))) as connection:
                server = Server(connection, left.append)
                try:
                    bringing = Bringing(server, server, Landing(engine, vault, place.rstrip("/")), tell)
                    return bringing.carry_out()
                except NotThere:
                    raise CantImport("what answers there is no MLflow server", where=place) from None
        if "://" in place:
            raise Usage(
                f"'{place}' is neither a folder nor the address of a server", fix="http://…, or a folder"
            )
        if not os.path.isdir(place):
            raise CantImport(
                "there is no such folder", where=place, fix="name mlruns, or the address of a server"
            )
        folder = Folder(place, left.append)
        landing = Landing(engine, vault, os.path.realpath(place))
        bringing = Bringing(folder, folder, landing, tell)
        bringing.left = left
        return bringing.carry_out()
    finally:
        vault.close()
        engine.dispose()
