"""Versions that a pipeline has made: registered once for the same bytes, whoever registers them at the same time."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from outdo.core.model import Digest, Entry, Path, StageName
from outdo.core.places import SCHEME
from outdo.core.refusals import Unknown
from outdo.core.tracking import Milliseconds, ModelVersion, RegisteredModel
from outdo.store.tracking import files, registry
from outdo.store.tracking.files import File
from outdo.store.tracking.tables import made_versions, model_versions


class Made(Struct, frozen=True):
    """Where a version came from."""

    run: str
    """The run that computed it; empty where that is not known."""
    registrar: str
    """The run that registered it; empty where it was none."""
    stage: StageName
    path: Path
    entry: Entry


class Candidate(Struct, frozen=True):
    """What may become a version."""

    model: str
    made: Made
    tree: Digest
    """Of the folder that clients get: of `made.entry`, or of a folder with that file in it."""
    content: Sequence[tuple[Path, File]]
    """The files in that folder."""
    logged_run: str
    """What clients call the stage run that made it."""
    user: str = ""
    description: str = ""


def register(connection: Connection, one: Candidate, now: Milliseconds) -> tuple[ModelVersion, bool]:
    """The version of these bytes, and whether it is a new one; the model is made where it is not there."""
    digest = one.made.entry.digest
    same = (model_versions.c.name == one.model) & (model_versions.c.digest == digest)
    known = connection.scalar(
        select(model_versions.c.number).where(same).order_by(model_versions.c.version.desc()).limit(1)
    )
    if known is not None:
        return registry.read_versions(connection, [known])[0], False
    try:
        registry.number_of(connection, one.model)
    except Unknown:
        registry.create(connection, RegisteredModel(one.model, now, now, one.description))
    location = SCHEME + files.register(connection, one.tree, one.content)
    made = registry.add_version(
        connection,
        ModelVersion(
            one.model, 0, location, location, now, now, digest, one.logged_run, user=one.user,
            description=one.description,
        ),
    )  # fmt: skip
    row = {
        "version": registry.version_number(connection, made.name, made.version),
        "run": one.made.run,
        "registrar": one.made.registrar,
        "stage": one.made.stage,
        "path": one.made.path,
        "kind": one.made.entry.kind,
        "size": one.made.entry.size,
        "files": one.made.entry.files,
    }
    connection.execute(insert(made_versions).values(row))
    return made, True


def read(connection: Connection, versions: Iterable[ModelVersion]) -> dict[tuple[str, int], Made]:
    """Where those of these versions came from that a pipeline has registered, by name and number."""
    wanted = {(one.name, one.version) for one in versions}
    query = select(model_versions.c.name, model_versions.c.version, model_versions.c.digest, made_versions)
    query = query.join(made_versions, made_versions.c.version == model_versions.c.number)
    query = query.where(model_versions.c.name.in_({name for name, _ in wanted}))
    found = {}
    for name, version, digest, _, run, registrar, stage, path, kind, size, count in connection.execute(query):
        if (name, version) in wanted:
            entry = Entry(Digest(digest), size, kind, count)
            found[name, version] = Made(run, registrar, StageName(stage), path, entry)
    return found
