"""A file of predictions to its rows: labels, what the model said, and other columns, in the order of a key."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.predicted import Predicted
from outdo.core.probes import is_number
from outdo.core.wording import first_line
from outdo.run.scan import connection, load, table_kind


class Rows(Struct, frozen=True, eq=False):
    """The rows of a file of predictions."""

    predicted: Predicted
    key: NDArray[Any] | None
    """`(rows,)`, sorted; None where no column identifies a row."""


def read_rows(file: str, name: str, label: str, score: str, key: Sequence[str]) -> Rows | str:
    """The rows in `file`, which is called `name`; or why they can't be read."""
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
                order = ", ".join(places[each] for each in key) or "n"
                listed = ", ".join(_plain(places[each], columns[each]) for each in columns)
                found = database.execute(f"SELECT {listed} FROM t ORDER BY {order}").fetchnumpy()  # noqa: S608  names of our own
        except (duckdb.Error, OSError, EOFError) as error:
            return f"'{name}' can't be read: {first_line(error)}"
    arrays = {each: _filled(found[place]) for each, place in places.items()}
    return Rows(Predicted(arrays[label], arrays[score], arrays), _joined([arrays[each] for each in key]))


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
