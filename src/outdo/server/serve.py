"""The server's process: binds, says where, answers until it is told to stop, and then loses nothing."""

import socket
from collections.abc import Callable

from msgspec import Struct

from outdo.core.errors import CantListen, NoSignIn
from outdo.server.guard import LOOPBACK
from outdo.server.service import Service
from outdo.server.web import application
from outdo.store.tracking import accounts

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
    service = Service(wanted.home, wanted.database)
    alone = wanted.host in LOOPBACK
    try:
        users, admins = service.read(
            lambda connection: (accounts.users(connection), accounts.admins(connection))
        )
        if not alone and not admins:
            raise NoSignIn(
                f"'{wanted.host}' can be reached from other machines, and this server has no admin yet",
                fix="outdo user add NAME --admin",
            )
        config = uvicorn.Config(
            application(service, LOOPBACK if alone else None),
            http="httptools",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # anybody could say that they come from elsewhere
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
        ready(Ready(f"http://{host}:{listener.getsockname()[1]}", users, alone))
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()
        service.close()


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
