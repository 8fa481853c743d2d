"""What a browser must not be able to do with a server on the same machine."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from outdo.server.answers import failure

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Refuses requests that name another host than the server's, and changes that another site's page asks for.

    The first is how a page gets at a server on loopback (DNS rebinding), the second how it acts in somebody's name. A
    server on another address has any name (`hosts` is None); a page can't sign in there, as it has no token."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            host = f"//{request.headers.get('host', '')}"
            if self._hosts is not None and not self._is_ours(host, self._hosts):
                refused = failure(
                    403, "PERMISSION_DENIED", "the request names a host that this server is not"
                )
                await refused(scope, receive, send)
                return
            origin = request.headers.get("origin")
            ours = self._hosts or frozenset({_name(host) or ""})
            if origin and request.method not in _SAFE and not self._is_ours(origin, ours):
                refused = failure(
                    403, "PERMISSION_DENIED", "a page of another site may not change anything here"
                )
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_ours(self, address: str, hosts: frozenset[str]) -> bool:
        name = _name(address)
        return name is not None and name in hosts


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
