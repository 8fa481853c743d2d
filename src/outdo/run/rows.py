"""A file of predictions to its rows: labels, what the model said, and other columns, in the order of a key."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.digest import digest, digest_bytes
from outdo.core.predicted import Predicted
from outdo.core.probes import column, is_number
from outdo.core.tablekind import table_kind
from outdo.run.scan import connection, load

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Rows(Struct, frozen=True, eq=False):
    """The rows of a file of predictions."""

    predicted: Predicted
    key: NDArray[Any] | None
    """`(rows,)`, sorted; None where no column identifies a row."""

    def holdout(self) -> str:
        """The digest of what does not depend on the model: which rows these are, and their labels."""
        parts = [self.predicted.truth] if self.key is None else [self.predicted.truth, self.key]
        texts = [part.astype(str) if part.dtype == object else part for part in parts]
        return digest("holdout/1", *(digest_bytes(np.ascontiguousarray(text).tobytes()) for text in texts))


def read_rows(
    file: str, name: str, label: str, score: str, key: Sequence[str], by: Sequence[str] = ()
) -> Rows | str:
    """The rows in `file`, which is called `name`; or why they can't be read. What of `by` is no column is computed, as
    an expression in SQL over the columns of each row."""
    import duckdb

    kind = table_kind(name)
    if kind is None:
        return f"'{name}' has to be .parquet, .csv, .tsv or .jsonl, the texts also as .gz"
    if not os.path.isfile(file):
        return f"'{name}' is not here"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with connection([file], scratch) as database:
                columns = dict(load(database, "t", file, kind))
                places = {each: f"c{place}" for place, each in enumerate(columns)}
                if missing := [each for each in (label, score, *key) if each not in columns]:
                    return f"'{name}' has no column '{missing[0]}'"
                order = ", ".join([*(places[each] for each in key), "n"])
                listed = ", ".join(_plain(places[each], columns[each]) for each in columns)
                found = database.execute(f"SELECT {listed} FROM t ORDER BY {order}").fetchnumpy()
                arrays = {each: _filled(found[place]) for each, place in places.items()}
                rows = len(arrays[label])
                computed = _computed(
                    database, [each for each in by if each not in columns], places, order, rows
                )
        except (duckdb.Error, OSError, EOFError) as error:
            return f"'{name}' can't be read: {_first_line(error)}"
    refused = {each: reason for each, reason in computed.items() if isinstance(reason, str)}
    parted = arrays | {each: column for each, column in computed.items() if not isinstance(column, str)}
    others = tuple(each for each in columns if each not in (label, score, *key))
    predicted = Predicted(arrays[label], arrays[score], parted, others, refused)
    return Rows(predicted, _joined([arrays[each] for each in key]))


def _computed(
    database: "DuckDBPyConnection",
    expressions: Sequence[str],
    places: Mapping[str, str],
    order: str,
    rows: int,
) -> dict[str, NDArray[Any] | str]:
    """What expressions give for each row, or why they can't be computed."""
    import duckdb

    named = ", ".join(
        [*(f"{place} AS {column(each)}" for each, place in places.items()), *places.values(), "n"]
    )
    found: dict[str, NDArray[Any] | str] = {}
    for each in expressions:
        if each.isidentifier():
            continue
        # a comment at the end of an expression takes its line alone
        query = f"(SELECT ({each}\n) AS value FROM (SELECT {named} FROM t) ORDER BY {order})"
        try:
            given = database.execute(f"SELECT value FROM {query} LIMIT 0").description or []
            plain = _plain("value", str(given[0][1]))
            values = database.execute(f"SELECT {plain} FROM {query}").fetchnumpy()
        except duckdb.Error as error:
            found[each] = _first_line(error)
            continue
        one = _filled(values["value"])
        found[each] = one if len(one) == rows else "it gives no value for each row"
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def rows_in(file: str) -> int | None:
    """How many rows a table has; None where it can't be read."""
    import duckdb

    kind = table_kind(file)
    if kind is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with connection([file], scratch) as database:
                load(database, "t", file, kind)
                found = database.execute("SELECT count(*) FROM t").fetchone()
        except (duckdb.Error, OSError, EOFError):
            return None
    return int(found[0]) if found else None


def _plain(place: str, kind: str) -> str:
    """A column as NumPy takes it: numbers, true and false as they are, all else as text."""
    if kind.startswith("DECIMAL") or kind in ("HUGEINT", "UHUGEINT"):
        return f"{place}::DOUBLE AS {place}"
    return place if is_number(kind) or kind == "BOOLEAN" else f"{place}::VARCHAR AS {place}"


def _filled(column: Any) -> NDArray[Any]:
    """A column in which a missing number is NaN, and another missing value None."""
    if not isinstance(column, np.ma.MaskedArray):
        return np.asarray(column)
    if not np.ma.getmaskarray(column).any():
        return np.asarray(column.data)
    gone = np.ma.getmaskarray(column)
    filled = np.array(column.data, np.float64 if np.issubdtype(column.dtype, np.number) else object)
    filled[gone] = np.nan if filled.dtype == np.float64 else None
    return filled


def _joined(columns: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    if not columns:
        return None
    if len(columns) == 1:
        return columns[0]
    return np.array(["\0".join(map(str, each)) for each in zip(*columns, strict=True)])
