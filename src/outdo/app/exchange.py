"""`push`, `fetch` and `pull` in a DVC repository: between DVC's cache and DVC's remotes, as DVC has them there."""

import os
import posixpath
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from outdo.app.data.place import refuse_clashes
from outdo.app.project import Project
from outdo.app.share import Asked, Shared
from outdo.core.errors import BadRemote, NoRemote, NotInRemote, NotInStore, WouldOverwrite
from outdo.core.model import Digest, Entry, Path, Record, Stage
from outdo.integrations.dvc.adoption import Adoption
from outdo.integrations.dvc.exchange import Exchange
from outdo.integrations.dvc.records import MD5, Item
from outdo.integrations.dvc.remotes import find, reach
from outdo.integrations.dvc.repository import Repository
from outdo.integrations.dvc.runcache import may_be_kept, run_key
from outdo.run.source import ignore
from outdo.store.parts import FolderParts
from outdo.store.travel import Moved, Tell


class Told(Struct, frozen=True):
    """An output as `dvc.lock` tells of it, and the remote it belongs to."""

    path: Path
    item: Item
    remote: str
    cache: bool
    push: bool


def push(project: Project, asked: Asked, tell: Tell) -> Shared:
    """DVC's remote has the outputs that `dvc.lock` names; with `runs`, the run cache too."""
    return _carry(project, asked, tell, there=True)


def fetch(project: Project, asked: Asked, tell: Tell) -> Shared:
    """DVC's cache has the outputs that `dvc.lock` names, and with `runs` every result that the remote has."""
    return _carry(project, asked, tell, there=False)


def pull(project: Project, asked: Asked, tell: Tell, *, force: bool = False) -> Shared:
    """As `fetch`, and the outputs are in place. Raises `WouldOverwrite`, before anything is touched, where that would
    lose something; not with `force`."""
    repository, adoption = _adopted(project)
    outs = _outs(project, repository, asked)
    differ: list[Told] = []
    for out in outs:
        found = repository.look(out.path, out.item.hash)
        if found is None or found.md5 != out.item.md5:
            differ.append(out)
            kept = (
                found is None
                or repository.cache.has_all(found.md5, out.item.hash)
                or _held(project, out.path)
            )
            if not kept and not force:
                what = f"'{out.path}' differs from what dvc.lock names, and is neither in the store nor DVC's cache"
                raise WouldOverwrite(what, fix="outdo run keeps it; outdo pull --force overwrites it")
    fetched = fetch(project, asked, tell)
    entries: list[tuple[Told, Entry]] = []
    for out in differ:
        entry = adoption.twins.entry(out.item)
        if entry is None:
            raise NotInStore(f"DVC's cache lacks a part of '{out.path}'", fix="outdo fetch")
        adoption.bring(entry)
        entries.append((out, entry))
    look = FolderParts(project.objects).tree
    refuse_clashes(project, ((out.path, entry, look) for out, entry in entries))
    ignore(project.root, project.for_git(out.path for out in outs if out.cache))
    for out, entry in entries:
        project.workspace.restore(out.path, entry, link=out.cache)
    project.objects.sync()
    project.stat.save()
    repository.save()
    return Shared(fetched.moved, tuple(out.path for out in differ))


def look_up(project: Project) -> Callable[[Stage, Record], Record | None] | None:
    """Where a run asks for what it lacks: DVC's default remote; None where there is none that can be asked."""
    repository, adoption = _adopted(project)
    try:
        reach(repository.settings, "", os.environ, patient=False)
    except (NoRemote, BadRemote):
        return None
    return Elsewhere(project, repository, adoption).recall


class Elsewhere:
    """What colleagues have computed, for a run: asked of DVC's default remote, and never for long."""

    def __init__(self, project: Project, repository: Repository, adoption: Adoption) -> None:
        self._project = project
        self._repository = repository
        self._adoption = adoption

    @cached_property
    def _exchange(self) -> Exchange:
        return _exchange(self._repository, "", lambda _: None, patient=False)

    def recall(self, stage: Stage, asked: Record) -> Record | None:
        """A result whose outputs are in the store now; None where nobody has pushed it."""
        adoption = self._adoption
        for known in adoption.known(stage, asked):
            if not self._exchange.fetch(known.outs).missing and (found := self._taken(stage, asked)):
                return found
        inputs = adoption.inputs(stage, asked)
        if inputs is None or not may_be_kept(stage, inputs):
            return None
        for known in self._exchange.results(run_key(inputs)):
            if not self._exchange.fetch(known.outs).missing:
                self._repository.runs.put(known)
                if found := self._taken(stage, asked):
                    return found
        return None

    def _taken(self, stage: Stage, asked: Record) -> Record | None:
        record = self._adoption.result(stage, asked)
        if record is not None:
            for entry in record.outs.values():
                self._adoption.bring(entry)
            if all(map(self._project.workspace.holds, record.outs.values())):
                self._project.results.put(record)
                return record
        return None


def _carry(project: Project, asked: Asked, tell: Tell, *, there: bool) -> Shared:
    repository, adoption = _adopted(project)
    moved: dict[str, Moved] = {}
    lacking: list[Path] = []
    places: dict[str, list[Told]] = {}
    for out in _outs(project, repository, asked):
        if there and not repository.cache.has_all(out.item.md5, out.item.hash):
            _mend(project, repository, adoption, out)
        if out.push:
            places.setdefault(out.remote, []).append(out)
    default = asked.remote or repository.settings.remote
    if asked.runs or not places:
        places.setdefault(find(repository.settings, default).name, [])
    for name, outs in places.items():
        exchange = _exchange(repository, name, tell)
        items = [out.item for out in outs]
        moved[name] = exchange.send(items) if there else exchange.fetch(items)
        lacking += [out.path for out in outs if _lacks(repository, out.item, moved[name].missing)]
        if asked.runs and name == find(repository.settings, default).name:
            also = exchange.send_runs() if there else exchange.fetch_runs()
            moved[name] = _joined(moved[name], also)
    repository.save()
    if lacking and there:
        what = f"{_listed(lacking)} or a part of it is neither in DVC's cache nor at the remote; all else was pushed"
        raise NotInStore(what, fix="outdo run, to make it anew; then push again")
    if lacking:
        what = f"the remote lacks all or a part of {_listed(lacking)}, or what it has is damaged"
        raise NotInRemote(what, fix="outdo push, where it was made; or outdo run, to make it here")
    return Shared(moved)


def _outs(project: Project, repository: Repository, asked: Asked) -> list[Told]:
    """The outputs that are meant, as `dvc.lock` has them, as far as DVC's cache keeps them."""
    graph = project.graph
    found: list[Told] = []
    for name in graph.named(asked.targets) if asked.targets else graph.stages:
        stage = graph.stages[name]
        locked = repository.lock.stages.get(name)
        flags = {out.path: out for out in stage.outs}
        for item in locked.outs if locked else ():
            path = posixpath.normpath(posixpath.join(stage.wdir, item.path))
            out = flags.get(path)
            if out is not None and out.cache and item.md5:
                remote = find(repository.settings, asked.remote or out.remote or "").name if out.push else ""
                found.append(Told(path, item, remote, out.cache, out.push))
    return found


def _mend(project: Project, repository: Repository, adoption: Adoption, out: Told) -> None:
    """DVC's cache has the output again, where the workspace still holds what `dvc.lock` names."""
    found, entry = repository.look(out.path), project.workspace.look([out.path]).get(out.path)
    if found is not None and entry is not None and found.md5 == out.item.md5 and out.item.hash == MD5:
        adoption.keep(out.path, found, entry)


def _exchange(repository: Repository, name: str, tell: Tell, *, patient: bool = True) -> Exchange:
    reached = reach(repository.settings, name, os.environ, patient=patient)
    return Exchange(repository.cache, repository.runs, reached, tell)


def _adopted(project: Project) -> tuple[Repository, Adoption]:
    adoption = project.adopted
    assert project.repository is not None
    assert isinstance(adoption, Adoption)
    return project.repository, adoption


def _held(project: Project, path: Path) -> bool:
    entry: Entry | None = project.workspace.look([path]).get(path)
    return entry is not None and project.workspace.holds(entry)


def _lacks(repository: Repository, item: Item, missing: Sequence[Digest]) -> bool:
    """Whether an item, or something in it, is among those."""
    if not missing or not item.is_folder or not repository.cache.has(item.md5, item.hash):
        return item.md5 in missing or (bool(missing) and not repository.cache.has(item.md5, item.hash))
    return not set(missing).isdisjoint(repository.cache.files(item.md5, item.hash).values())


def _joined(one: Moved, other: Moved) -> Moved:
    """Both, where the second has met the objects of the first again."""
    objects, results = one.objects + other.objects, one.results + other.results
    return Moved(objects, one.size + other.size, results, one.there, one.missing)


def _listed(paths: Iterable[Path]) -> str:
    named = [f"'{path}'" for path in paths]
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
