"""What the command line changes in a database of runs and models is told to its audit trail, as a server tells it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import time_ns
from typing import Any

from sqlalchemy import Connection

from outdo.app.person import user
from outdo.core.access import Thing
from outdo.core.trail import Entry, detail
from outdo.core.version import VERSION
from outdo.store.tracking import trail
from outdo.store.tracking.states import state_of


def tell(
    connection: Connection, action: str, thing: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """The trail tells of this change, once the transaction is committed."""
    now = time_ns() // 1_000_000
    told = detail(before, after)
    entry = Entry(now, user(), "command line", "", f"outdo {VERSION}", action, thing, told)
    trail.append(connection, [entry])


@contextmanager
def telling(connection: Connection, action: str, thing: Thing) -> Iterator[None]:
    """The trail tells in what the thing differs after the block."""
    before = state_of(connection, thing)
    yield
    tell(connection, action, str(thing), before, state_of(connection, thing))
