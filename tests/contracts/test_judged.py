"""The gates of a model, on its predictions and the champion's: who leads, where, and what can't be told."""

import random
from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.checked import JudgedModel
from outdo.app.library import load
from outdo.app.models import set_alias
from outdo.core.errors import NothingToCheck
from outdo.core.verdict import Verdict

PIPELINE = """
project: p
stages:
  train: {cmd: "cat seen > model", deps: [seen], outs: [model]}
  evaluate:
    cmd: "cp rows/$(cat model).csv predictions.csv; echo '{\\"told\\": 0.5}' > m.json"
    deps: [model, rows]
    outs: [predictions.csv]
    metrics: [m.json]
models:
  delay:
    path: model
    predictions: {path: predictions.csv, label: late, score: p, key: id}
    gates: [%s]
"""
ROWS = 600


def predictions(noise: float, seed: int) -> str:
    """Rows in two groups; the lower the noise, the better the model. It is worse in group `b`."""
    source, own = random.Random(0), random.Random(seed)
    lines = ["id,late,p,group"]
    for row in range(ROWS):
        late, group = source.random() < 0.4, source.choice("ab")
        spread = noise * (2 if group == "b" else 1)
        score = min(max(0.4 + 0.3 * late + own.gauss(0, spread), 0.0), 1.0)
        lines.append(f"{row},{int(late)},{score:.6f},{group}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "rows").mkdir()
    for name, noise, seed in (("good", 0.1, 1), ("bad", 0.5, 2), ("twin", 0.1, 3)):
        (tmp_path / f"rows/{name}.csv").write_text(predictions(noise, seed))
    return tmp_path


def judged(root: Path, gates: str, seen: str, champion: str = "") -> JudgedModel:
    """The gates' verdicts on the model that saw `seen`, with the one that saw `champion` in production."""
    (root / "outdo.yaml").write_text(PIPELINE % "")  # what a run judges is told elsewhere
    for each in filter(None, [champion, seen]):
        (root / "seen").write_text(each)
        assert load(str(root)).run().status == "done"
        if each == champion:
            set_alias(str(root), "delay", "champion")
    (root / "outdo.yaml").write_text(PIPELINE % gates)
    [found] = check(str(root), ["delay"])
    assert isinstance(found, JudgedModel)
    return found


def one(root: Path, gates: str, seen: str, champion: str = "") -> Verdict:
    [verdict] = judged(root, gates, seen, champion).verdicts
    return verdict


@pytest.mark.parametrize(
    ("seen", "champion", "outcome", "words"),
    [
        ("good", "bad", "passed", "better by"),
        ("bad", "good", "failed", "worse by"),
        ("twin", "good", "inconclusive", "can't tell"),
        ("good", "good", "passed", "it is delay/1, the champion, itself"),
        ("good", "", "passed", "there is no champion yet"),
    ],
)
@pytest.mark.parametrize("metric", ["auc", "accuracy"])
def test_a_challenger_has_to_beat_the_champion(
    root: Path, metric: str, seen: str, champion: str, outcome: str, words: str
) -> None:
    verdict = one(root, f"beats: {{champion: {metric}}}", seen, champion)
    assert verdict.outcome == outcome
    assert words in verdict.reason


def test_the_champion_is_scored_by_the_same_stage_on_the_same_rows(root: Path) -> None:
    found = judged(root, "beats: {champion: auc}", "good", "bad")
    [verdict] = found.verdicts
    assert found.champion == "delay/1"
    assert verdict.evidence.compared == "delay/1"
    assert verdict.evidence.method == "DeLong"
    assert verdict.evidence.rows == ROWS


def test_rows_of_one_day_count_as_one(root: Path) -> None:
    verdict = one(root, "beats: {champion: auc, cluster: id // 10}", "good", "bad")
    assert verdict.evidence.rows == ROWS // 10
    assert verdict.evidence.method == "paired cluster bootstrap (BCa)"


def test_a_champion_that_was_not_scored_on_these_rows_is_no_reason_to_pass(root: Path) -> None:
    judged(root, "size: < 1MB", "good", "bad")
    (root / "rows/new").write_text("")
    assert load(str(root)).run().status == "done"
    [found] = check(str(root), ["delay"])
    assert found.outcome == "passed"
    verdict = one(root, "beats: {champion: auc}", "good")
    assert verdict.outcome == "not_evaluated"
    assert "was not scored on these rows" in verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "outcome", "words"),
    [
        ("metric: {auc: '> 0.9'}", "passed", "is > 0.9"),
        ("metric: {auc: '> 0.999'}", "failed", "is not > 0.999"),
        ("metric: {told: '< 0.6'}", "passed", "0.5 is < 0.6"),
        ("metric: {other: '< 0.6'}", "not_evaluated", "no metric 'other' was told"),
        ("metric: {auc: '> champion'}", "passed", "there is no champion yet"),
        ("metric: {auc: {bound: '> 0.9'}}", "passed", "is surely > 0.9"),
        ("metric: {auc: {bound: '> 0.9999', confidence: 0.9}}", "failed", "is surely not > 0.9999"),
        ("metric: {brier: {bound: '< 0.2'}}", "passed", "is surely < 0.2"),
        ("metric: {told: {bound: '< 0.6'}}", "not_evaluated", "can be computed from predictions"),
        ("slices: {by: group, metric: auc, at_least: 0.8}", "passed", "all 2 pass"),
        ("slices: {by: group, metric: auc, at_least: 0.97}", "failed", "1 of 2: b"),
        ("slices: {by: group, metric: brier, at_most: 0.9}", "passed", "all 2 pass"),
        ("slices: {by: group, metric: auc, at_least: 0.1, at_most: 0.5}", "failed", "2 of 2"),
        ("slices: {by: gone, metric: auc, at_least: 0.9}", "not_evaluated", "no column 'gone'"),
        ("slices: {by: p > 0.4, metric: brier, at_most: 0.9}", "passed", "all 2 pass"),
        ("slices: {by: p > 0.4, metric: brier, at_most: 0.01}", "failed", "2 of 2: false"),
        ("slices: {by: [group, id % 2], metric: auc, at_least: 0.8}", "passed", "all 4 pass"),
        ("slices: {by: p > gone, metric: auc, at_least: 0.9}", "not_evaluated", 'column "gone" not found'),
        ("slices: {by: sum(p) > 1, metric: auc, at_least: 0.9}", "not_evaluated", "GROUP BY"),
        ("slices: {by: p) FROM t; --, metric: auc, at_least: 0.9}", "not_evaluated", "syntax error"),
        (
            "slices: {by: \"(SELECT content FROM read_text('/etc/hosts'))\", metric: auc, at_least: 0}",
            "not_evaluated",
            "Permission Error",
        ),
        ("slices: {find: all, metric: auc, at_least: 0.97}", "failed", "1 of 2 slices: group b"),
        ("slices: {find: all, metric: auc, at_most_worse: 0.01}", "failed", "group b 0."),
        ("slices: {find: [group], metric: auc, at_least: 0.8}", "passed", "none of 2 slices is surely not"),
        ("slices: {find: [gone], metric: auc, at_least: 0.8}", "not_evaluated", "no column 'gone'"),
        ("slices: {find: all, metric: ece, at_most: 0.8}", "not_evaluated", "can't be searched by 'ece'"),
        ("slices: {by: id, metric: auc, at_least: 0.9}", "not_evaluated", "no slice has 100 rows"),
        ("fairness: {by: group, metric: accuracy, ratio: '> 0.5'}", "passed", "ratio"),
        ("fairness: {by: group, metric: accuracy, difference: '< 0.001'}", "failed", "difference"),
        ("fairness: {by: id, metric: accuracy, ratio: '> 0.5'}", "not_evaluated", "fewer than two groups"),
        ("fairness: {by: group, metric: equalized_odds, difference: '< 0.9'}", "passed", "rate of"),
        ("fairness: {by: group, metric: demographic_parity, ratio: '> 0.1'}", "passed", "ratio 0."),
        ("fairness: {by: p > 0.4, metric: accuracy, ratio: '> 0.1'}", "passed", "false 0."),
        ("size: '< 1KB'", "passed", "4B is < 1KB"),
        ("size: '< 1B'", "failed", "4B is not < 1B"),
        ("unsafe: {}", "passed", "1 file looked through"),
    ],
)
def test_each_gate_says_what_it_found(root: Path, gate: str, outcome: str, words: str) -> None:
    verdict = one(root, gate, "good")
    assert (verdict.outcome, words in verdict.reason) == (outcome, True), verdict


def test_predictions_say_how_they_are_read(root: Path) -> None:
    judged(root, "size: < 1MB", "good")
    text = PIPELINE.replace("key: id", "key: id, threshold: 0.99") % "metric: {selection_rate: < 0.1}"
    (root / "outdo.yaml").write_text(text)
    [found] = check(str(root), ["delay"])
    assert isinstance(found, JudgedModel)
    assert found.outcome == "passed"


def test_many_comparisons_take_more_evidence(root: Path) -> None:
    gates = "beats: {champion: auc}, beats: {champion: accuracy}"
    found = judged(root, gates.replace(", beats", "}, {beats").join("{}"), "good", "bad")
    assert [one.evidence.correction for one in found.verdicts] == ["Holm over 2", "Holm over 2"]


def test_predictions_of_another_model_are_not_judged(root: Path) -> None:
    judged(root, "size: < 1MB", "good")
    (root / "model").write_text("twin")
    (root / "outdo.yaml").write_text(PIPELINE % "metric: {auc: '> 0.5'}")
    [found] = check(str(root), ["delay"])
    assert isinstance(found, JudgedModel)
    assert found.verdicts[0].outcome == "not_evaluated"
    assert "is not of the model in the workspace" in found.verdicts[0].reason


def test_a_model_without_gates_or_name_is_told(root: Path) -> None:
    (root / "outdo.yaml").write_text(PIPELINE.replace("gates: [%s]", "desc: none"))
    with pytest.raises(NothingToCheck, match="has no gates"):
        check(str(root), ["delay"])
