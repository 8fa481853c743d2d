"""Sending a message to an address that a user named: never to this machine or its network, unless that is wanted."""

import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from urllib.parse import urlsplit

from msgspec import Struct

from outdo.core.webhooks import is_public

SECONDS = 10.0
"""How long one step of sending may take."""
WHOLE_SECONDS = 30.0
LARGEST = 10_000
"""Bytes of the answer that are read."""


class Sent(Struct, frozen=True):
    """What became of a message."""

    status: int
    """Of the answer; 0 where there was none."""
    body: str = ""
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether it was taken."""
        return 200 <= self.status < 300


def send(url: str, body: str, headers: Mapping[str, str], *, private: bool = False) -> Sent:
    """What became of a message to this address.

    The name is looked up once, and it is the address found that is called, so that it can't be another one by then; a
    redirect is an answer like others, and followed nowhere. `private`: also where only this network reaches."""
    try:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if tls else 80)
        if parts.scheme not in ("https", "http") or not host or (parts.scheme == "http" and not private):
            return Sent(0, error=f"'{parts.scheme}' is no scheme that messages are sent by: only https")
        reached = _reached(host, port, private=private)
    except (ValueError, OSError) as error:
        return Sent(0, error=f"the address can't be had: {error}")
    if reached is None:
        return Sent(0, error=f"'{host}' is on this machine or its network; nothing is sent there")
    try:
        return _exchange(parts.path or "/", parts.query, (host, port, tls), reached, (body, headers))
    except (OSError, HTTPException, ValueError) as error:
        return Sent(0, error=f"no answer: {type(error).__name__}: {error}")


def _reached(host: str, port: int, *, private: bool) -> tuple[int, str] | None:
    """Family and address that a name stands for; None where one of its addresses is not of the whole internet."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [(family, str(place[0])) for family, _, _, _, place in found]
    if not addresses or not (private or all(is_public(address) for _, address in addresses)):
        return None
    return addresses[0]


def _exchange(
    path: str,
    query: str,
    named: tuple[str, int, bool],
    reached: tuple[int, str],
    message: tuple[str, Mapping[str, str]],
) -> Sent:
    host, port, tls = named
    connection = (
        HTTPSConnection(host, port, timeout=SECONDS) if tls else HTTPConnection(host, port, timeout=SECONDS)
    )
    plain = socket.socket(reached[0], socket.SOCK_STREAM)
    limit = Timer(WHOLE_SECONDS, _cut, [plain])  # an answer that trickles in would hold it for ever
    limit.daemon = True
    try:
        plain.settimeout(SECONDS)
        plain.connect((reached[1], port))
        limit.start()
        used = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if tls else plain
        connection.sock = used
        connection.request(
            "POST", f"{path}?{query}" if query else path, message[0].encode(), dict(message[1])
        )
        answer = connection.getresponse()
        return Sent(answer.status, answer.read(LARGEST).decode(errors="replace"))
    finally:
        limit.cancel()
        connection.close()
        plain.close()


def _cut(plain: socket.socket) -> None:
    try:
        plain.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
