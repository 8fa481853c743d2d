"""Expectations compiled into the scan beside Great Expectations itself: on random tables they come out the same."""

import math
import random
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import json

from benchmarks.peers import Missing, peer_python
from outdo.core.paths import OwnPath
from outdo.core.probes import Kinds, Probe
from outdo.core.rules import Asserted, Expectations
from outdo.core.verdict import Verdict
from outdo.integrations.gx.asking import COMPILED, asked
from outdo.integrations.gx.question import NO_ROWS, Left
from outdo.integrations.gx.results import gx_result
from outdo.integrations.gx.suite import read_suite
from outdo.run.checking import check_table

pytestmark = pytest.mark.slow

ORACLE = Path(__file__).with_name("gx_oracle.py")
SIZES = [200, 60, 40, 12, 5, 2, 1, 0]
EACH = 3
"""Expectations of each type for each table."""
NO_ORACLE = ("like_pattern",)
"""Great Expectations has them for databases alone."""
WORDS = [
    "a",
    "b",
    "ab",
    "Ab",
    "abc",
    "12",
    "x-1",
    "é",
    "",
    " ",
    "a b",
    "foo\nbar",
    "2024-01-31",
    "{}",
    '{"a": 1}',
    "NaN",
]
REGEXES = ["^a", "b$", "a|b", "[0-9]+", "^.$", "^[a-z]{2,3}$", "(?i)^AB", "x-\\d", "", "\\s", "^(?!a)", "é"]
TEXTS, NUMBERS = ["s", "s2", "u"], ["i", "n", "f", "g"]
CONDITIONS: list[tuple[Any, str | None]] = [
    ('col("i") > 0', "great_expectations"),
    ('col("s") == "a"', "great_expectations"),
    ('col("n").notNull()', "great_expectations"),
    ('col("f") != 1', "great_expectations"),
    ("i > 0 and n < 3", "pandas"),
    ("s in ['a', 'b'] or f >= 1", "pandas"),
    ("not (n == 2) & (i != 1)", "pandas"),
    ("`s` != 'a'", "pandas"),
    ("n.isnull() | f.notna()", "pandas"),
    ("s not in ['a']", "pandas"),
    ("-2 < i <= 2", "pandas"),
    ("n != n", "pandas"),
    ("i > n", "pandas"),
    ("b", "pandas"),
    ("t > '2024-01-10'", "pandas"),
    ({"type": "comparison", "column": {"name": "i"}, "operator": ">=", "parameter": 1}, None),
    ({"type": "comparison", "column": {"name": "s"}, "operator": "NOT_IN", "parameter": ["a"]}, None),
    (
        {
            "type": "or",
            "conditions": [
                {"type": "nullity", "column": {"name": "s"}, "is_null": True},
                {"type": "comparison", "column": {"name": "n"}, "operator": "<", "parameter": 2},
            ],
        },
        None,
    ),
]  # fmt: skip


def write_table(path: Path, rows: int, seed: int) -> None:
    """A table with columns of each kind: whole numbers without and with gaps, floats with NaN, texts, truths, times."""
    chance = random.Random(seed)
    database = duckdb.connect()
    database.execute(
        "CREATE TABLE t (i BIGINT, n INTEGER, f DOUBLE, g FLOAT, s VARCHAR, s2 VARCHAR, u VARCHAR, b BOOLEAN,"
        " t TIMESTAMP)"
    )
    empty = chance.random() < 0.15
    for row in range(rows):
        number = chance.choice([None, *range(-2, 5)])
        real = chance.choice([None, math.nan, -1.5, 0.0, 0.5, 1.0, 2.25, 1e6])
        single = None if empty else chance.choice([None, 0.5, 1.0, 2.0, 3.5])
        text, other = chance.choice([None, *WORDS]), chance.choice([None, *WORDS[:4]])
        time = chance.choice([None, *(f"2024-01-{day:02} 10:00:00" for day in range(1, 31))])
        values = (row % 7 - 2, number, real, single, text, other, f"k{row % 40}", chance.random() < 0.5, time)
        database.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    database.execute(f"COPY t TO '{path}' (FORMAT parquet)")


class Maker:
    """Random arguments for each type of expectation, such as Great Expectations takes."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def expectation(self, kind: str) -> dict[str, Any]:
        kwargs = self.kwargs(kind)
        chance = self.chance
        if (
            kind.endswith(("_type_list", "_of_type", "_type_to_be"))
            or "table_column" in kind
            or "exist" in kind
        ):
            return {"type": kind, "kwargs": kwargs}
        if "row_count" not in kind and "expect_column_values" in kind and chance.random() < 0.5:
            kwargs["mostly"] = chance.choice([0.0, 0.2, 0.5, 0.75, 0.9, 1.0])
        if chance.random() < 0.4 and kind != "expect_column_pair_values_to_be_in_set":
            condition, parser = chance.choice(CONDITIONS)
            kwargs["row_condition"] = condition
            if parser:
                kwargs["condition_parser"] = parser
        return {"type": kind, "kwargs": kwargs}

    def kwargs(self, kind: str) -> dict[str, Any]:
        one, some = self.chance.choice, self.chance.sample
        word = kind.removeprefix("expect_").removeprefix("column_")
        if word.startswith("table_row_count_to_be"):
            return self.span(0, 60)
        if word == "table_row_count_to_equal":
            return {"value": one([0, 1, 2, 60])}
        if word == "table_column_count_to_be_between":
            return {"min_value": one([1, 9, 10]), "max_value": one([10, 12])}
        if word == "table_column_count_to_equal":
            return {"value": one([8, 9])}
        if word == "to_exist":
            return {"column": one(["i", "q"]), **one([{}, {"column_index": 0}, {"column_index": 3}])}
        columns = ["i", "n", "f", "g", "s", "s2", "u", "b", "t"]
        if word == "table_columns_to_match_ordered_list":
            return {"column_list": one([columns, columns[:3], columns[::-1]])}
        if word == "table_columns_to_match_set":
            return {"column_set": one([columns, columns[:3], ["q", "i"]]), "exact_match": one([True, False])}
        if word.startswith("pair_values"):
            a, b = some(one([NUMBERS, TEXTS]), 2)
            ignore = one(["both_values_are_missing", "either_value_is_missing", "neither"])
            pairs = [["a", "b"], [1, 1], ["a", None], [None, 1], [0.5, 1], ["b", "b"], [2, 2], [1, 0.5]]
            more: dict[str, Any] = {"or_equal": one([True, False])} if "greater" in word else {}
            more |= {"value_pairs_set": some(pairs, 5)} if "in_set" in word else {}
            return {"column_A": a, "column_B": b, "ignore_row_if": ignore, **more}
        if word.startswith(("multicolumn", "compound", "select")):
            same = one([NUMBERS, TEXTS[:2]]) if "sum" not in word else NUMBERS
            ignore = one(["all_values_are_missing", "any_value_is_missing", "never"])
            total = {"sum_total": one([0, 1, 2.5, 3])} if "sum" in word else {}
            return {"column_list": some(same, 2), "ignore_row_if": ignore, **total}
        return self.of_column(word)

    def of_column(self, word: str) -> dict[str, Any]:
        one, some = self.chance.choice, self.chance.sample
        text, number = {"column": one(TEXTS)}, {"column": one(NUMBERS)}
        if word in ("values_to_be_null", "values_to_not_be_null", "values_to_be_unique"):
            return {"column": one([*NUMBERS, *TEXTS, "b", "t"])}
        if "set" in word:
            texts = {**text, "value_set": some(WORDS, one([1, 3, 8, len(WORDS)]))}
            values = [-2, -1, 0, 0.5, 1, 2, 2.25, 3, 4, 1e6, -1.5]
            numbers = {**number, "value_set": some(values, one([1, 4, 9, len(values)]))}
            ties = {"ties_okay": one([True, False])} if "most_common" in word else {}
            return {**one([texts, numbers]), **ties}
        if "like" in word:
            return {**text, "like_pattern": "a%", "like_pattern_list": ["a%"]}
        if "regex_list" in word:
            mode = {} if "not" in word else {"match_on": one(["any", "all"])}
            return {**text, "regex_list": some(REGEXES[:-2], 2), **mode}
        if "regex" in word:
            return {**text, "regex": one(REGEXES)}
        if word.startswith("value_lengths_to_be"):
            return {**text, **self.span(0, 5)}
        if word.startswith("value_lengths"):
            return {**text, "value": one([1, 2, 3])}
        if "json" in word:
            return text
        if "strftime" in word:
            return {**text, "strftime_format": one(["%Y-%m-%d", "%d", "%H", "%Y"])}
        if "creasing" in word:
            return {"column": one([*NUMBERS, "t"]), **one([{}, {"strictly": True}, {"strictly": False}])}
        if "z_scores" in word:
            return {**number, "threshold": one([0.5, 1, 2, 3]), "double_sided": one([True, False])}
        if "outliers" in word:
            return {**number, "method": one(["iqr", "std"]), "multiplier": one([0, 0.5, 1.5, 3])}
        if word in ("values_to_be_of_type", "type_to_be"):
            held = one(
                ["int64", "int32", "int", "float64", "float", "float32", "str", "bool", "nonsense", "object"]
            )
            held = "str" if word == "type_to_be" and held in ("nonsense", "int", "float") else held
            return {"column": one([*NUMBERS, "s", "b"]), "type_": held}
        if "type_list" in word:
            return {
                "column": one([*NUMBERS, "b"]),
                "type_list": some(["int64", "int32", "float", "float32", "bool"], 2),
            }
        if "quantile" in word:
            at = sorted(some([0, 0.05, 0.25, 0.3, 0.5, 0.75, 0.9, 1], 3))
            ranges = [[one([None, -2, 0]), one([None, 1, 3, 1e6])] for _ in at]
            ranges[0] = [0, 1]
            way = one([{}, {"allow_relative_error": one(["lower", "higher", "linear", "nearest"])}])
            return {**number, "quantile_ranges": {"quantiles": at, "value_ranges": ranges}, **way}
        if "kl_divergence" in word:
            return self.partition()
        if "proportion" in word:
            return {"column": one([*NUMBERS, *TEXTS, "b", "t"]), **self.span(0, 1, whole=False)}
        if "unique_value_count" in word:
            return {"column": one([*NUMBERS, *TEXTS, "b", "t"]), **self.span(0, 12)}
        if word in ("values_to_be_between", "min_to_be_between", "max_to_be_between"):
            days = {"min_value": "2024-01-05 00:00:00", "max_value": "2024-01-20 10:00:00", "column": "t"}
            return one([days, {**number, **self.span(-2, 4)}, {**number, **self.span(-2, 4, whole=False)}])
        return {**number, **self.span(-2, 4, whole=False)}

    def span(self, low: int, high: int, *, whole: bool = True) -> dict[str, Any]:
        chance = self.chance
        ends = sorted(chance.randint(low, high) if whole else chance.uniform(low, high) for _ in "ab")
        found: dict[str, Any] = {"min_value": ends[0], "max_value": ends[1]}
        if chance.random() < 0.3:
            found.pop(chance.choice(["min_value", "max_value"]))
        return found | {f"strict_{end}": True for end in ("min", "max") if chance.random() < 0.3}

    def partition(self) -> dict[str, Any]:
        one = self.chance.choice
        limits = {"threshold": one([0.05, 0.5, 2]), "tail_weight_holdout": one([0, 0.1])}
        if one([True, False]):
            values = {"values": WORDS[:5], "weights": [0.2] * 5}
            return {"column": one(TEXTS[:2]), "partition_object": values, **limits}
        bins: dict[str, Any] = {"bins": [-1, 0, 1, 2, 5], "weights": [0.25, 0.25, 0.5, 0]}
        if one([True, False]):
            bins = {"bins": [-1, 0, 1, 2, 5], "weights": [0.2, 0.2, 0.4, 0], "tail_weights": [0.1, 0.1]}
            limits["tail_weight_holdout"] = 0
        limits["internal_weight_holdout"] = one([0, 0.05])
        return {"column": one(NUMBERS), "partition_object": bins, **limits}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder, made = tmp_path_factory.mktemp("gx"), []
    kinds = [kind for kind in COMPILED if not any(word in kind for word in NO_ORACLE)]
    for seed, rows in enumerate(SIZES):
        write_table(folder / f"{seed}.parquet", rows, seed)
        maker = Maker(seed)
        wanted = [maker.expectation(kind) for kind in kinds for _ in range(EACH)]
        made.append({"table": str(folder / f"{seed}.parquet"), "expectations": wanted})
    return made


@pytest.fixture(scope="module")
def theirs(cases: list[dict[str, Any]]) -> list[list[Any]]:
    try:
        python = peer_python("great_expectations")
    except Missing as error:
        pytest.skip(str(error))
    done = subprocess.run([python, str(ORACLE)], input=json.encode(cases), capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: list[list[Any]] = json.decode(done.stdout)
    return found


def ours(case: dict[str, Any]) -> tuple[list[Verdict], list[dict[str, Any]]]:
    suite = read_suite(json.encode({"name": "suite", "expectations": case["expectations"]}))

    def ask(asserted: Asserted, kinds: Kinds) -> list[Probe | Verdict]:
        return asked(suite, asserted, "suite.json", kinds)

    rule = Asserted(Expectations(OwnPath("suite.json")))
    verdicts = check_table(case["table"], [rule], now=0, suites={"suite.json": ask})
    return verdicts, gx_result(suite, verdicts, path="", version="0")["results"]


def differences(mine: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The keys that Great Expectations tells and that come out otherwise."""
    told, seen = other["result"], mine["result"]
    keys = ["element_count", "unexpected_count", "unexpected_percent", "missing_count", "observed_value"]
    bad = [key for key in keys if key in told and not same(seen.get(key), told[key])]
    return bad + (["success"] if mine["success"] != other["success"] else [])


def same(one: Any, other: Any) -> bool:
    """Whether two values are one. Pandas adds up floats of 32 bits as such, and so loses digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return bool(one == other)


def test_each_comes_out_the_same(cases: list[dict[str, Any]], theirs: list[list[Any]]) -> None:
    apart: list[str] = []
    compared: dict[str, int] = dict.fromkeys(COMPILED, 0)
    for case, answers in zip(cases, theirs, strict=True):
        verdicts, results = ours(case)
        for expectation, verdict, mine, other in zip(
            case["expectations"], verdicts, results, answers, strict=True
        ):
            if isinstance(verdict, Left):
                continue
            if verdict.outcome == "not_evaluated":
                vacuous = verdict.reason == NO_ROWS or "no value on these rows" in verdict.reason
                if not vacuous and not isinstance(other, str):
                    apart.append(f"{expectation}: {verdict.reason}; there {other}")
                continue
            if isinstance(other, str):
                apart.append(f"{expectation}: {mine['result']}; there raised {other}")
                continue
            compared[expectation["type"]] += 1
            if bad := differences(mine, other):
                apart.append(
                    f"{case['table'][-10:]} {expectation}: {bad}: {mine['success']} {mine['result']}; there {other}"
                )
    assert not apart, f"{len(apart)}\n" + "\n".join(apart[:60])
    assert not [kind for kind, count in compared.items() if count < SIZES.index(1) and "like" not in kind]
