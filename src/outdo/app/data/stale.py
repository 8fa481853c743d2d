"""Tracked data that stages read though it is not what the pointers say: edited and not added, or of another commit."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from outdo.app.data.add import add
from outdo.app.data.loss import same
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.errors import UserError
from outdo.core.graph import is_glob
from outdo.core.model import Path


def stale(project: Project, deps: Iterable[Path]) -> list[str]:
    """A sentence for each path tracked by Outdo at or around these that holds something else than its pointer says."""
    mine = [dep for dep in deps if _may_be_tracked(project, dep)]
    if not mine:
        return []
    tracking = Tracking(project)
    try:
        found = [one for one in _differing(tracking, mine) if tracking.way(one.tracked) is tracking.ways[-1]]
    except UserError as error:
        return [error.what]
    fix = "outdo data add keeps what is there, outdo data checkout puts back what was"
    return [f"'{one.path}' is not what '{one.tracked.pointer}' says: {fix}" for one in found]


class Kept(Struct, frozen=True):
    """What became of data that had changed."""

    files: tuple[Path, ...] = ()
    """What was written, and Git is to be told of."""
    told: tuple[str, ...] = ()
    """Sentences for a person."""


def keep_changed(project: Project) -> Kept:
    """In a repository of DVC's, the pointers of changed data that stages have read name what they read, as after `dvc
    repro`; that some can't is told."""
    now = project.entries()
    deps = {
        dep
        for record in project.lock.records.values()
        for dep, entry in record.deps.items()
        if now.get(dep) == entry and _may_be_tracked(project, dep)
    }
    if project.repository is None or project.home != project.state or not deps:
        return Kept()
    tracking = Tracking(project)
    try:
        changed = [
            one.path
            for one in _differing(tracking, sorted(deps))
            if tracking.way(one.tracked) is tracking.ways[0] and one.tracked.origin is None
        ]
        files = add(project, changed).files if changed else ()
    except UserError as error:
        return Kept((), (f"changed data was not added: {error.what}; {error.fix}",))
    return Kept(files, (f"data had changed, so it was added: git add {' '.join(files)}",) if files else ())


def _may_be_tracked(project: Project, dep: Path) -> bool:
    return not is_glob(dep) and not dep.startswith(("/", "../")) and project.is_tracked(dep)


def _differing(tracking: Tracking, deps: Iterable[Path]) -> Iterator[Target]:
    around = (tracking.around(dep) for dep in deps)
    found = {one.tracked.path: Target(one.tracked) for one in around if one is not None}
    now = tracking.look(found.values())
    for path, target in found.items():
        wanted = target.tracked.entry
        if path in now and wanted is not None and not same(now[path], wanted):
            yield target
