"""What the test data share with the training data, and which column gives the label away."""

from pathlib import Path
from typing import Any

import pytest

from outdo.core.leaks import judged_leaks
from outdo.core.modelgates import Leakage
from outdo.core.paths import FilePath
from outdo.core.verdict import Verdict
from outdo.core.written import Share
from outdo.run.leaking import Tables, find_leaks

ROWS = 400


def table(first: int, many: int = ROWS, *, day: int = 0, **more: Any) -> str:
    """Rows whose label is true by turns; `half` tells it in three of four rows, `copy` always."""
    lines = ["id,y,half,copy,word,user,day"]
    for row in range(first, first + many):
        label = row % 2
        half = label if row % 8 > 1 else 1 - label
        word = f"w{row}" if more.get("rare") else "ab"[label if row % 6 else 1 - label]
        lines.append(
            f"{row},{label},{half},{3 * label + 1},{word},u{(row - first) // 8 + first},2020-01-{1 + day + row % 5:02}"
        )
    return "\n".join(lines) + "\n"


def verdicts(root: Path, train: str, test: str = "", **told: Any) -> dict[str, Verdict]:
    (root / "train.csv").write_text(train)
    (root / "test.csv").write_text(test)
    gate = Leakage(FilePath("train.csv"), FilePath("test.csv") if test else None, **told)
    files = Tables(str(root / "train.csv"), str(root / "test.csv") if test else "", "y", ("id",))
    found = find_leaks(gate, files)
    assert not isinstance(found, str), found
    return {one.name.removeprefix("leakage "): one for one in judged_leaks(gate, found)}


def test_a_column_that_tells_the_label_alone_is_named(tmp_path: Path) -> None:
    found = verdicts(tmp_path, table(0))["one column"]
    assert (found.outcome, found.evidence.unexpected) == ("failed", 1)
    assert found.reason == "'copy' alone tells the label with an area of 1"


def test_columns_that_are_no_features_are_left_out(tmp_path: Path) -> None:
    found = verdicts(tmp_path, table(0), ignore=("copy",))["one column"]
    assert found.outcome == "passed"
    assert found.evidence.value == pytest.approx(0.8333, abs=0.01)
    assert found.reason.startswith("'word' alone")


def test_rare_texts_do_not_tell_their_own_rows(tmp_path: Path) -> None:
    found = verdicts(tmp_path, table(0, rare=True), ignore=("copy", "half", "user"))["one column"]
    assert found.evidence.value == pytest.approx(0.5, abs=0.01)


def test_areas_are_those_of_scikit_learn_s_definition(tmp_path: Path) -> None:
    values = [(3, 1), (1, 0), (2, 0), (2, 1), (5, 1), (4, 0), (2, 1), (0, 0)]
    found = verdicts(tmp_path, "x,y\n" + "".join(f"{x},{y}\n" for x, y in values))["one column"]
    pairs = [(a > b) + (a == b) / 2 for a, one in values if one for b, other in values if not other]
    assert found.evidence.value == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize(
    ("test", "told", "outcome"),
    [
        (table(1000), {}, "passed"),
        (table(1000) + table(0, 4).partition("\n")[2], {}, "failed"),
        (table(1000) + table(0, 4).partition("\n")[2], {"duplicates": Share(0.02)}, "passed"),
        (table(1000).partition("\n")[0] + "\n", {}, "not_evaluated"),
    ],
)
def test_test_rows_that_are_training_rows_are_counted(
    tmp_path: Path, test: str, told: dict[str, Any], outcome: str
) -> None:
    found = verdicts(tmp_path, table(0), test, **told)["rows"]
    assert found.outcome == outcome
    assert found.evidence.unexpected in (None, 0, 4)


def test_whom_rows_are_about_is_in_one_of_both(tmp_path: Path) -> None:
    found = verdicts(tmp_path, table(0), table(1000), entities=("user",))
    assert found["entities"].outcome == "passed"
    found = verdicts(tmp_path, table(0), table(30), entities=("user",))
    assert (found["entities"].outcome, found["entities"].evidence.unexpected) == ("failed", 160)
    found = verdicts(tmp_path, table(0), table(30), entities=("gone",))
    assert found["entities"].outcome == "not_evaluated"


@pytest.mark.parametrize(
    ("day", "outcome", "rows"), [(5, "passed", 0), (4, "failed", 80), (0, "failed", 400)]
)
def test_test_rows_are_later_than_training(tmp_path: Path, day: int, outcome: str, rows: int) -> None:
    found = verdicts(tmp_path, table(0), table(1000, day=day), time="day")["time"]
    assert (found.outcome, found.evidence.unexpected) == (outcome, rows)


def test_what_is_not_there_was_not_evaluated(tmp_path: Path) -> None:
    gate = Leakage(FilePath("train.csv"))
    assert "is no table" in str(find_leaks(gate, Tables(str(tmp_path / "train.csv"), "", "y")))
    assert verdicts(tmp_path, "x\n1\n2\n")["one column"].outcome == "not_evaluated"
    assert verdicts(tmp_path, "x,y\n1,1\n2,1\n")["one column"].outcome == "not_evaluated"
