"""The server's process: binds, says where, answers until it is told to stop, and then loses nothing."""

import gc
import logging
import socket
from collections.abc import Callable

from msgspec import Struct

from outdo.core.errors import CantListen, NoSignIn
from outdo.core.version import VERSION
from outdo.server.guard import LOOPBACK
from outdo.server.log import Form, Log, Passing
from outdo.server.service import Service
from outdo.server.watch import Watch
from outdo.server.web import application
from outdo.store.tracking import accounts

KEPT_SECONDS = 75
"""How long a connection on which nothing happens is kept; clients that think between two metrics keep theirs."""

COLLECTED_EVERY = 20_000
"""Objects made, such as the points of a history, between two looks for those that nobody can reach."""

GRACE_SECONDS = 10
"""How long requests that are under way at the end may take."""


class Listening(Struct, frozen=True):
    """How to serve."""

    home: str
    host: str = "127.0.0.1"
    port: int = 5000
    """0: any that is free."""
    database: str = ""
    """An address as SQLAlchemy writes it; empty: a SQLite file at home."""
    objects: str = ""
    """A folder or a bucket for artifacts; empty: at home."""
    log: Form = "text"
    private: bool = False
    """Whether webhooks may be on this machine or its network."""


class Ready(Struct, frozen=True):
    """What there is to say as soon as requests are taken."""

    address: str
    users: int
    """None of them: everybody on this machine may do everything."""
    alone: bool
    """Nobody on another machine can reach it."""


def serve(wanted: Listening, ready: Callable[[Ready], None]) -> None:
    """Serves until a signal ends it; calls `ready` as soon as requests are taken.

    Raises `CantListen` for an address that can't be had, and `NoSignIn` for one that others can reach while there is no
    admin."""
    import uvicorn

    listener = _listener(wanted.host, wanted.port)
    log = Log(wanted.log)
    logging.basicConfig(handlers=[Passing(log)], level=logging.WARNING)
    try:
        service = Service(wanted.home, wanted.database, wanted.objects, private=wanted.private)
        try:
            said = _ready(wanted.host, listener.getsockname()[1], service)
            config = uvicorn.Config(
                Watch(application(service, LOOPBACK if said.alone else None), service.meters, log),
                http="httptools",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # anybody could say that they come from elsewhere
                timeout_keep_alive=KEPT_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
            ready(said)
            gc.freeze()  # what is there now stays; to look through it at every collection costs more than it finds
            gc.set_threshold(COLLECTED_EVERY, 20, 50)
            log.told("started", address=said.address, version=VERSION)
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            service.close()
            log.told("stopped")
    finally:
        log.close()
        listener.close()


def _ready(host: str, port: int, service: Service) -> Ready:
    users, admins = service.read(lambda connection: (accounts.users(connection), accounts.admins(connection)))
    alone = host in LOOPBACK
    if not alone and not admins:
        raise NoSignIn(
            f"'{host}' can be reached from other machines, and this server has no admin yet",
            fix="outdo user add NAME --admin",
        )
    return Ready(f"http://{f'[{host}]' if ':' in host else host}:{port}", users, alone)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, as asyncio sets TCP_NODELAY only then; without it each reply waits for a delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CantListen(
            f"port {port} of {host} can't be had: {error.strerror}", fix="name another one: --port 5001"
        ) from None
    return listener
