"""Two files of predictions, row by row: how far scores differ, and how many labels changed. No model is ever read."""

import math
import os
from collections.abc import Sequence
from typing import Any

from outdo.core.reproduction import Scores
from outdo.core.tablekind import Kind
from outdo.run.scan import connection, load
from outdo.store.files import remove

HALF = 0.5
"""The score at which a label turns."""
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")


def compare_scores(
    before: str, after: str, kind: Kind, scratch: str, score: str, key: Sequence[str]
) -> Scores | None:
    """How the column `score` differs in rows of the same `key`, or at the same place where there is none; None where
    a file can't be read as a table, or lacks a column, or two rows share a key."""
    import duckdb

    try:
        with connection([before, after], scratch) as database:
            sides = [load(database, name, file, kind) for name, file in (("a", before), ("b", after))]
            places = [{name: (f"c{i}", type_) for i, (name, type_) in enumerate(side)} for side in sides]
            if any(column not in side for column in (score, *key) for side in places):
                return None
            on = " AND ".join(f"a.{places[0][one][0]} = b.{places[1][one][0]}" for one in key) or "a.n = b.n"
            (old, old_type), (new, new_type) = (side[score] for side in places)
            numbers = all(type_.startswith(_NUMBERS) or "INT" in type_ for type_ in (old_type, new_type))
            query = _query(f"a.{old}", f"b.{new}", on, numbers=numbers)
            row = database.execute(query).fetchone()
            counts = database.execute("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)").fetchone()
    except (duckdb.Error, OSError, EOFError):
        return None
    finally:
        if os.path.lexists(scratch):
            remove(scratch)
    assert row is not None
    assert counts is not None
    return _scores(row, counts)


def _query(old: str, new: str, on: str, *, numbers: bool) -> str:
    differ = f"{old} IS DISTINCT FROM {new}"
    size = f"abs({new}::DOUBLE - {old}::DOUBLE)" if numbers else "NULL"
    flipped = f"({old} >= {HALF}) IS DISTINCT FROM ({new} >= {HALF})" if numbers else differ
    both = "a.n IS NOT NULL AND b.n IS NOT NULL"
    counts = (
        f"count(*) FILTER ({both}), count(*) FILTER (NOT ({both})), count(*) FILTER ({both} AND {differ})"
    )
    sizes = f"max({size}), avg({size}), count(*) FILTER ({both} AND {flipped})"
    other = f"count(*) FILTER ({both} AND {differ} AND NOT coalesce(isfinite({size}), false))"
    return f"SELECT {counts}, {sizes}, {other} FROM a FULL JOIN b ON {on}"  # noqa: S608  names of our own alone


def _scores(row: Sequence[Any], counts: Sequence[Any]) -> Scores | None:
    rows, unmatched, differ, largest, mean, flipped, other = row
    if 2 * rows + unmatched != sum(counts):
        return None  # two rows share a key, so that it does not say which belong together
    known = largest is not None and not other and math.isfinite(largest)
    return Scores(rows, unmatched, differ, largest if known else None, mean if known else None, flipped)
