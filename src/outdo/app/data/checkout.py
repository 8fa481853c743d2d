"""The verb `data checkout`: tracked paths hold what their pointers say."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from outdo.app.data.loss import Wanted, refuse_loss, same
from outdo.app.data.status import contents
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.compare import file_changes
from outdo.core.errors import NotInStore, NotTracked
from outdo.core.model import Entry, Path
from outdo.integrations.ports import Way
from outdo.run.source import ignore
from outdo.store.nodes import Tree


class Placed(Struct, frozen=True):
    """A path that was put in place."""

    path: Path
    kind: Literal["added", "modified"]
    entry: Entry
    files: Mapping[str, int] = {}
    """Of a folder, how many files were `added`, `changed`, `removed`."""


class CheckedOut(Struct, frozen=True):
    """What was put in place, and what was so already."""

    placed: tuple[Placed, ...]
    kept: tuple[Path, ...]
    """Paths that held already what they shall."""


def checkout(
    project: Project, words: Sequence[Path] = (), *, force: bool = False, link: bool = False
) -> CheckedOut:
    """Tracked paths, or parts of them, hold what their pointers say; the caller has the turn.

    Before anything is touched raises `NotTracked`, and without `force` `WouldOverwrite` for what is not kept. Raises
    `NotInStore` where something is not kept here, once all else is in place."""
    tracking = Tracking(project)
    targets = tracking.meant(words)
    found = [Wanted(target, entry) for target in targets if (entry := tracking.wanted(target))]
    absent = [
        target for target in targets if target.name and target.path not in {one.target.path for one in found}
    ]
    if absent:
        raise not_in_folder(absent[0])
    lacking = [
        one.target.path for one in found if not tracking.way(one.target.tracked).keeper.holds(one.entry)
    ]
    here = [one for one in found if one.target.path not in set(lacking)]
    refuse_loss(tracking, here, force=force)
    done = put(tracking, here, link=link)
    lacking += [one.path for one in targets if one.tracked.entry is None]
    if lacking:
        rest = "; all else is in place" if here else ""
        raise NotInStore(
            f"the store does not hold {listed(lacking)}{rest}", fix=f"outdo data pull {lacking[0]}"
        )
    return done


def not_in_folder(target: Target) -> NotTracked:
    what = f"'{target.tracked.path}' as it is tracked has no '{target.name}'"
    return NotTracked(what, fix=f"outdo data ls {target.tracked.path}")


def listed(paths: Sequence[Path]) -> str:
    """The first few of these paths."""
    return ", ".join(f"'{path}'" for path in paths[:5]) + (
        f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    )


def put(tracking: Tracking, found: Sequence[Wanted], *, link: bool) -> CheckedOut:
    """These paths hold what they shall, Git ignores them, and all that is known of them is written down."""
    root = tracking.project.root
    now = tracking.look([one.target for one in found])
    ignore(root, tracking.project.for_git(one.target.tracked.path for one in found))
    placed: list[Placed] = []
    kept: list[Path] = []
    for one in found:
        path, before = one.target.path, now.get(one.target.path)
        if before is not None and same(before, one.entry):
            kept.append(path)
            continue
        files = _counts(tracking.way(one.target.tracked), path, before, one.entry)
        tracking.way(one.target.tracked).keeper.restore(path, one.entry, link=link)
        placed.append(Placed(path, "modified" if before else "added", one.entry, files))
    tracking.project.stat.save()
    return CheckedOut(tuple(placed), tuple(kept))


def _counts(tracked: Way, path: Path, before: Entry | None, after: Entry) -> dict[str, int]:
    """How many files of a folder differ, where it is there already."""
    if before is None or after.kind != "tree":
        return {}
    old = contents(tracked.keeper.listing(path) if before.kind == "tree" else Tree())
    kinds = [one.kind for one in file_changes(old, contents(tracked.parts.tree(after)))]
    return {kind: kinds.count(kind) for kind in ("added", "changed", "removed") if kind in kinds}
