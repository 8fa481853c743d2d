"""Statements that are carried out for every point that is logged: their text is made once, not each time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

Make = Callable[[Any], Any]
"""From a database's own `insert` to a statement with names for its values."""


class Prepared:
    """A statement whose values have names; to make its text costs more than to carry it out."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._texts: dict[str, tuple[str, Sequence[str] | None]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The result of carrying it out with these values."""
        text, order = self._text(connection)
        return connection.exec_driver_sql(text, dict(values) if order is None else _row(order, values))

    def run_all(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Carries it out once for each of these rows."""
        text, order = self._text(connection)
        if rows:
            many: Any = list(rows) if order is None else [_row(order, row) for row in rows]
            connection.exec_driver_sql(text, many)

    def _text(self, connection: Connection) -> tuple[str, Sequence[str] | None]:
        """The text in the words of this database, and the order of the values where they have no names there."""
        name = connection.dialect.name
        if name not in self._texts:
            insert = postgresql.insert if name == "postgresql" else sqlite.insert
            compiled = self._make(insert).compile(dialect=connection.dialect)
            self._texts[name] = (str(compiled), compiled.positiontup)
        return self._texts[name]


def _row(order: Sequence[str], values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple([values[name] for name in order])
