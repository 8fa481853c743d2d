"""OpenSSF model signing: the signature of a model's files that `model_signing verify key` takes.

A Sigstore bundle 0.3 (https://docs.sigstore.dev/about/bundle/) around a DSSE envelope around an in-toto statement,
whose one subject stands for all files: https://github.com/ossf/model-signing-spec.
"""

from hashlib import sha256
from typing import Any

from msgspec import json

from outdo.core.attestation import STATEMENT, Statement
from outdo.core.dsse import IN_TOTO, sealed, signed_bytes
from outdo.core.errors import BadKey
from outdo.store.signing import Signer

MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE = "https://model_signing/signature/v1.0"
NAME = "model.sig"
_IGNORED = (NAME, ".git", ".gitattributes", ".github", ".gitignore")
"""At the top of a model's folder; tools leave them out unless they are told otherwise."""


def signature(said: Statement, signer: Signer) -> bytes:
    """The bundle for `model.sig`; raises `BadKey` for a key that no such tool verifies with."""
    if signer.public.kind != "p256":
        what = f"the key '{signer.public.name}' is Ed25519, which tools of model signing do not verify"
        raise BadKey(what, fix="outdo key new NAME --kind p256, then --key NAME")
    payload = json.encode(_statement(said), order="deterministic")
    envelope = json.decode(sealed(payload, [("", signer.sign(signed_bytes(IN_TOTO, payload)))]))
    hint = sha256(signer.public.pem.encode()).hexdigest()
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    return json.encode({"mediaType": MEDIA, "verificationMaterial": material, "dsseEnvelope": envelope})


def _statement(said: Statement) -> dict[str, Any]:
    is_file = "blake3" in said.predicate.model.digest
    files = {
        "." if is_file else each.name: each.digest["sha256"]
        for each in said.subject
        if is_file or each.name.partition("/")[0] not in _IGNORED
    }
    names = sorted(files, key=lambda name: name.split("/"))
    root = sha256(b"".join(bytes.fromhex(files[name]) for name in names)).hexdigest()
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": sorted(_IGNORED),
    }
    resources = [{"name": name, "algorithm": "sha256", "digest": files[name]} for name in names]
    return {
        "_type": STATEMENT,
        "subject": [{"name": said.predicate.model.name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }
