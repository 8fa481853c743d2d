"""What one expectation asks of a table: its arguments, checked, and the words of SQL that all kinds of them share.

Names and values of a suite come from outside: each stands in a query as a quoted name or as a literal, never as it is.
"""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Literal

from msgspec import Struct, field

from outdo.core.probes import FLOATS, ROW, TABLE, WHOLE, Kinds, Probe, column, literal
from outdo.core.verdict import NOTHING, Evidence, Level, Outcome, Verdict
from outdo.integrations.gx.suite import Expectation

Family = Literal["integer", "float", "text", "boolean", "date", "timestamp", "other"]
NUMBERS: tuple[Family, ...] = ("integer", "float")
TIMES: tuple[Family, ...] = ("date", "timestamp")
NO_ROWS = "there are no such rows"
KEPT = '"outdo:kept"'
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")


class Unfit(ValueError):
    """An expectation can't be evaluated, here or elsewhere; it says why."""


class Elsewhere(ValueError):
    """An expectation is not compiled, but Great Expectations itself may know it; it says what is not."""


class Left(Verdict, frozen=True):
    """What stands for an expectation that is left to Great Expectations itself."""

    place: int = 0
    """Which of the suite, from 0."""
    scope: str = ""
    """The condition of the rows that it is about, in SQL."""


def family(kind: str) -> Family:
    """What a type of DuckDB is to an expectation."""
    if kind in WHOLE:
        return "integer"
    if kind in FLOATS:
        return "float"
    if kind.startswith("TIMESTAMP") and "ZONE" not in kind:
        return "timestamp"
    named: dict[str, Family] = {"VARCHAR": "text", "BOOLEAN": "boolean", "DATE": "date"}
    return named.get(kind, "other")


def plain_time(text: str) -> bool:
    """Whether a text is a day or a time that everyone reads alike."""
    return _ISO.fullmatch(text) is not None


def value_of(name: str, kinds: Kinds) -> str:
    """A column's value as SQL; NaN is none, as it is to pandas."""
    quoted = column(name)
    return f"nullif({quoted}, 'nan'::{kinds[name]})" if kinds[name] in FLOATS else quoted


class Bounds(Struct, frozen=True):
    """A range that a value or a number of rows has to be in."""

    low: Any = None
    high: Any = None
    strict_low: bool = False
    strict_high: bool = False

    def condition(self, what: str, typed: str = "") -> str:
        """That `what` is inside, in SQL; `typed` is what a text is read as."""
        signs = [(">" if self.strict_low else ">=", self.low), ("<" if self.strict_high else "<=", self.high)]
        return " AND ".join(f"{what} {sign} {literal(end)}{typed}" for sign, end in signs if end is not None)

    def holds(self, value: Any) -> bool:
        """Whether a value is inside."""
        if self.low is not None and not (value > self.low if self.strict_low else value >= self.low):
            return False
        return self.high is None or bool(value < self.high if self.strict_high else value <= self.high)

    def __str__(self) -> str:
        if self.high is None:
            return f"{'above' if self.strict_low else 'at least'} {self.low}"
        if self.low is None:
            return f"{'below' if self.strict_high else 'at most'} {self.high}"
        ends = f"from {self.low} to {self.high}"
        apart = [
            word for word, strict in ((self.low, self.strict_low), (self.high, self.strict_high)) if strict
        ]
        return ends + (f", without {' and '.join(map(str, apart))}" if apart else "")


class Question(Struct, frozen=True):
    """One expectation beside the columns of a table."""

    expectation: Expectation
    kinds: Kinds
    scope: str
    """The condition of the rows it is about, in SQL."""
    path: str
    """The suite's file."""
    level: Level
    read: set[str] = field(default_factory=set)
    """The arguments that were looked at so far."""

    # ------------------------------------------------------------ its arguments

    def given(self, key: str, otherwise: Any = None) -> Any:
        """An argument; raises `Unfit` for one whose value is only known when a suite is run."""
        self.read.add(key)
        value = self.expectation.kwargs.get(key)
        if isinstance(value, Mapping) and "$PARAMETER" in value:
            raise Unfit(f"its {key} is the parameter '{value['$PARAMETER']}', which nobody gives")
        return otherwise if value is None else value

    def column(self, key: str = "column") -> str:
        """The name of a column that is there."""
        return self._there(self.given(key), key)

    def columns(self, key: str = "column_list", least: int = 1) -> list[str]:
        """The names of columns that are there."""
        found = self.listed(key)
        if len(found) < least:
            raise Unfit(f"its {key} has to name at least {least} columns")
        return [self._there(name, key) for name in found]

    def _there(self, name: Any, key: str) -> str:
        if not isinstance(name, str):
            raise Unfit(f"its {key} has to be the name of a column")
        if name not in self.kinds:
            raise Unfit(f"there is no column '{name}'")
        return name

    def listed(self, key: str) -> list[Any]:
        """A list of values."""
        found = self.given(key)
        if not isinstance(found, list):
            raise Unfit(f"its {key} has to be a list")
        return found

    def text(self, key: str) -> str:
        """A text."""
        found = self.given(key)
        if not isinstance(found, str):
            raise Unfit(f"its {key} has to be a text")
        return found

    def texts(self, key: str) -> list[str]:
        """A list of texts, at least one."""
        found = self.listed(key)
        if not found or not all(isinstance(each, str) for each in found):
            raise Unfit(f"its {key} has to be a list of texts")
        return found

    def number(self, key: str, otherwise: float | None = None) -> float:
        """A finite number."""
        found = self.given(key, otherwise)
        if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
            raise Unfit(f"its {key} has to be a number")
        return found

    def flag(self, key: str, *, otherwise: bool = False) -> bool:
        """True or false."""
        found = self.given(key, otherwise)
        if not isinstance(found, bool):
            raise Unfit(f"its {key} has to be true or false")
        return found

    def mostly(self) -> float:
        """The share of rows that has to be as expected."""
        share = self.number("mostly", 1.0)
        if not 0 <= share <= 1:
            raise Unfit("its mostly has to lie between 0 and 1")
        return share

    def bounds(self) -> Bounds:
        """Its range; raises `Unfit` where it has no end, as it would assert nothing, or is upside down."""
        found = Bounds(
            self.given("min_value"), self.given("max_value"), self.flag("strict_min"), self.flag("strict_max")
        )
        if found.low is None and found.high is None:
            raise Unfit("it has neither min_value nor max_value, so it asserts nothing")
        for end in (found.low, found.high):
            if isinstance(end, bool) or not isinstance(end, int | float | str | None):
                raise Unfit("its min_value and max_value have to be numbers or texts")
        ends = [end for end in (found.low, found.high) if end is not None]
        if len({isinstance(end, str) for end in ends}) == 2:
            raise Unfit("its min_value and max_value have to be two numbers or two texts")
        if len(ends) == 2 and ends[0] > ends[1]:
            raise Unfit("its min_value is greater than its max_value")
        return found

    # ------------------------------------------------------------ what is said of its columns

    def family(self, name: str) -> Family:
        """What a column holds."""
        return family(self.kinds[name])

    def need(self, name: str, *families: Family) -> str:
        """The value of a column as SQL; raises `Elsewhere` where it holds something else."""
        if self.family(name) not in families:
            raise Elsewhere(f"'{name}' is {self.kinds[name].lower()}")
        return self.value(name)

    def value(self, name: str) -> str:
        """The value of a column as SQL; NaN is none."""
        return value_of(name, self.kinds)

    def members(self, name: str, values: Sequence[Any]) -> list[str]:
        """Those of `values` that a column could hold at all, as SQL; raises `Elsewhere` where that is not clear."""
        held = self.family(name)
        if held in NUMBERS:
            if any(isinstance(each, bool) for each in values):
                raise Elsewhere(f"'{name}' holds numbers, and truths are among the values")
            return [literal(each) for each in values if isinstance(each, int | float)]
        if held == "boolean":
            if any(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
                raise Elsewhere(f"'{name}' holds truths, and numbers are among the values")
            return [literal(each) for each in values if isinstance(each, bool)]
        if held == "text":
            return [literal(each) for each in values if isinstance(each, str)]
        raise Elsewhere(f"'{name}' is {self.kinds[name].lower()}")

    def among(self, name: str, values: Sequence[Any], called: str = "") -> str:
        """That a column's value, or what it is `called` in a query, is one of `values`, in SQL."""
        members = self.members(name, values)
        return f"{called or self.value(name)} IN ({', '.join(members)})" if members else "false"

    # ------------------------------------------------------------ its answers

    def verdict(self, outcome: Outcome, reason: str, evidence: Evidence = NOTHING) -> Verdict:
        """The verdict on it."""
        return Verdict(self.expectation.title, outcome, reason, evidence, level=self.level, subject=self.path)

    def told(self, *, passed: bool, reason: str, evidence: Evidence = NOTHING) -> Verdict:
        """The verdict where it was evaluated."""
        return self.verdict("passed" if passed else "failed", reason, evidence)

    def rows(
        self,
        kept: str,
        shows: Sequence[str],
        *,
        about: str,
        wanted: str,
        source: str = TABLE,
        whole: bool = False,
    ) -> Probe:
        """A condition that each of the rows `about` keeps, but for a share; with `whole`, no row is without a value."""
        mostly = self.mostly()
        scope = f"({self.scope}) AND ({about})"
        bad_rows = f"{scope} AND NOT coalesce(({kept}), false)"
        asks = tuple(f"count(*) FILTER ({each})" for each in (self.scope, scope, bad_rows))
        return Probe(
            self.expectation.title,
            asks,
            lambda values: self.judged_rows(values, mostly, wanted, whole=whole),
            bad_rows,
            tuple(shows),
            self.level,
            source,
        )

    def judged_rows(self, values: Sequence[Any], mostly: float, wanted: str, *, whole: bool) -> Verdict:
        """The verdict on how many rows there are, how many it is about, and how many were not expected."""
        total, rows, bad = map(int, values)
        share = bad / rows if rows else None
        missing = None if whole else total - rows
        evidence = Evidence(rows=rows, unexpected=bad, value=share, bound=wanted, missing=missing)
        if not rows:
            return self.verdict("not_evaluated", NO_ROWS, evidence)
        if (rows - bad) / rows >= mostly:
            told = f"all {rows:,} rows" if not bad else f"all but {bad:,} of {rows:,} rows"
            return self.told(passed=True, reason=f"{told}: {wanted}", evidence=evidence)
        reason = f"{bad:,} of {rows:,} rows ({100 * bad / rows:.3g} %) are not: {wanted}"
        return self.told(passed=False, reason=reason, evidence=evidence)

    def filled(self, name: str) -> str:
        """How many rows have a value in a column, in SQL."""
        return f"count({self.value(name)}) FILTER ({self.scope})"

    def beside(self, kept: str) -> str:
        """A source with the condition as the column `KEPT`, for conditions that have queries of their own in them."""
        return f"(SELECT *, ({kept}) AS {KEPT} FROM {TABLE})"

    def ordered(self, name: str) -> str:
        """A source with the value before, among those that are there, as `"outdo:before"`."""
        before = f"lag({self.value(name)} IGNORE NULLS) OVER (PARTITION BY ({self.scope}) ORDER BY {ROW})"
        return f'(SELECT *, {before} AS "outdo:before" FROM {TABLE})'
