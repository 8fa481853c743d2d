"""Two files of predictions are compared row by row."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from outdo.core.reproduction import Scores
from outdo.core.tablekind import table_kind
from outdo.run.predictions import compare_scores


def compared(
    folder: Path, before: str, after: str, score: str = "p", key: Sequence[str] = ("id",)
) -> Scores | None:
    for name, text in (("before", before), ("after", after)):
        (folder / name).write_text(text.replace(" ", "\n") + "\n")
    kind = table_kind("x.csv")
    assert kind is not None
    return compare_scores(
        str(folder / "before"), str(folder / "after"), kind, str(folder / "tmp"), score, key
    )


def test_the_same_predictions_in_another_order(tmp_path: Path) -> None:
    assert compared(tmp_path, "id,p 1,0.2 2,0.7", "id,p 2,0.7 1,0.2") == Scores(2, 0, 0, 0.0, 0.0, 0)


def test_scores_that_moved_and_a_label_that_turned(tmp_path: Path) -> None:
    found = compared(tmp_path, "id,p 1,0.25 2,0.75", "id,p 1,0.375 2,0.25")
    assert found == Scores(2, 0, 2, 0.5, 0.3125, 1)


def test_rows_of_one_side_only_are_counted(tmp_path: Path) -> None:
    found = compared(tmp_path, "id,p 1,0.25 2,0.75", "id,p 2,0.75 3,0.5")
    assert found == Scores(1, 2, 0, 0.0, 0.0, 0)


def test_labels_may_be_texts(tmp_path: Path) -> None:
    assert compared(tmp_path, "id,p 1,cat 2,dog", "id,p 1,cat 2,cat") == Scores(2, 0, 1, None, None, 1)


def test_without_a_key_rows_belong_together_by_their_place(tmp_path: Path) -> None:
    assert compared(tmp_path, "p 0.25 0.75", "p 0.25 0.5", key=()) == Scores(2, 0, 1, 0.25, 0.125, 0)


def test_a_score_that_is_missing_on_one_side_is_not_called_close(tmp_path: Path) -> None:
    found = compared(tmp_path, "id,p 1,0.25 2,0.75", "id,p 1,0.25 2,")
    assert found is not None
    assert (found.differ, found.largest, found.flipped) == (1, None, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("id,p 1,0.2 1,0.3", "id,p 1,0.2 1,0.3"),
        ("id,p 1,0.2", "id,q 1,0.2"),
        ("id,p 1,0.2", "p 0.2"),
        ("id,p 1,0.2", ""),
    ],
)
def test_what_can_not_be_told_row_by_row_is_not_told(tmp_path: Path, before: str, after: str) -> None:
    assert compared(tmp_path, before, after) is None
