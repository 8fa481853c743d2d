"""The facts of an attestation, gathered: the files of a version, the way back from it, and what judged it."""

import hashlib
from collections.abc import Iterator, Mapping
from posixpath import basename
from urllib.parse import urlsplit

from outdo.app.models import Version
from outdo.app.project import Project
from outdo.app.registering import files_of
from outdo.app.trace import Trace, Traced, TracedRun, of_version
from outdo.core.attestation import (
    AttestedModel,
    BuildDefinition,
    Builder,
    Metadata,
    Predicate,
    Resource,
    RunDetails,
    Statement,
    Step,
    named,
    stamp,
)
from outdo.core.model import Digest, Entry, Path, RunId
from outdo.core.verdict import Judgement
from outdo.core.version import VERSION
from outdo.run.git import Refused, git
from outdo.store.objects import Objects


def statement_of(
    project: Project, found: Version, entry: Entry, judgement: Judgement | None, now: float
) -> Statement:
    """What can be said of a version now. Raises `NotInStore` or `Damaged` where its bytes can't be had."""
    traced = of_version(project, found)
    subject = tuple(
        Resource(path, digest={"sha256": sha256_of(project.objects, digest)})
        for path, digest in model_files(project.objects, entry, found.path)
    )
    maker = traced.runs.get(found.by.run) if found.by else None
    return Statement(
        subject=subject,
        predicate=Predicate(
            AttestedModel(
                found.model,
                found.version,
                named(entry.digest, entry.kind),
                found.path,
                entry.size,
                entry.files,
                stamp(found.created.timestamp()),
            ),
            _build(project, traced, maker),
            _details(found, maker),
            tuple(_step(one) for one in traced.artifacts),
            judgement,
            tuple(_checks(project, traced)),
            stamp(now),
        ),
    )


def model_files(objects: Objects, entry: Entry, path: Path) -> list[tuple[Path, Digest]]:
    """The files of a version by their paths in it, in order; a model that is one file has its name."""
    if entry.kind == "file":
        return [(basename(path), entry.digest)]
    return sorted((name, file.digest) for name, file in files_of(objects, entry.digest))


def sha256_of(objects: Objects, digest: Digest) -> str:
    """The SHA-256 of an object, as other tools know it; its bytes are verified by its own digest first."""
    with open(objects.path(digest), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build(project: Project, traced: Trace, maker: TracedRun | None) -> BuildDefinition:
    stages = {
        str(one.stage): {"params": dict(one.params)} for one in traced.artifacts if one.stage is not None
    }
    asked: dict[str, object] = {"pipeline": project.file, "stages": stages}
    if maker is not None:
        asked["command"] = list(maker.command)
    inner = {"python": maker.python, "packages": maker.packages} if maker and maker.python else {}
    return BuildDefinition(asked, inner, tuple(_dependencies(project, traced)))


def _dependencies(project: Project, traced: Trace) -> Iterator[Resource]:
    """Code, environments, edits and data: all that was there before any stage ran."""
    yield from _code(project, traced.runs)
    for one in traced.artifacts:
        if one.run is None and one.entry.digest:
            source = one.source
            told: dict[str, object] = {"source": source.kind} if source else {}
            if source is not None and source.origin is not None:
                origin = source.origin
                told |= {"path": origin.path, "commit": origin.commit, "url": _public(origin.url)}
            yield Resource(one.path, digest=named(one.entry.digest, one.entry.kind), annotations=told)


def _code(project: Project, runs: Mapping[RunId, TracedRun]) -> Iterator[Resource]:
    commits = {run.commit: run for run in runs.values() if run.commit}
    address = _origin(project.root) if commits else ""
    for commit in sorted(commits):
        uri = f"git+{address}@{commit}" if address else ""
        yield Resource("code", uri, {"gitCommit": commit})
    for name, digests in (
        ("edits", {run.patch for run in runs.values()}),
        ("environment", {run.environment for run in runs.values()}),
    ):
        for digest in sorted(filter(None, digests)):
            yield Resource(name, digest={"blake3": digest})


def _origin(root: str) -> str:
    try:
        return _public(git(root, ["config", "--get", "remote.origin.url"]).decode().strip())
    except (Refused, UnicodeDecodeError):
        return ""


def _public(url: str) -> str:
    """An address without anything secret; empty for what is none to others, such as a folder."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    known = parts.scheme in ("https", "http", "ssh", "git", "s3", "gs", "az") and parts.hostname
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if known else ""


def _details(found: Version, maker: TracedRun | None) -> RunDetails:
    metadata = Metadata()
    if maker is not None and found.by is not None:
        metadata = Metadata(found.by.run, stamp(maker.started.timestamp()))
    return RunDetails(Builder({"outdo": VERSION}), metadata)


def _checks(project: Project, traced: Trace) -> Iterator[Judgement]:
    """The newest judgement of each file or folder on the way back that checks of data were about."""
    for one in sorted(traced.artifacts, key=lambda each: each.path):
        said = [each for each in project.judgements.of(one.entry.digest) if each.kind == "data"]
        yield from [each for each in said if each.subject == one.path][-1:]


def _step(one: Traced) -> Step:
    digest = named(one.entry.digest, one.entry.kind)
    return Step(one.path, digest, one.stage or "", one.run or "", one.made_of)
