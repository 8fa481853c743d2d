"""Columns of two tables counted in the same bins, to be drawn over each other."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

from msgspec.structs import replace

from outdo.core.charthistogram import Histogram
from outdo.core.probes import Kinds, column, is_number
from outdo.run.loading import open_table
from outdo.run.scan import connection
from outdo.run.sources import Unreadable, reached, source_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BINS = 30
_VIEWS = ("now", "before")
NAMES = 12
"""Values of a column of texts that have a bar of their own."""


def histograms(
    now: str, before: str, columns: Mapping[str, Sequence[str]], whose: tuple[str, str]
) -> list[Histogram]:
    """The distributions of columns of two tables at absolute paths, each with notes; `whose` are the names that the
    tables are told by. A table that can't be read has none."""
    import duckdb

    with tempfile.TemporaryDirectory() as room:
        try:
            sources = [source_of(path) for path in (now, before)]
            copies = [os.path.join(room, f"raw_{view}.csv") for view in _VIEWS]
            files = [file for source in sources for file in reached(source)]
            with connection([*files, *copies], room, trusting=False) as database:
                sides = [
                    open_table(database, view, source, room).kinds
                    for view, source in zip(_VIEWS, sources, strict=True)
                ]
                found = _drawn(database, sides, list(columns), whose)
                return [replace(each, notes=tuple(columns[each.title])) for each in found]
        except (duckdb.Error, OSError, EOFError, Unreadable):
            return []


def _drawn(
    database: "DuckDBPyConnection", sides: Sequence[Kinds], columns: Sequence[str], whose: tuple[str, str]
) -> Iterator[Histogram]:
    for name in columns:
        kinds = [side[name] for side in sides if name in side]
        if len(kinds) < len(sides):
            continue
        if all(map(is_number, kinds)):
            whole = all(kind.endswith(("INT", "INTEGER")) for kind in kinds)
            yield from _numbers(database, name, whose, whole=whole)
        else:
            yield _texts(database, name, whose)


def _numbers(
    database: "DuckDBPyConnection", name: str, whose: tuple[str, str], *, whole: bool
) -> Iterator[Histogram]:
    """Bins of equal width from the lowest thousandth to the highest, where all that lies beyond is counted too; as many
    whole numbers in each."""
    ends: list[float] = []
    value = f"{column(name)}::DOUBLE"
    for view in _VIEWS:
        row = database.execute(
            f"SELECT quantile_cont({value}, [0.001, 0.999]) FROM {view} WHERE isfinite({value})"
        ).fetchone()
        ends += row[0] if row and row[0] else []
    if not ends or not all(map(isfinite, ends)):
        return
    low, high, count = min(ends), max(ends), BINS
    width = (high - low) / count or 1.0
    if whole:
        low, width = floor(low) - 0.5, max(1, ceil((high - low + 1) / BINS))
        count = ceil((high + 0.5 - low) / width)
    shares = []
    for view in _VIEWS:
        bin_ = f"least(greatest(floor(({value} - {low!r}) / {width!r}), 0), {count - 1})::INTEGER"
        shares.append(
            _shares(database, f"SELECT {bin_}, count(*) FROM {view} WHERE isfinite({value}) GROUP BY 1")
        )
    edges = tuple(low + width * place for place in range(count + 1))
    now, before = (tuple(side.get(place, 0.0) for place in range(count)) for side in shares)
    yield Histogram(name, name, now, before, edges, (), *whose)


def _texts(database: "DuckDBPyConnection", name: str, whose: tuple[str, str]) -> Histogram:
    """A bar for each of the values that are most frequent, and one for all others."""
    now, before = (
        _shares(
            database, f"SELECT coalesce({column(name)}::VARCHAR, 'null'), count(*) FROM {view} GROUP BY 1"
        )
        for view in _VIEWS
    )
    names = sorted({*now, *before}, key=lambda each: (-max(now.get(each, 0), before.get(each, 0)), str(each)))
    shown, rest = names[:NAMES], names[NAMES:]
    sides = [[side.get(each, 0.0) for each in shown] for side in (now, before)]
    if rest:
        sides = [
            [*side, sum(all_.get(each, 0.0) for each in rest)]
            for side, all_ in zip(sides, (now, before), strict=True)
        ]
    labels = tuple(map(str, shown)) + ((f"{len(rest):,} more",) if rest else ())
    return Histogram(name, name, tuple(sides[0]), tuple(sides[1]), (), labels, *whose)


def _shares(database: "DuckDBPyConnection", query: str) -> dict[object, float]:
    counts = dict(database.execute(query).fetchall())
    total = sum(counts.values()) or 1
    return {key: count / total for key, count in counts.items()}
