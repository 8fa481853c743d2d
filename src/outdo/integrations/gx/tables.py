"""Expectations of several columns of a row together, and of the table as a whole."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from outdo.core.probes import Probe, literal
from outdo.core.verdict import Evidence, Verdict
from outdo.integrations.gx.question import NUMBERS, Elsewhere, Question, Unfit
from outdo.integrations.gx.values import Ask, alone

# ---------------------------------------------------------------- of two columns


def _pair(ask: Question) -> tuple[str, str]:
    return ask.column("column_A"), ask.column("column_B")


def _alike(ask: Question, names: Sequence[str]) -> list[str]:
    """The values of columns as SQL, which hold values of one kind, so that they can be compared."""
    held = {"number" if (one := ask.family(name)) in NUMBERS else one for name in names}
    if len(held) > 1 or "other" in held:
        raise Elsewhere(f"{', '.join(names)} hold values of more than one kind")
    return [ask.value(name) for name in names]


def _about(ask: Question, values: Sequence[str], ways: Mapping[str, str], otherwise: str) -> str:
    """The rows that an expectation of several columns is about, by what `ignore_row_if` says."""
    way = ask.given("ignore_row_if", otherwise)
    if not isinstance(way, str) or way not in ways:
        raise Unfit(f"its ignore_row_if has to be one of {', '.join(ways)}")
    joint = {"all": " OR ", "any": " AND "}.get(ways[way])
    return f"({joint.join(f'{value} IS NOT NULL' for value in values)})" if joint else "true"


_PAIRED = {"both_values_are_missing": "all", "either_value_is_missing": "any", "neither": "none"}
_SEVERAL = {"all_values_are_missing": "all", "any_value_is_missing": "any", "never": "none"}


def pair_equal(ask: Question) -> Probe:
    names = _pair(ask)
    left, right = _alike(ask, names)
    about = _about(ask, [left, right], _PAIRED, "both_values_are_missing")
    return ask.rows(f"{left} = {right}", names, about=about, wanted=f"{names[0]} is {names[1]}")


def pair_greater(ask: Question) -> Probe:
    names, sign = _pair(ask), ">=" if ask.flag("or_equal") else ">"
    left, right = _alike(ask, names)
    if ask.family(names[0]) == "boolean":
        raise Elsewhere(f"'{names[0]}' and '{names[1]}' hold truths")
    about = _about(ask, [left, right], _PAIRED, "both_values_are_missing")
    return ask.rows(f"{left} {sign} {right}", names, about=about, wanted=f"{names[0]} {sign} {names[1]}")


def pair_in_set(ask: Question) -> Probe:
    names, pairs = _pair(ask), ask.listed("value_pairs_set")
    if "row_condition" in ask.expectation.kwargs:
        raise Elsewhere("it has a row_condition, which Great Expectations does not apply to pairs")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise Unfit("its value_pairs_set has to be a list of pairs")
    about = _about(ask, [ask.value(name) for name in names], _PAIRED, "both_values_are_missing")
    kept = " OR ".join(
        f"({' AND '.join(_is(ask, *each) for each in zip(names, pair, strict=True))})" for pair in pairs
    )
    return ask.rows(kept or "false", names, about=about, wanted=f"one of {len(pairs)} pairs")


def _is(ask: Question, name: str, value: Any) -> str:
    if value is None:
        return f"{ask.value(name)} IS NULL"
    return f"coalesce({ask.among(name, [value])}, false)"


# ---------------------------------------------------------------- of several columns


def _several(ask: Question) -> tuple[list[str], list[str], str]:
    names = ask.columns()
    values = [ask.value(name) for name in names]
    return names, values, _about(ask, values, _SEVERAL, "all_values_are_missing")


def compound_unique(ask: Question) -> Probe:
    names, values, about = _several(ask)
    listed = ", ".join(values)
    return alone(ask, names, about=about, values=listed, compared=f"hash({listed})")


def unique_within_record(ask: Question) -> Probe:
    names, _, about = _several(ask)
    values = _alike(ask, names)
    apart = [f"{one} IS DISTINCT FROM {other}" for one, other in combinations(values, 2)]
    return ask.rows(" AND ".join(apart) or "true", names, about=about, wanted="values that differ")


def values_equal(ask: Question) -> Probe:
    names, _, about = _several(ask)
    first, *others = _alike(ask, names)
    same = [f"{first} IS NOT DISTINCT FROM {other}" for other in others]
    return ask.rows(" AND ".join(same) or "true", names, about=about, wanted="one value")


def sum_equals(ask: Question) -> Probe:
    names, _, about = _several(ask)
    total, values = ask.number("sum_total"), [ask.need(name, *NUMBERS) for name in names]
    floats = any(ask.family(name) == "float" for name in names)
    added = " + ".join(f"{value}::{'DOUBLE' if floats else 'HUGEINT'}" for value in values)
    return ask.rows(f"({added}) = {literal(total)}", names, about=about, wanted=f"a sum of {total:g}")


# ---------------------------------------------------------------- of the table


def row_count(ask: Question) -> Probe:
    bounds = ask.bounds()
    if isinstance(bounds.low, str) or isinstance(bounds.high, str):
        raise Unfit("its min_value and max_value have to be numbers")
    return _rows(ask, bounds.holds, str(bounds))


def row_count_equals(ask: Question) -> Probe:
    count = ask.number("value")
    return _rows(ask, lambda rows: rows == count, f"{count:,}")


def _rows(ask: Question, holds: Any, wanted: str) -> Probe:
    def judge(answers: Sequence[Any]) -> Verdict:
        rows = int(answers[0])
        evidence = Evidence(value=float(rows), observed=rows, bound=wanted)
        passed = bool(holds(rows))
        reason = f"{rows:,} rows, wanted {wanted}"
        return ask.told(passed=passed, reason=reason, evidence=evidence)

    return Probe(ask.expectation.title, (f"count(*) FILTER ({ask.scope})",), judge, level=ask.level)


def column_exists(ask: Question) -> Verdict:
    name, place = ask.text("column"), ask.given("column_index")
    found = list(ask.kinds)
    if place and not isinstance(place, bool):
        index = int(ask.number("column_index"))
        passed = -len(found) <= index < len(found) and found[index] == name
        where = f" at {index}"
    else:
        passed, where = name in found, ""
    told = f"there is {'a' if passed else 'no'} column '{name}'{where}"
    return ask.told(passed=passed, reason=told)


def column_count(ask: Question) -> Verdict:
    bounds, count = ask.bounds(), len(ask.kinds)
    if isinstance(bounds.low, str) or isinstance(bounds.high, str):
        raise Unfit("its min_value and max_value have to be numbers")
    return _columns(ask, count, passed=bounds.holds(count), wanted=str(bounds))


def column_count_equals(ask: Question) -> Verdict:
    wanted = ask.number("value")
    return _columns(ask, len(ask.kinds), passed=len(ask.kinds) == wanted, wanted=f"{wanted:,}")


def _columns(ask: Question, count: int, *, passed: bool, wanted: str) -> Verdict:
    evidence = Evidence(value=float(count), observed=count, bound=wanted)
    return ask.told(passed=passed, reason=f"{count:,} columns, wanted {wanted}", evidence=evidence)


def columns_in_order(ask: Question) -> Verdict:
    wanted, found = ask.texts("column_list"), list(ask.kinds)
    return _compared(ask, wanted, found, passed=wanted == found, observed=found)


def columns_in_set(ask: Question) -> Verdict:
    wanted, found = ask.texts("column_set"), list(ask.kinds)
    exact = ask.flag("exact_match", otherwise=True)
    passed = set(wanted) == set(found) if exact else set(wanted) <= set(found)
    return _compared(ask, wanted, found, passed=passed, observed=sorted(found))


def _compared(
    ask: Question, wanted: list[str], found: list[str], *, passed: bool, observed: list[str]
) -> Verdict:
    lacking = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    told = [f"{', '.join(lacking)} missing"] if lacking else []
    told += [f"{', '.join(extra)} not expected"] if extra else []
    reason = "they are as expected" if passed else "; ".join(told) or f"in another order: {', '.join(found)}"
    return ask.told(passed=passed, reason=reason, evidence=Evidence(observed=observed))


TABLES: Mapping[str, Ask] = {
    "expect_column_pair_values_to_be_equal": pair_equal,
    "expect_column_pair_values_a_to_be_greater_than_b": pair_greater,
    "expect_column_pair_values_to_be_in_set": pair_in_set,
    "expect_compound_columns_to_be_unique": compound_unique,
    "expect_select_column_values_to_be_unique_within_record": unique_within_record,
    "expect_multicolumn_values_to_be_equal": values_equal,
    "expect_multicolumn_sum_to_equal": sum_equals,
    "expect_table_row_count_to_be_between": row_count,
    "expect_table_row_count_to_equal": row_count_equals,
    "expect_column_to_exist": column_exists,
    "expect_table_column_count_to_be_between": column_count,
    "expect_table_column_count_to_equal": column_count_equals,
    "expect_table_columns_to_match_ordered_list": columns_in_order,
    "expect_table_columns_to_match_set": columns_in_set,
}
