"""Training and test data beside each other, in DuckDB: what they share, and which column tells the label alone."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from outdo.core.leaks import Leaks, Overlap, of_each
from outdo.core.modelgates import Leakage
from outdo.core.probes import column, is_number
from outdo.core.tablekind import table_kind
from outdo.run.scan import connection, load

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = 20
_ROW = "outdo's row"


class Tables(Struct, frozen=True):
    """The files, and which columns are no features."""

    train: str
    test: str
    label: str
    key: tuple[str, ...] = ()


def find_leaks(gate: Leakage, files: Tables) -> Leaks | str:
    """What leaks, or why that can't be told of these files at all."""
    import duckdb

    paths = [path for path in (files.train, files.test) if path]
    for path in paths:
        if table_kind(path) is None or not os.path.isfile(path):
            return f"'{os.path.basename(path)}' is no table that is here"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with connection(paths, scratch) as database:
                train = _view(database, "train", files.train)
                test = _view(database, "test", files.test) if files.test else {}
                return _found(database, gate, files, train, test)
        except (duckdb.Error, OSError, EOFError) as error:
            return f"the data can't be read: {str(error).strip().partition(chr(10))[0]}"


def _found(
    database: "DuckDBPyConnection",
    gate: Leakage,
    files: Tables,
    train: Mapping[str, str],
    test: Mapping[str, str],
) -> Leaks:
    [rows] = _one(database, "SELECT count(*) FROM train")
    shared: Overlap | str | None = None
    if files.test and gate.duplicates is not None:
        common = of_each([name for name in train if name in test], files.key)
        shared = _overlap(database, common) if common else "they have no column in common"
    late, last = _late(database, gate.time, train, test) if files.test and gate.time else (None, "")
    entities: Overlap | str | None = None
    if files.test and gate.entities:
        missing = [name for name in gate.entities if name not in train or name not in test]
        entities = f"there is no column '{missing[0]}'" if missing else _overlap(database, gate.entities)
    without = (files.label, *files.key, *gate.ignore)
    return Leaks(_alone(database, train, files.label, without), int(rows), shared, entities, late, last)


def _view(database: "DuckDBPyConnection", name: str, file: str) -> dict[str, str]:
    kind = table_kind(file)
    assert kind is not None
    columns = dict(load(database, f"{name}_file", file, kind))
    named = ", ".join(f"c{place} AS {column(each)}" for place, each in enumerate(columns))
    database.execute(f"CREATE VIEW {name} AS SELECT {named}, n AS {column(_ROW)} FROM {name}_file")
    return columns


def _one(database: "DuckDBPyConnection", query: str) -> tuple[Any, ...]:
    found = database.execute(query).fetchone()
    assert found is not None
    return tuple(found)


# -------------------------------------------------------------------- what both have


def _overlap(database: "DuckDBPyConnection", names: Sequence[str]) -> Overlap:
    """The rows of the test data whose values, in these columns, are those of some row of training; a missing value is
    like another, but a row of nothing is nobody."""
    listed = ", ".join(map(column, names))
    same = " AND ".join(f"a.{column(name)} IS NOT DISTINCT FROM b.{column(name)}" for name in names)
    known = " OR ".join(f"a.{column(name)} IS NOT NULL" for name in names)
    query = (
        f"FROM test AS a WHERE ({known}) AND EXISTS "
        f"(FROM (SELECT DISTINCT {listed} FROM train) AS b WHERE {same})"
    )
    [count], [among] = _one(database, f"SELECT count(*) {query}"), _one(database, "SELECT count(*) FROM test")
    examples = database.execute(
        f"SELECT a.{column(_ROW)} {query} ORDER BY 1 LIMIT {_SHOWN}" if count else "SELECT 1 WHERE false"
    ).fetchall()
    return Overlap(int(count), int(among), tuple(f"row {row:,}" for (row,) in examples))


def _late(
    database: "DuckDBPyConnection", time: str, train: Mapping[str, str], test: Mapping[str, str]
) -> tuple[Overlap | str, str]:
    if time not in train or time not in test:
        return f"there is no column '{time}'", ""
    name = column(time)
    [last] = _one(database, f"SELECT max({name}) FROM train")
    if last is None:
        return f"'{time}' has no value in the training data", ""
    [count, among] = _one(
        database, f"SELECT count(*) FILTER ({name} <= (SELECT max({name}) FROM train)), count(*) FROM test"
    )
    return Overlap(int(count), int(among)), str(last)


# -------------------------------------------------------------------- what tells the label


def _alone(
    database: "DuckDBPyConnection", columns: Mapping[str, str], label: str, without: Sequence[str]
) -> dict[str, float] | str:
    """The area under the ROC curve of each column by itself. Numbers and times count by their order; texts by how often
    the label is true beside them in the other half of the rows, as each of many rare texts would tell its own row."""
    if label not in columns:
        return (
            f"the training data have no column '{label}'"
            if label
            else "which column is the label is not known"
        )
    true = _truth(database, columns, label)
    if true is None:
        return f"the label '{label}' is always the same"
    database.execute(
        f"CREATE TEMP TABLE told AS SELECT *, ({true}) AS {column(_ROW + ' y')}, "
        f"hash({column(_ROW)}) % 2 AS {column(_ROW + ' half')} FROM train WHERE {column(label)} IS NOT NULL"
    )
    found = {}
    for name in of_each(list(columns), without):
        ordered = is_number(columns[name]) or columns[name].startswith(("DATE", "TIME"))
        area = _area(database, column(name) if ordered else None, name)
        if area is not None:
            found[name] = max(area, 1 - area)
    return found


def _truth(database: "DuckDBPyConnection", columns: Mapping[str, str], label: str) -> str | None:
    """The label as true or false, in SQL: the higher of two values, above the median of many numbers, the commonest of
    several texts."""
    name = column(label)
    found = database.execute(f"SELECT DISTINCT {name} FROM train WHERE {name} IS NOT NULL LIMIT 3").fetchall()
    if len(found) < 2:
        return None
    if len(found) == 2:
        return f"{name} = (SELECT max({name}) FROM train)"
    if is_number(columns[label]):
        return f"{name} > (SELECT median({name}) FROM train)"
    return f"{name} = (SELECT mode({name}) FROM train)"


def _area(database: "DuckDBPyConnection", value: str | None, name: str) -> float | None:
    y, half = column(_ROW + " y"), column(_ROW + " half")
    source = f"SELECT {value} AS v, {y} AS y FROM told"
    if value is None:
        means = f"SELECT {column(name)} AS k, {half} AS h, avg({y}::INT) AS m FROM told GROUP BY ALL"
        source = (
            f"SELECT coalesce(m.m, (SELECT avg({y}::INT) FROM told)) AS v, t.{y} AS y FROM told AS t "
            f"LEFT JOIN ({means}) AS m ON m.k IS NOT DISTINCT FROM t.{column(name)} AND m.h <> t.{half}"
        )
    found = database.execute(
        "WITH counted AS (SELECT v, count(*) FILTER (y)::DOUBLE AS p, count(*) FILTER (NOT y)::DOUBLE AS q "
        f"FROM ({source}) GROUP BY v), "
        "summed AS (SELECT p, q, sum(q) OVER (ORDER BY v NULLS FIRST) AS below FROM counted) "
        "SELECT sum(p * (below - q / 2)) / nullif(sum(p) * sum(q), 0) FROM summed"
    ).fetchone()
    return None if found is None or found[0] is None else float(found[0])
