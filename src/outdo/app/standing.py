"""What is known of a version that is to be promoted or attested: its judgements, and what its aliases mean."""

from msgspec import Struct
from sqlalchemy import Connection

from outdo.app.models import Version, version
from outdo.app.project import Project, declared
from outdo.core.digest import gates_key
from outdo.core.errors import UnknownVersion
from outdo.core.model import Digest, Entry
from outdo.core.promote import Proof, Standing, prove
from outdo.core.refusals import Refusal
from outdo.core.sections import Environment, Model
from outdo.store.tracking import registry
from outdo.store.tracking.home import opened


class Candidate(Struct, frozen=True):
    """A version with everything that decides whether it may go on."""

    version: Version
    entry: Entry
    """Of its bytes."""
    standing: Standing
    proof: Proof
    environments: dict[str, Environment]


def candidate(project: Project, word: str) -> Candidate:
    """The version that `word` means, as it stands now; raises `UnknownVersion`, also for one that has no bytes."""
    found = version(project.root, word)
    if found.entry is None or not found.digest:
        what = (
            f"{found.name} was registered by a client: no stage made it, and no gate of the file can judge it"
        )
        raise UnknownVersion(what, fix=f"declare it under 'models:': outdo models {found.model}")
    file = declared(project)
    model = file.models.get(found.model)
    gates = gates_key(model.gates) if model is not None and model.gates else ""
    with opened(project.home) as engine, engine.connect() as connection:
        aliases = aliases_of(connection, found.model)
    standing = Standing(
        found.model,
        found.version,
        found.digest,
        gates,
        aliases,
        project.judgements.of(found.digest),
        _judging(project, found, found.digest, model),
    )
    return Candidate(found, found.entry, standing, prove(standing, model), dict(file.environments))


def aliases_of(connection: Connection, model: str) -> dict[str, int]:
    """The numbers of the versions that a model's aliases mean."""
    try:
        return dict(registry.find(connection, model).aliases)
    except Refusal as error:
        raise UnknownVersion(error.message, fix="outdo models") from None


def _judging(project: Project, found: Version, digest: Digest, model: Model | None) -> str:
    """The command that judges it: what is in the workspace is judged there."""
    check = f"outdo check {found.model}"
    if model is None or found.by is None or not found.by.number:
        return check
    path = model.path.rstrip("/")
    now = project.workspace.look([path]).get(path)
    return check if now is not None and now.digest == digest else f"outdo apply {found.by.number} && {check}"
