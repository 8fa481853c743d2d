"""The verb `attest`: what is known of a version that passed its gates, signed and kept with it."""

from time import time

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.keys import Ask, signer, trusted
from outdo.app.models import Version
from outdo.app.project import Project, open_project
from outdo.app.standing import Candidate, candidate
from outdo.app.statement import statement_of
from outdo.app.telling import telling
from outdo.core.access import Thing
from outdo.core.attestation import TAG, Predicate, Statement, read_statement, statement_bytes
from outdo.core.errors import NotAttested, UserError
from outdo.core.model import Digest
from outdo.core.promote import Hindrance
from outdo.core.verdict import Judgement
from outdo.store.database import writing
from outdo.store.signing import Signer, seal, unseal
from outdo.store.tracking import registry
from outdo.store.tracking.home import opened


class Withheld(Struct, frozen=True):
    """Nothing was signed, and why."""

    version: str
    judgement: Judgement | None
    hindrances: tuple[Hindrance, ...]


class Attested(Struct, frozen=True):
    """A version whose attestation is kept."""

    version: str
    digest: Digest
    """Of the envelope, which is an object in the store."""
    key: str
    """The name of the one that has signed."""
    key_id: str
    trusted: bool
    """The project trusts this key, so that `outdo verify` takes the signature."""
    judgement: Judgement | None
    envelope: bytes = b""


def attest(start: str, word: str, key: str, ask: Ask) -> Attested | Withheld:
    """Signs what is known of a version that passed its gates, and keeps it; raises `NoKey`, `BadKey`, and what reading
    its bytes does."""
    project = open_project(start)
    one = candidate(project, word)
    if one.proof.hindrances:
        return Withheld(one.version.name, one.proof.judgement, one.proof.hindrances)
    made = sign(project, one, signer(project.root, key, ask), statement(project, one, time()))
    thing = Thing("version", one.version.name)
    with (
        opened(project.home) as engine,
        writing(engine) as connection,
        telling(connection, "model-versions/attest", thing),
    ):
        registry.set_version_tag(connection, one.version.model, one.version.version, TAG, made.digest)
    return made


def statement(project: Project, one: Candidate, now: float) -> Statement:
    """What is to be signed of a version."""
    return statement_of(project, one.version, one.entry, one.proof.judgement, now)


def sign(project: Project, one: Candidate, by: Signer, said: Statement) -> Attested:
    """The store has the signed statement, on the disk, with the promotions and overrides that the former one told."""
    former = _former(project, one.version, by)
    if former is not None:
        said = replace(
            said,
            predicate=replace(
                said.predicate,
                promotions=(*former.promotions, *said.predicate.promotions),
                overrides=(*former.overrides, *said.predicate.overrides),
                approvals=(*former.approvals, *said.predicate.approvals),
            ),
        )
    envelope = seal(statement_bytes(said), by)
    digest = project.objects.put_bytes(envelope)
    project.objects.sync()
    public = by.public
    known = public.id in {key.id for key in trusted(project.root).values()}
    return Attested(one.version.name, digest, public.name, public.id, known, one.proof.judgement, envelope)


def envelope_of(project: Project, found: Version) -> bytes:
    """The envelope that is kept of a version, not verified; raises `NotAttested`, `NotInStore` or `Damaged`."""
    digest = found.tags.get(TAG)
    if not digest:
        raise NotAttested(f"{found.name} has no attestation", fix=f"outdo attest {found.name}")
    return project.objects.get(Digest(digest))


def _former(project: Project, found: Version, by: Signer) -> Predicate | None:
    """What the former attestation said, if it holds."""
    keys = [by.public, *trusted(project.root).values()]
    try:
        content, _ = unseal(envelope_of(project, found), keys)
        said = read_statement(content).predicate
    except UserError:
        return None  # there is none, or none that holds; what was promoted stands in the audit trail too
    return said if (said.model.name, said.model.version) == (found.model, found.version) else None
