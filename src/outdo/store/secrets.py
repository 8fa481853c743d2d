"""Secrets at rest: sealed by a key that is not in the database, so that who gets hold of a copy of it has none of them.

Each is sealed for its place: moved to another row, or changed by a bit, it does not open.
"""

import os
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from outdo.core.errors import NoSecretKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = "secret.key"
"""Where a home has its keys, one a line; the first of them seals, all of them open."""
VARIABLE = "OUTDO_SECRET_KEY"
"""Where a home has none: keys from whoever keeps a team's secrets, parted by spaces or commas."""
PLAIN = "plain:"
"""What stands before a secret that was kept before there were keys."""
_BYTES = 32
_FORM = "1"
_NONCE = 12


class Keyring:
    """Seals secrets and opens them; a key is made where the first secret has to be sealed, and not before."""

    def __init__(self, home: str, given: str = "") -> None:
        """`given` are keys that stand in for those of the home. Raises `NoSecretKey` for what are none."""
        self._path = os.path.join(home, FILE)
        self._lock = Lock()
        self._keys = [_read(word, VARIABLE) for word in given.replace(",", " ").split()] or _held(self._path)

    def seal(self, secret: str, place: str) -> str:
        """The secret as it is kept at this place; nothing stays nothing. Raises `NoSecretKey`."""
        from base64 import b64encode

        if not secret:
            return ""
        key = self._newest()
        nonce = os.urandom(_NONCE)
        sealed = _cipher(key).encrypt(nonce, secret.encode("utf-8", "surrogatepass"), place.encode())
        return f"{_FORM}.{_name(key)}.{b64encode(nonce + sealed).decode()}"

    def open(self, kept: str, place: str) -> str:
        """The secret that is kept at this place; raises `NoSecretKey` where no key opens it."""
        from base64 import b64decode

        from cryptography.exceptions import InvalidTag

        if not kept or kept.startswith(PLAIN):
            return kept.removeprefix(PLAIN)
        form, name, text = (*kept.split("."), "", "")[:3]
        for key in self._keys:
            if (form, name) == (_FORM, _name(key)):
                try:
                    sealed = b64decode(text, validate=True)
                    content = _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
                    return content.decode("utf-8", "surrogatepass")
                except (InvalidTag, ValueError):
                    raise NoSecretKey(
                        "a secret in the database is not as it was sealed", fix="set it again"
                    ) from None
        raise NoSecretKey(
            f"a secret in the database is sealed with the key {name or '?'}, which is not here",
            fix=f"put that key back, into '{self._path}' or ${VARIABLE}; or set the secret again",
        )

    def is_newest(self, kept: str) -> bool:
        """Whether this is sealed, with the key that seals now."""
        return bool(self._keys) and kept.startswith(f"{_FORM}.{_name(self._keys[0])}.")

    def _newest(self) -> bytes:
        with self._lock:
            if not self._keys:
                _make(self._path)
                self._keys = _held(self._path)
            return self._keys[0]


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _name(key: bytes) -> str:
    """What a key is called, which tells nothing of it."""
    from blake3 import blake3

    return blake3(key, derive_key_context="outdo 2026 name of a key").hexdigest(4)


def _held(path: str) -> Sequence[bytes]:
    """The keys in a file, which only its owner may read; none where there is no file. Raises `NoSecretKey`."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            mode, lines = os.fstat(file.fileno()).st_mode, file.read().split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NoSecretKey(f"'{path}' can't be read: {error.strerror}", fix="let this user read it") from None
    if os.name == "posix" and mode & 0o077:
        raise NoSecretKey(f"'{path}' can be read by others than its owner", fix=f"chmod 600 '{path}'")
    if not lines:
        raise NoSecretKey(
            f"'{path}' holds no key", fix="put the key back; or remove the file, and set secrets again"
        )
    return [_read(line, path) for line in lines]


def _read(word: str, where: str) -> bytes:
    from base64 import b64decode

    try:
        key = b64decode(word, validate=True)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise NoSecretKey(f"'{where}' holds what is no key", fix=f"openssl rand -base64 {_BYTES}")
    return key


def _make(path: str) -> None:
    """The file holds a key, and survives a loss of power; another's who was faster stays."""
    from base64 import b64encode

    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, b64encode(os.urandom(_BYTES)) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise NoSecretKey(
            f"no key can be kept at '{path}': {error.strerror}", fix=f"set ${VARIABLE}"
        ) from None
