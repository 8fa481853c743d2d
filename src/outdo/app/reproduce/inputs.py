"""The data that stages read and no stage makes again: put into the work tree from wherever it still is."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from outdo.app.project import Project
from outdo.app.remotes import find_remote, transfer_to
from outdo.app.reproduce.adopted import bring
from outdo.app.reproduce.target import Target
from outdo.core.errors import NoReproduction, UserError
from outdo.core.graph import is_glob, is_url
from outdo.core.model import Digest, Entry, Path, StageName
from outdo.store import trees
from outdo.store.files import create, reflink
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace

_MOST_NAMED = 5


class Needed(Struct, frozen=True):
    """A path that has to hold something before anything runs."""

    path: Path
    entry: Entry
    stage: StageName
    """One that reads it."""


def put_inputs(project: Project, tree: Project, target: Target) -> None:
    """Every input in `tree` holds what it held; raises `NoReproduction` that names all that are nowhere.

    Each is taken from Git, the store, the workspace where it still holds just that, DVC's cache, or a remote, which in
    a repository of DVC's may be one of its own."""
    wanted = _needed(tree, target)
    lacking = _differing(tree, wanted)
    lacking = [one for one in lacking if not _from_store(project, tree, one)]
    lacking = [one for one in lacking if not _from_workspace(project, tree, one)]
    if lacking and project.repository is not None:
        bring(project, project.repository, tree, {one.path: one.entry for one in lacking})
        lacking = [one for one in lacking if not _from_store(project, tree, one)]
    if lacking:
        _fetch(project, [one.entry for one in lacking])
        lacking = [one for one in lacking if not _from_store(project, tree, one)]
    if lacking:
        raise _missing(project, lacking)
    still = _differing(tree, wanted)
    if still:
        raise _missing(project, still)


def _needed(tree: Project, target: Target) -> list[Needed]:
    """What the stages read and none of them makes; of a folder that some of them write to, the rest of it."""
    made = {path for one in target.stages.values() for path in one.outs}
    found: dict[Path, Needed] = {}
    for name, one in target.stages.items():
        for path, entry in one.deps.items():
            if is_url(path) or any(path == out or path.startswith(f"{out}/") for out in made):
                continue
            inside = [out for out in made if out.startswith(f"{path}/") or is_glob(path)]
            for place, each in _parts(tree, path, entry, inside).items():
                found.setdefault(place, Needed(place, each, name))
    return list(found.values())


def _parts(tree: Project, path: Path, entry: Entry, made: Sequence[Path]) -> Mapping[Path, Entry]:
    """The path as a whole; or the files of it that are not `made`, where they are known."""
    if entry.kind != "tree" or not (made or is_glob(path)):
        return {path: entry}
    try:
        items = list(trees.items(tree.objects.get, entry.digest))
    except UserError:
        return {path: entry}
    above = "" if is_glob(path) else f"{path}/"
    return {
        f"{above}{item.path}": Entry(item.digest, item.size, "file", 1, item.executable)
        for item in items
        if item.kind == "file" and not any(_is_in(f"{above}{item.path}", out) for out in made)
    }


def _is_in(path: Path, folder: Path) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _differing(tree: Project, wanted: Iterable[Needed]) -> list[Needed]:
    now = tree.workspace.look([one.path for one in wanted])
    return [one for one in wanted if not same_content(tree, now.get(one.path), one.entry)]


def same_content(project: Project, one: Entry | None, other: Entry) -> bool:
    """Whether two entries hold the same bytes; folders may have been written as trees of another shape."""
    if one is None or one.kind != other.kind:
        return False
    if one.digest == other.digest:
        return True
    if one.kind != "tree" or (one.files, one.size) != (other.files, other.size):
        return False
    try:
        return files_of(project, one) == files_of(project, other)
    except UserError:
        return False


def files_of(project: Project, entry: Entry) -> dict[Path, tuple[Digest, bool]]:
    """The files in a folder of the store; raises `NotInStore` or `Damaged`."""
    items = trees.items(project.objects.get, entry.digest)
    return {
        item.path: (
            item.digest if item.kind == "file" else Digest(f"{item.kind} {item.target}"),
            item.executable,
        )
        for item in items
    }


def _from_store(project: Project, tree: Project, one: Needed) -> bool:
    """Whether the store had it; then it is in place."""
    if is_glob(one.path):
        return False
    try:
        if not project.workspace.holds(one.entry):
            return False
        if one.path.startswith("../"):
            _put_above(tree, one)
        else:
            tree.workspace.restore(one.path, one.entry)
    except UserError:
        return False  # it is damaged, or would be written outside the work tree
    return True


def _put_above(tree: Project, one: Needed) -> None:
    """It is in place beside the project's folder, still in the work tree; raises `BadPath` where it would not be."""
    top = _top(tree.root)
    memory = StatCache(os.path.join(tree.state, "above"))
    above = Workspace(top, tree.objects, memory, ("reflink", "copy"))
    above.restore(os.path.relpath(os.path.join(tree.root, one.path), top), one.entry)


def _top(root: str) -> str:
    """The top of the work tree that a project is in."""
    while not os.path.lexists(os.path.join(root, ".git")):
        root = os.path.dirname(root)
    return root


def _from_workspace(project: Project, tree: Project, one: Needed) -> bool:
    """Whether the user's own workspace holds just that, as data does that nobody has put into a store."""
    paths = project.workspace.expand(one.path) if is_glob(one.path) else [one.path]
    if not same_content(project, project.workspace.look([one.path]).get(one.path), one.entry):
        return False
    top = _top(tree.root)
    for path in paths:
        if path.startswith("/"):
            return False
        source, target = (os.path.normpath(os.path.join(root, path)) for root in (project.root, tree.root))
        if not _stays_inside(top, target):
            return False
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isdir(source):
            shutil.copytree(source, target, copy_function=_copy, dirs_exist_ok=True)
        else:
            _copy(source, target)
    return True


def _stays_inside(top: str, place: str) -> bool:
    """Whether no link in the work tree leads what is written there out of it."""
    return f"{os.path.realpath(place)}/".startswith(f"{os.path.realpath(top)}/")


def _copy(source: str, target: str) -> str:
    """A copy that shares its bytes where the file system can."""
    if os.path.lexists(target):
        os.unlink(target)
    with open(source, "rb") as opened:
        fd = create(target, 0o644)
        try:
            if reflink(opened.fileno(), fd):
                return target
        finally:
            os.close(fd)
    os.unlink(target)
    return str(shutil.copy2(source, target))


def _fetch(project: Project, entries: Sequence[Entry]) -> None:
    """Asks each remote for what the store lacks, as far as it has it."""
    for name in project.pipeline.remotes:
        missing = [entry for entry in entries if not project.workspace.holds(entry)]
        if missing:
            transfer_to(project, find_remote(project, name), lambda _: None).fetch(missing)


def _missing(project: Project, lacking: Sequence[Needed]) -> NoReproduction:
    listed = ", ".join(f"'{one.path}' (read by {one.stage})" for one in lacking[:_MOST_NAMED])
    more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
    outside = [one.path for one in lacking if one.path.startswith(("/", "../"))]
    cache = "" if project.repository is None else "DVC's cache, "
    what = f"what {listed}{more} held is nowhere: not in Git, the store, the workspace, {cache}or a remote"
    if outside:
        what += f"; '{outside[0]}' is outside the repository, and is used as it is or not at all"
    return NoReproduction(
        what, fix="outdo fetch, where a remote has it; put the file back; or --stage for others"
    )
