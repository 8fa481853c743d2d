"""How many models were judged on the same rows is counted and told; from twenty on it is a warning."""

from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.checked import JudgedModel
from outdo.app.library import load
from outdo.core.holdout import worn
from outdo.core.verdict import overall
from outdo.store.holdouts import Holdouts

PIPELINE = """
project: p
stages:
  train: {cmd: "cp seen model", deps: [seen], outs: [model]}
  evaluate: {cmd: "cp rows.csv predictions.csv", deps: [model, rows.csv], outs: [predictions.csv]}
models:
  delay:
    path: model
    predictions: {path: predictions.csv, label: late, score: p, key: id}
    gates: [metric: {accuracy: "> 0.5"}]
"""


def judged(root: Path, model: str, labels: str = "0101", flip: bool = False) -> JudgedModel:
    """A model judged on rows with these labels, in the file's order or turned round."""
    lines = [f"{row},{label},0.{2 + 6 * int(label)}" for row, label in enumerate(labels)]
    (root / "outdo.yaml").write_text(PIPELINE)
    (root / "rows.csv").write_text("\n".join(["id,late,p", *(reversed(lines) if flip else lines), ""]))
    (root / "seen").write_text(model)
    assert load(str(root)).run().status == "done"
    [found] = check(str(root), ["delay"], force=True)
    assert isinstance(found, JudgedModel)
    return found


@pytest.mark.slow
def test_a_model_counts_once_however_often_it_is_judged(tmp_path: Path) -> None:
    assert [judged(tmp_path, model).models for model in ("a", "a", "b", "a")] == [1, 1, 2, 2]


@pytest.mark.slow
def test_rows_are_the_same_in_any_order_and_others_with_other_labels(tmp_path: Path) -> None:
    assert judged(tmp_path, "a").models == 1
    assert judged(tmp_path, "b", flip=True).models == 2
    assert judged(tmp_path, "c", labels="0100").models == 1


def test_what_was_judged_before_tells_how_many_there_are_now(tmp_path: Path) -> None:
    judged(tmp_path, "a")
    judged(tmp_path, "b")
    [found] = check(str(tmp_path), ["delay"])
    assert isinstance(found, JudgedModel)
    assert (found.kept, found.models) == (True, 2)


@pytest.mark.slow
def test_rows_that_decided_often_are_a_warning_that_stops_nothing(tmp_path: Path) -> None:
    holdouts = Holdouts(str(tmp_path / ".outdo"))
    assert judged(tmp_path, "a").models == 1
    [rows] = (tmp_path / ".outdo/holdouts").iterdir()
    for number in range(18):
        holdouts.add(rows.name, f"{number:064}")
    assert [one.name for one in judged(tmp_path, "b").verdicts] == ["metric accuracy", "holdout"]
    found = judged(tmp_path, "c")
    assert found.verdicts[-1].reason.startswith("21 models judged on these rows")
    assert (found.verdicts[-1].level, found.outcome) == ("warn", "passed")


@pytest.mark.parametrize(("models", "warned"), [(0, False), (19, False), (20, True)])
def test_a_confidence_of_95_percent_is_worn_by_twenty(models: int, warned: bool) -> None:
    assert bool(worn(models)) == warned
    assert overall(worn(20)) == "passed"
