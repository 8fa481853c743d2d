"""Metrics that a project computes itself: as good as the known ones, and no reason to pass where they break."""

from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.checked import JudgedModel
from outdo.app.library import load
from outdo.app.models import set_alias
from outdo.core.verdict import Verdict
from tests.contracts.test_judged import predictions

PIPELINE = """
project: p
stages:
  train: {cmd: "cat seen > model", deps: [seen], outs: [model]}
  evaluate: {cmd: "cp rows/$(cat model).csv predictions.csv", deps: [model, rows], outs: [predictions.csv]}
models:
  delay:
    path: model
    predictions: {path: predictions.csv, label: late, score: p, key: id}
    metrics: {own: {function: "metrics.py:own", better: %s, timeout: %s}}
    gates: [%s]
"""
BRIER = "def own(label, score):\n    return ((label - score) ** 2).mean()\n"
SHARE = "def own(label, score):\n    print('to the log')\n    return (score > 0.6).mean()\n"
BETTER = "beats: {champion: own}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "rows").mkdir()
    for name, noise, seed in (("good", 0.1, 1), ("bad", 0.5, 2)):
        (tmp_path / f"rows/{name}.csv").write_text(predictions(noise, seed))
    return tmp_path


def judged(
    root: Path, gates: str, code: str, champion: str = "", better: str = "lower", timeout: str = "1m"
) -> JudgedModel:
    """The good model judged, with another in production."""
    (root / "metrics.py").write_text(code)
    (root / "outdo.yaml").write_text(PIPELINE % (better, timeout, ""))
    for each in filter(None, [champion, "good"]):
        (root / "seen").write_text(each)
        assert load(str(root)).run().status == "done"
        if each == champion:
            set_alias(str(root), "delay", "champion")
    (root / "outdo.yaml").write_text(PIPELINE % (better, timeout, gates))
    [found] = check(str(root), ["delay"])
    assert isinstance(found, JudgedModel)
    return found


def one(root: Path, gate: str, code: str, champion: str = "", **more: str) -> Verdict:
    [verdict] = judged(root, gate, code, champion, **more).verdicts
    return verdict


def test_it_is_held_against_a_bound(root: Path) -> None:
    both = judged(root, "metric: {own: '< 1', brier: '< 1'}", BRIER).verdicts
    assert [each.outcome for each in both] == ["passed", "passed"]
    assert both[0].evidence.value == pytest.approx(both[1].evidence.value, abs=1e-12)


@pytest.mark.slow
def test_it_leads_as_the_known_metric_of_the_same_formula_does(root: Path) -> None:
    gates = "beats: {champion: own}, beats: {champion: brier}"
    own, known = judged(root, gates, BRIER, champion="bad").verdicts
    assert (own.outcome, known.outcome) == ("passed", "passed")
    assert own.evidence.value == pytest.approx(known.evidence.value, abs=1e-12)
    assert own.evidence.low == pytest.approx(known.evidence.low, rel=1e-9)


@pytest.mark.slow
def test_what_is_better_is_said(root: Path) -> None:
    assert one(root, BETTER, BRIER, champion="bad", better="higher").outcome == "failed"


@pytest.mark.slow
def test_its_confidence_bound_is_held_against_a_bound(root: Path) -> None:
    verdict = one(root, "metric: {own: {bound: '> 0.5', confidence: 0.95}}", SHARE)
    low, value = verdict.evidence.low, verdict.evidence.value
    assert low is not None
    assert value is not None
    assert (verdict.outcome, low < value) == ("failed", True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def own(label, score):\n    raise ValueError('no cost known')\n", "ValueError: no cost known"),
        ("def other(label, score):\n    return 1\n", "has no attribute 'own'"),
        ("def own(label, score):\n    return 'much'\n", "could not convert string to float"),
        ("import os\n\ndef own(label, score):\n    os._exit(3)\n", "its process ended early"),
        ("import time\n\ndef own(label, score):\n    time.sleep(60)\n", "took longer than 500ms"),
        ("def own(label, score):\n    return float('nan')\n", "no value"),
        ("def own(label, score:\n", "SyntaxError"),
    ],
)
def test_one_that_breaks_is_no_reason_to_pass(root: Path, code: str, words: str) -> None:
    verdict = one(root, "metric: {own: '>= 0'}", code, timeout="500ms" if "sleep" in code else "1m")
    assert (verdict.outcome, words in verdict.reason) == ("not_evaluated", True), verdict


def test_it_is_judged_anew_once_the_function_is_another(root: Path) -> None:
    assert one(root, "metric: {own: '< 0.5'}", BRIER).outcome == "passed"
    [same] = check(str(root), ["delay"])
    assert isinstance(same, JudgedModel)
    (root / "metrics.py").write_text("def own(label, score):\n    return 0.7\n")
    [other] = check(str(root), ["delay"])
    assert isinstance(other, JudgedModel)
    assert (same.kept, other.kept, other.outcome) == (True, False, "failed")
