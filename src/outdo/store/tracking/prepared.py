"""Statements that are carried out at every call: their text is made once, and SQLite is handed it with nothing between.

On SQLite, what stands between a statement and the database elsewhere costs ten times what the database itself does.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

Make = Callable[[Any], Any]
"""From a database's own `insert` to a statement with names for its values."""


def among(insert: Any, column: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a column is one of the `numbers`, which are given as `listed` has them: one value, however many."""
    given: BindParameter[str] = bindparam("numbers")
    if insert is postgresql.insert:
        return column == any_(
            cast(func.string_to_array(given, literal_column("','")), postgresql.ARRAY(Integer))
        )
    whole = literal_column("'['").op("||")(given).op("||")(literal_column("']'"))
    return column.in_(select(func.json_each(whole).table_valued("value").c.value))


def listed(numbers: Sequence[int]) -> Mapping[str, str]:
    """The value of a statement with `among`."""
    return {"numbers": ",".join(map(str, numbers))}


class Prepared:
    """A statement whose values have names; to make its text costs more than to carry it out."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._texts: dict[str, tuple[str, Sequence[str] | None]] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """What it gives with these values, as the database has it: SQLite has numbers for what is true."""
        text, order = self._text(connection)
        if order is None:
            found: Sequence[Any] = connection.exec_driver_sql(text, dict(values)).all()
            return found
        try:
            return _file(connection).execute(text, _row(order, values)).fetchall()
        except sqlite3.Error as error:
            raise _told(text, error) from None

    def row(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The one row that it gives; None where there is none."""
        found = self.rows(connection, values)
        return found[0] if found else None

    def run_all(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Carries it out once for each of these rows."""
        text, order = self._text(connection)
        if not rows:
            return
        if order is None:
            connection.exec_driver_sql(text, list(rows))
            return
        try:
            _file(connection).executemany(text, [_row(order, row) for row in rows])
        except sqlite3.Error as error:
            raise _told(text, error) from None

    def _text(self, connection: Connection) -> tuple[str, Sequence[str] | None]:
        """The text in the words of this database, and the order of the values where they have no names there."""
        name = connection.dialect.name
        if name not in self._texts:
            insert = postgresql.insert if name == "postgresql" else sqlite.insert
            compiled = self._make(insert).compile(dialect=connection.dialect)
            self._texts[name] = (str(compiled), compiled.positiontup)
        return self._texts[name]


def _file(connection: Connection) -> sqlite3.Connection:
    """The open file of a connection, in its transaction."""
    if not connection.in_transaction():
        connection.begin()
    file: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return file


def _told(text: str, error: sqlite3.Error) -> BaseException:
    """The error as SQLAlchemy tells it, which its callers wait for; nobody's values are in it."""
    return DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True)


def _row(order: Sequence[str], values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple([values[name] for name in order])
