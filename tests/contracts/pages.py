"""A web server on this machine, whose pages a test writes, and which remembers what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web:
    """Pages by path, on the loopback only."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        """What is sent with a page; else its MD5 as an ETag. `{asked}` is how often the server was asked."""
        self.moved: dict[str, str] = {}
        self.asked: list[str] = []
        """Method and path of each request."""
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                web._answer(self)

            def do_GET(self) -> None:
                web._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Nobody answers any more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, one: BaseHTTPRequestHandler) -> None:
        self.asked.append(f"{one.command} {one.path}")
        path = one.path.partition("?")[0]
        content = self.pages.get(path)
        if path in self.moved:
            one.send_response(302)
            one.send_header("Location", self.moved[path])
        elif content is None:
            one.send_response(404)
        else:
            one.send_response(200)
            one.send_header("Content-Length", str(len(content)))
            etag = md5(content, usedforsecurity=False).hexdigest()
            for name, value in self.headers.get(path, {"ETag": f'"{etag}"'}).items():
                one.send_header(name, value.format(asked=len(self.asked)))
        one.end_headers()
        if one.command == "GET" and content is not None:
            one.wfile.write(content)


@contextmanager
def web() -> Iterator[Web]:
    """A server without pages, which ends with the block."""
    one = Web()
    try:
        yield one
    finally:
        one.stop()
