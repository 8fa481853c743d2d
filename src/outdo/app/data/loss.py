"""What would be lost if paths came to hold something else, found out before anything is touched."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from outdo.app.data.place import ignores_case, refuse_case_clash, refuse_strays
from outdo.app.data.tracking import Target, Tracking
from outdo.core.errors import UserError, WouldOverwrite
from outdo.core.model import Entry, Path
from outdo.integrations.ports import Way


class Wanted(Struct, frozen=True):
    """A target with what it shall hold."""

    target: Target
    entry: Entry


def refuse_loss(tracking: Tracking, found: Sequence[Wanted], *, force: bool) -> None:
    """Raises what would make putting these in place fail half-way, and without `force` `WouldOverwrite` for what is
    kept nowhere and would be lost."""
    root = tracking.project.root
    names = [one.target.path for one in found]
    refuse_strays(root, names)
    if ignores_case(root):
        refuse_case_clash(names)
        for one in found:
            refuse_case_clash(_names(tracking.way(one.target.tracked), one.entry))
    if force:
        return
    now = tracking.look([one.target for one in found])
    lost: list[Path] = []
    for one in found:
        there = now.get(one.target.path)
        if there is not None and not same(there, one.entry):
            way = tracking.way(one.target.tracked)
            lost += _unkept(way, one.target.path, there, _links(way, one.entry))
    _refuse(lost, "overwritten or removed")


def refuse_removal(tracking: Tracking, targets: Sequence[Target]) -> None:
    """Raises `WouldOverwrite` where something at these targets is kept nowhere."""
    now = tracking.look(targets)
    there = [target for target in targets if target.path in now]
    _refuse(
        [
            path
            for target in there
            for path in _unkept(tracking.way(target.tracked), target.path, now[target.path], ())
        ],
        "removed",
    )


def same(one: Entry, other: Entry) -> bool:
    """Whether two entries of one keeper stand for the same content."""
    return (one.kind, one.digest, one.executable) == (other.kind, other.digest, other.executable)


def _refuse(lost: Sequence[Path], how: str) -> None:
    if lost:
        more = f", and so would {len(lost) - 1:,} more" if len(lost) > 1 else ""
        what = f"'{lost[0]}' would be {how}, and what it holds is not kept{more}"
        raise WouldOverwrite(what, fix="outdo data add keeps it; --force is for those who want it gone")


def _unkept(way: Way, path: Path, now: Entry, links: Collection[tuple[Path, str]]) -> list[Path]:
    """What is at a path and nowhere else; but for these links, which will be there again."""
    if way.keeper.holds(now):
        return []
    if now.kind == "file":
        return [path]
    listing = way.keeper.listing(path)
    lost = [
        f"{path}/{name}"
        for name, digest, size, executable in listing.files
        if not way.keeper.holds(Entry(digest, size, "file", 1, executable))
    ]
    return lost + [f"{path}/{name}" for name, target in listing.links if (name, target) not in links]


def _links(way: Way, entry: Entry) -> Collection[tuple[Path, str]]:
    try:
        return set(way.parts.tree(entry).links) if entry.kind == "tree" else ()
    except UserError:  # it is not here yet
        return ()


def _names(way: Way, entry: Entry) -> list[Path]:
    try:
        return [name for name, *_ in way.parts.tree(entry).files] if entry.kind == "tree" else []
    except UserError:
        return []
