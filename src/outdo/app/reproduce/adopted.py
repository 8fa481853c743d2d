"""What DVC keeps of a commit: named by the `.dvc` files and the `dvc.lock` in it, and taken into our store."""

import os
import posixpath
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from outdo.app.data.pointers import find_pointers, read_text
from outdo.app.data.ways import dvc_way
from outdo.app.project import Project
from outdo.core.errors import Damaged, NoRemote, NotInStore, UserError
from outdo.core.graph import is_url
from outdo.core.model import Entry, Path, Stage, StageName
from outdo.integrations.dvc.adoption import Adoption
from outdo.integrations.dvc.lockfile import NAME, DvcLock
from outdo.integrations.dvc.names import entry_digest, name_of
from outdo.integrations.dvc.records import Item
from outdo.integrations.dvc.repository import Repository
from outdo.integrations.ports import Carrier, Way
from outdo.store.nodes import folders_of

Entries = Mapping[Path, Entry]


class Kept(Struct, frozen=True):
    """A path as DVC keeps it."""

    entry: Entry
    """Of DVC's; none of ours."""
    remote: str = ""
    """The remote it belongs to, where that is not the default one."""


def bring(project: Project, repository: Repository, tree: Project, wanted: Mapping[Path, Entry]) -> None:
    """Our store has what these paths of `tree`, a work tree at some commit, held: as far as DVC's cache has it, or one
    of DVC's remotes. Raises `BadRemote` or `RemoteFailed` where it may be at a remote that can't be asked."""
    way = dvc_way(project, repository)
    known = _kept(repository, tree, way)
    carriers: dict[str, Carrier | None] = {}
    for path, ours in wanted.items():
        for top in (path, *sorted(folders_of([path]), reverse=True)):
            for one in known.get(top, ()):
                name = path[len(top) + 1 :]
                if project.workspace.holds(ours) or _taken(project, way, _part(way, one.entry, name)):
                    continue
                if one.remote not in carriers:
                    carriers[one.remote] = _carrier(way, one.remote)
                _taken(project, way, _fetched(carriers[one.remote], one.entry, name))
    way.settle()


def recorded(
    project: Project,
    repository: Repository,
    stages: Iterable[Stage],
    lock: str,
    in_git: Container[Path],
) -> Mapping[StageName, tuple[Entries, Entries]]:
    """What each stage read and wrote, as a `dvc.lock` of this text says; without what Git has, and without what neither
    DVC's cache nor a remote has. Raises a `UserError` for what is no lock."""
    way = dvc_way(project, repository)
    said = DvcLock(lock).stages
    carriers: dict[str, Carrier | None] = {}

    def entries(stage: Stage, items: Iterable[Item]) -> Entries:
        found: dict[Path, Entry] = {}
        for path, one in _items(stage, items):
            if path in in_git:
                continue
            if not way.keeper.holds(one.entry):
                if one.remote not in carriers:
                    carriers[one.remote] = _carrier(way, one.remote)
                _fetched(carriers[one.remote], one.entry, "")
            entry = _taken(project, way, one.entry)
            if entry is not None:
                found[path] = entry
        return found

    known = {
        stage.name: (entries(stage, said[stage.name].deps), entries(stage, said[stage.name].outs))
        for stage in stages
        if stage.name in said
    }
    way.settle()
    return known


def _kept(repository: Repository, tree: Project, way: Way) -> Mapping[Path, Sequence[Kept]]:
    """All that DVC keeps of the commit, by the path from the project's folder."""
    found: dict[Path, list[Kept]] = {}
    top = os.path.normpath(os.path.join(tree.root, os.path.relpath(repository.top, repository.root)))
    pointed = ((os.path.relpath(os.path.join(top, path), tree.root), one) for path, one in _pointed(top, way))
    for path, one in (*pointed, *_locked(tree)):
        if one not in found.setdefault(path, []):
            found[path].append(one)
    return found


def _pointed(top: str, way: Way) -> Iterator[tuple[Path, Kept]]:
    for pointer in find_pointers(top, [way.pointers.suffix]):
        try:
            tracked = way.pointers.read(pointer, read_text(top, pointer) or "")
        except UserError:
            continue  # other pointers may be whole, and what is not found is told
        for one in tracked:
            if one.entry is not None:
                yield one.path, Kept(one.entry, one.remote)


def _locked(tree: Project) -> Iterator[tuple[Path, Kept]]:
    """What the stages read and wrote when DVC was last told."""
    text = read_text(tree.root, NAME)
    stages = DvcLock(text).stages if text else {}
    for name, stage in tree.graph.stages.items():
        if name in stages:
            yield from _items(stage, (*stages[name].deps, *stages[name].outs))


def _items(stage: Stage, items: Iterable[Item]) -> Iterator[tuple[Path, Kept]]:
    remotes = {out.path: out.remote or "" for out in stage.outs}
    for item in items:
        if item.md5 and not is_url(item.path):
            path = posixpath.normpath(posixpath.join(stage.wdir, item.path))
            digest = entry_digest(item.md5, item.hash)
            entry = Entry(
                digest, item.size or 0, "tree" if item.is_folder else "file", executable=item.isexec
            )
            yield path, Kept(entry, remotes.get(path, ""))


def _part(way: Way, entry: Entry, name: Path) -> Entry | None:
    try:
        return way.parts.part(entry, name) if name else entry
    except UserError:
        return None


def _carrier(way: Way, remote: str) -> Carrier | None:
    try:
        return way.carrier(remote, lambda _: None)
    except NoRemote:
        return None


def _fetched(carrier: Carrier | None, entry: Entry, name: Path) -> Entry | None:
    """A part of an entry, or all of it, once DVC's cache has it; None where no remote has."""
    try:
        found = carrier.part(entry, name) if carrier and name else entry
    except (NotInStore, Damaged):
        return None
    return None if carrier is None or found is None or carrier.fetch([found]).missing else found


def _taken(project: Project, way: Way, entry: Entry | None) -> Entry | None:
    """What our store has now; None where DVC's cache does not hold all of it, or it is damaged."""
    adoption = project.adopted
    assert isinstance(adoption, Adoption)
    if entry is None or not way.keeper.holds(entry):
        return None
    name, kind = name_of(entry.digest)
    try:
        if entry.kind == "tree":
            files = {path: name_of(digest)[0] for path, digest, _, _ in way.parts.tree(entry).files}
            ours = adoption.twins.folder(name, kind, files)
        else:
            file = adoption.twins.entry(Item("", name, kind, isexec=entry.executable))
            if file is None:
                return None
            ours = file
        adoption.bring(ours)
    except (NotInStore, Damaged):
        return None
    return ours
