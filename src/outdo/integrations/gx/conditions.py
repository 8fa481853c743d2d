"""Row conditions of a suite to conditions in SQL, by a grammar of their own: nothing in them is ever executed.

Four forms are read: what pandas' `query` takes (comparisons, `in`, `and`, `or`, `not`, `isnull()`), `col("x") > 5` of
Great Expectations, the objects that its 1.9 writes, and Spark's SQL. The first three follow pandas where a value is
missing: it differs from all others, and is neither more nor less; Spark's follows SQL.
"""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec import Struct

from outdo.core.probes import Kinds, literal
from outdo.integrations.gx.question import NUMBERS, TIMES, Family, family, plain_time, value_of

LONGEST = 10_000
"""Characters of a condition."""
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<tick>`[^`]+`)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign><=|>=|==|!=|<>|[<>=()\[\],.&|~+-])
    )""",
    re.VERBOSE,
)
_COL = re.compile(
    r"""\s*col\("(?P<name>[^"]+)"\)\s*(?:
    (?P<notnull>\.notnull\(\))
  | (?P<op><=|>=|==|!=|<|>)\s*(?:(?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?:date\()?(?:"(?P<double>[^"']+)"|'(?P<single>[^"']+)')\)?)
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS = {"==": "=", "=": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


class BadCondition(ValueError):
    """A row condition that is not read; it says why."""


class _Column(Struct, frozen=True):
    name: str


Operand = _Column | str | int | float | bool | None


def read_condition(condition: Any, parser: str | None, kinds: Kinds) -> str:
    """The condition in SQL; raises `BadCondition` for what is beyond the grammar, or speaks of no column."""
    words = _Words(kinds, sql=parser == "spark")
    if isinstance(condition, Mapping):
        return _of_object(condition, words, 0)
    if not isinstance(condition, str) or not condition.strip():
        raise BadCondition("it has to be a text")
    if len(condition) > LONGEST:
        raise BadCondition("it is too long")
    if parser in ("great_expectations", "great_expectations__experimental__"):
        return _of_col(condition, words)
    return _Reading(condition, words).whole()


def _of_col(condition: str, words: "_Words") -> str:
    found = _COL.fullmatch(condition)
    if found is None:
        raise BadCondition(f"'{condition[:80]}' is no condition such as col(\"x\") > 5")
    name = _Column(found["name"])
    if found["notnull"]:
        return words.null(name, wanted=False)
    number = found["number"]
    value = _number(number) if number else found["double"] or found["single"]
    return words.compared(name, _SIGNS[found["op"]], value)


def _of_object(condition: Any, words: "_Words", depth: int) -> str:
    if depth > _DEEPEST or not isinstance(condition, Mapping):
        raise BadCondition("it is no condition" if depth <= _DEEPEST else "it nests too deeply")
    kind, parts = condition.get("type"), condition.get("conditions")
    if kind in ("and", "or") and isinstance(parts, list) and parts:
        return "(" + f" {kind.upper()} ".join(_of_object(part, words, depth + 1) for part in parts) + ")"
    if kind == "pass_through" and isinstance(text := condition.get("pass_through_filter"), str):
        return read_condition(text, "pandas", words.kinds)
    named = condition.get("column")
    name = named.get("name") if isinstance(named, Mapping) else None
    if kind not in ("comparison", "nullity") or not isinstance(name, str):
        raise BadCondition(f"a condition of the type '{kind}' is not known")
    if kind == "nullity":
        return words.null(_Column(name), wanted=condition.get("is_null") is True)
    sign, value = condition.get("operator"), condition.get("parameter")
    if sign in ("IN", "NOT_IN") and isinstance(value, list):
        return words.among(_Column(name), value, wanted=sign == "IN")
    if sign not in _SIGNS or not isinstance(value, str | int | float | bool):
        raise BadCondition(f"'{sign}' with {value!r} is no comparison")
    return words.compared(_Column(name), _SIGNS[sign], value)


class _Words:
    """Conditions on columns in SQL, each of them typed: what pandas would refuse, is."""

    def __init__(self, kinds: Kinds, *, sql: bool) -> None:
        self.kinds = kinds
        self.sql = sql

    def family(self, one: _Column) -> Family:
        if one.name not in self.kinds:
            raise BadCondition(f"there is no column '{one.name}'")
        return family(self.kinds[one.name])

    def value(self, one: _Column) -> str:
        self.family(one)
        return value_of(one.name, self.kinds)

    def null(self, one: _Column, *, wanted: bool) -> str:
        return f"({self.value(one)} IS {'' if wanted else 'NOT '}NULL)"

    def true(self, one: _Column) -> str:
        if self.family(one) != "boolean":
            raise BadCondition(f"'{one.name}' is neither true nor false")
        return self.value(one) if self.sql else f"coalesce({self.value(one)}, false)"

    def compared(self, left: Operand, sign: str, right: Operand) -> str:
        if not isinstance(left, _Column):
            if not isinstance(right, _Column):
                raise BadCondition("a comparison has to speak of a column")
            left, sign, right = right, _TURNED[sign], left
        found = f"{self.value(left)} {sign} {self._side(right, self.family(left), left.name)}"
        if self.sql:
            return f"({found})"
        return f"coalesce({found}, {'true' if sign == '<>' else 'false'})"

    def among(self, one: _Column, values: Sequence[Any], *, wanted: bool) -> str:
        held = self.family(one)
        listed = [self._side(value, held, one.name) for value in values if value is not None]
        inside = f"{self.value(one)} IN ({', '.join(listed)})" if listed else "false"
        if not self.sql:
            inside = f"coalesce({inside}, false)"
        return inside if wanted else f"(NOT {inside})"

    def _side(self, value: Any, held: Family, name: str) -> str:
        """What stands beside a column in a comparison: a value of its kind, or a column of its kind."""
        if isinstance(value, _Column):
            other = self.family(value)
            if other != held and not (other in NUMBERS and held in NUMBERS):
                raise BadCondition(f"'{name}' and '{value.name}' hold values of two kinds")
            return self.value(value)
        if isinstance(value, bool):
            fits = held == "boolean"
        elif isinstance(value, int | float):
            fits = held in NUMBERS
        else:
            fits = isinstance(value, str) and (held == "text" or (held in TIMES and plain_time(value)))
        if not fits:
            raise BadCondition(f"'{name}' is {self.kinds[name].lower()}, and is compared with {value!r}")
        return f"{literal(value)}::{self.kinds[name]}" if held in TIMES else str(literal(value))


class _Reading:
    """A condition as text, read from the left: or, and, not, then comparisons."""

    def __init__(self, text: str, words: _Words) -> None:
        self.words = words
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def whole(self) -> str:
        found = self._either()
        if self.at < len(self.tokens):
            raise BadCondition(f"'{self.tokens[self.at][1]}' is not expected there")
        return found

    def _next(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "its end")

    def _take(self, *wanted: str) -> bool:
        """Whether one of these signs or words comes next; it is then passed."""
        kind, text = self._next()
        same = text.lower() if self.words.sql and kind == "name" else text
        if kind in ("name", "sign") and same in wanted:
            self.at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise BadCondition(f"'{sign}' is expected instead of '{self._next()[1]}'")

    def _either(self) -> str:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise BadCondition("it nests too deeply")
        parts = [self._both()]
        while self._take("or", "|"):
            parts.append(self._both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _both(self) -> str:
        parts = [self._not()]
        while self._take("and", "&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _not(self) -> str:
        turns = 0
        while self._take("not", "~"):
            turns += 1
        found = self._compared()
        return f"(NOT {found})" if turns % 2 else found

    def _compared(self) -> str:
        if self._take("("):
            found = self._either()
            self._expect(")")
            return found
        left = self._operand()
        if isinstance(left, _Column) and (found := self._of_column(left)):
            return found
        parts: list[str] = []
        while (sign := self._next())[0] == "sign" and sign[1] in _SIGNS:
            self.at += 1
            right = self._operand()
            parts.append(self.words.compared(left, _SIGNS[sign[1]], right))
            left = right
        if not parts:
            if not isinstance(left, _Column):
                raise BadCondition(f"a comparison is expected instead of '{self._next()[1]}'")
            return self.words.true(left)
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _of_column(self, one: _Column) -> str:
        """What may follow a column but a comparison: `in […]`, `.isnull()`, and in SQL `is null`."""
        if not self.words.sql and self._take("."):
            for names, wanted in ((("isnull", "isna"), True), (("notnull", "notna"), False)):
                if self._take(*names):
                    self._expect("(")
                    self._expect(")")
                    return self.words.null(one, wanted=wanted)
            raise BadCondition(f"'.{self._next()[1]}' is beyond what is read")
        if self.words.sql and self._take("is"):
            wanted = not self._take("not")
            self._expect("null")
            return self.words.null(one, wanted=wanted)
        turned = self._take("not")
        if self._take("in"):
            return self.words.among(one, self._list(), wanted=not turned)
        if turned:
            raise BadCondition(f"'in' is expected instead of '{self._next()[1]}'")
        return ""

    def _list(self) -> list[Any]:
        end = ")" if self._take("(") else "]"
        if end == "]":
            self._expect("[")
        found: list[Any] = []
        while not self._take(end):
            value = self._operand()
            if isinstance(value, _Column):
                raise BadCondition("a list has to hold values")
            found.append(value)
            if not self._take(","):
                self._expect(end)
                break
        return found

    def _operand(self) -> Operand:
        kind, text = self._next()
        self.at += 1
        if kind == "number":
            return _number(text)
        if kind == "text":
            return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1])
        if kind == "tick":
            return _Column(text[1:-1])
        if kind == "sign" and text in "+-" and self._next()[0] == "number":
            self.at += 1
            return _number(text + self.tokens[self.at - 1][1])
        known = {"true": True, "false": False} if self.words.sql else {"True": True, "False": False}
        if kind == "name":
            return known.get(text.lower() if self.words.sql else text, _Column(text))
        raise BadCondition(f"a column or a value is expected instead of '{text}'")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise BadCondition(f"'{text[at:].strip()[:20]}' is beyond what is read")
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _number(text: str) -> int | float:
    found = int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    if not isfinite(found):
        raise BadCondition(f"{text} is too large")
    return found
