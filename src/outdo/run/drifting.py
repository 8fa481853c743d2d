"""How far the columns of a table have moved from those of another: bins from the reference, counted on both sides."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.drift import BINNED, ORDERED, aligned
from outdo.core.gate import within
from outdo.core.probes import TABLE, Kinds, Other, column, is_number
from outdo.core.rules import Asserted, Drift
from outdo.core.verdict import Evidence, Verdict

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BINS = 10
"""Bins of a column of numbers, with as many rows of the reference in each; those without a value are one more."""
_NO_ROWS = "there are no rows to compare"
_VALUES = 10_000
"""Different values of a column of others, up to which it is compared."""


def drift(
    database: "DuckDBPyConnection", asserted: Asserted, check: Drift, kinds: Kinds, other: Other | Verdict
) -> list[Verdict]:
    """A verdict for each column and distance that the check bounds; `other` is the verdict where nothing is there."""
    level = asserted.level
    if isinstance(other, Verdict):
        return [replace(other, level=level)]
    names = check.columns or tuple(name for name in kinds if name in other.kinds)
    if not names:
        return [Verdict("drift", "not_evaluated", f"{check.against} has no column of the table", level=level)]
    where = f"({asserted.where})" if asserted.where else "true"
    found: list[Verdict] = []
    for name in names:
        if name not in kinds or name not in other.kinds:
            side = "the table" if name not in kinds else check.against
            reason = f"{side} has no column '{name}'"
            found.append(Verdict(f"drift {name}", "not_evaluated", reason))
            continue
        sides = _Sides(
            database, name, other.view, where, is_number(kinds[name]) and is_number(other.kinds[name])
        )
        found += _column(sides, check, kinds[name].lower())
    return [replace(verdict, level=level) for verdict in found]


class _Sides(Struct, frozen=True):
    """One column of the reference and of the table."""

    database: Any
    name: str
    before: str
    where: str
    number: bool

    def __iter__(self) -> Iterator[str]:
        """What is selected from, the reference first."""
        yield from (self.before, f"{TABLE} WHERE {self.where}")


def _column(sides: _Sides, check: Drift, kind: str) -> Iterator[Verdict]:
    bounds = {word: bound for word in (*BINNED, *ORDERED) if (bound := getattr(check, word)) is not None}
    if (
        not sides.number and not check.columns
    ):  # asked of all columns, these are meant for those with an order
        bounds = {word: bound for word, bound in bounds.items() if word not in ORDERED}
    binned = _binned(sides) if bounds.keys() & BINNED.keys() else ""
    ordered = (
        _ordered(sides) if sides.number and bounds.keys() & set(ORDERED) else f"it is {kind}, not a number"
    )
    for word, bound in bounds.items():
        title = f"drift {word} {sides.name}"
        counts = binned if word in BINNED else ordered
        if isinstance(counts, str):
            yield Verdict(title, "not_evaluated", counts)
            continue
        if isinstance(counts, _Ordered):
            value, rows = getattr(counts, word), counts.rows
        else:
            value, rows = BINNED[word](*counts), int(sum(counts[1]))
        p = value if word == "chi2" else None
        evidence = Evidence(rows=rows, method=word, compared=check.against, p=p)
        yield within(title, value, bound, evidence=evidence)


class _Ordered(Struct, frozen=True):
    """How far the distributions of two columns of numbers lie apart, by each of their values."""

    ks: float
    wasserstein: float
    rows: int


def _ordered(sides: _Sides) -> _Ordered | str:
    """By the shares of rows up to each value; NaN is none."""
    value = f"{column(sides.name)}::DOUBLE"
    some = f"SELECT {value} AS v, {{}} AS l, {{}} AS r FROM {{}}"
    before, now = sides
    both = (
        f"SELECT * FROM ({some.format(1, 0, before)} UNION ALL {some.format(0, 1, now)}) WHERE NOT isnan(v)"
    )
    [left, right] = _one(
        sides.database, f"SELECT count(*) FILTER (l = 1), count(*) FILTER (r = 1) FROM ({both})"
    )
    if not left or not right:
        return _NO_ROWS
    counted = f"SELECT v, sum(l) AS l, sum(r) AS r FROM ({both}) GROUP BY v"
    grown = f"SELECT sum(l) OVER w / {left} - sum(r) OVER w / {right} AS apart, lead(v) OVER (ORDER BY v) - v AS gap"
    window = "WINDOW w AS (ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    query = f"SELECT max(abs(apart)), sum(abs(apart) * gap) FROM ({grown} FROM ({counted}) {window})"
    [ks, wasserstein] = _one(sides.database, query)
    return _Ordered(float(ks), float(wasserstein or 0.0), int(right))


def _binned(sides: _Sides) -> tuple[list[float], list[float]] | str:
    """Rows of the reference and of the table in each bin; or why they can't be told."""
    what = column(sides.name)
    bins = _bins(sides.database, what, sides.before) if sides.number else f"coalesce({what}::VARCHAR, '')"
    query = f"SELECT ({bins})::VARCHAR, count(*) FROM {{}} GROUP BY 1 LIMIT {_VALUES + 1}"
    before, now = (dict(sides.database.execute(query.format(side)).fetchall()) for side in sides)
    if max(len(before), len(now)) > _VALUES:
        return f"it has more than {_VALUES:,} values"
    return aligned(before, now) if before and now else _NO_ROWS


def _one(database: "DuckDBPyConnection", query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = database.execute(query).fetchone()
    assert row is not None
    return row


def _bins(database: "DuckDBPyConnection", what: str, before: str) -> str:
    """The number of a value's bin in SQL: how many edges it is above; that of no value is -1."""
    cuts = ", ".join(repr(place / BINS) for place in range(1, BINS))
    row = database.execute(
        f"SELECT quantile_cont({what}::DOUBLE, [{cuts}]) FROM {before} WHERE isfinite({what}::DOUBLE)"
    ).fetchone()
    edges = sorted(set(row[0])) if row and row[0] else []
    above = " + ".join(f"({what} > {edge!r})::INTEGER" for edge in edges) or "0"
    return f"CASE WHEN {what} IS NULL OR isnan({what}::DOUBLE) THEN -1 ELSE {above} END"
