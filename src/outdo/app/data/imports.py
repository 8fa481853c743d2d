"""The verbs `data get` and `data import`: data of another repository, with and without a pointer."""

import os

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data.add import refuse_new, write_pointer
from outdo.app.data.loss import Wanted, refuse_loss
from outdo.app.data.source import is_address, open_source
from outdo.app.data.take import Taking
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.errors import NotTracked, WouldOverwrite
from outdo.core.model import Entry, Path
from outdo.core.tracked import Origin, Tracked
from outdo.run.source import ignore
from outdo.store.address import Address
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.travel import Tell
from outdo.store.workspace import Workspace


class Asked(Struct, frozen=True):
    """What is wanted of another repository."""

    url: str
    path: Path
    rev: str = ""
    out: Path = ""
    """Where it is put; else its own name, in the current folder."""
    desc: str = ""


class Imported(Struct, frozen=True):
    """What was put in place, and where it came from."""

    path: Path
    entry: Entry
    url: str
    commit: str
    pointer: Path = ""
    files: tuple[Path, ...] = ()
    """Files that Git is to be told of."""


def get(objects: Objects, cache: str, asked: Asked, tell: Tell, *, force: bool = False) -> Imported:
    """What another repository has at a path is at `asked.out`, and nothing else of it is here. Raises `SourceFailed`,
    and without `force` `WouldOverwrite`."""
    out = os.path.abspath(asked.out)
    if os.path.lexists(out) and not force:
        raise WouldOverwrite(
            f"something is at '{asked.out}' already", fix="-o names another place; or --force"
        )
    source = open_source(cache, asked.url, asked.rev)
    entry = Taking(source, objects, tell).take(asked.path)
    folder, name = os.path.split(out)
    os.makedirs(folder, exist_ok=True)
    Workspace(folder, objects, StatCache(os.path.join(objects.root, "tmp"))).restore(name, entry, link=False)
    return Imported(asked.out, entry, asked.url, source.commit)


def import_from(project: Project, cache: str, asked: Asked, tell: Tell, *, force: bool = False) -> Imported:
    """As `get`, and tracked, with a pointer that says where it came from; the caller has the turn."""
    tracking = Tracking(project)
    former = tracking.around(asked.out)
    if former is None or former.name or former.tracked.origin is None:
        refuse_new(tracking, asked.out)
    source = open_source(cache, asked.url, asked.rev)
    entry = Taking(source, project.objects, tell).take(asked.path)
    origin = Origin(_written(project.root, asked.url), asked.path, asked.rev, source.commit)
    pointer = f"{asked.out}{tracking.ways[0].pointers.suffix}"
    tracked = Tracked(asked.out, pointer, entry, origin, asked.desc)
    files = settle(tracking, tracked, entry, force=force)
    return Imported(asked.out, entry, asked.url, source.commit, pointer, files)


def settle(tracking: Tracking, tracked: Tracked, entry: Entry, *, force: bool) -> tuple[Path, ...]:
    """A path holds an entry that was taken, and its pointer says so; returns the files that Git is to be told of.

    What is kept is safe before anything is touched, and the pointer is written last: until then the same command does
    it all again."""
    project, way = tracking.project, tracking.way(tracked)
    wanted = Wanted(Target(tracked), entry)
    refuse_loss(tracking, [wanted], force=force)
    project.objects.sync()
    files = ignore(project.root, project.for_git([tracked.path]))
    project.workspace.restore(tracked.path, entry, link=False)
    if way.keeper is not project.workspace:  # it has another name for the same bytes
        entry = way.keeper.save(tracked.path, link=False)
        way.settle()
    if write_pointer(tracking, replace(tracked, entry=entry)):
        files.append(tracked.pointer)
    project.stat.save()
    return tuple(files)


def import_url(project: Project, cache: str, asked: Asked, *, force: bool = False) -> Imported:
    """What is at an address is at `asked.out`, and tracked, with a pointer that says where it came from; the caller has
    the turn. Raises `SourceFailed`, and without `force` `WouldOverwrite`."""
    tracking = Tracking(project)
    former = tracking.around(asked.out)
    if former is None or former.name or former.tracked.origin is None:
        refuse_new(tracking, asked.out)
    written = _written(project.root, asked.url)
    taken = Address(_read(project.root, written), project.objects, cache).take()
    pointer = f"{asked.out}{tracking.ways[0].pointers.suffix}"
    tracked = Tracked(asked.out, pointer, taken.entry, Origin(written, etag=taken.etag), asked.desc)
    files = settle(tracking, tracked, taken.entry, force=force)
    return Imported(asked.out, taken.entry, asked.url, taken.etag, pointer, files)


class Updated(Struct, frozen=True):
    """What an import holds since it was asked for anew."""

    path: Path
    changed: bool
    before: Entry | None
    after: Entry
    state: str
    """The commit, or what the server calls the state."""
    files: tuple[Path, ...] = ()


def update(
    tracking: Tracking, cache: str, target: Target, tell: Tell, *, rev: str = "", force: bool = False
) -> Updated:
    """An import holds what is there now, from a repository also at another revision; the caller has the turn.

    Nothing is fetched where the server says that nothing has changed."""
    one = target.tracked
    origin = one.origin
    assert origin is not None
    if not origin.in_git:
        return _update_url(tracking, cache, one, origin, force=force)
    wanted = rev or origin.rev
    source = open_source(cache, _read(tracking.project.root, origin.url), wanted)
    if one.entry is not None and source.commit == origin.commit:
        return Updated(one.path, False, one.entry, one.entry, source.commit)
    entry = Taking(source, tracking.project.objects, tell).take(origin.path)
    new = replace(one, entry=entry, origin=replace(origin, rev=wanted, commit=source.commit))
    files = settle(tracking, new, entry, force=force)
    return Updated(one.path, entry != one.entry, one.entry, entry, source.commit, files)


def _update_url(tracking: Tracking, cache: str, one: Tracked, origin: Origin, *, force: bool) -> Updated:
    address = Address(_read(tracking.project.root, origin.url), tracking.project.objects, cache)
    if one.entry is not None and origin.etag and address.state() == origin.etag:
        return Updated(one.path, False, one.entry, one.entry, origin.etag)
    taken = address.take()
    if one.entry == taken.entry and origin.etag == taken.etag:
        return Updated(one.path, False, one.entry, taken.entry, taken.etag)
    new = replace(one, entry=taken.entry, origin=replace(origin, etag=taken.etag))
    files = settle(tracking, new, taken.entry, force=force)
    return Updated(one.path, taken.entry != one.entry, one.entry, taken.entry, taken.etag, files)


def imports(tracking: Tracking, words: tuple[Path, ...]) -> list[Target]:
    """The imports that are meant; raises `NotTracked` for what is none."""
    targets = [target for target in tracking.meant(words) if target.tracked.origin is not None or words]
    for target in targets:
        if target.tracked.origin is None or target.name:
            what = f"'{target.path}' was not imported, so there is nowhere to update it from"
            raise NotTracked(what, fix=f"outdo data add {target.path}")
    return targets


def _written(root: str, url: str) -> str:
    """The address as the pointer has it: a folder from the project's."""
    if is_address(url) or "://" in url:
        return url
    return url if os.path.isabs(url) else os.path.relpath(os.path.abspath(url), os.path.realpath(root))


def _read(root: str, url: str) -> str:
    return url if is_address(url) or "://" in url else os.path.normpath(os.path.join(root, url))
