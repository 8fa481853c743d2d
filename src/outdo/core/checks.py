"""Checks of a table to what one query asks of it, and what that answers to verdicts.

All checks of a file become aggregates of one SELECT. Each counts the rows that a check is about and those it did not
expect, so that a check of nothing is told from one that passed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from outdo.core import rules
from outdo.core.gate import short, within
from outdo.core.kinds import Scalar
from outdo.core.probes import (
    FLOATS,
    KINDS,
    ROW,
    TABLE,
    TIMES,
    Apart,
    Kinds,
    Other,
    Probe,
    column,
    is_number,
    literal,
)
from outdo.core.rules import Asserted
from outdo.core.verdict import NOTHING, Evidence, Verdict
from outdo.core.written import Duration, NumberBound, Pattern

_NO_ROWS = "there are no such rows"
_SHOWN = 4
"""Columns of a row that are shown where all of them are compared."""
_FEW = 64
"""Texts up to which a list of them is looked through; of a column whose file lists its values, once for each."""


def others(check: rules.Check) -> str | None:
    """The path of the other file that a check speaks of."""
    match check:
        case rules.Disjoint(source) | rules.Exists(_, source):
            return source
        case rules.Drift(against) if reference(check) is None:
            return against
        case _:
            return None


def reference(check: rules.Check) -> str | None:
    """What a check is held against that is not in the workspace: `champion`, `run:12` or `object:ab12…`."""
    against = check.against if isinstance(check, rules.Drift) else ""
    return against if against == "champion" or against.startswith(("run:", "object:")) else None


def compiled(
    asserted: Asserted, kinds: Kinds, *, now: float, other: Other | None = None
) -> list[Probe | Verdict]:
    """What a check asks of a table with these columns; verdicts where the columns alone decide.

    `now` is in seconds since 1970, `other` the other table that the check speaks of, where it is one that can be read.
    """
    return _Compiling(asserted, kinds, now, other).parts()


class _Compiling:
    def __init__(self, asserted: Asserted, kinds: Kinds, now: float, other: Other | None) -> None:
        self.asserted = asserted
        self.kinds = kinds
        self.now = now
        self.other = other
        self.scope = f"({asserted.where})" if asserted.where else "true"

    def parts(self) -> list[Probe | Verdict]:
        match self.asserted.check:
            case rules.Rows(count):
                return [self._number("rows", f"count(*){self._only()}", count)]
            case rules.HasColumns(columns):
                return [self._has(name) for name in columns]
            case rules.ExactColumns(columns):
                return [self._exactly(columns)]
            case rules.OnlyColumns(columns):
                return [self._only_these(columns)]
            case rules.Dtype(wanted):
                return self._each("dtype", wanted, self._dtype)
            case rules.NotNull(columns):
                return self._each("not_null", dict.fromkeys(columns), self._not_null)
            case rules.Between(ranges):
                return self._each("between", ranges, self._between)
            case rules.OneOf(values):
                return self._each("one_of", values, self._one_of)
            case rules.Matches(patterns):
                return self._each("matches", patterns, self._matches)
            case rules.Length(ranges):
                return self._each("length", ranges, self._length)
            case rules.Monotonic(ways):
                return self._each("monotonic", ways, self._monotonic)
            case rules.NullShare(bounds):
                return self._each("null_share", bounds, self._null_share)
            case rules.Distinct(bounds):
                return self._each("distinct", bounds, self._distinct)
            case rules.Fresh(ages):
                return self._each("fresh", ages, self._fresh)
            case rules.Statistic(name, kind, bound, at):
                return [self._known(name, kind, lambda: self._statistic(name, kind, bound, at))]
            case _:
                return [self._whole(self.asserted.check)]

    def _whole(self, check: rules.Check) -> Probe | Verdict:
        """What rows are asked together, or beside another table."""
        match check:
            case rules.Unique(columns):
                return self._unique(f"unique {', '.join(columns)}", columns)
            case rules.NoDuplicates(but):
                return self._unique(
                    "no_duplicates", [name for name in self.kinds if name not in but], nulls=True
                )
            case rules.Sql(condition):
                return self._rows("sql", condition, (), wanted=condition)
            case rules.Exists(name, source, theirs):
                return self._known(name, "exists", lambda: self._exists(name, source, theirs or name))
            case rules.Disjoint(source, on):
                return self._disjoint(source, (on,) if isinstance(on, str) else on)
            case rules.Schema(path):
                return self._unfit(f"schema {path}", f"{path} can't be read")
            case rules.Expectations(path):
                return self._unfit(f"expectations {path}", "nobody has read the suite")
            case _:
                raise AssertionError(check)

    # ---------------------------------------------------------------- what the columns alone decide

    def _verdict(self, name: str, passed: bool, reason: str, evidence: Evidence = NOTHING) -> Verdict:
        return Verdict(name, "passed" if passed else "failed", reason, evidence, self.asserted.level)

    def _each(
        self, word: str, wanted: Mapping[str, Any], make: Callable[[str, Any], Probe | Verdict]
    ) -> list[Probe | Verdict]:
        """One part for each column; one that is not there was not evaluated."""
        return [self._known(name, word, partial(make, name, each)) for name, each in wanted.items()]

    def _known(self, name: str, word: str, make: Callable[[], Probe | Verdict]) -> Probe | Verdict:
        if name in self.kinds:
            return make()
        return self._unfit(f"{word} {name}", f"there is no column '{name}'")

    def _unfit(self, name: str, reason: str, evidence: Evidence = NOTHING) -> Verdict:
        return Verdict(name, "not_evaluated", reason, evidence, self.asserted.level)

    def _has(self, name: str) -> Verdict:
        there = name in self.kinds
        return self._verdict(
            f"columns {name}", there, "it is there" if there else f"there is no column '{name}'"
        )

    def _exactly(self, wanted: Sequence[str]) -> Verdict:
        found = list(self.kinds)
        if found == list(wanted):
            return self._verdict("exact_columns", True, f"they are the {len(found)} columns")
        missing, extra = [n for n in wanted if n not in found], [n for n in found if n not in wanted]
        said = [f"{', '.join(missing)} missing"] if missing else []
        said += [f"{', '.join(extra)} not expected"] if extra else []
        return self._verdict(
            "exact_columns", False, "; ".join(said) or f"in another order: {', '.join(found)}"
        )

    def _only_these(self, wanted: Sequence[str]) -> Verdict:
        extra = [name for name in self.kinds if name not in wanted]
        told = f"{', '.join(extra)} not expected" if extra else f"none but these {len(wanted)}"
        return self._verdict("only_columns", not extra, told)

    def _dtype(self, name: str, wanted: str) -> Verdict:
        kind = self.kinds[name]
        return self._verdict(f"dtype {name}", KINDS[wanted](kind), f"it is {kind.lower()}, wanted {wanted}")

    # ---------------------------------------------------------------- what is asked of each row

    def _only(self, about: str = "") -> str:
        """What limits an aggregate to the rows that are judged."""
        limits = [f"({each})" for each in (self.asserted.where, about) if each]
        return f" FILTER ({' AND '.join(limits)})" if limits else ""

    def _rows(
        self, name: str, kept: str, shows: tuple[str, ...], *, wanted: str, of: str = "", about: str = ""
    ) -> Probe:
        """A condition that rows keep: each that has a value `of` a column, and is one of those `about`.

        A row for which it is neither true nor false is not counted; of a value that is there it is one of the two."""
        limits, only = [self.scope, f"({kept}) IS NOT NULL", *([about] if about else [])], self._only(about)
        asks = (f"count({column(of) if of else '*'}){only}", f"count_if(NOT ({kept})){only}")

        def judge(values: Sequence[Any]) -> Verdict:
            rows, bad = int(values[0]), int(values[1] or 0)
            evidence = Evidence(rows=rows, unexpected=bad, bound=wanted, value=bad / rows if rows else None)
            if not rows:
                return self._unfit(name, _NO_ROWS, evidence)
            if self._tolerated(rows, bad):
                told = f"all {rows:,} rows" if not bad else f"all but {bad:,} of {rows:,} rows"
                return self._verdict(name, True, f"{told}: {wanted}", evidence)
            reason = f"{bad:,} of {rows:,} rows ({100 * bad / rows:.3g} %) are not: {wanted}"
            return self._verdict(name, False, reason, evidence)

        return Probe(
            name, asks, judge, f"{' AND '.join(limits)} AND NOT ({kept})", shows, self.asserted.level
        )

    def _tolerated(self, rows: int, bad: int) -> bool:
        """Whether enough rows are as expected. The share is divided out, as `mostly` is the double next to a share."""
        return (rows - bad) / rows >= self.asserted.mostly

    def _present(self, name: str) -> str:
        """Whether a row has a value: NaN is none."""
        known = f"{column(name)} IS NOT NULL"
        return f"{known} AND NOT isnan({column(name)})" if self.kinds[name] in FLOATS else known

    def _not_null(self, name: str, _: None) -> Probe:
        """Counted by those that are there, which costs less than to look at each."""
        probe = self._rows(f"not_null {name}", self._present(name), (name,), wanted="a value")

        def judge(values: Sequence[Any]) -> Verdict:
            rows, there, *nans = (int(each or 0) for each in values)
            return probe.judge((rows, rows - there + sum(nans)))

        only = self._only()
        asks = (f"count(*){only}", f"count({column(name)}){only}", *self._nans(name))
        return replace(probe, asks=asks, judge=judge)

    def _between(self, name: str, span: rules.Range) -> Probe | Verdict:
        title, ends = f"between {name}", [end for end in (span.low, span.high) if end is not None]
        numbers = all(not isinstance(end, str) for end in ends)
        kind = self.kinds[name]
        if numbers != is_number(kind) or not (numbers or kind == "VARCHAR" or kind in TIMES):
            return self._unfit(
                title, f"it is {kind.lower()}, and its range is of {'numbers' if numbers else 'texts'}"
            )
        kept = _inside(column(name), span, f"::{kind}" if kind in TIMES else "")
        if kind in FLOATS and span.high is None:
            kept += f" AND NOT isnan({column(name)})"  # which is the greatest number there is
        return self._rows(title, kept, (name,), of=name, wanted=_span(span))

    def _one_of(self, name: str, values: Sequence[Scalar]) -> Probe:
        number = is_number(self.kinds[name]) and all(
            isinstance(each, int | float) and not isinstance(each, bool) for each in values
        )
        what = column(name) if number else f"{column(name)}::VARCHAR"
        listed = ", ".join(literal(each if number else _text(each)) for each in values)
        few = not number and len(values) <= _FEW
        kept = f"list_contains([{listed}], {what})" if few else f"{what} IN ({listed})"
        shown = ", ".join(map(_text, values[:6])) + (
            f" and {len(values) - 6} more" if len(values) > 6 else ""
        )
        return self._rows(f"one_of {name}", kept, (name,), of=name, wanted=f"one of {shown}")

    def _matches(self, name: str, wanted: Pattern) -> Probe:
        pattern = wanted.regex
        kept = f"regexp_full_match({column(name)}::VARCHAR, {literal(pattern)})"
        return self._rows(f"matches {name}", kept, (name,), of=name, wanted=f"matches {pattern}")

    def _length(self, name: str, span: rules.Range) -> Probe | Verdict:
        if self.kinds[name] != "VARCHAR":
            return self._unfit(f"length {name}", f"it is {self.kinds[name].lower()}, not text")
        kept, wanted = _inside(f"length({column(name)})", span), f"{_span(span)} characters"
        return self._rows(f"length {name}", kept, (name,), of=name, wanted=wanted)

    # ---------------------------------------------------------------- what is asked of all rows together

    def _distinct(self, name: str, bound: NumberBound) -> Probe:
        scope = f"{self.scope} AND {column(name)} IS NOT NULL"
        return replace(
            self._number(f"distinct {name}", "", bound), asks=(), apart=Apart((name,), scope, most=False)
        )

    def _unique(self, title: str, columns: Sequence[str], *, nulls: bool = False) -> Probe | Verdict:
        if missing := [name for name in columns if name not in self.kinds]:
            return self._unfit(title, f"there is no column '{missing[0]}'")
        if not columns:
            return self._unfit(title, "no column is left to compare")
        names = [column(name) for name in columns]
        key = names[0] if len(names) == 1 else f"row({', '.join(names)})"
        some = "true" if nulls and len(names) > 1 else " AND ".join(f"{name} IS NOT NULL" for name in names)
        scope = f"{self.scope} AND {some}"
        asks = (f"count({names[0]}){self._only()}" if len(names) == 1 else f"count(*) FILTER ({scope})",)

        def judge(values: Sequence[Any]) -> Verdict:
            rows, apart = int(values[0]), int(values[1])
            again = rows - apart
            evidence = Evidence(rows=rows, unexpected=again)
            if not rows:
                return self._unfit(title, _NO_ROWS, evidence)
            if self._tolerated(rows, again):
                return self._verdict(title, True, f"{apart:,} of {rows:,} rows differ", evidence)
            return self._verdict(title, False, f"{again:,} of {rows:,} rows repeat another", evidence)

        repeated = f"{scope} AND {key} IN (SELECT {key} FROM {TABLE} WHERE {scope} GROUP BY {key} HAVING count(*) > 1)"
        apart = Apart(tuple(columns), scope, most=True)
        return Probe(title, asks, judge, repeated, tuple(columns), self.asserted.level, apart=apart)

    def _number(self, name: str, aggregate: str, bound: NumberBound) -> Probe:
        """One number of the table, held against a bound."""

        def judge(values: Sequence[Any]) -> Verdict:
            if values[0] is None:
                return self._unfit(name, _NO_ROWS)
            value = float(values[0])
            if value != value:
                return self._unfit(name, "it has no value: a row is NaN")
            told = f"{value:,.0f}" if value.is_integer() else short(value)
            return replace(within(name, value, bound, told=told), level=self.asserted.level)

        return Probe(name, (aggregate,), judge, level=self.asserted.level)

    def _monotonic(self, name: str, way: str) -> Probe:
        sign = (">" if way.endswith("increasing") else "<") + ("" if way.startswith("strictly") else "=")
        before = f'lag({column(name)}) OVER (ORDER BY {ROW}) AS "outdo:before"'
        source = f"(SELECT *, {before} FROM {TABLE} WHERE {column(name)} IS NOT NULL AND {self.scope})"
        kept = f'{column(name)} {sign} "outdo:before"'
        probe = self._rows(f"monotonic {name}", kept, (name,), wanted=way)
        return replace(probe, source=source)

    def _fresh(self, name: str, allowed: Duration) -> Probe | Verdict:
        seconds = allowed.seconds
        title = f"fresh {name}"
        if not self.kinds[name].startswith(("DATE", "TIMESTAMP")):
            return self._unfit(title, f"it is {self.kinds[name].lower()}, not a time")

        def judge(values: Sequence[Any]) -> Verdict:
            if values[0] is None:
                return self._unfit(title, _NO_ROWS)
            age = self.now - float(values[0])
            evidence = Evidence(value=age, bound=f"<= {seconds:g}s")
            told = f"the newest is {age / 3600:,.1f} hours old, and {seconds / 3600:,.1f} are allowed"
            return self._verdict(title, age <= seconds, told, evidence)

        asked = f"epoch(max({column(name)}){self._only()})"
        return Probe(title, (asked,), judge, level=self.asserted.level)

    # ---------------------------------------------------------------- what another table is asked about

    def _exists(self, name: str, source: str, theirs: str) -> Probe | Verdict:
        title = f"exists {name}"
        if self.other is None or theirs not in self.other.kinds:
            lacks = f"has no column '{theirs}'" if self.other else "can't be read"
            return self._unfit(title, f"{source} {lacks}")
        known = f"{column(name)} IN (SELECT {column(theirs)} FROM {self.other.view} WHERE {column(theirs)} IS NOT NULL)"
        wanted = f"one of {theirs} in {source}"
        return self._hits(title, known, (name,), wanted, of=name)

    def _disjoint(self, source: str, on: Sequence[str]) -> Probe | Verdict:
        title = f"disjoint {', '.join(on) or 'rows'}"
        if self.other is None:
            return self._unfit(title, f"{source} can't be read")
        for side, kinds in (("the table", self.kinds), (source, self.other.kinds)):
            if missing := [name for name in on if name not in kinds]:
                return self._unfit(title, f"{side} has no column '{missing[0]}'")
        names = [column(name) for name in on]
        filled = " AND ".join(f"{name} IS NOT NULL" for name in names) or "true"
        if not on:
            shared = [name for name in self.kinds if name in self.other.kinds]
            if not shared:
                return self._unfit(title, f"{source} has no column of the table")
            names = [f"coalesce('=' || {column(name)}::VARCHAR, '')" for name in shared]
        key = names[0] if len(names) == 1 else f"row({', '.join(names)})"
        apart = f"{key} NOT IN (SELECT {key} FROM {self.other.view} WHERE {filled})"
        shown = on or list(self.kinds)[:_SHOWN]
        return self._hits(title, apart, tuple(shown), f"not in {source}", about=filled)

    def _hits(
        self, title: str, kept: str, shows: tuple[str, ...], wanted: str, *, of: str = "", about: str = ""
    ) -> Probe:
        source = f'(SELECT *, {kept} AS "outdo:kept" FROM {TABLE})'
        return replace(
            self._rows(title, '"outdo:kept"', shows, wanted=wanted, of=of, about=about), source=source
        )

    def _null_share(self, name: str, bound: NumberBound) -> Probe:
        title, only = f"null_share {name}", self._only()
        asks = (f"count(*){only}", f"count({column(name)}){only}", *self._nans(name))
        level = self.asserted.level

        def judge(values: Sequence[Any]) -> Verdict:
            rows, there = int(values[0]), int(values[1]) - sum(int(each or 0) for each in values[2:])
            if not rows:
                return self._unfit(title, _NO_ROWS)
            evidence = Evidence(rows=rows, unexpected=rows - there)
            return replace(within(title, (rows - there) / rows, bound, evidence=evidence), level=level)

        return Probe(title, asks, judge, level=level)

    def _nans(self, name: str) -> tuple[str, ...]:
        """How many values are NaN, asked where there can be any."""
        return (f"count_if(isnan({column(name)})){self._only()}",) if self.kinds[name] in FLOATS else ()

    def _statistic(self, name: str, kind: str, bound: NumberBound, at: float) -> Probe | Verdict:
        title = f"{kind} {name}"
        if not is_number(self.kinds[name]):
            return self._unfit(title, f"it is {self.kinds[name].lower()}, not a number")
        value = column(name)
        of = {
            "mean": f"avg({value})",
            "std": f"stddev_samp({value})",
            "quantile": f"quantile_cont({value}, {at!r})",
        }.get(kind, f"{kind}({value})")
        return self._number(title, f"{of}{self._only()}", bound)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inside(what: str, span: rules.Range, typed: str = "") -> str:
    """The condition that a value is in a range; `typed` is what a text in it is read as."""
    ends = [(">=", span.low), ("<=", span.high)]
    return " AND ".join(f"{what} {sign} {literal(end)}{typed}" for sign, end in ends if end is not None)


def _span(span: rules.Range) -> str:
    if span.low is None:
        return f"at most {span.high}"
    return f"at least {span.low}" if span.high is None else f"from {span.low} to {span.high}"
