"""Public keys, and the committed file that says whose signatures a project trusts."""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from hashlib import sha256
from textwrap import wrap
from typing import Literal, get_args

from msgspec import Struct

from outdo.core.errors import BadKey
from outdo.core.model import Place

Kind = Literal["ed25519", "p256"]
"""Ed25519, or ECDSA on the curve P-256 with SHA-256, which tools of the OpenSSF's model signing want."""
KINDS: tuple[Kind, ...] = get_args(Kind)
TRUSTED = "outdo.keys"
"""The name of the file, beside outdo.yaml."""
_HEAD = "# Whose signatures this project trusts. outdo key trust and outdo key untrust write it.\n"
_NAME = re.compile(r"[A-Za-z0-9][\w.@+-]{0,63}", re.ASCII)


class PublicKey(Struct, frozen=True):
    """What signatures of one person, or program, are verified with."""

    kind: Kind
    der: bytes
    """Its SubjectPublicKeyInfo."""
    name: str = ""

    @property
    def id(self) -> str:
        """The SHA-256 of its bytes, in 64 hex characters: the same wherever the key is."""
        return sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """The key as other tools read it."""
        body = "\n".join(wrap(b64encode(self.der).decode(), 64))
        return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def check_name(name: str) -> str:
    """The name, which can be that of a key; raises `BadKey`."""
    if not _NAME.fullmatch(name):
        raise BadKey(f"'{name}' can't be the name of a key", fix="letters, digits and . _ @ + - · at most 64")
    return name


def read_trusted(text: str) -> dict[str, PublicKey]:
    """The keys in such a file, by name; raises `BadKey` with the line of the first that is none."""
    found: dict[str, PublicKey] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        key = _key(words) if len(words) == 3 else None
        if key is None or not _NAME.fullmatch(key.name) or key.name in found:
            fault = "stands here twice" if key and key.name in found else "is no key"
            raise BadKey(
                f"'{line[:60]}' {fault}", where=Place(TRUSTED, number), fix="NAME ed25519 BASE64, once each"
            )
        found[key.name] = key
    return found


def write_trusted(keys: Mapping[str, PublicKey]) -> str:
    """The text of such a file: a key a line by name, so that changes of two people merge."""
    lines = (f"{name} {keys[name].kind} {b64encode(keys[name].der).decode()}\n" for name in sorted(keys))
    return _HEAD + "".join(lines)


def _key(words: list[str]) -> PublicKey | None:
    name, kind, text = words
    try:
        der = b64decode(text, validate=True)
    except (Error, ValueError):
        return None
    known = next((each for each in KINDS if each == kind), None)
    return PublicKey(known, der, name) if known else None
