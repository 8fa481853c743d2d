"""Signed envelopes, as DSSE 1.0 has them: a payload, its type, and signatures over both.

https://github.com/secure-systems-lab/dsse. An envelope is taken only in the very bytes that `sealed` writes, so that
any byte that was changed in it, also where no signature is, is found.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence

from msgspec import DecodeError, Struct, ValidationError, json

from outdo.core.errors import Distrusted

IN_TOTO = "application/vnd.in-toto+json"
LARGEST = 64 << 20
"""Bytes of an envelope that are looked at."""


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """One signature; `keyid` says whose, and is part of what is verified only by leading to a key."""

    keyid: str
    sig: str


class Envelope(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An envelope as it is written."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def content(self) -> bytes:
        """The payload's bytes."""
        return b64decode(self.payload)

    @property
    def signed(self) -> bytes:
        """What the signatures are over."""
        return signed_bytes(self.payload_type, self.content)


def signed_bytes(kind: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of a payload: its type and its bytes, each with its length."""
    type_ = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(type_), type_, len(payload), payload)


def sealed(payload: bytes, signatures: Sequence[tuple[str, bytes]], kind: str = IN_TOTO) -> bytes:
    """The envelope of a payload, with the signatures of these keys."""
    signed = tuple(Signature(keyid, b64encode(sig).decode()) for keyid, sig in signatures)
    return json.encode(Envelope(b64encode(payload).decode(), kind, signed))


def read_envelope(content: bytes) -> Envelope:
    """The envelope, not verified yet, with each of its signatures' bytes well formed; raises `Distrusted`."""
    if len(content) > LARGEST:
        raise Distrusted(f"it is larger than any attestation: more than {LARGEST:,} bytes")
    try:
        found = json.decode(content, type=Envelope)
        texts = [found.payload, *(one.sig for one in found.signatures)]
        whole = all(b64encode(b64decode(text, validate=True)).decode() == text for text in texts)
    except (DecodeError, ValidationError, Error, ValueError):
        raise Distrusted("it is no signed envelope, or not whole") from None
    if not whole or json.encode(found) != content:
        raise Distrusted("it is not as it was written: bytes beside what was signed were changed")
    if not found.signatures:
        raise Distrusted("nobody has signed it")
    return found


def signature_of(one: Signature) -> bytes:
    """Its bytes."""
    return b64decode(one.sig)
