"""How far the columns of a table have moved from those of another: bins from the reference, counted on both sides."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from outdo.core.drift import DISTANCES, aligned
from outdo.core.gate import within
from outdo.core.probes import TABLE, Kinds, Other, column, is_number
from outdo.core.rules import Asserted, Drift
from outdo.core.verdict import Evidence, Verdict

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BINS = 10
"""Bins of a column of numbers, with as many rows of the reference in each; those without a value are one more."""
_VALUES = 10_000
"""Different values of a column of others, up to which it is compared."""


def drift(
    database: "DuckDBPyConnection", asserted: Asserted, check: Drift, kinds: Kinds, other: Other | None
) -> list[Verdict]:
    """A verdict for each column and distance that the check bounds."""
    level = asserted.level
    if other is None:
        what = (
            "there is no data of a champion yet"
            if check.against == "champion"
            else f"{check.against} can't be read"
        )
        return [Verdict("drift", "not_evaluated", what, level=level)]
    names = check.columns or tuple(name for name in kinds if name in other.kinds)
    if not names:
        return [Verdict("drift", "not_evaluated", f"{check.against} has no column of the table", level=level)]
    where = f"({asserted.where})" if asserted.where else "true"
    found: list[Verdict] = []
    for name in names:
        if name not in kinds or name not in other.kinds:
            side = "the table" if name not in kinds else check.against
            found.append(
                Verdict(f"drift {name}", "not_evaluated", f"{side} has no column '{name}'", level=level)
            )
            continue
        found += _column(database, name, check, (f"{TABLE} WHERE {where}", other.view), level, kinds)
    return found


def _column(
    database: "DuckDBPyConnection", name: str, check: Drift, sides: tuple[str, str], level: Any, kinds: Kinds
) -> Iterator[Verdict]:
    number = is_number(kinds[name])
    bounds = {word: bound for word in DISTANCES if (bound := getattr(check, word)) is not None}
    if not number and not check.columns:
        bounds.pop(
            "ks", None
        )  # it needs an order; asked for all columns, it is meant for those that have one
    counted: dict[bool, tuple[list[float], list[float]] | str] = {}
    for word, bound in bounds.items():
        title, exact = f"drift {word} {name}", word == "ks"
        if exact and not number:
            reason = f"it is {kinds[name].lower()}, and ks needs numbers"
            yield Verdict(title, "not_evaluated", reason, level=level)
            continue
        if exact not in counted:
            counted[exact] = _counts(database, name, sides, number=number, exact=exact)
        counts = counted[exact]
        if isinstance(counts, str):
            yield Verdict(title, "not_evaluated", counts, level=level)
            continue
        evidence = Evidence(rows=int(sum(counts[1])), method=word, compared=check.against)
        judged = within(title, DISTANCES[word](*counts), bound, evidence=evidence)
        yield Verdict(title, judged.outcome, judged.reason, judged.evidence, level)


def _counts(
    database: "DuckDBPyConnection", name: str, sides: tuple[str, str], *, number: bool, exact: bool
) -> tuple[list[float], list[float]] | str:
    """Rows of the reference and of the table in each bin; or why they can't be told."""
    now, before = sides
    what = column(name)
    if exact:
        values = f"SELECT {what} AS v, {{}} AS l, {{}} AS r FROM {{}}"
        both = f"{values.format(1, 0, before)} UNION ALL {values.format(0, 1, now)}"
        rows = database.execute(
            f"SELECT sum(l), sum(r) FROM ({both}) WHERE v IS NOT NULL GROUP BY v ORDER BY v"
        ).fetchall()
        found = [float(row[0]) for row in rows], [float(row[1]) for row in rows]
    else:
        bins = _bins(database, what, before) if number else f"coalesce({what}::VARCHAR, '')"
        maps = [
            dict(
                database.execute(
                    f"SELECT ({bins})::VARCHAR, count(*) FROM {side} GROUP BY 1 LIMIT {_VALUES + 1}"
                ).fetchall()
            )
            for side in (before, now)
        ]
        if max(map(len, maps)) > _VALUES:
            return f"it has more than {_VALUES:,} values"
        found = aligned(maps[0], maps[1])
    return "there are no rows to compare" if not all(sum(side) for side in found) else found


def _bins(database: "DuckDBPyConnection", what: str, before: str) -> str:
    """The number of a value's bin in SQL: how many edges it is above; that of no value is -1."""
    cuts = ", ".join(repr(place / BINS) for place in range(1, BINS))
    row = database.execute(
        f"SELECT quantile_cont({what}::DOUBLE, [{cuts}]) FROM {before} WHERE isfinite({what}::DOUBLE)"
    ).fetchone()
    edges = sorted(set(row[0])) if row and row[0] else []
    above = " + ".join(f"({what} > {edge!r})::INTEGER" for edge in edges) or "0"
    return f"CASE WHEN {what} IS NULL OR isnan({what}::DOUBLE) THEN -1 ELSE {above} END"
