"""What would be lost if paths came to hold something else, found out before anything is touched."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from outdo.app.data.place import refuse_clashes, refuse_strays
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
    refuse_strays(tracking.project.root, [one.target.path for one in found])
    refuse_alike(tracking, found)
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


def refuse_alike(tracking: Tracking, found: Sequence[Wanted]) -> None:
    """Raises `CantTrack` where these have names in them that the disk takes for one."""
    ways = ((one, tracking.way(one.target.tracked)) for one in found)
    refuse_clashes(tracking.project, ((one.target.path, one.entry, way.parts.tree) for one, way in ways))


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
