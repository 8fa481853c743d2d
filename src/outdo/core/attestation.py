"""The statement that is signed of a version: what it is, how it came to be, and what was proven of it.

An in-toto Statement v1 (https://in-toto.io/Statement/v1) whose predicate has the fields of SLSA's provenance v1
(https://slsa.dev/spec/v1.0/provenance) beside our own. The same facts give the same bytes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, field, json

from outdo.core.errors import Distrusted
from outdo.core.verdict import Judgement

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://outdo/attestation/v1"
BUILD = "https://outdo/pipeline/v1"
BUILDER = "https://outdo/run/v1"
TAG = "outdo.attestation"
"""The tag of a version with the digest of its envelope."""


class Resource(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Something by its digest; `blake3` is that of a file's bytes, `outdoTree` of a folder's tree in the store."""

    name: str = ""
    uri: str = ""
    digest: Mapping[str, str] = {}
    annotations: Mapping[str, Any] = {}


class BuildDefinition(Struct, frozen=True, rename="camel"):
    """What was asked for, and all that it was made of that no stage made."""

    external_parameters: Mapping[str, Any]
    internal_parameters: Mapping[str, Any]
    resolved_dependencies: tuple[Resource, ...]
    build_type: str = BUILD


class Builder(Struct, frozen=True):
    """What carried it out."""

    version: Mapping[str, str]
    id: str = BUILDER


class Metadata(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Which run it was."""

    invocation_id: str = ""
    started_on: str = ""


class RunDetails(Struct, frozen=True, rename="camel"):
    """Who made it, and what else came of it."""

    builder: Builder
    metadata: Metadata
    byproducts: tuple[Resource, ...] = ()


class AttestedModel(Struct, frozen=True, rename="camel"):
    """The version that is spoken of."""

    name: str
    version: int
    digest: Mapping[str, str]
    """Of the whole, by which the store knows it."""
    path: str
    size: int
    files: int
    registered_on: str


class Step(Struct, frozen=True, rename="camel"):
    """One artifact on the way back, the model first."""

    path: str
    digest: Mapping[str, str]
    stage: str
    """Which wrote it; empty where none did."""
    run: str
    made_of: tuple[int, ...]
    """The places of what its stage read."""


class Promotion(Struct, frozen=True):
    """A version that was let into an environment."""

    to: str
    by: str
    on: str
    doubts: tuple[str, ...] = ()
    """Gates that could not tell, which a person has accepted."""


class Override(Struct, frozen=True):
    """A person's word against what stood in the way."""

    to: str
    reason: str
    by: str
    on: str
    against: tuple[str, ...]


class Approval(Struct, frozen=True):
    """A person's yes to a promotion."""

    to: str
    by: str
    on: str


class Predicate(Struct, frozen=True, rename="camel"):
    """What is said of the subject."""

    model: AttestedModel
    build_definition: BuildDefinition
    run_details: RunDetails
    lineage: tuple[Step, ...]
    judgement: Judgement | None
    """All verdicts with their numbers; None only where they were overridden before there were any."""
    checks: tuple[Judgement, ...]
    """What was said of the data that it was made of, by path."""
    attested_on: str
    promotions: tuple[Promotion, ...] = ()
    overrides: tuple[Override, ...] = ()
    approvals: tuple[Approval, ...] = ()


class Statement(Struct, frozen=True, rename="camel", kw_only=True):
    """What is signed. Its subjects are the model's files, by their paths in it and by SHA-256 alone: some tools refuse
    a subject with a digest of another name."""

    type_: str = field(name="_type", default=STATEMENT)
    subject: tuple[Resource, ...]
    predicate_type: str = PREDICATE
    predicate: Predicate


_encode = json.Encoder(order="deterministic").encode
_decode = json.Decoder(Statement).decode


def statement_bytes(statement: Statement) -> bytes:
    """The bytes that are signed: fields and names in their order, no spaces."""
    return _encode(statement)


def read_statement(content: bytes) -> Statement:
    """The statement in a payload whose signature was verified; raises `Distrusted` for one of another kind."""
    try:
        found = _decode(content)
    except (DecodeError, ValidationError, RecursionError):
        raise Distrusted("it is signed, and is no attestation of Outdo's") from None
    if (found.type_, found.predicate_type) != (STATEMENT, PREDICATE):
        raise Distrusted(f"it is signed, and says something else: '{found.predicate_type}'")
    return found


def stamp(seconds: float) -> str:
    """A moment as in-toto writes it, in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def named(digest: str, kind: str) -> dict[str, str]:
    """The digest of a file or folder in the store, by the name of its kind."""
    return {"outdoTree" if kind == "tree" else "blake3": digest}
