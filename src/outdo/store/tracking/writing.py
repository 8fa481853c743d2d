"""Rows added and set in one statement, the same on SQLite and PostgreSQL."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert
from sqlalchemy.dialects import postgresql, sqlite


def new_number(connection: Connection, table: Table, row: dict[str, Any]) -> int:
    """The primary key that a new row got."""
    found = connection.execute(insert(table).values(row)).inserted_primary_key
    assert found is not None
    number: int = found[0]
    return number


def set_or_added(table: Table, update: Sequence[str]) -> Callable[[Any], Any]:
    """What `upsert` says, for a statement that is made once."""

    def make(insert_: Any) -> Any:
        statement = insert_(table).values({c.name: bindparam(c.name, type_=c.type) for c in table.c})
        changed = {name: statement.excluded[name] for name in update}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)

    return make


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    update: Sequence[str] = (),
) -> None:
    """Adds rows; of one whose primary key is there already the columns `update` are set, or it is left alone."""
    if not rows:
        return
    dialect = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = dialect(table)
    if update:
        changed = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement, list(rows))
