"""The verbs on a server's audit trail: whether it is as it was written, and what it tells."""

from msgspec import Struct

from outdo.app.accounts import Home, reading
from outdo.core.trail import Break, Entry, Head, breaks
from outdo.store.tracking import trail
from outdo.store.tracking.trail import Wanted


class Verified(Struct, frozen=True):
    """What a look at every row has shown."""

    head: Head
    breaks: tuple[Break, ...]
    """Every place at which the trail is not as it was written."""


def verify(home: Home, noted: Head | None = None) -> Verified:
    """Looks at every row, and whether they lead up to a head that was noted."""
    found: list[Break] = []
    head = Head()
    with reading(home) as connection:
        for one in breaks(trail.rows(connection), noted):
            if isinstance(one, Head):
                head = one
            else:
                found.append(one)
    return Verified(head, tuple(found))


def entries(home: Home, wanted: Wanted) -> list[tuple[int, Entry]]:
    """The last entries that are asked for with their numbers, the newest first."""
    with reading(home) as connection:
        return trail.find(connection, wanted)
