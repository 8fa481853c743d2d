"""The audit trail as rows of the database: written in the transaction of the change that it tells of."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, Row, Select, bindparam, func, select

from outdo.core import trail
from outdo.core.tracking import Milliseconds
from outdo.core.trail import Entry, Head
from outdo.store.tracking import tables
from outdo.store.tracking.prepared import Prepared

AT_ONCE = 1000


_ROW = Prepared(
    lambda insert: insert(tables.trail).values({c.name: bindparam(c.name) for c in tables.trail.c})
)
_LAST = select(func.max(tables.trail.c.number)).scalar_subquery()
_HEAD = Prepared(
    lambda _: select(tables.trail.c.number, tables.trail.c.seal).where(tables.trail.c.number == _LAST)
)


class Wanted(Struct, frozen=True):
    """Which entries are asked for; what is empty asks for nothing."""

    who: str = ""
    action: str = ""
    """The beginning of it."""
    thing: str = ""
    """A part of it."""
    since: Milliseconds | None = None
    most: int | None = None


def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """The entries stand at the end of the trail, in this order, once the transaction is committed. It has to be one of
    `database.writing`, of which there is one at a time."""
    if not entries:
        return
    end = head(connection)
    number, seal = end.number, end.seal
    rows = []
    for entry in entries:
        number += 1
        row = trail.sealed(number, entry, seal)
        seal = row.seal
        rows.append({"number": number, **asdict(entry), "previous": row.previous, "seal": seal})
    _ROW.run_all(connection, rows)


def head(connection: Connection) -> Head:
    """The end of the trail."""
    row = _HEAD.row(connection, {})
    return Head(row[0], _bytes(row[1])) if row else Head()


def rows(connection: Connection) -> Iterator[trail.Row]:
    """All rows by number; what is held in memory does not grow with the trail."""
    query = select(tables.trail).order_by(tables.trail.c.number)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(query):
        yield trail.Row(row.number, _entry(row), _bytes(row.previous), _bytes(row.seal))


def find(connection: Connection, wanted: Wanted) -> list[tuple[int, Entry]]:
    """The last entries that are asked for with their numbers, the newest first."""
    query = _where(select(tables.trail), wanted).order_by(tables.trail.c.number.desc()).limit(wanted.most)
    return [(row.number, _entry(row)) for row in connection.execute(query)]


def _where(query: Select[tuple[object, ...]], wanted: Wanted) -> Select[tuple[object, ...]]:
    columns = tables.trail.c
    if wanted.who:
        query = query.where(columns.who == wanted.who)
    if wanted.action:
        query = query.where(columns.action.startswith(wanted.action, autoescape=True))
    if wanted.thing:
        query = query.where(columns.thing.contains(wanted.thing, autoescape=True))
    if wanted.since is not None:
        query = query.where(columns.time >= wanted.since)
    return query


def _bytes(value: object) -> bytes:
    """What a column holds; whoever edits a file of SQLite can put anything there."""
    return value if isinstance(value, bytes) else str(value).encode()


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    told = (row.time, row.who, row.via, row.address, row.agent, row.action, row.thing, row.detail)
    return Entry(*told)
