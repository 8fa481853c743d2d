"""What data is held against that is not in the workspace: what a champion was trained on, what a run had, an object."""

import os
from collections.abc import Iterable, Iterator, Sequence

from outdo.app.history import runs_named, with_ledger
from outdo.app.lazy import lazy
from outdo.app.project import Project, declared
from outdo.core.checks import reference
from outdo.core.errors import UnknownVersion, UserError
from outdo.core.events import Artifact
from outdo.core.model import Digest, Entry, Path
from outdo.core.paths import file_of
from outdo.core.rules import Asserted
from outdo.core.sections import CHAMPION
from outdo.core.verdict import Verdict
from outdo.store import trees

SHORTEST = 6
"""Letters of a digest that mean an object."""


def references(
    project: Project, path: Path, asserted: Sequence[Asserted], room: str
) -> dict[str, str | Verdict]:
    """Where what is meant can be read, by the words for it; or the verdict where it is not there.

    It is laid into the folder `room` by links, under the name that the checked path has."""
    found: dict[str, str | Verdict] = {}
    for place, word in enumerate(sorted({word for each in asserted if (word := reference(each.check))})):
        file = file_of(path)
        try:
            entry = _entry(project, file, word)
            if isinstance(entry, Verdict):
                found[word] = entry
                continue
            folder = os.path.join(room, f"reference{place}")
            laid = _laid(project, entry, os.path.join(folder, os.path.basename(file)))
            found[word] = laid + path[len(file) :]
        except (UserError, OSError) as error:
            found[word] = Verdict("drift", "not_evaluated", getattr(error, "what", str(error)))
    return found


def _entry(project: Project, path: Path, word: str) -> Entry | Verdict:
    kind, _, name = word.partition(":")
    if kind == CHAMPION:
        return _champion(project, path)
    if kind == "run":
        [run] = runs_named(project.root, [name])
        read = [artifact for stage in run.stages.values() for artifact in stage.artifacts]
        return _at(project, path, read) or _lacks(f"run {name} had nothing at '{path}'")
    return _object(project, name) or _lacks(f"nothing on record is the object '{name}'")


def _lacks(reason: str) -> Verdict:
    return Verdict("drift", "not_evaluated", reason)


def _champion(project: Project, path: Path) -> Entry | Verdict:
    """What the champion was made of at this path; where there is none yet, nothing has drifted from it."""
    models, traces = lazy("outdo.app.models"), lazy("outdo.app.trace")
    champions = []
    for name in declared(project).models:
        try:
            champions.append(models.version(project.root, f"{name}@{CHAMPION}"))
        except UnknownVersion:
            continue
    for champion in champions:
        steps = traces.of_version(project, champion).artifacts
        if entry := _at(project, path, (Artifact(step.path, "dep", step.entry) for step in steps)):
            return entry
    if not champions:
        return Verdict("drift", "passed", "there is no champion yet")
    return _lacks(f"{champions[0].name} was made of nothing at '{path}', as far as is on record")


def _object(project: Project, name: str) -> Entry | None:
    """By its digest, or the beginning of it."""
    if len(name) < SHORTEST:
        return None
    runs = with_ledger(project.root, lambda ledger: list(ledger.runs()))
    every = (one.entry for run in runs for stage in run.stages.values() for one in stage.artifacts)
    found = {entry.digest: entry for entry in every if entry.digest.startswith(name)}
    if len(found) == 1:
        return next(iter(found.values()))
    return Entry(Digest(name), 0) if len(name) == 64 and project.objects.has(Digest(name)) else None


def _at(project: Project, path: Path, artifacts: Iterable[Artifact]) -> Entry | None:
    """What is at a path, or in a folder that is on record."""
    for one in artifacts:
        if one.path == path:
            return one.entry
        if one.entry.kind == "tree" and path.startswith(f"{one.path}/"):
            inner = {name: Entry(digest, size) for name, digest, size in _files(project, one.entry)}
            if (entry := inner.get(path[len(one.path) + 1 :])) is not None:
                return entry
    return None


def _files(project: Project, entry: Entry) -> Iterator[tuple[str, Digest, int]]:
    project.take_in(entry)
    for name, digest, size, _ in trees.read(project.objects.get, entry.digest).files:
        yield name, digest, size


def _laid(project: Project, entry: Entry, place: str) -> str:
    """Links to the bytes, as they are in the store."""
    files = [("", entry.digest)]
    if entry.kind == "tree":
        files = [(name, digest) for name, digest, _ in _files(project, entry)]
    else:
        project.take_in(entry)
    for name, digest in files:
        link = os.path.join(place, name) if name else place
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(project.objects.path(digest), link)
    return place
