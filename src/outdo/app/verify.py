"""The verb `verify`: whether an attestation holds, and all that it names is as it was signed. Offline."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from outdo.app.attest import envelope_of
from outdo.app.keys import find_public, trusted
from outdo.app.models import Version, version
from outdo.app.project import Project, declared, open_project
from outdo.app.statement import model_files, sha256_of
from outdo.core.attestation import Override, Promotion, Statement, read_statement
from outdo.core.digest import digest_bytes
from outdo.core.dsse import LARGEST
from outdo.core.errors import Damaged, Distrusted, NoKey, NoProject, NotInStore, UserError
from outdo.core.keys import TRUSTED, PublicKey
from outdo.core.model import Digest, Entry
from outdo.core.verdict import Judgement
from outdo.run.git import Refused
from outdo.run.revisions import contents
from outdo.store import trees
from outdo.store.objects import Objects
from outdo.store.signing import unseal


class VerifiedModel(Struct, frozen=True):
    """An attestation that holds."""

    version: str
    signers: tuple[str, ...]
    """The names of the keys."""
    key_ids: tuple[str, ...]
    attested: str
    judgement: Judgement | None
    promotions: tuple[Promotion, ...]
    overrides: tuple[Override, ...]
    checks: tuple[Judgement, ...]
    """Of the data that it was made of."""
    unsigned: tuple[str, ...]
    """Environments that the version is in though no promotion to them was signed."""
    objects: int
    """How many objects were read again and are intact; of a file alone none were looked for."""
    absent: tuple[str, ...]
    """What it was made of that is not kept here, by path: it could not be looked at."""


def verify(start: str, word: str, key: str = "", files: str = "") -> VerifiedModel:
    """What the attestation of a version, or in a file, says, once all of it was verified; `files` is a copy of the
    model to be compared. Raises `Distrusted`, `NotAttested`, `NoKey` and `BadKey`."""
    keys = [find_public(start, key)] if key else list(trusted(start).values())
    if not keys:
        raise NoKey("no key is trusted here", where=TRUSTED, fix="outdo key trust NAME|FILE, or --key FILE")
    try:
        project: Project | None = open_project(start)
    except NoProject:
        project = None
    if os.path.isfile(word):
        with open(word, "rb") as file:
            return _verified(project, file.read(LARGEST + 1), keys, files, None)
    if project is None:
        raise Distrusted(
            f"there is no file '{word}', and no project that could have such a version", where=start
        )
    found = version(project.root, word)
    return _verified(project, envelope_of(project, found), keys, files, found)


class Signed(Struct, frozen=True):
    """Whether a version has an attestation, as far as its signature tells."""

    signers: tuple[str, ...] = ()
    """Empty where there is none that holds."""
    why: str = ""
    """Then why not."""


def signed(project: Project, found: Version) -> Signed:
    """Who has signed what is known of a version; what the statement names is not read again."""
    try:
        _, signers = unseal(envelope_of(project, found), trusted(project.root).values())
    except UserError as error:
        return Signed(why=error.what)
    return Signed(tuple(key.name for key in signers))


def _verified(
    project: Project | None, content: bytes, keys: Iterable[PublicKey], files: str, found: Version | None
) -> VerifiedModel:
    payload, signers = unseal(content, keys)
    said = read_statement(payload)
    one = said.predicate
    name = f"{one.model.name}/{one.model.version}"
    if found is not None and (found.name != name or found.digest not in one.model.digest.values()):
        raise Distrusted(f"it is that of {name}, and of other bytes than {found.name} has")
    if files:
        _compare(said, files)
    intact, absent = 0, set[str]()
    if project is not None and (found is not None or project.objects.has(_digest(one.model.digest))):
        seen, lacking = _intact(project.objects, said)
        committed = _in_git(project.root, said, lacking)
        intact, absent = len(seen) + len(committed), lacking.keys() - committed
    return VerifiedModel(
        name,
        tuple(key.name or key.id[:12] for key in signers),
        tuple(key.id for key in signers),
        one.attested_on,
        one.judgement,
        one.promotions,
        one.overrides,
        one.checks,
        _unsigned(project, found, one.promotions),
        intact,
        tuple(sorted(absent)),
    )


def _unsigned(
    project: Project | None, found: Version | None, promotions: Iterable[Promotion]
) -> tuple[str, ...]:
    if project is None or found is None:
        return ()
    told = {each.to for each in promotions}
    return tuple(
        name for name in declared(project).environments if name in found.aliases and name not in told
    )


# ------------------------------------------------------------------ what it names


def _intact(objects: Objects, said: Statement) -> tuple[set[Digest], dict[str, Digest]]:
    """The objects that were read and are what they were, and what is not in the store, by path; raises
    `Distrusted`."""
    model = said.predicate.model
    entry = Entry(_digest(model.digest), model.size, "tree" if "outdoTree" in model.digest else "file")
    try:
        now = model_files(objects, entry, model.path)
        if [name for name, _ in now] != [each.name for each in said.subject]:
            raise Distrusted("the files of the model are not those that were signed")
        for each, (_, digest) in zip(said.subject, now, strict=True):
            if sha256_of(objects, digest) != each.digest.get("sha256"):
                raise Distrusted(f"'{each.name}' is not as it was signed")
    except (NotInStore, Damaged) as error:
        raise Distrusted(f"the model is not as it was signed: {error.what}") from None
    seen = {digest for _, digest in now}
    absent: dict[str, Digest] = {}
    for path, named in _named(said):
        try:
            for digest in _under(objects, named):
                if digest not in seen and objects.has(digest) and not objects.known_good(digest):
                    raise Distrusted(f"'{path}', which the model was made of, is damaged in the store")
                if not objects.has(digest):
                    absent[path] = digest
                seen.add(digest)
        except NotInStore:
            absent[path] = _digest(named)
        except Damaged:
            raise Distrusted(f"'{path}', which the model was made of, is damaged in the store") from None
    return seen - set(absent.values()), absent


def _named(said: Statement) -> Iterator[tuple[str, Mapping[str, str]]]:
    """All that the statement names, as it names it, each by its path."""
    one = said.predicate
    yield one.model.path, one.model.digest
    yield from ((step.path, step.digest) for step in one.lineage)
    dependencies = one.build_definition.resolved_dependencies
    yield from ((each.name, each.digest) for each in dependencies if "gitCommit" not in each.digest)


def _under(objects: Objects, named: Mapping[str, str]) -> Iterator[Digest]:
    """The object, and if it is a folder that is here all that is in it; raises `NotInStore` or `Damaged`."""
    digest = _digest(named)
    yield digest
    if "outdoTree" in named and objects.has(digest):
        yield from trees.nodes(objects.get, digest)
        yield from (item.digest for item in trees.items(objects.get, digest) if item.kind == "file")


def _in_git(root: str, said: Statement, absent: Mapping[str, Digest]) -> set[str]:
    """Those of the paths that a commit which the statement names holds as they were signed."""
    commits = [each.digest["gitCommit"] for each in said.predicate.build_definition.resolved_dependencies
               if "gitCommit" in each.digest]  # fmt: skip
    found: set[str] = set()
    for commit in commits:
        try:
            texts = contents(root, commit, sorted(absent))
        except Refused:
            continue  # the commit is not here
        found |= {path for path, text in texts.items() if digest_bytes(text) == absent[path]}
    return found


def _digest(named: Mapping[str, str]) -> Digest:
    return Digest(named.get("blake3") or named.get("outdoTree") or "")


# ------------------------------------------------------------------ a copy of the model


def _compare(said: Statement, place: str) -> None:
    """A folder, or a file, holds the model and nothing else; raises `Distrusted`."""
    signed = {each.name: each.digest.get("sha256", "") for each in said.subject}
    if os.path.isfile(place):
        if list(signed.values()) != [_sha256(place)]:
            raise Distrusted(f"'{place}' is not the file that was signed")
        return
    here = {
        os.path.relpath(os.path.join(folder, name), place)
        for folder, _, names in os.walk(place)
        for name in names
    }
    for name in sorted(signed.keys() | here):
        if name not in here:
            raise Distrusted(f"'{name}' is missing in '{place}'")
        if name not in signed:
            raise Distrusted(f"'{name}' in '{place}' is none of the model's files")
        if _sha256(os.path.join(place, name)) != signed[name]:
            raise Distrusted(f"'{name}' in '{place}' is not as it was signed")


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
