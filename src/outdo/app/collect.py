"""The verb `gc`: what nothing names any more is removed from the store.

Kept is what the workspace, Git's history, runs and models name, for every project that uses the store. All that looks
like the name of an object counts: in doubt it is kept.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Set
from contextlib import closing
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.lazy import lazy
from outdo.app.leftovers import Leftover, leftovers
from outdo.app.project import FILES, STATE, Project
from outdo.core.attestation import TAG
from outdo.core.errors import NotInStore, SharedStore, StoreBusy
from outdo.core.keeping import Best, Span, kept_runs
from outdo.core.model import Digest, Path, RunId
from outdo.core.pointer import LIMIT
from outdo.core.query import pick
from outdo.core.ranking import guess
from outdo.core.record import Run
from outdo.run.former import former_texts
from outdo.run.git import Refused
from outdo.store import leases
from outdo.store.collect import LocalStore, Reach, Waste, digests_in
from outdo.store.ledger import JOURNAL, Ledger
from outdo.store.lock import NAME as LOCK

RUNS = 20
"""How many of the newest runs are kept where nothing else is said."""
_TRIES = 5
_TRACKING = "tracking.db"
_CLOSED = (".git", STATE, "__pycache__")


class Asked(Struct, frozen=True):
    """What is to be kept beside what the workspace names."""

    span: Span = Span()
    runs: int = RUNS
    named: tuple[str, ...] = ()
    """Further runs."""
    best: tuple[str, ...] = ()
    """Metrics: the best run of each."""
    forget: tuple[Path, ...] = ()
    """Projects that used the store and do so no more."""


class Survey(Struct, frozen=True):
    """What would go, and what stays for whose sake."""

    waste: Waste
    runs: int
    """How many runs are kept."""
    of_runs: int
    texts: int
    """How many locks and pointers name what is kept, former ones among them."""
    models: tuple[Path, ...]
    """Files that are kept in every version that a run has made."""
    projects: tuple[Path, ...]
    """Others that use the store."""
    working: frozenset[leases.Held]
    """Who works with the store now: nothing that is younger goes, nor any result."""
    folders: tuple[Leftover, ...] = ()
    """Folders beside the store that can go."""


def survey(project: Project, asked: Asked) -> Survey:
    """What `collect` would remove. Raises `SharedStore`, `StoreBusy`, and `NotInStore` where Git can't tell."""
    with leases.collecting(project.objects.root) as now:
        return _survey(project, asked, now)[1]


def collect(project: Project, asked: Asked, shown: Survey) -> Waste:
    """What was removed: of what was `shown`, all that still nobody needs."""
    root = project.objects.root
    with leases.collecting(root) as now:
        for user in asked.forget:
            leases.forget_user(root, os.path.abspath(user))
        for _ in range(_TRIES):
            store, found = _survey(project, asked, now)
            waste = found.waste.within(shown.waste)
            with leases.closed(root) as working:
                if working <= found.working:
                    store.remove(waste)
                    return waste
    raise StoreBusy("others begin to work with the store all the time", fix="try again when it is quieter")


def _survey(project: Project, asked: Asked, now: int) -> tuple[LocalStore, Survey]:
    root = project.objects.root
    with leases.closed(root) as working:
        pass
    before = min([now, *(one.since for one in working)])
    store = LocalStore(project.objects, project.results, before, in_use=bool(working))
    marked = mark(project, asked, store.reach)
    others = list(_others(project, asked))
    for other in others:
        store.reach.add(_of_neighbour(other))
    found = told(marked, store.waste(), tuple(others), working)
    return store, replace(found, folders=leftovers(project, marked.kept, asked.runs))


class Marked(Struct, frozen=True):
    """For whose sake something stays."""

    runs: int
    of_runs: int
    texts: int
    models: tuple[Path, ...]
    kept: tuple[Run, ...]


def mark(project: Project, asked: Asked, reach: Reach) -> Marked:
    """What the project needs can be reached from now on. Raises `NotInStore` where Git can't tell."""
    texts = 0
    try:
        for text in chain(_texts_in(project.root), former_texts(project.root, asked.span)):
            reach.add(digests_in(text))
            texts += 1
    except Refused as refused:
        fix = "mend the repository; nothing was removed"
        raise NotInStore(f"what former commits name is not known: {refused}", fix=fix) from None
    recorded = _runs(project.home)
    registered = _registered_runs(project.home)
    kept = _kept(project, recorded, asked, registered)
    models = _models(project)
    for run in kept:
        reach.add(_in_run(run))
    for run in recorded:
        reach.add(digest for path, digest in _outs(run) if path in models)
    for home in dict.fromkeys((project.objects.root, project.home)):
        reach.add(_of_server(home))
    return Marked(len(kept), len(recorded), texts, models, tuple(kept))


def told(
    marked: Marked,
    waste: Waste,
    projects: tuple[Path, ...] = (),
    working: frozenset[leases.Held] = frozenset(),
) -> Survey:
    """What a person is told."""
    return Survey(waste, marked.runs, marked.of_runs, marked.texts, marked.models, projects, working)


# What names objects.


def _texts_in(folder: str) -> Iterator[bytes]:
    """Every lock and pointer in a project's folder."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _CLOSED]
        for name in files:
            if name == LOCK or name.endswith(".outdo"):
                with open(os.path.join(place, name), "rb") as file:
                    yield file.read(-1 if name == LOCK else LIMIT)


def _runs(home: str) -> list[Run]:
    if not os.path.exists(os.path.join(home, JOURNAL)):
        return []
    with closing(Ledger.open(home)) as ledger:
        return ledger.runs()


def _kept(project: Project, recorded: list[Run], asked: Asked, registered: Set[RunId]) -> list[Run]:
    """The runs that are kept whole, those that made registered versions among them."""
    ids = [run.id for run in reversed(recorded)]
    named = {pick(name, ids) for name in asked.named} | (registered & set(ids))
    best = [Best(name, project.pipeline.aims.get(name) or guess(name)) for name in asked.best]
    return kept_runs(recorded, asked.runs, named, best)


def _in_run(run: Run) -> Iterator[Digest]:
    yield from (one.entry.digest for stage in run.stages.values() for one in stage.artifacts)
    yield from filter(None, (run.patch, run.environment))


def _outs(run: Run) -> Iterator[tuple[Path, Digest]]:
    for stage in run.stages.values():
        yield from ((one.path, one.entry.digest) for one in stage.artifacts if one.role != "dep")


def _models(project: Project) -> tuple[Path, ...]:
    """The paths of all models that the project's file declares."""

    def read(path: str) -> str | None:
        try:
            with open(os.path.join(project.root, path), encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError):
            return None

    name = os.path.basename(project.root)
    found = lazy("outdo.core.config").read_project(project.file, read(project.file) or "", read, name)
    return tuple(model.path.rstrip("/") for model in found.models.values())


# Others that use the store.


def _others(project: Project, asked: Asked) -> Iterable[str]:
    """The folders of the other projects that use the store; raises `SharedStore` where one is not there."""
    root = project.objects.root
    known = dict.fromkeys(leases.users(root))
    owner = os.path.dirname(root)
    if os.path.basename(root) == STATE and any(os.path.isfile(os.path.join(owner, name)) for name in FILES):
        known[owner] = None
    forgotten = {os.path.abspath(path) for path in asked.forget}
    for folder in known:
        if os.path.realpath(folder) == os.path.realpath(project.root) or folder in forgotten:
            continue
        if not any(os.path.isfile(os.path.join(folder, name)) for name in FILES):
            what = (
                f"'{folder}' uses this store too, and no project is there now, so what it needs is not known"
            )
            raise SharedStore(what, fix=f"run gc where it is; or, if it is gone: outdo gc --forget {folder}")
        yield folder


def _of_neighbour(folder: str) -> Iterator[Digest]:
    """Everything that another project names anywhere: the choice of what to keep is its own."""
    try:
        for text in chain(_texts_in(folder), former_texts(folder, Span())):
            yield from digests_in(text)
        journal = os.path.join(folder, STATE, JOURNAL)
        if os.path.exists(journal):
            with open(journal, "rb") as lines:
                for line in lines:
                    yield from digests_in(line)
        yield from _of_server(os.path.join(folder, STATE))
    except (OSError, Refused) as error:
        what = f"'{folder}' uses this store too, and what it needs can't be read: {error}"
        raise SharedStore(what, fix="run gc as a user who may read it") from None


def _of_server(home: str) -> list[Digest]:
    """What clients have logged here, what is registered, and what was signed of it."""
    queries = ["select digest from files", "select digest from model_versions where digest is not null"]
    found = [Digest(digest) for query in queries for digest in _asked_of_server(home, query)]
    # a tag, which clients can write: what is no digest in it is nothing
    signed = _asked_of_server(home, f"select value from version_tags where key = '{TAG}'")  # noqa: S608
    return [*found, *(digest for text in signed for digest in digests_in(text.encode()))]


def _registered_runs(home: str) -> set[RunId]:
    """The runs that made, or registered, versions of models."""
    query = "select run from made_versions union select registrar from made_versions"
    return {RunId(run) for run in _asked_of_server(home, query)}


def _asked_of_server(home: str, query: str) -> list[str]:
    path = os.path.join(home, _TRACKING)
    if not os.path.exists(path):
        return []
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return [str(value) for (value,) in database.execute(query)]
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return []  # an older form, that had no such thing
        what = f"a server keeps files here, and its database can't be read: {error}"
        raise SharedStore(what, where=path, fix="run gc as the server's user") from None
