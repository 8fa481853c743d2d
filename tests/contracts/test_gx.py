"""Suites of Great Expectations on a small table: what is asked and refused, and that nothing in them is executed."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from outdo.app.suites import suites, told_as_gx
from outdo.core.paths import OwnPath
from outdo.core.report.told import Judged
from outdo.core.rules import Asserted, Expectations
from outdo.core.verdict import Verdict
from outdo.integrations.gx.asking import COMPILED, asked
from outdo.integrations.gx.conditions import BadCondition, read_condition
from outdo.integrations.gx.question import Left
from outdo.integrations.gx.suite import BadSuite, Expectation, Suite, read_suite
from outdo.run.checking import check_table

ROWS = """(1, 'JFK', 5.0::DOUBLE, '2013-02-01', true), (2, 'LGA', 500.0, '2013-02-03', false),
(3, NULL, 'nan'::DOUBLE, '2013-02-02', true)"""
TABLE = f'SELECT * FROM (VALUES {ROWS}) t(id, origin, delay, day, "odd "" name")'
ASSERTED = Asserted(Expectations(OwnPath("s.json")))
KINDS = {"id": "INTEGER", "origin": "VARCHAR", "delay": "DOUBLE", "late": "BOOLEAN", "day": "DATE"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    duckdb.sql(TABLE).write_parquet(str(tmp_path / "a.parquet"))
    return tmp_path


def judged(folder: Path, *expectations: dict[str, Any], asserted: Asserted = ASSERTED) -> list[Verdict]:
    (folder / "s.json").write_bytes(json.encode({"name": "s", "expectations": expectations}))
    asks = suites(str(folder), [asserted])
    return check_table(str(folder / "a.parquet"), [asserted], now=0, suites=asks)


def one(folder: Path, kind: str, **kwargs: Any) -> Verdict:
    [verdict] = judged(folder, {"type": f"expect_{kind}", "kwargs": kwargs})
    return verdict


def test_a_failing_expectation_shows_its_rows(folder: Path) -> None:
    verdict = one(folder, "column_values_to_be_between", column="delay", min_value=0, max_value=60)
    assert (verdict.outcome, verdict.name) == ("failed", "column_values_to_be_between delay")
    assert verdict.reason == "1 of 2 rows (50 %) are not: from 0 to 60"
    assert verdict.evidence.examples == ("row 2: delay = 500.0",)
    assert (verdict.subject, verdict.evidence.missing) == ("s.json", 1)


def test_suites_of_0_18_are_read(folder: Path) -> None:
    old = {"expectation_type": "expect_column_values_to_be_increasing", "meta": {}}
    kwargs = {"column": "day", "parse_strings_as_datetimes": True, "result_format": "BASIC"}
    text = json.encode({"expectation_suite_name": "old", "expectations": [{**old, "kwargs": kwargs}]})
    (folder / "s.json").write_bytes(text)
    [verdict] = check_table(
        str(folder / "a.parquet"), [ASSERTED], now=0, suites=suites(str(folder), [ASSERTED])
    )
    assert verdict.reason == "1 of 3 rows (33.3 %) are not: increasing"


@pytest.mark.parametrize(
    ("kind", "kwargs", "outcome"),
    [
        ("column_values_to_match_like_pattern", {"column": "origin", "like_pattern": "J%"}, "failed"),
        (
            "column_values_to_match_like_pattern_list",
            {"column": "origin", "like_pattern_list": ["J%", "L%"]},
            "passed",
        ),
        (
            "column_values_to_not_match_like_pattern",
            {"column": "origin", "like_pattern": "J\\%", "escape": "\\"},
            "passed",
        ),
        (
            "column_values_to_not_match_like_pattern_list",
            {"column": "origin", "like_pattern_list": ["j%"]},
            "passed",
        ),
        ("column_values_to_be_unique", {"column": 'odd " name'}, "failed"),
        (
            "column_values_to_be_between",
            {"column": "day", "min_value": "2013-01-01", "parse_strings_as_datetimes": True},
            "passed",
        ),
        (
            "column_max_to_be_between",
            {"column": "day", "max_value": "2013-02-02", "parse_strings_as_datetimes": True},
            "failed",
        ),
        (
            "column_values_to_be_in_set",
            {"column": "origin", "value_set": ["JFK", "LGA'); DROP TABLE rows_; --"]},
            "failed",
        ),
        ("column_values_to_be_null", {"column": "origin", "row_condition": "id == 3"}, "passed"),
        (
            "table_row_count_to_equal",
            {"value": 2, "row_condition": 'col("origin") != "JFK"', "condition_parser": "great_expectations"},
            "passed",
        ),
        (
            "table_row_count_to_equal",
            {"value": 1, "row_condition": "origin <> 'JFK'", "condition_parser": "spark"},
            "passed",
        ),
    ],
)
def test_what_is_asked_is_answered(folder: Path, kind: str, kwargs: dict[str, Any], outcome: str) -> None:
    verdict = one(folder, kind, **kwargs)
    assert verdict.outcome == outcome, verdict


@pytest.mark.parametrize(
    ("kind", "kwargs", "reason"),
    [
        ("column_values_to_be_betwen", {"column": "id"}, "there is no such expectation; did you mean"),
        ("column_values_to_not_be_null", {"column": "gone"}, "there is no column 'gone'"),
        ("column_values_to_not_be_null", {"column": ["id"]}, "its column has to be the name of a column"),
        ("column_values_to_not_be_null", {"column": "id", "mostley": 0.5}, "it has no argument 'mostley'"),
        (
            "column_values_to_not_be_null",
            {"column": "id", "mostly": 2},
            "its mostly has to lie between 0 and 1",
        ),
        ("column_values_to_be_between", {"column": "id"}, "it has neither min_value nor max_value"),
        (
            "column_values_to_be_between",
            {"column": "id", "min_value": 2, "max_value": 1},
            "its min_value is greater",
        ),
        (
            "column_values_to_be_between",
            {"column": "id", "min_value": "a"},
            "'id' is integer, and its min_value",
        ),
        (
            "column_values_to_be_between",
            {"column": "id", "min_value": {"$PARAMETER": "lo"}},
            "its min_value is the parameter 'lo'",
        ),
        (
            "column_values_to_be_in_set",
            {"column": "id", "value_set": "abc"},
            "its value_set has to be a list",
        ),
        ("column_values_to_match_regex", {"column": "origin", "regex": "("}, "it can't be asked"),
        ("column_values_to_be_null", {"column": "id", "row_condition": "id > 9"}, "there are no such rows"),
        (
            "column_mean_to_be_between",
            {"column": "id", "min_value": 0, "row_condition": "id > 9"},
            "there are no such rows",
        ),
        ("column_distinct_values_to_be_in_set", {"column": "id", "value_set": []}, "its value_set is empty"),
        (
            "unexpected_rows_expectation",
            {"unexpected_rows_query": "SELECT 1"},
            "there is no such expectation",
        ),
        ("table_row_count_to_equal_other_table", {"other_table_name": "x"}, "it is about a database"),
        (
            "column_values_to_be_null",
            {"column": "id", "row_condition": "@__import__('os').system('id')"},
            "its row_condition: '@__import__",
        ),
    ],
)
def test_what_can_t_be_evaluated_has_not_passed(
    folder: Path, kind: str, kwargs: dict[str, Any], reason: str
) -> None:
    verdict = one(folder, kind, **kwargs)
    assert verdict.outcome == "not_evaluated"
    assert verdict.reason.startswith(reason)


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("column_values_to_be_dateutil_parseable", {"column": "day"}),
        ("column_values_to_match_regex", {"column": "origin", "regex": "^(?!X)"}),
        ("column_values_to_match_regex", {"column": "origin", "regex": r"(a)\1"}),
        ("column_value_lengths_to_equal", {"column": "id", "value": 1}),
    ],
)
def test_what_is_not_compiled_is_left_to_great_expectations(
    folder: Path, kind: str, kwargs: dict[str, Any]
) -> None:
    assert isinstance(one(folder, kind, **kwargs), Left)


def test_an_empty_suite_has_not_passed(folder: Path) -> None:
    [verdict] = judged(folder)
    assert (verdict.outcome, verdict.reason) == ("not_evaluated", "the suite is empty")


def test_an_expectation_that_is_not_critical_warns(folder: Path) -> None:
    warning = {"type": "expect_column_to_exist", "kwargs": {"column": "gone"}, "severity": "warning"}
    assert [verdict.level for verdict in judged(folder, warning)] == ["warn"]


def test_the_rows_of_the_check_are_those_of_its_suite(folder: Path) -> None:
    some = Asserted(Expectations(OwnPath("s.json")), where="id < 3")
    counted = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1, "row_condition": "id > 1"}}
    [verdict] = judged(folder, counted, asserted=some)
    assert verdict.outcome == "passed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is no JSON"),
        (b"[]", "it is no suite"),
        (b"{}", "it has no list 'expectations'"),
        (b'{"expectations": 1}', "it has no list 'expectations'"),
        (b'{"expectations": [1]}', "expectation 1 is no object"),
        (b'{"expectations": [{}]}', "expectation 1 has no 'type'"),
        (b'{"expectations": [{"type": "a b"}]}', "expectation 1 has no 'type'"),
        (b'{"expectations": [{"type": "a", "kwargs": []}]}', "the 'kwargs' of expectation 1 are no object"),
        (b'{"expectations": [{"type": "a", "severity": "high"}]}', "the severity of expectation 1"),
        (b'{"expectations": ' + b"[" * 100_000, "it is no JSON"),
    ],
)
def test_a_malformed_suite_gives_one_message(text: bytes, reason: str) -> None:
    with pytest.raises(BadSuite, match=reason):
        read_suite(text)


def test_a_suite_that_is_not_there_has_not_passed(folder: Path) -> None:
    asks = suites(str(folder), [ASSERTED])
    [verdict] = check_table(str(folder / "a.parquet"), [ASSERTED], now=0, suites=asks)
    assert verdict.outcome == "not_evaluated"
    assert verdict.reason == "'s.json' can't be read: no such file or directory"


def test_results_are_told_in_the_form_of_great_expectations(folder: Path) -> None:
    kinds = ["expect_column_values_to_not_be_null", "expect_column_mean_to_be_between"]
    verdicts = judged(
        folder,
        {"type": kinds[0], "kwargs": {"column": "origin", "mostly": 0.5}, "id": "x"},
        {"type": kinds[1], "kwargs": {"column": "gone", "min_value": 1}},
    )
    told = Judged("data", "a.parquet", "failed", 0.0, tuple(verdicts))
    [found] = told_as_gx(str(folder), told, [ASSERTED])
    assert (found["success"], found["suite_name"]) == (False, "s")
    assert found["statistics"]["success_percent"] == 50
    first, second = found["results"]
    assert (first["success"], first["expectation_config"]["id"]) == (True, "x")
    assert first["result"]["unexpected_count"] == 1
    assert first["result"]["partial_unexpected_list"] == ["null"]
    assert second["exception_info"]["exception_message"] == "there is no column 'gone'"


def test_a_suite_named_twice_is_told_twice(folder: Path) -> None:
    verdicts = judged(folder, {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "origin"}})
    some = Asserted(Expectations(OwnPath("s.json")), where="id < 3")
    asks = suites(str(folder), [some])
    verdicts += check_table(str(folder / "a.parquet"), [some], now=0, suites=asks)
    told = Judged("data", "a.parquet", "failed", 0.0, tuple(verdicts))
    assert [one["success"] for one in told_as_gx(str(folder), told, [ASSERTED, some])] == [False, True]
    assert not any(one["success"] for one in told_as_gx(str(folder), told, [ASSERTED]))


@pytest.mark.parametrize(
    ("condition", "parser", "sql"),
    [
        ("id > 3", "pandas", 'coalesce("id" > 3, false)'),
        ("origin != 'a\\'b'", "pandas", "coalesce(\"origin\" <> 'a''b', true)"),
        ("1 < id <= 5", None, '(coalesce("id" > 1, false) AND coalesce("id" <= 5, false))'),
        ("not late", "pandas", '(NOT coalesce("late", false))'),
        ("id in [1, 2]", "pandas", 'coalesce("id" IN (1, 2), false)'),
        ("day >= '2013-01-01'", "pandas", "coalesce(\"day\" >= '2013-01-01'::DATE, false)"),
        ("id IS NOT NULL AND NOT origin = 'a'", "spark", "((\"id\" IS NOT NULL) AND (NOT (\"origin\" = 'a')))"),
        ('col("delay") >= -1.5', "great_expectations", "coalesce(nullif(\"delay\", 'nan'::DOUBLE) >= -1.5, false)"),
    ],
)  # fmt: skip
def test_row_conditions_become_sql(condition: str, parser: str | None, sql: str) -> None:
    assert read_condition(condition, parser, KINDS) == sql


@pytest.mark.parametrize(
    "condition",
    [
        "", "id", "id >", "id > 'x'", "gone > 1", "origin.str.len() > 1", "id.__class__", "@id > 1", "id > id2",
        "id ** 2 > 1", "f(id) > 1", "id > 1; drop table x", "id in (id)", "(id > 1", "id > 1e999", "1 > 2",
        "(" * 1000 + "id > 1", "id > 1 -- x", "lambda: 1", "id > 1 " + "or id > 1 " * 5000, "`id` == `origin`",
        "day > 'tomorrow'",
        "id if id else id", "id == [1]", "~~", "not", {"type": "x"}, {"type": "and", "conditions": []},
        {"type": "comparison", "column": {"name": "id"}, "operator": "; --", "parameter": 1}, [1],
        {"type": "comparison", "column": {"name": "id"}, "operator": "==", "parameter": {"a": 1}},
    ],
)  # fmt: skip
def test_what_is_beyond_the_grammar_is_refused(condition: Any) -> None:
    with pytest.raises(BadCondition):
        read_condition(condition, "pandas", KINDS)


def test_the_page_names_all_that_is_compiled() -> None:
    page = (Path(__file__).parents[2] / "docs/howto/great-expectations.md").read_text()
    table = page.partition("compiled into the scan")[2].partition("**Row conditions**")[0]
    named = re.findall(r"`((?:column|table|compound|select|multicolumn)_[a-z_]+)`", table)
    assert sorted(named) == sorted(kind.removeprefix("expect_") for kind in COMPILED)


GOOD = {
    "column": "id", "column_A": "id", "column_B": "delay", "column_list": ["id", "delay"], "column_set": ["id"],
    "value_set": [1], "value_pairs_set": [[1, 2]], "min_value": 0, "max_value": 3, "value": 1, "regex": "a",
    "regex_list": ["a"], "like_pattern": "a", "like_pattern_list": ["a"], "strftime_format": "%Y", "threshold": 1,
    "type_": "int", "type_list": ["int"], "sum_total": 1, "partition_object": {"values": ["a"], "weights": [1]},
    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]},
}  # fmt: skip
"""What any kind may want; what is too much is told only once all else is read."""
ARGUMENTS = [
    *GOOD, "strict_min", "mostly", "match_on", "escape", "double_sided", "method", "multiplier", "ties_okay",
    "allow_relative_error", "ignore_row_if", "or_equal", "column_index", "exact_match", "row_condition",
    "condition_parser", "parse_strings_as_datetimes", "bucketize_data", "tail_weight_holdout",
]  # fmt: skip
PLAIN = st.sampled_from(
    [None, True, 0, 1, -2, 0.5, 1e300, 10**30, "id", "origin", "delay", "day", "late", "any", ""]
)
VALUES = st.recursive(
    PLAIN | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
) | st.fixed_dictionaries(
    {
        key: st.lists(PLAIN, max_size=3)
        for key in ("quantiles", "value_ranges", "values", "weights", "bins", "tail_weights")
    }
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(COMPILED)),
    st.dictionaries(st.sampled_from(ARGUMENTS), VALUES, min_size=1, max_size=2),
    st.sampled_from(sorted(KINDS)),
)
def test_whatever_a_suite_says_it_is_asked_or_refused(kind: str, odd: dict[str, Any], name: str) -> None:
    suite = Suite("s", (Expectation(kind, {**GOOD, "column": name, **odd}),))
    [part] = asked(suite, ASSERTED, "s.json", KINDS)
    assert isinstance(part, Verdict)
    assert part.outcome == "not_evaluated"


@settings(max_examples=100, deadline=None)
@given(
    st.text("id origin<>=!&|()[]'\"`~1.@notinsull,", max_size=40),
    st.sampled_from(["pandas", "spark", "great_expectations"]),
)
def test_whatever_a_condition_says_it_is_read_or_refused(text: str, parser: str) -> None:
    with suppress(BadCondition):
        assert read_condition(text, parser, KINDS)
