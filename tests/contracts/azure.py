"""A real server of Azure's blobs on this machine: Microsoft's own, for tests, installed by npm into `.venvs/`."""

import base64
import email.utils
import fcntl
import hashlib
import hmac
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contracts.s3 import free_ports
from tests.contracts.waiting import until

NODE = shutil.which("node")
NPM = shutil.which("npm")
VERSION = "3.35.0"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The one that everybody knows: https://learn.microsoft.com/azure/storage/common/storage-use-azurite"""
CONTAINER = "outdo"
_WORDS = "DefaultEndpointsProtocol=http;AccountName={0};AccountKey={1};BlobEndpoint=http://127.0.0.1:{2}/{0};"
_PROTOCOL = "2021-08-06"
_PLACE = Path(__file__).parents[2] / ".venvs" / "azurite"
_WAIT = 60.0


@contextmanager
def azure_server(folder: Path) -> Iterator[int]:
    """The port of a server with one container; it is ended, by its process, on the way out."""
    assert NODE is not None
    (port,) = free_ports(1)
    words = [
        NODE,
        str(_installed()),
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--location",
        str(folder),
    ]
    words += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        until(lambda: _made(port), _WAIT, (folder / "log").read_text)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def connection_string(port: int) -> str:
    """How Azure's own tools are told where the server is, and who asks."""
    return _WORDS.format(ACCOUNT, KEY, port)


def _installed() -> Path:
    main = _PLACE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    _PLACE.mkdir(parents=True, exist_ok=True)
    with open(_PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_PLACE / "ready").exists():
            words = [str(NPM), "install", "--silent", "--no-audit", "--no-fund", f"--prefix={_PLACE}"]
            subprocess.run([*words, f"azurite@{VERSION}"], check=True, stdin=subprocess.DEVNULL)
            (_PLACE / "ready").touch()
    return main


def _made(port: int) -> bool:
    """Whether the container is there now, asked for as Azure wants it: signed with the account's key."""
    date = email.utils.formatdate(usegmt=True)
    heads = {"x-ms-date": date, "x-ms-version": _PROTOCOL}
    signed = "".join(f"{name}:{value}\n" for name, value in heads.items())
    text = "PUT" + "\n" * 12 + signed + f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    code = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    heads |= {
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(code).decode()}",
        "Content-Length": "0",
    }
    url = f"http://127.0.0.1:{port}/{ACCOUNT}/{CONTAINER}?restype=container"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=heads), timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 409
    except OSError:
        return False
