"""Google Cloud Storage's XML interface on this machine, for tests.

No server of it can be had as a package, but Google has made it so that programs for S3 work with it: the same requests
under names of its own. So this relay gives a real server of S3 these requests under the names that it knows; objects,
listings, parts, conditions and errors are that server's. Who asks is not looked into. Source of the names:
https://cloud.google.com/storage/docs/xml-api/overview"""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.contracts.s3 import s3_server

_PASSED = ("content-length", "content-type", "content-md5", "range", "if-match", "if-none-match")
_ANSWERED = ("content-type", "content-range", "etag", "last-modified", "accept-ranges")


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = 0

    def relay(self) -> None:
        heads = {name: value for name, value in self.headers.items() if name.lower() in _PASSED}
        if self.headers.get("x-goog-if-generation-match") == "0":
            heads["if-none-match"] = "*"  # of no generation: it must not be there
        if source := self.headers.get("x-goog-copy-source"):
            heads["x-amz-copy-source"] = f"/{source.lstrip('/')}"
        path, mark, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        server = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        try:
            server.request(self.command, f"{path.replace('%2F', '/')}{mark}{query}", body or None, heads)
            answer = server.getresponse()
            self._answer(answer, b"" if self.command == "HEAD" else answer.read())
        finally:
            server.close()

    def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in _ANSWERED:
                self.send_header(name, value)
        size = answer.getheader("content-length") if self.command == "HEAD" else None
        self.send_header("content-length", size or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Silent."""


for _method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
    setattr(_Relay, f"do_{_method}", _Relay.relay)


@contextmanager
def gcs_server(folder: Path) -> Iterator[Mapping[str, str]]:
    """The environment in which obstore finds the server, which has one bucket; it is ended on the way out."""
    with s3_server(folder, public=True) as s3:
        relay = ThreadingHTTPServer(("127.0.0.1", 0), type("Relay", (_Relay,), {"target": s3.port}))
        thread = threading.Thread(target=relay.serve_forever, daemon=True)
        thread.start()
        key = {
            "gcs_base_url": f"http://127.0.0.1:{relay.server_port}",
            "disable_oauth": True,
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
        }
        try:
            yield {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key)}
        finally:
            relay.shutdown()
            relay.server_close()
            thread.join()
