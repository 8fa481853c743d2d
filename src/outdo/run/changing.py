"""Rows of a table, and what a change makes of them: by expressions in SQL, or by noise."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from outdo.core.probes import column, is_number
from outdo.core.tablekind import table_kind
from outdo.run.loaded import NotMeasured
from outdo.run.scan import connection, load

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROW = "outdo's row"


class Picked(Struct, frozen=True, eq=False):
    """Some rows of a table, with other values in some columns."""

    take: list[int]
    """Their places, from 0."""
    columns: Mapping[str, list[Any]]
    truth: NDArray[Any] | None = None


def by_expressions(file: str, change: Mapping[str, str], where: str, *, most: int, seed: int = 0) -> Picked:
    """Rows that keep `where` and that the change changes, at most so many, picked by chance; raises `NotMeasured`."""
    with _table(file) as (database, columns):
        if missing := [name for name in change if name not in columns]:
            raise NotMeasured(f"the sample has no column '{missing[0]}'")
        listed = ", ".join(f"({told}\n) AS v{place}" for place, told in enumerate(change.values()))
        differ = " OR ".join(f"v{place} IS DISTINCT FROM {column(name)}" for place, name in enumerate(change))
        query = (
            f"SELECT {column(_ROW)}, {', '.join(f'v{place}' for place in range(len(change)))} "
            f"FROM (SELECT *, {listed} FROM rows WHERE ({where or 'true'}\n)) WHERE {differ} "
            f"ORDER BY hash({column(_ROW)} + {seed}), {column(_ROW)} LIMIT {most}"
        )
        found = database.execute(query).fetchall()
    values = list(zip(*found, strict=True)) or [()] * (len(change) + 1)
    return Picked(
        [number - 1 for number in values[0]],
        {name: [_plain(each) for each in given] for name, given in zip(change, values[1:], strict=True)},
    )


def by_noise(
    file: str,
    names: Sequence[str],
    without: Sequence[str],
    label: str,
    *,
    size: float,
    most: int,
    seed: int = 0,
) -> Picked:
    """Rows picked by chance, in whose numbers there is noise: normal, of `size` standard deviations of the column, in
    these columns, or in all that hold numbers and are not `without`. Whole numbers stay whole. Raises `NotMeasured`."""
    with _table(file) as (database, columns):
        chosen = list(names) or [each for each in columns if is_number(columns[each]) and each not in without]
        if missing := [name for name in (*chosen, label) if name not in columns]:
            raise NotMeasured(f"the sample has no column '{missing[0]}'")
        if not chosen or (texts := [name for name in chosen if not is_number(columns[name])]):
            what = (
                f"column '{texts[0]}' holds no numbers" if chosen else "the sample has no column of numbers"
            )
            raise NotMeasured(what)
        spread = ", ".join(f"stddev_samp({column(name)}::DOUBLE)" for name in chosen)
        deviations = database.execute(f"SELECT {spread} FROM rows").fetchone() or ()
        listed = ", ".join(f"{column(name)}::DOUBLE AS v{place}" for place, name in enumerate(chosen))
        found = database.execute(
            f"SELECT {column(_ROW)} AS r, {column(label)} AS y, {listed} FROM rows "
            f"WHERE {column(label)} IS NOT NULL ORDER BY hash({column(_ROW)} + {seed}), {column(_ROW)} LIMIT {most}"
        ).fetchnumpy()
    chance = np.random.default_rng(seed)
    noisy: dict[str, list[Any]] = {}
    for place, name in enumerate(chosen):
        values = np.ma.filled(found[f"v{place}"].astype(np.float64), np.nan)
        moved = values + chance.normal(size=len(values)) * size * (deviations[place] or 0.0)
        whole = "INT" in columns[name]
        noisy[name] = [None if np.isnan(each) else round(each) if whole else each for each in moved.tolist()]
    return Picked([int(each) - 1 for each in found["r"]], noisy, np.asarray(found["y"]))


@contextmanager
def _table(file: str) -> "Iterator[tuple[DuckDBPyConnection, dict[str, str]]]":
    """A database with the table as `rows`, and its columns with their types; raises `NotMeasured`."""
    import duckdb

    kind, name = table_kind(file), os.path.basename(file)
    if kind is None:
        raise NotMeasured(f"'{name}' is no table that can be read")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with connection([file], scratch) as database:
                columns = dict(load(database, "t", file, kind))
                named = ", ".join(f"c{place} AS {column(each)}" for place, each in enumerate(columns))
                database.execute(f"CREATE VIEW rows AS SELECT {named}, n AS {column(_ROW)} FROM t")
                yield database, columns
        except (duckdb.Error, OSError, EOFError) as error:
            told = str(error).strip().partition("\n")[0]
            raise NotMeasured(f"'{name}' can't be read so: {told}") from None


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, int | float | str | None) else str(value)
