"""The verbs `data push`, `data fetch` and `data pull`: what is kept here is had elsewhere, and back."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from outdo.app.data.checkout import CheckedOut, listed, not_in_folder, put
from outdo.app.data.loss import Wanted, refuse_alike, refuse_loss
from outdo.app.data.tracking import Target, Tracking
from outdo.core.errors import Damaged, NotInRemote, NotInStore
from outdo.core.model import Entry, Path
from outdo.integrations.ports import Carrier, Way
from outdo.store.travel import Moved, Tell


class Asked(Struct, frozen=True):
    """What is to travel, and where."""

    targets: tuple[Path, ...] = ()
    """Tracked paths, parts of them, or folders with tracked paths in them; none means all."""
    remote: str = ""
    """A declared name, or an address; none means what each pointer says, or the first that is declared."""


class Pulled(Struct, frozen=True):
    """What travelled, by remote, and what was put in place."""

    moved: Mapping[str, Moved]
    done: CheckedOut


def push(tracking: Tracking, asked: Asked, tell: Tell) -> Mapping[str, Moved]:
    """The remotes have what the pointers name; raises `NotInStore` where a part is neither here nor there, once all
    else is there."""
    moved: dict[str, Moved] = {}
    lacking: list[Path] = []
    for name, way, targets in _by_remote(tracking, asked, pushing=True):
        carrier = way.carrier(name, tell)
        found = [(target, _entry(carrier, target)) for target in targets]
        sent = carrier.send([entry for _, entry in found])
        moved[name] = moved.get(name, Moved()) + sent
        if sent.missing:
            lacking += [target.path for target, entry in found if not way.keeper.holds(entry)]
    if lacking:
        what = f"{listed(lacking)} or a part of it is neither in the store nor at the remote; all else was pushed"
        raise NotInStore(what, fix="outdo data add, where it is; then push again")
    return moved


def fetch(tracking: Tracking, asked: Asked, tell: Tell) -> Mapping[str, Moved]:
    """The store has what the pointers name; raises `NotInRemote` where a remote lacks a part, once all else is here."""
    return _fetch(tracking, asked, tell)[0]


def pull(tracking: Tracking, asked: Asked, tell: Tell, *, force: bool = False, link: bool = False) -> Pulled:
    """As `fetch`, and the paths hold it; the caller has the turn. Raises `WouldOverwrite`, before anything in the
    workspace is touched, where that would lose something; not with `force`."""
    refuse_loss_by_pull(tracking, asked, force=force)
    moved, found = _fetch(tracking, asked, tell)
    refuse_loss(tracking, [one for one in found if one.target.name], force=force)
    refuse_alike(tracking, found)
    try:
        return Pulled(moved, put(tracking, found, link=link))
    except (Damaged, NotInStore):  # what is damaged was set aside now, so that it is fetched
        again, found = _fetch(tracking, asked, tell)
        moved = {name: moved[name] + one for name, one in again.items()}
        return Pulled(moved, put(tracking, found, link=link))


def refuse_loss_by_pull(tracking: Tracking, asked: Asked, *, force: bool = False) -> None:
    """Raises what is known to stand against a pull before anything is fetched."""
    whole = [
        Wanted(target, target.tracked.entry)
        for target in tracking.meant(asked.targets)
        if target.tracked.entry is not None and not target.name
    ]
    refuse_loss(tracking, whole, force=force)


def _fetch(tracking: Tracking, asked: Asked, tell: Tell) -> tuple[dict[str, Moved], list[Wanted]]:
    moved: dict[str, Moved] = {}
    lacking: list[Path] = []
    arrived: list[Wanted] = []
    for name, way, targets in _by_remote(tracking, asked):
        here = [Wanted(target, entry) for target in targets if (entry := _held(way, target))]
        held = {one.target.path for one in here}
        arrived += here
        rest = [target for target in targets if target.path not in held]
        if not rest:
            moved[name] = moved.get(name, Moved()) + Moved(there=len(here))
            continue
        carrier = way.carrier(name, tell)
        found = [Wanted(target, _entry(carrier, target)) for target in rest]
        got = carrier.fetch([one.entry for one in found])
        moved[name] = moved.get(name, Moved()) + got
        lost = {one.target.path for one in found if got.missing and not way.keeper.holds(one.entry)}
        lacking += sorted(lost)
        arrived += [one for one in found if one.target.path not in lost]
        way.settle()
    if lacking:
        what = f"the remote lacks all or a part of {listed(lacking)}"
        raise NotInRemote(what, fix="outdo data push, where it was added")
    return moved, arrived


def _held(way: Way, target: Target) -> Entry | None:
    """What a whole target shall hold, where all of it is here already."""
    entry = target.tracked.entry
    return entry if entry is not None and not target.name and way.keeper.holds(entry) else None


def _entry(carrier: Carrier, target: Target) -> Entry:
    entry = target.tracked.entry
    assert entry is not None
    if not target.name:
        return entry
    part = carrier.part(entry, target.name)
    if part is None:
        raise not_in_folder(target)
    return part


def _by_remote(
    tracking: Tracking, asked: Asked, *, pushing: bool = False
) -> Iterable[tuple[str, Way, list[Target]]]:
    """The targets that travel, by where to and how."""
    found: dict[tuple[str, str], tuple[Way, list[Target]]] = {}
    for target in tracking.meant(asked.targets):
        one = target.tracked
        if one.entry is not None and (one.push or not pushing):
            way = tracking.way(one)
            remote = asked.remote or one.remote or way.remote
            found.setdefault((remote, way.pointers.suffix), (way, []))[1].append(target)
    return [(remote, way, targets) for (remote, _), (way, targets) in found.items()]
