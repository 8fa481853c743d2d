"""The verbs `import dvc` and `export dvc`: a DVC repository moves to Outdo's own store, and back.

Each makes all of the new beside the old, then switches by one step on one file, then clears the old away. So a kill at
any moment leaves either usable, and the same command goes on. docs/design/dvc.md has the order.
"""

import os
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data.add import write_pointer
from outdo.app.data.loss import same
from outdo.app.data.pointers import find_pointers
from outdo.app.data.tracking import Tracking
from outdo.app.data.ways import dvc_way, own_way
from outdo.app.plan import make_plan
from outdo.app.project import DVC, Project
from outdo.core import document
from outdo.core.config import read_project
from outdo.core.errors import CantHandOver, NotInStore
from outdo.core.handover import strange, with_remotes, without_ours
from outdo.core.model import Entry, Path, Record, Remote, StageName, Value
from outdo.core.plan import Request
from outdo.core.pointer import SUFFIX
from outdo.core.remotes import mistake
from outdo.core.tracked import Tracked
from outdo.integrations.dvc.names import name_of
from outdo.integrations.dvc.records import Item
from outdo.integrations.dvc.twins import Twins
from outdo.integrations.ports import Way
from outdo.store.atomic import write_atomic

OWN = "outdo.yaml"
LOCK = "dvc.lock"
_ANNOTATIONS = ("type", "labels", "meta")
_CONFIG = "[core]\n    analytics = false\n"
_IGNORE = "/config.local\n/tmp\n/cache\n"


class HandOver(Struct, frozen=True):
    """What moves, and what that takes."""

    paths: tuple[Tracked, ...]
    """Tracked paths, as they are tracked now."""
    stages: int
    fresh: int
    """Stages whose result goes along, so that they need not run."""
    remotes: Mapping[str, Remote]
    left: tuple[str, ...]
    """Remotes that the other tool can't reach, by name."""
    files: tuple[Path, ...] = ()
    """Files that were written or removed, for Git."""


def import_dvc(root: str, *, dry: bool = False) -> HandOver:
    """The project at `root` is kept in Outdo's own store, with all that DVC knew of it; with `dry` only told of.

    Raises `CantHandOver`, or `NotInStore` for data that is not here, before anything is touched. What DVC keeps in
    `.dvc/` stays: older commits need it."""
    if not os.path.isdir(os.path.join(root, ".dvc")):
        raise CantHandOver(
            "there is no `.dvc` folder here, so nothing that DVC keeps", where=root, fix="outdo init"
        )
    _refuse_other_pipelines(root)
    project = Project(root, DVC)
    assert project.repository is not None
    way, own = dvc_way(project, project.repository), own_way(project)
    remotes, left = _remotes(project)
    text = with_remotes(_read(root, DVC), remotes)
    _check(project, text)
    tracked = _tracked(project, way)
    _refuse_lacking([one for one in tracked if not _is_here(way, one)])
    records = _known(project)
    move = HandOver(tuple(tracked), len(project.graph.stages), len(records), remotes, left)
    if dry:
        return move
    written = _take_pointers(project, tracked, way, own)
    _take_results(project, records)
    own.settle()
    way.settle()
    if not os.path.exists(os.path.join(root, OWN)):
        write_atomic(os.path.join(root, OWN), text.encode(), durable=True)  # from here on the new one counts
        written.append(OWN)
    old = [*dict.fromkeys(one.pointer for one in tracked), LOCK, DVC]
    return replace(move, files=(*written, *(name for name in old if _removed(root, name))))


def export_dvc(root: str, *, dry: bool = False) -> HandOver:
    """The project at `root` is kept as DVC keeps it, in DVC's cache, with all that Outdo knew of it; with `dry` only
    told of. Raises as `import_dvc` does."""
    if not os.path.exists(os.path.join(root, OWN)) and os.path.isdir(os.path.join(root, ".dvc")):
        return _finish(root, dry=dry)
    if not os.path.exists(os.path.join(root, OWN)):
        raise CantHandOver(
            "there is no outdo.yaml here to be moved", where=root, fix="outdo import dvc is the other way"
        )
    text = _read(root, OWN)
    unknown = strange(document.parse(OWN, text, templates=True).value)
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        raise CantHandOver(f"DVC has no word for {listed}", where=OWN, fix="take it out of the file, or stay")
    project = Project(root, OWN)
    own = own_way(project)
    tracked = _tracked(project, own)
    made = make_plan(project, Request())
    records = {
        action.stage: action.record for action in made.actions if action.verb == "keep" and action.record
    }
    remotes = {name: one for name, one in project.pipeline.remotes.items() if one.scheme != "http"}
    move = HandOver(tuple(tracked), len(project.graph.stages), len(records), remotes, ())
    now = own.keeper.look([one.path for one in tracked])
    _refuse_lacking([one for one in tracked if one.entry is None or not _same(now.get(one.path), one.entry)])
    if dry:
        return move
    project.lock.save({**project.lock.records, **records})
    written = _dvc_folder(root, remotes)
    write_atomic(os.path.join(root, DVC), without_ours(text).encode(), durable=True)
    there = Project(root, DVC)
    assert there.repository is not None
    way = dvc_way(there, there.repository)
    written += _give_pointers(there, tracked, own, way)
    there.tell_dvc()
    way.settle()
    os.unlink(os.path.join(root, OWN))  # from here on DVC's counts
    gone = [one.pointer for one in tracked if _removed(root, one.pointer)]
    return replace(move, files=(*written, DVC, LOCK, OWN, *gone))


def _finish(root: str, *, dry: bool) -> HandOver:
    """An export that was killed when DVC's files counted already: pointers of ours that have a twin go."""
    project = Project(root, DVC)
    assert project.repository is not None
    theirs = {one.path for one in _tracked(project, dvc_way(project, project.repository))}
    left = [one for one in _tracked(project, own_way(project)) if one.path in theirs]
    if not left:
        raise CantHandOver(
            "there is no outdo.yaml here to be moved", where=root, fix="outdo import dvc is the other way"
        )
    gone = [] if dry else [one.pointer for one in left if _removed(root, one.pointer)]
    return HandOver(tuple(left), 0, 0, {}, (), tuple(gone))


# What there is.


def _tracked(project: Project, way: Way) -> list[Tracked]:
    found: list[Tracked] = []
    for pointer in find_pointers(project.root, [way.pointers.suffix]):
        found += way.pointers.read(pointer, _read(project.root, pointer))
    return found


def _known(project: Project) -> dict[StageName, Record]:
    """The results of all stages that are fresh, or can be restored."""
    made = make_plan(project, Request())
    return {action.stage: action.record for action in made.actions if action.record and action.verb != "run"}


def _is_here(way: Way, tracked: Tracked) -> bool:
    entry = tracked.entry
    if entry is None:
        return True  # an import that nobody has taken is nowhere yet
    return way.keeper.holds(entry) or _same(way.keeper.look([tracked.path]).get(tracked.path), entry)


def _same(now: Entry | None, entry: Entry) -> bool:
    return now is not None and same(now, entry)


def _remotes(project: Project) -> tuple[dict[str, Remote], tuple[str, ...]]:
    """DVC's remotes as ours, the default one first, and the names of those that we can't reach."""
    assert project.repository is not None
    settings = project.repository.settings
    found: dict[str, Remote] = {}
    left: list[str] = []
    for name in sorted(settings.remotes, key=lambda name: (name != settings.remote, name)):
        one = settings.remotes[name]
        kind, _, rest = one.url.partition("://")
        url = (
            {"azure": f"az://{rest}", "gcs": f"gs://{rest}"}.get(kind, one.url)
            if rest
            else _near(project, one.url)
        )
        endpoint = str(one.options.get("endpointurl", "")) if kind == "s3" else ""
        remote = Remote(url, endpoint, str(one.options.get("region", "")) if kind == "s3" else "")
        if mistake(remote) is None:
            found[name] = remote
        else:
            left.append(name)
    return found, tuple(left)


def _near(project: Project, folder: str) -> str:
    """A folder as it is written where it moves with the project."""
    near = os.path.relpath(folder, project.root)
    return folder if near.startswith("../../") else near


# What can't be.


def _refuse_other_pipelines(root: str) -> None:
    others = [name for name in find_pointers(root, [".yaml"]) if name.endswith(f"/{DVC}")]
    if others:
        what = f"there are pipelines in other folders too, such as '{others[0]}', and only one at a time can move"
        raise CantHandOver(what, where=root, fix="join them in one dvc.yaml, with `wdir`")


def _refuse_lacking(lacking: Sequence[Tracked]) -> None:
    if lacking:
        listed = ", ".join(f"'{one.path}'" for one in lacking[:5]) + (" …" if len(lacking) > 5 else "")
        what = f"{listed} is not here as its pointer says, so it can't move"
        raise NotInStore(what, fix="outdo data pull, or outdo data checkout")


def _check(project: Project, text: str) -> None:
    """Raises what is wrong with the file that is about to be written, or that another one is there already."""
    there = os.path.join(project.root, OWN)
    if (
        os.path.lexists(there)
        and os.path.lexists(os.path.join(project.root, DVC))
        and _read(project.root, OWN) != text
    ):
        what = "both an outdo.yaml and a dvc.yaml are here, and they are not the same pipeline"
        raise CantHandOver(what, where=OWN, fix="move one of them away")
    read_project(OWN, text, lambda name: _read(project.root, name) or None, os.path.basename(project.root))


# To Outdo.


def _take_pointers(project: Project, tracked: Sequence[Tracked], way: Way, own: Way) -> list[Path]:
    """Every path has a pointer of ours, and our store what it names: by links to DVC's objects."""
    tracking = Tracking(project)
    twins = _twins(project)
    now = way.keeper.look([one.path for one in tracked])
    written: list[Path] = []
    for one in tracked:
        entry = one.entry
        if entry is not None:
            held = twins.entry(Item(one.path, *name_of(entry.digest)))
            if held is not None:
                twins.bring(held)
            entry = own.keeper.save(one.path, link=False) if _same(now.get(one.path), entry) else held
        rest = _annotations(one.rest.get("out") or {})
        mine = replace(one, pointer=f"{one.path}{SUFFIX}", entry=entry, rest=rest)
        if write_pointer(tracking, mine):
            written.append(mine.pointer)
    return written


def _take_results(project: Project, records: Mapping[StageName, Record]) -> None:
    """Our lock and run cache know the results, and our store holds their outputs."""
    twins = _twins(project)
    assert project.repository is not None
    for name, record in records.items():
        stage, locked = project.graph.stages[name], project.repository.lock.stages.get(name)
        for item in locked.outs if locked else ():
            held = twins.entry(item)
            if held is not None:
                twins.bring(held)
        for out in stage.outs:
            if out.cache and not project.workspace.holds(record.outs[out.path]):
                project.take_in(record.outs[out.path])
            if out.cache and not project.workspace.holds(record.outs[out.path]):
                project.workspace.save(out.path, link=False)
        project.results.put(record)
    project.lock.save({**project.lock.records, **records})


def _twins(project: Project) -> Twins:
    assert project.repository is not None
    return Twins(project.repository.cache, project.objects)


# To DVC.


def _give_pointers(project: Project, tracked: Sequence[Tracked], own: Way, way: Way) -> list[Path]:
    """Every path has a pointer of DVC's, and its cache what that names: by links to our objects."""
    tracking = Tracking(project)
    assert project.repository is not None
    written: list[Path] = []
    for one in tracked:
        _link(project, one, own, way)
        entry = way.keeper.save(one.path)
        theirs = replace(
            one, pointer=f"{one.path}{way.pointers.suffix}", entry=entry, rest={"out": _annotations(one.rest)}
        )
        if write_pointer(tracking, theirs):
            written.append(theirs.pointer)
    return written


def _link(project: Project, one: Tracked, own: Way, way: Way) -> None:
    """DVC's cache has the path's files, where they are files of their own in our store."""
    repository = project.repository
    entry = one.entry
    assert repository is not None
    assert entry is not None
    if entry.kind == "file":
        theirs = {"": way.keeper.look([one.path])[one.path].digest}
        ours = {"": entry.digest}
    else:
        theirs = {name: digest for name, digest, _, _ in way.keeper.listing(one.path).files}
        ours = {name: digest for name, digest, _, _ in own.parts.tree(entry).files}
    for name, digest in ours.items():
        place = project.objects.file(digest) if name in theirs else None
        if place is not None:
            repository.cache.put_file(place, theirs[name], digest)


def _dvc_folder(root: str, remotes: Mapping[str, Remote]) -> list[Path]:
    """The files of a `.dvc` folder, where there is none."""
    if os.path.isdir(os.path.join(root, ".dvc")):
        return []
    lines = [_CONFIG]
    if remotes:
        lines.append(f"    remote = {next(iter(remotes))}\n")
    for name, remote in remotes.items():
        url = (
            remote.url.replace("az://", "azure://") if remote.scheme else os.path.normpath(f"../{remote.url}")
        )
        url = remote.url if os.path.isabs(remote.url) else url
        lines.append(f"['remote \"{name}\"']\n    url = {url}\n")
        lines += [f"    endpointurl = {remote.endpoint}\n"] if remote.endpoint else []
        lines += [f"    region = {remote.region}\n"] if remote.region else []
    files = {".dvc/.gitignore": _IGNORE, ".dvc/config": "".join(lines), ".dvcignore": ""}
    for name, content in files.items():
        if not os.path.exists(os.path.join(root, name)):
            write_atomic(os.path.join(root, name), content.encode())
    return list(files)


# Files.


def _annotations(said: Mapping[str, Value]) -> dict[str, Value]:
    """What both let a person say of a path."""
    return {key: said[key] for key in _ANNOTATIONS if key in said}


def _read(root: str, name: Path) -> str:
    try:
        with open(os.path.join(root, name), encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _removed(root: str, name: Path) -> bool:
    try:
        os.unlink(os.path.join(root, name))
    except FileNotFoundError:
        return False
    return True
