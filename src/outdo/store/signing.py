"""Keys that sign and verify: Ed25519, and ECDSA on P-256, by `cryptography`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from outdo.core.dsse import IN_TOTO, read_envelope, sealed, signature_of, signed_bytes
from outdo.core.errors import BadKey, Distrusted
from outdo.core.keys import Kind, PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    Private = Ed25519PrivateKey | EllipticCurvePrivateKey

ADVICE = "Ed25519, or ECDSA on P-256, as PEM"


class Locked(Exception):
    """The key needs a passphrase, or this one is not its."""


class Signer:
    """A private key in memory."""

    def __init__(self, private: "Private", name: str = "") -> None:
        self._private = private
        self.public = _public(private.public_key(), name)

    def sign(self, message: bytes) -> bytes:
        """The signature over a message; the same each time for Ed25519."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self._private, Ed25519PrivateKey):
            return self._private.sign(message)
        return self._private.sign(message, _ecdsa())

    def pem(self, passphrase: str) -> bytes:
        """The private key as PKCS#8, encrypted if there is a passphrase."""
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            KeySerializationEncryption,
            NoEncryption,
            PrivateFormat,
        )

        shut: KeySerializationEncryption = NoEncryption()
        if passphrase:
            shut = BestAvailableEncryption(passphrase.encode())
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shut)


def new_signer(kind: Kind, name: str) -> Signer:
    """A key that nobody had before."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    match kind:
        case "ed25519":
            return Signer(Ed25519PrivateKey.generate(), name)
        case "p256":
            return Signer(generate_private_key(SECP256R1()), name)
    assert_never(kind)


def read_signer(pem: bytes, passphrase: str, name: str) -> Signer:
    """The private key in a PEM file; raises `Locked`, or `BadKey` where it is none of ours."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    is_shut = b"ENCRYPTED" in pem
    try:
        found = load_pem_private_key(pem, passphrase.encode() if is_shut and passphrase else None)
    except TypeError:
        raise Locked from None
    except (ValueError, UnsupportedAlgorithm):
        if is_shut:
            raise Locked from None
        raise BadKey("there is no private key in it", fix=ADVICE) from None
    if not isinstance(found, Ed25519PrivateKey | EllipticCurvePrivateKey):
        raise BadKey("it is a key of another kind", fix=ADVICE)
    return Signer(found, name)


def read_public(pem: bytes, name: str = "") -> PublicKey:
    """The public key in a PEM file; raises `BadKey`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise BadKey(
            "it holds a private key, which nobody else may see", fix="outdo key show NAME > NAME.pub"
        )
    try:
        return _public(load_pem_public_key(pem), name)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("there is no public key in it", fix=ADVICE) from None


def verified(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the owner of the key has signed this message; raises `BadKey` for a key that is none."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(key.der)
        if _public(public, key.name) != key:
            raise BadKey(f"the key '{key.name}' is not of the kind {key.kind}", fix=ADVICE)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"the key '{key.name}' is none", fix=ADVICE) from None
    try:
        if isinstance(public, Ed25519PublicKey):
            public.verify(signature, message)
        elif isinstance(public, EllipticCurvePublicKey):
            public.verify(signature, message, _ecdsa())
    except InvalidSignature:
        return False
    return True


def seal(payload: bytes, signer: Signer) -> bytes:
    """The envelope of an in-toto statement, signed."""
    return sealed(payload, [(signer.public.id, signer.sign(signed_bytes(IN_TOTO, payload)))])


def unseal(content: bytes, trusted: Iterable[PublicKey]) -> tuple[bytes, tuple[PublicKey, ...]]:
    """The in-toto statement in an envelope, and who has signed it; raises `Distrusted` unless each of the signatures is
    that of a trusted key over it."""
    envelope = read_envelope(content)
    if envelope.payload_type != IN_TOTO:
        raise Distrusted(f"it holds '{envelope.payload_type}', and no in-toto statement")
    keys = {key.id: key for key in trusted}
    signers = []
    for one in envelope.signatures:
        key = keys.get(one.keyid)
        if key is None:
            raise Distrusted(f"it was signed by the key '{one.keyid[:12]}', which is not trusted")
        if not verified(key, envelope.signed, signature_of(one)):
            raise Distrusted(f"the signature is not that of '{key.name or key.id[:12]}' over these bytes")
        signers.append(key)
    return envelope.content, tuple(signers)


def _public(public: object, name: str) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    kind: Kind
    if isinstance(public, Ed25519PublicKey):
        kind = "ed25519"
    elif isinstance(public, EllipticCurvePublicKey) and public.curve.name == "secp256r1":
        kind = "p256"
    else:
        raise BadKey("it is a key of another kind", fix=ADVICE)
    return PublicKey(kind, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), name)


def _ecdsa() -> "ECDSA":
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return ECDSA(SHA256())
